"""Which worker a job is given to. Pure; a part of the broker's machine.

Workers stand in *pools*: all that have some labels, sorted into bins by how many slots they have free.
To find the one with the most free slots, or to move one after a job began or ended, takes the same time
however many there are.
"""

from itertools import islice

from maelstrom_broker.limits import MOST_UNTAKEN
from maelstrom_broker.queue_state import Demand
from maelstrom_broker.records import Container, Wants, Worker

_LOOK_AT = 32
"""Free workers that are asked whether they have had a container, before any is taken."""
_LOOK_AT_WARM = 8
"""Workers that are known to have had it, and are asked whether they are free."""
_IDLE_POOLS = 8
"""Kept though no job wants them now: to make one takes a look at every worker."""


def usable_slots(worker: Worker) -> int:
    """How many slots a worker has for any job."""
    if (
        worker.peer is None
        or worker.draining
        or worker.reserved is not None
        or worker.untaken > MOST_UNTAKEN
    ):
        return 0
    return max(0, worker.slots - worker.used)


class Pool:
    """Workers that have some labels.

    :param members: each with the slots it has free for any job
    :param most_slots: that any of them has, free or not
    :param users: demands that look here
    """

    __slots__ = (
        "_at",
        "_bins",
        "_free_workers",
        "_top",
        "labels",
        "members",
        "most_slots",
        "users",
    )

    def __init__(self, labels: frozenset[str]) -> None:
        self.labels = labels
        self.members: dict[Worker, int] = {}
        self.most_slots = 0
        self.users = 0
        self._bins: list[list[Worker]] = [[]]
        self._at: dict[Worker, int] = {}
        self._top = 0
        self._free_workers = 0

    def add(self, worker: Worker) -> None:
        """One more worker."""
        self.members[worker] = 0
        self.most_slots = max(self.most_slots, worker.slots)
        self.move(worker, usable_slots(worker))

    def remove(self, worker: Worker) -> None:
        """It is there no more."""
        self.move(worker, 0)
        del self.members[worker]
        self.most_slots = max((one.slots for one in self.members), default=0)

    def move(self, worker: Worker, free: int) -> None:
        """It has so many slots free now."""
        before = self.members[worker]
        if before == free:
            return
        bins, at = self._bins, self._at
        if before:
            index, last = at[worker], bins[before].pop()
            if last is not worker:
                bins[before][index] = last
                at[last] = index
        if free:
            while len(bins) <= free:
                bins.append([])
            at[worker] = len(bins[free])
            bins[free].append(worker)
            if not before:
                self._free_workers += 1
        else:
            del at[worker]
            self._free_workers -= 1
        self.members[worker] = free
        top = max(self._top, free)
        while top and not bins[top]:
            top -= 1
        self._top = top

    def choose(self, slots: int, container: Container, excluded: frozenset[str]) -> Worker | None:
        """One with so many free slots: that has had the container, or else the one most free."""
        if self._top < slots:
            return None
        digest, first, seen = container.digest, None, 0
        for free in range(self._top, slots - 1, -1):
            for worker in reversed(self._bins[free]):
                seen += 1
                if excluded and worker.name in excluded:
                    continue
                if digest in worker.warm:
                    return worker
                if first is None:
                    first = worker
                if seen >= _LOOK_AT:
                    break
            if seen >= self._free_workers or (seen >= _LOOK_AT and first is not None):
                break
        if seen >= _LOOK_AT:
            for worker in islice(reversed(container.warm), _LOOK_AT_WARM):
                if self.members.get(worker, 0) >= slots and worker.name not in excluded:
                    return worker
        return first

    def check(self) -> None:
        """Assert what must always hold."""
        assert self.most_slots == max((one.slots for one in self.members), default=0)
        for worker, free in self.members.items():
            assert free == usable_slots(worker), "a worker's slots are not what its pool says"
            assert self.labels <= worker.labels
            assert not free or self._bins[free][self._at[worker]] is worker
        assert self._free_workers == len(self._at) == sum(map(len, self._bins))
        assert self._top == max(self.members.values(), default=0)


class Places:
    """All workers, in as many pools as jobs have different labels."""

    def __init__(self) -> None:
        self.workers: dict[Worker, None] = {}
        self.idle: dict[Worker, int] = {}
        """Those that have slots for any job, and how many."""
        self._pools: dict[frozenset[str], Pool] = {}
        self._excluded: dict[Wants, frozenset[str]] = {}

    def pool(self, labels: frozenset[str]) -> Pool:
        """Workers that have these labels, for one more demand."""
        pool = self._pools.get(labels)
        if pool is None:
            pool = self._pools[labels] = Pool(labels)
            for worker in self.workers:
                if labels <= worker.labels:
                    pool.add(worker)
        pool.users += 1
        return pool

    def release(self, pool: Pool) -> None:
        """One demand less looks there."""
        pool.users -= 1
        if not pool.users and len(self._pools) > _IDLE_POOLS:
            del self._pools[pool.labels]

    def add(self, worker: Worker) -> None:
        """A worker came, or came again as another one: with other slots or labels."""
        self.workers[worker] = None
        self._excluded.clear()
        for pool in self._pools.values():
            if worker in pool.members:
                pool.remove(worker)
            if pool.labels <= worker.labels:
                pool.add(worker)

    def remove(self, worker: Worker) -> None:
        """A worker is given up."""
        del self.workers[worker]
        self.idle.pop(worker, None)
        self._excluded.clear()
        for pool in self._pools.values():
            if worker in pool.members:
                pool.remove(worker)

    def update(self, worker: Worker) -> int:
        """Something of a worker has changed; how many slots it has for any job."""
        free = usable_slots(worker)
        if free:
            self.idle[worker] = free
        else:
            self.idle.pop(worker, None)
        for pool in self._pools.values():
            if worker in pool.members:
                pool.move(worker, free)
        return free

    def drained(self) -> None:
        """A worker is to be drained, or not any more."""
        self._excluded.clear()

    def choose(self, demand: Demand, container: Container) -> Worker | None:
        """A worker that has the slots now; ``None`` if there is none."""
        reserved = demand.reserved
        if reserved is not None and reserved.slots - reserved.used >= demand.slots:
            return reserved
        excluded = self._passed_over(demand, container)
        return demand.pool.choose(demand.slots, container, excluded)

    def _passed_over(self, demand: Demand, container: Container) -> frozenset[str]:
        """Names of workers that a job is not given to: as well as those on which it failed, those that
        could not run what is in its container, as long as there are others."""
        if container.unfit:
            names = demand.excluded.union(container.unfit)
            if self.has_others(demand.wants._replace(excluded=names)):
                return names
        return demand.excluded and self.excluded(demand)

    def excluded(self, demand: Demand) -> frozenset[str]:
        """Names of workers that are not taken: none if there are no others."""
        found = self._excluded.get(demand.wants)
        if found is None:
            others = any(
                worker.slots >= demand.slots
                and not worker.draining
                and worker.name not in demand.excluded
                for worker in demand.pool.members
            )
            found = demand.excluded if others else frozenset()
            self._excluded[demand.wants] = found
        return found

    def has_others(self, wants: Wants) -> bool:
        """Whether some worker can be given such jobs that is not excluded, now or later."""
        return any(
            worker.slots >= wants.slots
            and not worker.draining
            and worker.name not in wants.excluded
            and wants.labels <= worker.labels
            for worker in self.workers
        )

    def most_nearly_free(self, demand: Demand, container: Container) -> Worker | None:
        """The one that will have enough slots soonest, as far as can be seen."""
        excluded = self._passed_over(demand, container)
        best = None
        for worker in demand.pool.members:
            if (
                worker.slots >= demand.slots
                and worker.peer is not None
                and not worker.draining
                and worker.reserved is None
                and worker.name not in excluded
                and (best is None or worker.slots - worker.used > best.slots - best.used)
            ):
                best = worker
        return best

    def check(self) -> None:
        """Assert what must always hold."""
        for labels, pool in self._pools.items():
            assert labels == pool.labels
            assert set(pool.members) == {w for w in self.workers if labels <= w.labels}
            pool.check()
        free = {worker: usable_slots(worker) for worker in self.workers}
        assert self.idle == {worker: slots for worker, slots in free.items() if slots}
