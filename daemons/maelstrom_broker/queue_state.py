"""Jobs that wait, and whose turn it is. Pure; a part of the broker's machine.

Jobs that want the same of a worker, of whichever client, make up a *demand*: they can be given out or
they cannot, all alike. In a demand the client comes first whose jobs take the fewest slots for its
weight; of its jobs the one of the highest priority, then the longest expected (those of unknown length
before all, they may be the longest), then the one that came first.

Places are whole numbers in heaps. What is not valid any more stays in its heap until it comes up, or
until most of the heap is so, when it is made anew.
"""

import heapq
from typing import TYPE_CHECKING

from maelstrom_broker.records import Client, Job, Wants, Worker

if TYPE_CHECKING:
    from maelstrom_broker.placement_state import Pool

_SERIAL_BITS = 40
_LENGTH_BITS = 32
_LONGEST = (1 << _LENGTH_BITS) - 1
_BEHIND = 1 << (_SERIAL_BITS + _LENGTH_BITS + 8)
_NUMBER_BITS = 24
NUMBERS = (1 << _NUMBER_BITS) - 1
"""The largest number of a client."""
_TICK_BITS = 48
_SPARE = 64
"""Entries that are not worth a clean-up."""


def key_of(priority: int, estimate_ms: int, serial: int) -> int:
    """A job's place in its client's queue; smaller is earlier.

    :param priority: from -128 to 127, higher is earlier
    :param estimate_ms: negative if unknown
    :param serial: different for each job
    """
    length = 0 if estimate_ms < 0 else _LONGEST - min(estimate_ms, _LONGEST - 1)
    return _BEHIND | (((127 - priority) << _LENGTH_BITS | length) << _SERIAL_BITS) | serial


def estimate_of(key: int) -> int:
    """Milliseconds that a job in this place is expected to take; negative if that is unknown."""
    length = key >> _SERIAL_BITS & _LONGEST
    return _LONGEST - length if length else -1


def to_the_front(key: int) -> int:
    """The same job's place before all that were never given out."""
    return key & (_BEHIND - 1)


def rank_of(client: Client) -> int:
    """A client's place among clients; smaller is first. Equals take turns."""
    share = (client.used << 20) // client.weight
    return ((share << _TICK_BITS | client.tick) << _NUMBER_BITS) | client.number


class JobQueue:
    """Jobs of one client that want the same."""

    __slots__ = ("_heap", "client", "demand", "jobs")

    def __init__(self, client: Client, demand: "Demand") -> None:
        self.client = client
        self.demand = demand
        self.jobs: dict[int, Job] = {}
        self._heap: list[int] = []

    def push(self, job: Job) -> None:
        """One more waits."""
        self.jobs[job.key] = job
        job.queue = self
        heapq.heappush(self._heap, job.key)

    def head(self) -> int:
        """Place of the first; there is one."""
        heap, jobs = self._heap, self.jobs
        while heap[0] not in jobs:
            heapq.heappop(heap)
        return heap[0]

    def first(self) -> Job:
        """The first; there is one."""
        return self.jobs[self.head()]

    def remove(self, job: Job) -> None:
        """It does not wait any more."""
        del self.jobs[job.key]
        job.queue = None
        heap = self._heap
        if heap[0] == job.key:
            heapq.heappop(heap)
        elif len(heap) > 2 * len(self.jobs) + _SPARE:
            self._heap = list(self.jobs)
            heapq.heapify(self._heap)

    def check(self) -> None:
        """Assert what must always hold."""
        assert set(self.jobs) <= set(self._heap), "a job waits out of line"
        assert len(self._heap) <= 2 * len(self.jobs) + _SPARE + 1, "a heap is full of what is gone"
        for key, job in self.jobs.items():
            assert job.key == key and job.queue is self and job.client is self.client


class Demand:
    """All jobs that wait and want the same of a worker.

    :param pool: workers with its labels
    :param queues: by number of their client; none is empty
    :param reserved: a worker that is kept free until it has enough slots for one of them
    :param passes_over: whether some first job may have passed over a free worker that another may take
    """

    __slots__ = (
        "_ranks",
        "excluded",
        "passes_over",
        "pool",
        "queues",
        "reserved",
        "slots",
        "wants",
    )

    def __init__(self, wants: Wants, pool: "Pool") -> None:
        self.wants = wants
        self.slots = wants.slots
        self.excluded = wants.excluded
        self.pool = pool
        self.queues: dict[int, JobQueue] = {}
        self.reserved: Worker | None = None
        self.passes_over = False
        self._ranks: list[int] = []

    def queue_of(self, client: Client) -> JobQueue:
        """Where a client's jobs wait; made if need be."""
        queue = client.queues.get(self.wants)
        if queue is None:
            queue = client.queues[self.wants] = self.queues[client.number] = JobQueue(client, self)
            self.moved(client)
        return queue

    def leave(self, queue: JobQueue) -> None:
        """A queue is empty."""
        del queue.client.queues[self.wants]
        del self.queues[queue.client.number]

    def moved(self, client: Client) -> None:
        """A client's rank has changed."""
        if client.held_back:
            return
        ranks = self._ranks
        heapq.heappush(ranks, client.rank)
        if len(ranks) > 4 * len(self.queues) + _SPARE:
            # Held-back ones too: `first` passes over them, and they come anew when they may.
            self._ranks = [queue.client.rank for queue in self.queues.values()]
            heapq.heapify(self._ranks)

    def first(self) -> JobQueue | None:
        """The queue whose turn it is; ``None`` if all are held back."""
        ranks, queues = self._ranks, self.queues
        while ranks:
            rank = ranks[0]
            queue = queues.get(rank & NUMBERS)
            if queue is not None and queue.client.rank == rank and not queue.client.held_back:
                return queue
            heapq.heappop(ranks)
        return None

    def check(self) -> None:
        """Assert what must always hold."""
        assert self.queues, "a demand of nobody"
        for number, queue in self.queues.items():
            assert queue.jobs and queue.client.number == number
            assert queue.client.queues[self.wants] is queue
            assert queue.client.held_back or queue.client.rank in self._ranks
            queue.check()
