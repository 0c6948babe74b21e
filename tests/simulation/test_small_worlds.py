"""Small worlds are walked exhaustively: one client, one or two workers of one slot, a broker, and every
order of what is delivered, lost, dies, ends and takes its time.

A walk that fails prints what has happened, the shortest such story; it belongs into ``STORIES``, with a
name.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from maelstrom_broker.attempts_state import Attempts
from maelstrom_worker.jobs_state import JobsState
from simulated.small import Choice, SmallWorld
from simulated.walk import Lost, live, walk

ALL = ("lose", "worker dies", "broker dies", "client dies", "cancel", "full", "slow")
TO_ITS_END = 1_000
"""Deeper than any story is."""
HANDED_IN: list[Choice] = [("arrives", "client"), ("arrives", "client")]


def runs(worker: str) -> list[Choice]:
    """Until a job runs there; of two workers it is the second."""
    return [*HANDED_IN, ("is told", worker), ("is told", worker)]


def small(jobs: int, workers: int, faults: tuple[str, ...] = ALL, at_most: int = 1) -> SmallWorld:
    return SmallWorld(jobs, workers, dict.fromkeys(faults, at_most), at_most)


def try_all(
    world: SmallWorld, depth: int = TO_ITS_END, told: Callable[[str], None] = lambda _: None
) -> None:
    states, ends = walk(world, depth, told)
    assert states > ends > 1, "nothing was tried"


def test_whatever_goes_wrong_once_a_job_ends_once_and_nothing_is_left() -> None:
    try_all(small(1, 1))


def test_whoever_of_two_workers_finds_the_next_broker_first_a_job_is_not_run_twice() -> None:
    world = small(1, 2, ("broker dies",))
    for choice in [*runs("w1"), ("broker dies",)]:
        world.do(choice)
    try_all(world)


def waiting(jobs: int, workers: int, faults: tuple[str, ...] = (), at_most: int = 0) -> SmallWorld:
    """Some of the jobs wait behind slots of workers."""
    wanted = dict.fromkeys(faults, at_most)
    return SmallWorld(jobs, workers, wanted, at_most, allowance=True)


OFTEN, SELDOM = ["worker dies", "broker dies", "cancel"], ["lose", "client dies", "slow"]
AT_NIGHT = [pytest.param(fault, marks=pytest.mark.nightly) for fault in SELDOM]


@pytest.mark.parametrize("fault", [*OFTEN, *AT_NIGHT])
def test_whatever_goes_wrong_once_what_waits_behind_a_slot_is_run_once(fault: str) -> None:
    try_all(waiting(2, 1, (fault,), 1))


def test_in_whichever_order_it_is_asked_for_and_begins_a_job_that_waits_is_run_once() -> None:
    """One of three waits behind a slot, until the other slot has nothing to do."""
    try_all(waiting(3, 2))


@pytest.mark.nightly
@pytest.mark.parametrize("fault", ["lose", "worker dies", "cancel", "slow"])
def test_whatever_goes_wrong_while_it_is_asked_for(fault: str) -> None:
    try_all(waiting(3, 2, (fault,), 1), 14)


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("jobs", "workers", "at_most", "depth"),
    [
        pytest.param(2, 1, 1, TO_ITS_END, id="two jobs wait for one slot"),
        pytest.param(1, 2, 1, TO_ITS_END, id="two workers for one job"),
        pytest.param(2, 2, 1, 12, id="two jobs, two workers"),
        pytest.param(1, 1, 2, 14, id="two faults"),
        pytest.param(1, 1, 3, 9, id="three faults"),
    ],
)
def test_small_worlds_to_a_deeper_bound(
    jobs: int, workers: int, at_most: int, depth: int, progress: Callable[[str], None]
) -> None:
    try_all(small(jobs, workers, at_most=at_most), depth, progress)


STORIES: list[Any] = [
    pytest.param(
        1,
        [*HANDED_IN, ("lose", "w0"), ("comes", "w0"), ("arrives", "w0"), ("is told", "w0")],
        id="a container is lost with its link, and comes again before its job does",
    ),
    pytest.param(
        1,
        [
            *runs("w0"), ("ends", "w0", "0"),
            ("arrives", "w0"), ("is told", "client"), ("lose", "client"),
        ],
        id="an answer is lost, and the result comes again",
    ),
    pytest.param(
        2,
        [
            *runs("w1"), ("broker dies",),
            ("comes", "w0"), ("arrives", "w0"), ("is told", "w0"), ("comes", "client"),
            ("arrives", "client"), ("is told", "client"), ("arrives", "client"),
            ("arrives", "client"),
        ],
        id="a worker without a job comes to the next broker first",
    ),
    pytest.param(
        1,
        [
            ("worker dies", "w0"), ("comes", "w0"), ("lose", "w0"), ("comes", "w0"),
            ("arrives", "w0"), ("is told", "w0"), ("arrives late", "1"), ("is told", "w0"),
        ],
        id="a connection is heard of after the one that has replaced it",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("workers", "story"), STORIES)
def test_a_story_that_is_easily_got_wrong(workers: int, story: list[Choice]) -> None:
    live(small(1, workers, at_most=2), story)


def forgets(attempts: Attempts, job: Any, worker: Any, *, waited: bool) -> None:
    del worker, waited
    attempts._book.dispatch.free(job)
    job.worker = None


def says_it_once(state: JobsState) -> Iterator[Any]:
    del state
    yield from ()


@pytest.mark.parametrize(
    ("machine", "part", "worse", "fault"),
    [
        pytest.param(Attempts, "died", forgets, "a job in two places", id="forgets a job"),
        pytest.param(JobsState, "_tell_again", says_it_once, "jobs that never end", id="says once"),
    ],
)
def test_a_walk_finds_a_machine_that_is_wrong(
    monkeypatch: pytest.MonkeyPatch, machine: type, part: str, worse: Any, fault: str
) -> None:
    world = small(1, 1, ("lose",))
    for choice in runs("w0"):
        world.do(choice)
    before = world.copied()
    with monkeypatch.context() as patch:
        patch.setattr(machine, part, worse)
        with pytest.raises(Lost, match=fault) as found:
            walk(world, TO_ITS_END)
        with pytest.raises(Lost, match=fault):
            live(SmallWorld.of(before), found.value.story)
    live(SmallWorld.of(before), found.value.story)
