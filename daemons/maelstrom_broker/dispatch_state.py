"""Gives jobs that wait to workers that have slots. Pure; a part of the broker's machine.

A demand is *open* while some worker may have slots for it, *blocked* once none was found, until a
worker's slots are freed that could serve it. So nothing is looked at again and again in vain.

A job of several slots would wait for ever behind jobs of one, which take each slot as it comes. So when
it is first in order and no worker has enough slots, one worker is *reserved*: nothing else is started
there until there are enough.

Where no worker has a slot free, a short job may wait *behind* the slots of one (`allowance_state`). It
is asked for again when a slot elsewhere has nothing to do, and when its worker is drained or reserved.
"""

from collections.abc import Iterator
from itertools import islice

from maelstrom_broker import allowance_state as allowance
from maelstrom_broker.placement_state import Places
from maelstrom_broker.queue_state import Demand, JobQueue, rank_of, to_the_front
from maelstrom_broker.records import Client, Job, Wants, Worker

_LOOK_AT = 8
"""Workers that are looked at before none is asked to give something back."""


class Dispatch:
    """All that waits, and all slots.

    :ivar waits: of what `next` has given: whether it waits behind the slots of its worker
    """

    def __init__(self) -> None:
        self.places = Places()
        self.demands: dict[Wants, Demand] = {}
        self._open: dict[Demand, None] = {}
        self._blocked: dict[Demand, None] = {}
        self._tick = 0
        self.may_be_impossible = False
        """Whether something has changed since it was asked last what nobody can run."""
        self.waits = False
        self._roomy: dict[Worker, None] = {}
        """Workers that have all slots taken, and room behind them."""
        self._ahead: dict[Worker, None] = {}
        """Those behind whose slots jobs wait."""
        self._to_be_free: dict[Worker, None] = {}
        """Those behind whose slots nothing is to wait any more."""
        self.look_for_idle = False
        """Whether what waits behind slots may be of use elsewhere, and that was not looked at."""
        self.begun: list[Job] = []
        """Jobs that waited behind slots and have got one."""
        self.kept_free = False
        """Of what `next` has given: whether that worker was kept free for it."""
        self.others = 0
        """Likewise: how many other runs wait for the same."""
        self.unfit = 0
        """How many containers there are, for each worker that could not run what is in them."""

    @property
    def may_go_on(self) -> bool:
        """Whether there may be more to give out."""
        return bool(self._open)

    def is_blocked(self, wants: Wants) -> bool:
        """Whether jobs wait that want this, and no worker has slots for them."""
        demand = self.demands.get(wants)
        return demand is not None and demand in self._blocked

    # Jobs that wait

    def queue(self, job: Job) -> None:
        """A job waits."""
        demand = self.demands.get(job.wants)
        if demand is None:
            demand = self._new_demand(job.wants)
        demand.queue_of(job.client).push(job)
        if demand not in self._blocked or demand.passes_over:
            self._blocked.pop(demand, None)
            self._open[demand] = None

    def queue_again(self, job: Job) -> None:
        """A job waits that was given out before: before all others of its client."""
        job.key = to_the_front(job.key)
        self.queue(job)

    def unqueue(self, job: Job) -> None:
        """A job does not wait any more."""
        queue = job.queue
        assert queue is not None
        queue.remove(job)
        if not queue.jobs:
            self._leave(queue)
        elif queue.demand.passes_over and queue.demand in self._blocked:
            self._unblock(queue.demand)

    def _new_demand(self, wants: Wants) -> Demand:
        self.may_be_impossible = True
        demand = self.demands[wants] = Demand(wants, self.places.pool(wants.labels))
        # Larger ones had the slots to themselves until now: one may need a reservation.
        for other in [one for one in self._blocked if one.slots > demand.slots]:
            self._unblock(other)
        return demand

    def _leave(self, queue: JobQueue) -> None:
        demand = queue.demand
        demand.leave(queue)
        if not demand.queues:
            del self.demands[demand.wants]
            self._open.pop(demand, None)
            self._blocked.pop(demand, None)
            self._give_back(demand)
            self.places.release(demand.pool)

    def _unblock(self, demand: Demand) -> None:
        del self._blocked[demand]
        self._open[demand] = None

    # Clients

    def hold_back(self, client: Client, hold: bool) -> None:
        """Start nothing of a client for now; or do again."""
        if client.held_back == hold:
            return
        client.held_back = hold
        if not hold:
            self.may_be_impossible = True
            for queue in client.queues.values():
                queue.demand.moved(client)
                if queue.demand not in self._blocked:
                    self._open[queue.demand] = None
                elif queue.demand.passes_over:
                    self._unblock(queue.demand)

    def drop_queues(self, client: Client) -> None:
        """Nothing of a client waits any more."""
        for queue in list(client.queues.values()):
            for job in queue.jobs.values():
                job.queue = None
            self._leave(queue)

    def rerank(self, client: Client) -> None:
        """A client's place among clients may have changed."""
        client.rank = rank_of(client)
        for queue in client.queues.values():
            queue.demand.moved(client)

    # Slots

    def take(self, job: Job, worker: Worker, *, waits: bool = False) -> None:
        """A job has slots of a worker from now on.

        :param waits: it has none: it is the last to wait behind them
        """
        job.worker = worker
        worker.jobs[job] = None
        if waits:
            seconds, _ = allowance.expected_seconds(job)
            worker.behind[job] = seconds
            worker.behind_seconds += seconds
            job.client.behind += 1
            self._ahead[worker] = None
            self.look_for_idle = True
        else:
            worker.used += job.wants.slots
        job.client.used += job.wants.slots
        self._tick += 1
        job.client.tick = self._tick
        self.rerank(job.client)
        self.changed(worker)

    def free(self, job: Job) -> Worker:
        """A job does not run any more; the worker that it had."""
        worker = job.worker
        assert worker is not None
        del worker.jobs[job]
        worker.wished.pop(job, None)
        if job in worker.behind:
            self._leave_behind(job, worker)
        else:
            worker.used -= job.wants.slots
        job.client.used -= job.wants.slots
        self.rerank(job.client)
        self.changed(worker)
        if worker in self._roomy and self._blocked:
            self._look_at_short(worker)
        return worker

    def all_begun(self, worker: Worker) -> None:
        """What it holds has slots there: it has said so."""
        for job in list(worker.behind):
            self._begin(job, worker)

    def _begin(self, job: Job, worker: Worker) -> None:
        self._leave_behind(job, worker)
        worker.used += job.wants.slots
        self.begun.append(job)

    def _leave_behind(self, job: Job, worker: Worker) -> None:
        worker.behind_seconds -= worker.behind.pop(job)
        job.client.behind -= 1
        if not worker.behind:
            worker.behind_seconds = 0.0  # sums of fractions are not exact
            del self._ahead[worker]

    def _look_at_short(self, worker: Worker) -> None:
        """There is room behind its slots."""
        for demand in list(self._blocked):
            if demand.slots == 1 and worker in demand.pool.members:
                self._unblock(demand)

    def add(self, worker: Worker) -> None:
        """A worker came, or came again."""
        self._give_back(worker.reserved)
        self.places.add(worker)
        self.may_be_impossible = True
        self.changed(worker)
        self.look_again()

    def remove(self, worker: Worker) -> None:
        """A worker is given up."""
        self.places.remove(worker)
        self._roomy.pop(worker, None)
        self.may_be_impossible = True
        self._to_be_free.pop(worker, None)
        self._give_back(worker.reserved)
        self.look_again()

    def drain(self, worker: Worker, on: bool) -> None:
        """Give a worker nothing new; or do again."""
        worker.draining = on
        self._to_be_free[worker] = None
        self.places.drained()
        self._give_back(worker.reserved)
        self.changed(worker)
        self.look_again()

    def look_again(self) -> None:
        """What a worker was the only other one for may be given to whoever failed before."""
        for demand in list(self._blocked):
            self._unblock(demand)

    def changed(self, worker: Worker) -> None:
        """Slots of a worker were freed or taken, or its connection came or broke."""
        if worker.peer is None and worker.reserved is not None:
            self._give_back(worker.reserved)
        while worker.behind and worker.used < worker.slots:
            # As the worker does, which knew before us.
            self._begin(next(iter(worker.behind)), worker)
        if worker not in self.places.workers:
            return
        free = self.places.update(worker)
        if allowance.has_room(worker):
            self._roomy[worker] = None
        else:
            self._roomy.pop(worker, None)
        self.look_for_idle = self.look_for_idle or bool(free)
        if not self._blocked or not (free or worker.reserved):
            return
        for demand in list(self._blocked):
            if worker.reserved is demand:
                possible = worker.slots - worker.used >= demand.slots
            else:
                # Of several slots too: it may be first now, and want a reservation.
                possible = free >= demand.slots or (free > 0 and demand.reserved is None)
            if possible and worker in demand.pool.members:
                self._unblock(demand)

    # Giving out

    def next(self) -> tuple[Job, Worker] | None:
        """A job that is given out now, and to whom; ``None`` if nothing can be."""
        while self._open:
            queue = self._first()
            if queue is None:
                break
            demand, job = queue.demand, queue.first()
            worker = self.places.choose(demand, job.container)
            self.waits = False
            if worker is None and self._roomy and demand.slots == 1 and not job.at_once:
                worker = allowance.with_room(self._roomy, demand, job)
                self.waits = worker is not None
            if worker is None:
                queue, worker = self._of_others(queue)
                job = queue.first()
            if worker is None:
                del self._open[demand]
                self._blocked[demand] = None
                if demand.slots > 1 and demand.reserved is None:
                    self._reserve(queue)
                continue
            assert self.waits or worker.slots - worker.used >= demand.slots, (
                "it has not so many slots"
            )
            self.others = len(demand.queues) - 1
            self.kept_free = worker.reserved is demand
            self.unqueue(job)
            if self.kept_free:
                self._give_back(demand)
            self.take(job, worker, waits=self.waits)
            return job, worker
        return None

    def wanted_back(self) -> Iterator[tuple[Job, Worker]]:
        """Jobs that wait behind slots, and should not; asked for after all has been given out."""
        for worker in self._to_be_free:
            if worker.draining or worker.reserved is not None:
                yield from ((job, worker) for job in worker.behind if job not in worker.wished)
        self._to_be_free.clear()
        if not self.look_for_idle or self._open:
            return
        self.look_for_idle = False
        ahead = [one for one in islice(self._ahead, _LOOK_AT) if one.peer is not None]
        yield from allowance.for_the_idle(ahead, dict(islice(self.places.idle.items(), _LOOK_AT)))

    def _first(self) -> JobQueue | None:
        """Whose turn it is, of what is open."""
        best: JobQueue | None = None
        for demand in list(self._open) if len(self._open) > 1 else tuple(self._open):
            queue = demand.first()
            if queue is None:
                del self._open[demand]  # all are held back; it is opened when they are not
            elif best is None or _before(queue, best):
                best = queue
        return best

    def _of_others(self, queue: JobQueue) -> tuple[JobQueue, Worker | None]:
        """Whoever's job may go to a worker that the first one's passes over, in their order."""
        demand = queue.demand
        demand.passes_over = False
        if not self.unfit:
            return queue, None
        queues = [one for one in demand.queues.values() if not one.client.held_back]
        if any(one.first().container.unfit for one in queues):
            demand.passes_over = True
            for other in sorted(queues, key=lambda one: one.client.rank):
                worker = self.places.choose(demand, other.first().container)
                if worker is not None:
                    return other, worker
        return queue, None

    def _reserve(self, queue: JobQueue) -> None:
        demand = queue.demand
        smaller = False
        for other in self.demands.values():
            if other is demand:
                continue
            first = other.first()
            if first is not None:
                if _before(first, queue):
                    return  # not its turn yet
                smaller = smaller or other.slots < demand.slots
        worker = self.places.most_nearly_free(demand, queue.first().container) if smaller else None
        if worker is not None:
            worker.reserved, demand.reserved = demand, worker
            self._to_be_free[worker] = None
            self._roomy.pop(worker, None)
            self.places.update(worker)

    def _give_back(self, demand: Demand | None) -> None:
        """A worker is not kept free for a demand any more."""
        if demand is None or demand.reserved is None:
            return
        worker, demand.reserved = demand.reserved, None
        worker.reserved = None
        if demand in self._blocked:
            self._unblock(demand)
        if worker in self.places.workers:
            self.changed(worker)

    def check(self) -> None:
        """Assert what must always hold."""
        self.places.check()
        for wants, demand in self.demands.items():
            assert demand.wants == wants
            assert not (demand in self._open and demand in self._blocked)
            demand.check()
            if demand.reserved is not None:
                assert demand.reserved.reserved is demand
            if demand in self._blocked and (queue := demand.first()) is not None:
                found = self.places.choose(demand, queue.first().container)
                assert found is None, "a slot is free, and a job that wants it is blocked"
                if demand.passes_over:
                    assert self._of_others(queue)[1] is None, "others may have what it may not"
            if demand not in self._open and demand not in self._blocked:
                assert demand.first() is None, "a job waits that nobody looks at"
        for demand in [*self._open, *self._blocked]:
            assert self.demands[demand.wants] is demand
        for worker in self.places.workers:
            assert (worker in self._roomy) == allowance.has_room(worker)
            assert (worker in self._ahead) == bool(worker.behind)
            allowance.check_behind(worker)
            if worker.reserved is not None:
                assert worker.reserved.reserved is worker


def _before(queue: JobQueue, other: JobQueue) -> bool:
    if queue.client is other.client:
        return queue.head() < other.head()
    return queue.client.rank < other.client.rank
