"""Workers come, say what they hold, are lost, and come again. Pure; a part of the broker's machine.

A worker whose connection broke is *away* for a moment: its jobs are not given to others yet. It is
given up when that is over, when it is silent, or when it says goodbye.
"""

from maelstrom_broker.attempts_state import Attempts
from maelstrom_broker.book_state import Book, Key
from maelstrom_broker.limits import (
    AWAY_SECONDS,
    GRACE_SECONDS,
    MOST_ORPHANS,
    MOST_ORPHANS_BYTES,
    ORPHAN_SECONDS,
)
from maelstrom_broker.records import KEPT_BY_WORKERS, UNWANTED, WANTED_AGAIN, Job, Orphan, Worker
from maelstrom_broker.tries_state import Why
from maelstrom_core.wire.messages import Code, Done, GivenBack, Hello, Output, Started
from maelstrom_core.wire.rows import DoneJob, Ending, HeldJob


class BadPeer(Exception):
    """A peer did what no peer of ours does: its link is to end; raised and caught in the machine."""

    def __init__(self, code: Code, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class Workers:
    """All workers, and the jobs that they hold and nobody has asked for yet."""

    def __init__(self, book: Book, attempts: Attempts) -> None:
        self._book = book
        self._attempts = attempts

    def greet(self, worker: Worker, hello: Hello, now: float) -> None:
        """A new connection of it; it has been welcomed.

        :param worker: made anew if its session was not known
        """
        book = self._book
        is_new = worker.session not in book.workers
        if not book.workers:
            self._unsettle(now)
        book.workers[worker.session] = worker
        worker.name = hello.name or worker.principal
        worker.software = hello.software
        worker.slots = hello.slots
        worker.labels = frozenset(hello.labels)
        worker.most_behind = hello.most_behind
        worker.told.clear()
        worker.told_bytes = 0
        book.dispatch.add(worker)
        held = {(row.session, row.tag): row for row in hello.held}
        self._lost_on_the_way(worker, held)
        for key, row in held.items():
            self._holds(worker, key, row, hello.boot, now)
        book.dispatch.changed(worker)
        if worker.orphans:
            book.later(now + ORPHAN_SECONDS, self._give_up_orphans, worker)
        book.post.note(
            "worker came" if is_new else "worker came again",
            name=worker.name,
            session=worker.session.hex()[:12],
            slots=worker.slots,
            labels=sorted(worker.labels),
            held=len(held),
        )

    def _lost_on_the_way(self, worker: Worker, held: dict[Key, HeldJob]) -> None:
        """What it was given and has not got is given again, and that is not counted."""
        for job in list(worker.jobs):
            row = held.get((job.client.session, job.tag))
            if row is None or row.attempt != job.attempts:
                self._attempts.give_back(job)
        self._book.dispatch.all_begun(worker)
        for key in [key for key in worker.orphans if key not in held]:
            self._drop_orphan(worker, key)

    def _holds(self, worker: Worker, key: Key, row: HeldJob, boot: bytes, now: float) -> None:
        """It holds this job: may it go on?"""
        book = self._book
        job = book.job(*key)
        if job is None:
            if key in worker.orphans:
                self._still_holds(worker, key, row)
                return
            may_be_wanted = boot not in (b"", book.boot) and len(book.orphans) < MOST_ORPHANS
            if key in book.orphans or not may_be_wanted:
                self._unwanted(worker, key, row)
                return
            orphan = Orphan(worker, row.attempt, row.slots, now + ORPHAN_SECONDS)
            book.orphans[key] = worker.orphans[key] = orphan
            worker.used += row.slots
        elif key in worker.orphans and (job.queue is not None or key in book.awaited):
            # It was given to others and has come back to the queue; here it was told to end.
            self._still_holds(worker, key, row)
        elif job.queue is not None or key in book.awaited:
            self.claim(job, worker, row.attempt)
        elif job.worker is not None and job.worker.session == worker.session:
            if job.ending >= 0:
                if job.ending not in KEPT_BY_WORKERS and row.slots:
                    self._unwanted(worker, key, row)  # given up for lost, and it runs
                elif job.ending not in KEPT_BY_WORKERS:
                    book.post.taken(worker, *key)
                elif job.worker is not worker:
                    # It was given up in the meantime, and is known anew.
                    job.worker = worker
                    worker.untaken += 1
            elif job.ending in (UNWANTED, WANTED_AGAIN):
                book.post.unwanted(worker, *key)
        else:
            self._unwanted(worker, key, row)

    def _unwanted(self, worker: Worker, key: Key, row: HeldJob) -> None:
        """It is to end there; its slots are taken until the worker says that it did."""
        self._book.post.unwanted(worker, *key)
        orphan = worker.orphans.get(key)
        if orphan is None:
            worker.orphans[key] = Orphan(worker, row.attempt, row.slots, None)
            worker.used += row.slots

    def _still_holds(self, worker: Worker, key: Key, row: HeldJob) -> None:
        orphan = worker.orphans[key]
        if orphan.until is None:
            self._book.post.unwanted(worker, *key)
        if orphan.result is None:
            worker.used += row.slots - orphan.slots
            orphan.slots = row.slots

    def claim(self, job: Job, worker: Worker, attempt: int) -> None:
        """A job that waits runs there already: it goes on, and is no new attempt."""
        if job.queue is not None:
            self._book.dispatch.unqueue(job)
        self._book.awaited.pop((job.client.session, job.tag), None)
        job.attempts = attempt
        job.failures = job.failures[: attempt - 1]
        job.unfit = min(job.unfit, attempt - 1)
        self._book.dispatch.take(job, worker)
        self._book.stories.given(job, worker, Why.HELD, 0, self._book.now)

    def done(self, worker: Worker, message: Done) -> None:
        """Attempts ended there."""
        book, session = self._book, message.session
        for row in message.jobs:
            if row.ending in (Ending.LOST, Ending.REFUSED):
                raise BadPeer(Code.PROTOCOL, "only a broker says that a job is lost or refused")
            job = book.job(session, row.tag)
            if worker.orphans and self._done_unwanted(worker, (session, row.tag), row, job):
                continue
            if job is None:
                self._done_orphan(worker, (session, row.tag), row)
            elif job.worker is not worker:
                book.post.taken(worker, session, row.tag)
            elif job.ending < 0 and job.attempts == row.attempt:
                self._attempts.ended(job, worker, row)
            # Else it is repeated, and its client has not taken it yet; or there is a newer attempt.

    def given_back(self, worker: Worker, message: GivenBack) -> None:
        """Jobs that it was asked for and has not begun; or it stops, and gives back all."""
        book, number, session = self._book, message.number, message.session
        if number:
            asked = [job for job, of_it in worker.wished.items() if of_it == number]
        else:
            book.dispatch.drain(worker, True)
            known = (book.job(session, tag) for tag in message.tags)
            asked = [job for job in known if job is not None and job in worker.jobs]
        tags = set(message.tags)
        for job in asked:
            if job.tag in tags and job.client.session == session:
                self._attempts.give_back(job)
            else:
                del worker.wished[job]  # it has begun
        book.dispatch.look_for_idle = True

    def started(self, worker: Worker, message: Started) -> None:
        """Its client may want to know."""
        client, now = self._book.clients.get(message.session), self._book.now
        if client is None:
            return
        jobs = client.jobs
        tags = [tag for tag in message.tags if tag in jobs and jobs[tag].worker is worker]
        for tag in tags:
            self._book.stories.started(jobs[tag], now)
        if tags and client.peer is not None:
            started = Started(message.session, tuple(tags), message.waits)
            self._book.post.now(client.peer, started, lossy=True)

    def output(self, worker: Worker, message: Output) -> None:
        """Its client may want to see it, if it keeps up."""
        client = self._book.clients.get(message.session)
        if client is None or client.peer is None:
            return
        job = client.jobs.get(message.tag)
        if job is None or job.worker is not worker or job.ending >= 0:
            return
        size = len(message.data)
        if message.run:
            # Of this no more is on its way than its client has taken, and what is lost comes again.
            self._book.post.now(client.peer, message, lossy=True)
        elif size <= client.output_left:
            client.output_left -= size
            self._book.post.now(client.peer, message, lossy=True)

    def away(self, worker: Worker, now: float) -> None:
        """Its connection broke."""
        worker.peer = None
        worker.away_until = now + AWAY_SECONDS
        self._book.dispatch.changed(worker)
        self._book.later(worker.away_until, self._still_away, worker)

    def _still_away(self, worker: Worker, now: float) -> None:
        known = self._book.workers.get(worker.session) is worker
        if known and worker.peer is None and worker.away_until <= now:
            self.given_up(worker, now, "its connection broke")

    def given_up(self, worker: Worker, now: float, why: str, *, in_peace: bool = False) -> None:
        """It is no more; its jobs are given to others.

        :param in_peace: it said goodbye: that is no fault of its jobs
        """
        book = self._book
        worker.peer = None
        del book.workers[worker.session]
        book.dispatch.remove(worker)
        for key in list(worker.orphans):
            self._drop_orphan(worker, key)
        waited = set(worker.behind)  # as others end, these are taken to begin
        for job in list(worker.jobs):
            if in_peace:
                self._attempts.give_back(job)
            else:
                self._attempts.died(job, worker, waited=job in waited)
        for digest in worker.warm:
            container = book.containers.get(digest)
            if container is not None:
                container.warm.pop(worker, None)
        self._unsettle(now)
        book.post.note("worker is gone", name=worker.name, why=why)

    def _unsettle(self, now: float) -> None:
        book = self._book
        book.unsettled_until = now + GRACE_SECONDS
        book.later(book.unsettled_until, _nothing, None)

    # Orphans

    def _done_orphan(self, worker: Worker, key: Key, row: DoneJob) -> None:
        book = self._book
        orphan = worker.orphans.get(key)
        if orphan is None:
            book.post.taken(worker, *key)
        elif orphan.result is None:
            if book.orphans_bytes + len(row.body) > MOST_ORPHANS_BYTES:
                raise BadPeer(Code.SLOW, "too many results that nobody has asked for; come again")
            book.orphans_bytes += len(row.body)
            orphan.result = row
            self._free_slots(orphan)

    def _done_unwanted(self, worker: Worker, key: Key, row: DoneJob, job: Job | None) -> bool:
        """Whether it was one that is not wanted there; its slots are free now."""
        orphan = worker.orphans.get(key)
        if orphan is None or orphan.until is not None or orphan.attempt != row.attempt:
            return False
        self._drop_orphan(worker, key)
        if job is None or job.worker is not worker:
            self._book.post.taken(worker, *key)
        return True

    def adopt(self, job: Job, orphan: Orphan) -> None:
        """A client has handed in a job that a worker holds: it runs on there."""
        key = (job.client.session, job.tag)
        worker, row = orphan.worker, orphan.result
        self._drop_orphan(worker, key)
        self.claim(job, worker, orphan.attempt)
        if row is not None:
            self._attempts.ended(job, worker, row)

    def ends_there(self, job: Job, worker: Worker) -> bool:
        """Whether a worker that a job comes to has it still, from a time when nobody wanted it, and was
        told to end it: it would take the job for that one. It is given out anew when that has ended."""
        key = (job.client.session, job.tag)
        orphan = worker.orphans.get(key)
        if orphan is None:
            return False
        self._drop_orphan(worker, key)
        job.attempts, job.ending = orphan.attempt, WANTED_AGAIN
        self._book.stories.given(job, worker, Why.HELD, 0, self._book.now)
        return True

    def _free_slots(self, orphan: Orphan) -> None:
        orphan.worker.used -= orphan.slots
        orphan.slots = 0
        self._book.dispatch.changed(orphan.worker)

    def _drop_orphan(self, worker: Worker, key: Key) -> None:
        orphan = worker.orphans.pop(key)
        if orphan.until is not None:
            del self._book.orphans[key]
        if orphan.result is not None:
            self._book.orphans_bytes -= len(orphan.result.body)
        self._free_slots(orphan)

    def _give_up_orphans(self, worker: Worker, now: float) -> None:
        for key, orphan in list(worker.orphans.items()):
            if orphan.until is None or orphan.until > now:
                continue
            if orphan.result is not None:
                self._book.post.taken(worker, *key)
                self._drop_orphan(worker, key)
            else:
                del self._book.orphans[key]
                orphan.until = None
                self._book.post.unwanted(worker, *key)


def _nothing(_subject: object, _now: float) -> None:
    """The time has come to look again at what waits, which is done after each event."""
