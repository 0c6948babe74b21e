"""A job from being handed in to its one ending. Pure; a part of the broker's machine."""

from collections.abc import Iterable

from maelstrom_broker.allowance_state import turn_seconds
from maelstrom_broker.book_state import Book
from maelstrom_broker.limits import (
    MOST_ATTEMPTS,
    MOST_UNFIT,
    MOST_UNTAKEN,
    TEXT,
    UNFIT_SECONDS,
)
from maelstrom_broker.records import (
    KEPT_BY_WORKERS,
    UNWANTED,
    WANTED,
    WANTED_AGAIN,
    Container,
    Job,
    Pace,
    Worker,
)
from maelstrom_broker.tries_state import GIVEN_BACK, Why
from maelstrom_core.wire.messages import MOST_TAGS
from maelstrom_core.wire.rows import DoneJob, Ending

_RAN = (0, 1)  # RAN and STORED: to ask the enumeration each time takes longer than all the rest
assert _RAN == (Ending.RAN, Ending.STORED)
_COUNTED_AS: dict[int, str] = {
    Ending.RAN: "ran",
    Ending.STORED: "ran",
    Ending.UNFIT: "unfit",
    Ending.LOST: "lost",
    Ending.REFUSED: "refused",
    Ending.CANCELLED: "cancelled",
}


class Attempts:
    """What becomes of jobs."""

    def __init__(self, book: Book) -> None:
        self._book = book

    def give(self, job: Job, worker: Worker) -> None:
        """A job that has its slots goes to its worker."""
        book = self._book
        if job.at_terminal:
            book.dispatch.free(job)
            self.lose(job, "a worker that did not come again")
            return
        job.attempts += 1
        digest = job.container.digest
        why = Why.WARM
        if digest not in worker.warm:
            why = Why.FREE
            worker.warm.add(digest)
            job.container.warm[worker] = None
        if book.dispatch.kept_free:
            why = Why.KEPT_FREE
        elif book.dispatch.waits:
            why = Why.BEHIND
        book.stories.given(job, worker, why, book.dispatch.others, book.now)
        book.totals["given"] += 1
        book.post.run(job, worker, waits=book.dispatch.waits)

    def ended(self, job: Job, worker: Worker, row: DoneJob) -> None:
        """Its worker says how the attempt ended; the job runs there."""
        book = self._book
        ending = row.ending
        if row.ran_us >= 0:
            self._measure(job, worker, row)
        if ending in _RAN or (ending == Ending.CANCELLED and job.ending == UNWANTED):
            if book.zombies and book.zombies.get((job.client.session, job.tag)) is job:
                book.dispatch.free(job)
                self._forget_zombie(job)
                book.post.taken(worker, job.client.session, job.tag)
                return
            worker.untaken += 1  # first, for its slots are of use only while it keeps few
            book.dispatch.free(job)
            self.finish(job, ending, row.body, worker, row.told)
            return
        book.dispatch.free(job)
        book.post.taken(worker, job.client.session, job.tag)
        if ending == Ending.UNFIT:
            self._unfit(job.container, worker)
            text = row.body[:TEXT].decode(errors="replace")
            self._failed(job, Ending.UNFIT, worker, text)
        else:
            self._failed(job, Ending.LOST, worker, "it ended the job without being asked to")

    def _unfit(self, container: Container, worker: Worker) -> None:
        """A worker has not what is in a container, perhaps for want of room: others are asked first."""
        book = self._book
        worker.warm.discard(container.digest)
        container.warm.pop(worker, None)
        until = book.now + UNFIT_SECONDS
        if worker.name not in container.unfit:
            book.dispatch.unfit += 1
            book.later(until, self._fit_again, (container, worker.name))
        container.unfit[worker.name] = until
        book.dispatch.look_again()

    def _fit_again(self, which: tuple[Container, str], now: float) -> None:
        container, name = which
        until = container.unfit[name]
        if until > now:
            self._book.later(until, self._fit_again, which)
            return
        del container.unfit[name]
        self._book.dispatch.unfit -= 1
        self._book.dispatch.look_again()

    def lose(self, job: Job, whose: str) -> None:
        """Its worker is lost, and somebody is at its terminal: it is not begun once more."""
        said = f"{whose}, and its terminal was lost with it"
        self.finish(job, Ending.LOST, said.encode(), None, (said, b""))
        self.remember(job, said)

    def _measure(self, job: Job, worker: Worker, row: DoneJob) -> None:
        """What its times say of its worker's turns, and of jobs like it."""
        ran = row.ran_us / 1e6
        if row.ending in _RAN:
            digest, paces = job.container.digest, job.client.paces
            pace = paces.get(digest)
            if pace is None:
                pace = paces[digest] = Pace()
            pace.add(ran)
        away = self._book.stories.away(job, ran, self._book.now)
        if away is not None:
            worker.turn = turn_seconds(worker.turn, away - row.stayed_us / 1e6 - ran)

    def wish_back(self, wanted: Iterable[tuple[Job, Worker]]) -> None:
        """Jobs that wait behind slots are asked for, one number for each message."""
        messages: dict[tuple[Worker, bytes], tuple[int, int]] = {}
        for job, worker in wanted:
            place = (worker, job.client.session)
            number, count = messages.get(place, (0, 0))
            if not count % MOST_TAGS:
                number = self._book.serial()
            messages[place] = (number, count + 1)
            worker.wished[job] = number
            self._book.post.wished_back(worker, job.client.session, number, job.tag)

    def died(self, job: Job, worker: Worker, *, waited: bool) -> None:
        """Its worker is no more.

        :param waited: behind the worker's slots, as far as we know: that was no attempt
        """
        # It may have begun all the same, and be what the worker died of: it shall have a slot next time.
        job.at_once = True
        if waited:
            self.give_back(job)
            return
        self._book.dispatch.free(job)
        self._failed(job, Ending.LOST, worker, "it died")

    def give_back(self, job: Job) -> None:
        """It never got to its worker, or that has left in peace: it waits as before."""
        self._book.dispatch.free(job)
        self._book.stories.over(job, GIVEN_BACK, self._book.now)
        job.attempts -= 1
        if self._ends_unwanted(job):
            return
        if job.at_terminal:
            self.lose(job, "its worker has left")
            return
        job.ending = WANTED
        self._wait_again(job)

    def _failed(self, job: Job, ending: Ending, worker: Worker, text: str) -> None:
        self._book.stories.over(job, text, self._book.now)
        if job.ending == WANTED_AGAIN:
            # It was its own fault that it was ended: that attempt is not counted.
            job.attempts -= 1
            job.ending = WANTED
            self._wait_again(job)
            return
        if self._ends_unwanted(job):
            return
        if job.at_terminal:
            self.lose(job, f"{worker.name}: {text}")
            return
        job.failures += (f"{worker.name}: {text}",)
        job.wants = job.wants._replace(excluded=job.wants.excluded | {worker.name})
        job.unfit += ending is Ending.UNFIT
        if self._may_go_on(job, ending):
            self._wait_again(job)
            return
        said = "\n".join(job.failures)
        if ending is Ending.LOST:
            said = f"given up after {job.attempts} attempts:\n{said}"
        self.finish(job, ending, said.encode(), worker, (said, b""))
        self.remember(job, said)

    def _may_go_on(self, job: Job, ending: Ending) -> bool:
        """Whether a job that failed is given to somebody once more."""
        if ending is Ending.LOST:
            return job.attempts - job.unfit < MOST_ATTEMPTS and job.attempts < MOST_UNFIT
        # It has not been run, and does no harm: another worker may have what these lack.
        others = self._book.dispatch.places.has_others
        return job.attempts < MOST_ATTEMPTS or (job.attempts < MOST_UNFIT and others(job.wants))

    def _ends_unwanted(self, job: Job) -> bool:
        """Whether that was all, for nobody wants it."""
        if job.ending != UNWANTED:
            return False
        if self._book.zombies.get((job.client.session, job.tag)) is job:
            self._forget_zombie(job)
        else:
            self.finish(job, Ending.CANCELLED, b"", None)
        return True

    def _forget_zombie(self, job: Job) -> None:
        job.worker = None
        del self._book.zombies[(job.client.session, job.tag)]

    def _wait_again(self, job: Job) -> None:
        book = self._book
        job.worker = None
        book.stories.waits_again(job, book.arrival(job.client, job.wants)._replace(ahead=0))
        book.dispatch.queue_again(job)

    def finish(
        self,
        job: Job,
        ending: int,
        body: bytes,
        worker: Worker | None,
        told: tuple[str, bytes] | tuple[()] = (),
    ) -> None:
        """It ended, for its client as well.

        :param worker: the one that ran it last
        :param told: what people are told of it; see `DoneJob`
        """
        client = job.client
        self._book.stories.ended(job, ending, told, self._book.now)
        client.jobs_bytes += len(body) - len(job.body)
        job.ending, job.body, job.worker = ending, body, worker
        client.done += 1
        client.unsent.append(job.tag)
        self._book.totals[_COUNTED_AS[ending]] += 1
        self._book.results(client)

    def taken(self, job: Job) -> None:
        """Its client has the result, or will never ask for it: the worker need not keep it."""
        worker = job.worker
        # What failed has been forgotten there already.
        if worker is None or job.ending not in KEPT_BY_WORKERS:
            return
        self._book.post.taken(worker, job.client.session, job.tag)
        worker.untaken -= 1
        if worker.untaken == MOST_UNTAKEN:
            self._book.dispatch.changed(worker)

    def refuse(self, job: Job, why: str) -> None:
        """A job that waits can never run."""
        self._book.dispatch.unqueue(job)
        self.finish(job, Ending.REFUSED, why.encode(), None, (why, b""))
        self.remember(job, why)

    def cancel(self, job: Job) -> None:
        """Its client does not want it any more."""
        if job.ending >= 0 or job.ending == UNWANTED:
            return
        if job.queue is not None:
            self._book.dispatch.unqueue(job)
            self.finish(job, Ending.CANCELLED, b"", None)
            return
        if self._book.awaited.pop((job.client.session, job.tag), None) is not None:
            self.finish(job, Ending.CANCELLED, b"", None)  # its worker is told when it comes
            return
        job.ending = UNWANTED
        assert job.worker is not None
        self._book.post.unwanted(job.worker, job.client.session, job.tag)

    def remember(self, job: Job, why: str) -> None:
        """For the status."""
        self._book.recent.append(
            {
                "client": job.client.name,
                "session": job.client.session.hex()[:12],
                "tag": job.tag,
                "ending": Ending(job.ending).name.lower(),
                "why": why,
                "at_seconds": round(self._book.now - self._book.started, 1),
            }
        )
        self._book.post.note(
            "job ended badly",
            client=job.client.name,
            tag=job.tag,
            ending=Ending(job.ending).name.lower(),
            why=why,
        )
