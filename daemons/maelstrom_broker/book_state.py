"""What all parts of the broker's machine know together. Pure; a part of that machine."""

import heapq
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from maelstrom_broker.dispatch_state import Dispatch
from maelstrom_broker.limits import ENOUGH_FOR_A_SLOT, RECENT, RESULTS_SECONDS
from maelstrom_broker.post_state import Post
from maelstrom_broker.queue_state import NUMBERS
from maelstrom_broker.records import (
    KEPT_BY_WORKERS,
    Admin,
    Client,
    Container,
    Job,
    Orphan,
    Wants,
    Worker,
)
from maelstrom_broker.stories_state import Stories
from maelstrom_broker.tries_state import Arrival

Party = Worker | Client | Admin
Key = tuple[bytes, int]
"""A job everywhere: its client's session, and its tag."""


class Book:
    """Tables, totals, timers.

    :param boot: random, of this life of the broker; 16 bytes
    :param keeps_runs: whether what is remembered of runs is kept for the next one
    :param by_key: clients of each principal
    :param zombies: jobs whose client is gone for good, until their worker says that they ended
    :param awaited: jobs at whose terminals their clients are, and that wait for the worker that had them
        before this broker was started
    :param chores: long work, done in slices between events; each yields after a part of it
    :param now: of the event that is taken in
    :param unsettled_until: until then workers may be missing that will be there
    """

    def __init__(self, boot: bytes, now: float, *, keeps_runs: bool = False) -> None:
        self.boot = boot
        self.keeps_runs = keeps_runs
        self.started = self.now = now
        self.peers: dict[bytes, Party] = {}
        self.workers: dict[bytes, Worker] = {}
        self.clients: dict[bytes, Client] = {}
        self.by_key: dict[str, dict[Client, None]] = {}
        self.containers: dict[bytes, Container] = {}
        self.zombies: dict[Key, Job] = {}
        self.orphans: dict[Key, Orphan] = {}
        self.orphans_bytes = 0
        self.awaited: dict[Key, Job] = {}
        self.dispatch = Dispatch()
        self.post = Post()
        self.stories = Stories()
        self.chores: deque[Iterator[None]] = deque()
        self.recent: deque[dict[str, object]] = deque(maxlen=RECENT)
        self.unsettled_until = now
        self.totals = dict.fromkeys(
            ("accepted", "given", "ran", "unfit", "lost", "refused", "cancelled", "links_ended"), 0
        )
        self._timers: list[tuple[float, int, Callable[[Any, float], None], Any]] = []
        self._serial = 0

    def serial(self) -> int:
        """A number larger than those before."""
        self._serial += 1
        return self._serial

    def client_number(self) -> int:
        """A number that no client has."""
        taken = {client.number for client in self.clients.values()}
        while (number := self.serial() & NUMBERS) in taken:
            pass
        return number

    def job(self, session: bytes, tag: int) -> Job | None:
        """A job that somebody wants, or whose worker has not said yet that it ended."""
        client = self.clients.get(session)
        job = client.jobs.get(tag) if client is not None else None
        return job if job is not None else self.zombies.get((session, tag))

    def arrival(self, client: Client, wants: Wants) -> Arrival:
        """How things are for jobs of a client that begin to wait."""
        queue = client.queues.get(wants)
        return Arrival(
            at=self.now,
            workers=len(self.workers),
            ahead=0 if queue is None else len(queue.jobs),
            blocked=self.dispatch.is_blocked(wants),
            held_back=client.held_back,
        )

    def later(self, when: float, call: Callable[[Any, float], None], subject: Any) -> None:
        """Call this with its subject and the time, then."""
        heapq.heappush(self._timers, (when, self.serial(), call, subject))

    def next_timer(self) -> float | None:
        """When the next call is due."""
        return self._timers[0][0] if self._timers else None

    def ring(self, now: float) -> None:
        """Do what is due."""
        while self._timers and self._timers[0][0] <= now:
            _, _, call, subject = heapq.heappop(self._timers)
            call(subject, now)

    def results(self, client: Client) -> None:
        """A job of it has ended: its result goes at once, or with those of the next moment."""
        if client.results_wait:
            return
        if self.now < client.results_at and _has_many_waiting(client):
            client.results_wait = True
            self.later(client.results_at, self._results_are_due, client)
        else:
            client.results_at = self.now + RESULTS_SECONDS
            self.post.results(client)

    def _results_are_due(self, client: Client, now: float) -> None:
        client.results_wait = False
        client.results_at = now + RESULTS_SECONDS
        self.post.results(client)

    def drop_container(self, container: Container) -> None:
        """A client less knows a container."""
        container.clients -= 1
        if not container.clients:
            del self.containers[container.digest]

    def check(self) -> None:
        """Assert what must always hold."""
        self.dispatch.check()
        self.stories.check([client.run for client in self.clients.values()])
        jobs = [job for client in self.clients.values() for job in client.jobs.values()]
        for job in [*jobs, *self.zombies.values()]:
            runs = job.ending < 0 and job.worker is not None
            waits = (job.queue is not None) + ((job.client.session, job.tag) in self.awaited)
            assert waits + runs + (job.ending >= 0) == 1, "a job in two places"
            assert not runs or (job.worker is not None and job in job.worker.jobs)
        assert all(job.client.jobs[job.tag] is job for job in self.awaited.values())
        running = {id(job) for job in [*jobs, *self.zombies.values()] if job.ending < 0}
        for worker in self.workers.values():
            assert all(id(job) in running for job in worker.jobs), "a worker has a job of nobody"
            slots = sum(job.wants.slots for job in worker.jobs if job not in worker.behind)
            slots += sum(orphan.slots for orphan in worker.orphans.values())
            assert worker.used == slots, "a slot is lost or doubled"
            kept = [job for job in jobs if job.ending in KEPT_BY_WORKERS and job.worker is worker]
            assert worker.untaken == len(kept)
        of_keys = {client for of_one in self.by_key.values() for client in of_one}
        assert of_keys == set(self.clients.values()) and all(self.by_key.values())
        for client in self.clients.values():
            assert client in self.by_key[client.principal]
            used = sum(job.wants.slots for job in client.jobs.values() if _runs(job))
            assert client.used == used, "a client's share is wrong"
            behind = [
                job for job in client.jobs.values() if job.worker and job in job.worker.behind
            ]
            assert client.behind == len(behind)
            assert client.jobs_bytes == sum(len(job.body) for job in client.jobs.values())
            assert client.sent_bytes == sum(client.sent.values())
            for queue in client.queues.values():
                assert all(client.jobs[job.tag] is job for job in queue.jobs.values())
            told = {*client.sent, *client.unsent}
            for tag, job in client.jobs.items():
                assert job.ending < 0 or tag in told, "a result that is never sent"
        for digest, container in self.containers.items():
            known = [client for client in self.clients.values() if digest in client.containers]
            assert container.clients == len(known) > 0
            assert set(container.warm) <= set(self.workers.values())
        for key, orphan in self.orphans.items():
            assert orphan.worker.orphans[key] is orphan and orphan.until is not None
        assert self.orphans_bytes == sum(
            len(orphan.result.body) for orphan in self.orphans.values() if orphan.result
        )


def _has_many_waiting(client: Client) -> bool:
    waiting = sum(len(queue.jobs) for queue in client.queues.values())
    # One slot is free, as one of its jobs has just ended.
    return waiting > ENOUGH_FOR_A_SLOT * (client.used - client.behind + 1)


def _runs(job: Job) -> bool:
    return job.ending < 0 and job.worker is not None
