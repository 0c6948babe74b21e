"""Clients come, hand in jobs, take results, are lost, and come again. Pure; a part of the broker's
machine.
"""

from collections.abc import Iterable, Iterator

from maelstrom_broker.attempts_state import Attempts
from maelstrom_broker.book_state import Book
from maelstrom_broker.effects import KeepRun
from maelstrom_broker.kept_plan import packed
from maelstrom_broker.limits import (
    GRACE_SECONDS,
    LEARNED_A_BEAT,
    MOST_CLIENT_BYTES,
    MOST_CONTAINERS,
    MOST_CONTAINERS_BYTES,
    MOST_KEY_BYTES,
    MOST_KEY_WINDOWS,
    MOST_QUEUES,
    MOST_SESSIONS,
    OUTPUT_BYTES_A_BEAT,
)
from maelstrom_broker.queue_state import Demand, key_of, rank_of
from maelstrom_broker.records import UNWANTED, WANTED_AGAIN, Client, Container, Job, Wants
from maelstrom_broker.tries_state import Past
from maelstrom_broker.workers_state import BadPeer, Workers
from maelstrom_core.model.digest import Digest
from maelstrom_core.wire.messages import (
    Cancel,
    Code,
    ContainerBytes,
    Had,
    Hello,
    Submit,
    Taken,
)

_SLICE = 2_048
"""Jobs of a chore that are done in one step."""


class Clients:
    """All clients, and what they want.

    :param window: jobs of a client whose results it has not taken, at most
    :param away_seconds: a client that is gone may come again in so long
    """

    def __init__(
        self,
        book: Book,
        attempts: Attempts,
        workers: Workers,
        window: int,
        away_seconds: float,
    ) -> None:
        self._book = book
        self._attempts = attempts
        self._workers = workers
        self.window = window
        self.away_seconds = away_seconds

    def greet(self, client: Client, hello: Hello, now: float) -> None:
        """A new connection of it; it has been welcomed.

        :param client: made anew if its session was not known
        """
        book = self._book
        is_new = client.session not in book.clients
        book.clients[client.session] = client
        book.by_key.setdefault(client.principal, {})[client] = None
        client.name = hello.name or client.principal
        client.run.name = client.name
        if is_new:
            client.run.began = now
        client.software = hello.software
        client.weight = hello.weight
        book.dispatch.rerank(client)
        client.output_left = OUTPUT_BYTES_A_BEAT
        client.learned_left = LEARNED_A_BEAT
        # What was on its way may not have come.
        client.sent.clear()
        client.sent_bytes = 0
        client.unsent.clear()
        client.unsent.extend(tag for tag, job in client.jobs.items() if job.ending >= 0)
        book.post.results(client)
        if hello.boot not in (b"", book.boot):
            # Workers may have what it hands in again; they are waited for.
            client.held_until = now + GRACE_SECONDS
            book.later(client.held_until, self._look_again, client)
        self._look_again(client, now)
        book.post.note(
            "client came" if is_new else "client came again",
            name=client.name,
            session=client.session.hex()[:12],
            jobs=len(client.jobs),
        )

    def _look_again(self, client: Client, now: float) -> None:
        if self._book.clients.get(client.session) is not client:
            return  # it is gone
        hold = now < client.held_until or self._has_too_much(client)
        self._book.dispatch.hold_back(client, hold)

    def _has_too_much(self, client: Client) -> bool:
        """Whether bodies of it, or of all clients of its key, are too many for us."""
        if client.jobs_bytes > MOST_CLIENT_BYTES:
            return True
        of_key = self._book.by_key.get(client.principal, ())  # its time may come when it is gone
        return len(of_key) > 1 and _bytes_of(of_key) > MOST_KEY_BYTES

    def check_room(self, principal: str) -> None:
        """Whether one more client of this key may come.

        :raises BadPeer: if it may not
        """
        if len(self._book.by_key.get(principal, ())) >= MOST_SESSIONS:
            text = f"{MOST_SESSIONS} clients of {principal} are here already; come again"
            raise BadPeer(Code.SLOW, text)

    def _check_key(self, client: Client) -> None:
        """What all clients of a key have together: honest ones may come again when that is less."""
        of_key = self._book.by_key[client.principal]
        if len(of_key) < 2:
            return
        if _bytes_of(of_key) > MOST_KEY_BYTES:
            what = f"{MOST_KEY_BYTES >> 20} MiB of jobs, results and containers"
        elif sum(len(one.jobs) for one in of_key) >= MOST_KEY_WINDOWS * self.window:
            what = f"{MOST_KEY_WINDOWS * self.window} jobs whose results were not taken"
        else:
            return
        text = f"clients of {client.principal} have more than {what} together; come again"
        raise BadPeer(Code.SLOW, text)

    def beat(self, client: Client) -> None:
        """It lives: some more of what jobs write may be sent, and of cases be told."""
        client.output_left = OUTPUT_BYTES_A_BEAT
        client.learned_left = LEARNED_A_BEAT

    def container(self, client: Client, message: ContainerBytes) -> None:
        """It says what a container is."""
        digest, data = message.digest, message.data
        if digest in client.containers:
            return
        if Digest.of(data).hex != digest.hex():
            raise BadPeer(Code.PROTOCOL, f"container {digest.hex()[:12]} is not what its name says")
        self._check_key(client)
        size = client.containers_bytes + len(data)
        if len(client.containers) >= MOST_CONTAINERS or size > MOST_CONTAINERS_BYTES:
            raise BadPeer(
                Code.PROTOCOL,
                f"more than {MOST_CONTAINERS} containers, or {MOST_CONTAINERS_BYTES >> 20} MiB of "
                "them, in one session",
            )
        container = self._book.containers.get(digest)
        if container is None:
            container = self._book.containers[digest] = Container(digest, data)
        container.clients += 1
        client.containers[digest] = container
        client.containers_bytes = size

    def submit(self, client: Client, message: Submit) -> None:
        """It hands in jobs."""
        container = client.containers.get(message.container)
        if container is None:
            name = message.container.hex()[:12]
            raise BadPeer(Code.PROTOCOL, f"jobs in container {name}, of which nothing was said")
        self._check_key(client)
        book = self._book
        labels = frozenset(message.labels)
        wants = Wants(1, labels)
        past: Past | None = None
        for row in message.jobs:
            known = client.jobs.get(row.tag)
            if known is not None:
                self._handed_in_again(client, known)
                continue
            if len(client.jobs) >= self.window:
                raise BadPeer(
                    Code.PROTOCOL,
                    f"more than {self.window} jobs whose results were not taken",
                )
            if client.jobs_bytes > MOST_CLIENT_BYTES:
                raise BadPeer(
                    Code.PROTOCOL, f"more than {MOST_CLIENT_BYTES >> 20} MiB of jobs and results"
                )
            if row.slots != wants.slots:
                wants = Wants(row.slots, labels)
            key = (client.session, row.tag)
            zombie = book.zombies.pop(key, None) if book.zombies else None
            orphan = book.orphans.get(key) if book.orphans else None
            if zombie is not None:
                self._wants_again(client, zombie)
                continue
            place = key_of(row.priority, row.estimate_ms, book.serial())
            if past is None:
                past = (book.arrival(client, wants),)
            job = Job(client, row, place, wants, container, past)
            client.jobs[row.tag] = job
            client.jobs_bytes += len(row.body)
            book.totals["accepted"] += 1
            if orphan is not None:
                self._workers.adopt(job, orphan)
                continue
            if wants not in client.queues and len(client.queues) >= MOST_QUEUES:
                del client.jobs[row.tag]
                client.jobs_bytes -= len(row.body)
                raise BadPeer(
                    Code.PROTOCOL, f"more than {MOST_QUEUES} different slots and labels of jobs"
                )
            book.dispatch.queue(job)

    def _handed_in_again(self, client: Client, job: Job) -> None:
        """Only the result is of interest, if there is one."""
        if job.ending >= 0 and job.tag in client.sent:
            client.sent_bytes -= client.sent.pop(job.tag)
            client.unsent.append(job.tag)
            self._book.post.results(client)

    def _wants_again(self, client: Client, job: Job) -> None:
        """It was given up as lost, and is here again; its job was told to end meanwhile."""
        waits = job.worker is not None and job in job.worker.behind
        job.client.used -= job.wants.slots
        job.client.behind -= waits
        job.client = client
        job.ending = WANTED_AGAIN
        client.jobs[job.tag] = job
        client.jobs_bytes += len(job.body)
        client.used += job.wants.slots
        client.behind += waits
        self._book.dispatch.rerank(client)

    def taken(self, client: Client, message: Taken, now: float) -> None:
        """It has these results."""
        self._is_own(client, message.session)
        for tag in message.tags:
            job = client.jobs.get(tag)
            if job is None or job.ending < 0:
                continue
            del client.jobs[tag]
            client.jobs_bytes -= len(job.body)
            client.taken += 1
            client.sent_bytes -= client.sent.pop(tag, 0)
            self._attempts.taken(job)
        if client.unsent:
            self._book.post.results(client)  # there is room for more of them
        self._look_at_all(client.principal, now)

    def _look_at_all(self, principal: str, now: float) -> None:
        """There is less of one client of this key: others may be waiting for that."""
        for client in self._book.by_key.get(principal, ()):
            if client.held_back:
                self._look_again(client, now)

    def cancel(self, client: Client, message: Cancel) -> None:
        """It does not want these any more."""
        self._is_own(client, message.session)
        for tag in message.tags:
            job = client.jobs.get(tag)
            if job is not None:
                self._attempts.cancel(job)

    def _is_own(self, client: Client, session: bytes) -> None:
        if session != client.session:
            raise BadPeer(Code.PROTOCOL, "that is a job of somebody else")

    def had(self, client: Client, message: Had) -> None:
        """It has some of what a job writes; if its worker is not there, it comes again."""
        self._is_own(client, message.session)
        job = client.jobs.get(message.tag)
        worker = None if job is None or job.ending >= 0 else job.worker
        if worker is not None and worker.peer is not None:
            self._book.post.now(worker.peer, message, lossy=True)

    def overfull(self, client: Client) -> bool:
        """Whether results that it does not take are too many for us; none of its jobs start then."""
        if not self._has_too_much(client):
            return False
        self._book.dispatch.hold_back(client, True)
        return True

    def away(self, client: Client, now: float) -> None:
        """Its connection broke."""
        client.peer = None
        client.gone_until = now + self.away_seconds
        self._book.later(client.gone_until, self._still_away, client)

    def _still_away(self, client: Client, now: float) -> None:
        known = self._book.clients.get(client.session) is client
        if known and client.peer is None and client.gone_until <= now:
            self.given_up(client, "it did not come again")

    def given_up(self, client: Client, why: str) -> None:
        """Nothing of it is wanted any more."""
        book = self._book
        client.peer = None
        del book.clients[client.session]
        of_key = book.by_key[client.principal]
        del of_key[client]
        if not of_key:
            del book.by_key[client.principal]
        book.dispatch.drop_queues(client)
        # At once, and in order: a new client of the same session may hand in the same tags.
        for job in client.jobs.values():
            if job.worker is None:
                book.awaited.pop((client.session, job.tag), None)
                continue
            if job.ending >= 0:
                self._attempts.taken(job)
                continue
            if job.ending != UNWANTED:
                job.ending = UNWANTED
                book.post.unwanted(job.worker, client.session, job.tag)
            book.zombies[(client.session, job.tag)] = job
        for container in client.containers.values():
            book.drop_container(container)
        self._remember(client)
        client.containers.clear()  # a timer may keep the client itself for a while
        self._look_at_all(client.principal, book.now)
        book.post.note("client is gone", name=client.name, why=why, jobs=len(client.jobs))
        book.chores.append(_throw_away(client))

    def _remember(self, client: Client) -> None:
        book, run = self._book, client.run
        if book.stories.run_is_over(run, book.now) and book.keeps_runs:
            asked_for, book.stories.asked_for = book.stories.asked_for, set()
            book.post.effect(
                KeepRun(client.principal, run.session, packed(run), frozenset(asked_for))
            )

    def cancel_run(self, client: Client) -> None:
        """Somebody who may wants all of its jobs to end."""
        self._book.chores.append(self._cancel_all(client, list(client.jobs)))

    def _cancel_all(self, client: Client, tags: list[int]) -> Iterator[None]:
        for number, tag in enumerate(tags):
            job = client.jobs.get(tag)
            if job is not None:
                self._attempts.cancel(job)
            if number % _SLICE == _SLICE - 1:
                yield

    def refuse(self, demand: Demand, why: str) -> bool:
        """Nobody can run what waits here.

        :return: whether there is more of it
        """
        left = _SLICE
        for queue in list(demand.queues.values()):
            while queue.jobs and left and not queue.client.held_back:
                self._attempts.refuse(queue.first(), why)
                left -= 1
        return not left

    def new(self, session: bytes, principal: str) -> Client:
        """A client that was never here."""
        client = Client(session, principal, self._book.client_number())
        client.rank = rank_of(client)
        return client


def _bytes_of(clients: Iterable[Client]) -> int:
    return sum(one.jobs_bytes + one.containers_bytes for one in clients)


def _throw_away(client: Client) -> Iterator[None]:
    """To let go of a hundred thousand jobs takes its time too."""
    jobs = client.jobs
    while jobs:
        for _ in range(min(len(jobs), 4 * _SLICE)):
            jobs.popitem()
        yield
