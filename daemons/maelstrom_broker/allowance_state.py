"""How many jobs may wait behind the slots of a worker: its *allowance*. Pure; a part of the broker's
machine.

Between a job's end and the next one's start lies a *turn*: the ending comes here, the next job goes
there, and each passes two event loops. Where jobs are as short as that, slots stand idle for most of
the time. So a worker gets a few jobs more than it has slots, as many as it needs to be busy for two
turns. What waits there is only what is known to be short, and it is taken back as soon as somebody else
could run it.

A turn is what a job was away for, less what its worker says that it had it for. How long a job takes its
client says, who has seen it before; or the jobs of the same run and container have shown it.
"""

import math
from collections.abc import Iterable, Iterator
from itertools import islice

from maelstrom_broker.queue_state import Demand, estimate_of
from maelstrom_broker.records import Job, Worker

TURNS = 2.0
"""What may wait behind a slot, in turns."""
LEAST_SECONDS = 0.02
"""It may be so much, though a turn is quicker: that so many jobs go in one message spares more time than
they wait for."""
MOST_SECONDS = 0.05
"""And never more than this, however slow the link is."""
A_SLOT = 16
"""Jobs behind a slot, at most; a worker may say less."""
SHORT_SECONDS = 0.1
"""Longer jobs never wait at a worker."""
_LEAST_JOB_SECONDS = 0.001
"""No container comes and goes faster, whatever is expected."""
_LOOK_AT = 8
"""Workers that are looked at before a job waits behind none."""
_LOST_SECONDS = 1.0
"""A turn that took longer tells of a machine that stood still, and not of the link."""


def turn_seconds(before: float, took: float) -> float:
    """What a worker's turn is taken to be, once one more has been seen.

    :param before: what it was taken to be; 0 if none was seen
    :param took: negative if clocks disagree
    """
    took = min(max(took, 1e-4), _LOST_SECONDS)
    return took if not before else before + (took - before) / 8


def expected_seconds(job: Job) -> tuple[float, float]:
    """Seconds that a job will take, as a mean and at most; infinity if nobody knows."""
    estimate_ms = estimate_of(job.key)
    if estimate_ms >= 0:
        seconds = max(estimate_ms / 1000, _LEAST_JOB_SECONDS)
        return seconds, seconds
    pace = job.client.paces.get(job.container.digest)
    if pace is None:
        return math.inf, math.inf
    return max(pace.expected(), _LEAST_JOB_SECONDS), max(pace.longest(), _LEAST_JOB_SECONDS)


def budget_seconds(worker: Worker) -> float:
    """How much work may wait behind all slots of a worker."""
    return min(max(TURNS * worker.turn, LEAST_SECONDS), MOST_SECONDS) * worker.slots


def has_room(worker: Worker) -> bool:
    """Whether one more job may wait there, if it is short enough."""
    return (
        worker.turn > 0
        and len(worker.behind) < min(worker.most_behind, A_SLOT * worker.slots)
        and worker.peer is not None
        and not worker.draining
        and worker.reserved is None
        and worker.used >= worker.slots
        and worker.behind_seconds < budget_seconds(worker)
    )


def may_wait(worker: Worker, job: Job, seconds: float, longest: float) -> bool:
    """Whether this job may wait there, where there is room.

    :param seconds: how long it is expected to take, as a mean
    :param longest: at most, as far as can be seen
    """
    return (
        longest <= SHORT_SECONDS
        # It gains a turn by that, which is to be much of what it takes: one slot of all is free by then.
        and seconds <= TURNS * worker.turn * worker.slots
        and worker.behind_seconds + seconds <= budget_seconds(worker)
        and job.container.digest in worker.warm
        and worker.name not in job.wants.excluded
    )


def with_room(roomy: dict[Worker, None], demand: Demand, job: Job) -> Worker | None:
    """A worker behind whose slots this job may wait.

    :param roomy: those that have room; whoever is looked at comes last the next time
    """
    seconds, longest = expected_seconds(job)
    for worker in list(islice(roomy, _LOOK_AT)):
        del roomy[worker]
        roomy[worker] = None
        if worker in demand.pool.members and may_wait(worker, job, seconds, longest):
            return worker
    return None


def check_behind(worker: Worker) -> None:
    """Assert what must always hold."""
    assert not worker.behind or worker.used >= worker.slots, "it waits, and a slot is free"
    assert set(worker.behind) <= set(worker.jobs) and set(worker.wished) <= set(worker.jobs)
    assert all(job.wants.slots == 1 for job in worker.behind)


def for_the_idle(ahead: Iterable[Worker], idle: dict[Worker, int]) -> Iterator[tuple[Job, Worker]]:
    """Jobs that wait behind slots, while slots elsewhere have nothing to do; one for each of those.

    :param ahead: workers behind whose slots jobs wait
    :param idle: others, with the slots that they have free; it is changed
    """
    for worker in ahead:
        for _ in worker.wished:
            _take_one(idle, worker)  # one that has been asked for already
        # The last would wait longest.
        for job in [one for one in reversed(worker.behind) if one not in worker.wished]:
            other = next((one for one in idle if _could_run(one, job)), None)
            if other is None:
                break
            _take_one(idle, other)
            yield job, worker


def _could_run(worker: Worker, job: Job) -> bool:
    return job.wants.labels <= worker.labels and worker.name not in job.wants.excluded


def _take_one(idle: dict[Worker, int], worker: Worker) -> None:
    """A slot of what is idle is as good as taken."""
    worker = worker if worker in idle else next(iter(idle), worker)
    if worker in idle:
        idle[worker] -= 1
        if not idle[worker]:
            del idle[worker]
