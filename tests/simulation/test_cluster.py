"""A cluster lives through anything: each seed is another story, and always the same one.

A seed that fails is told: ``pytest tests/simulation --seed N`` runs it alone. Found ones stay as tests
with a name. What so few can do that all of it can be tried is walked in ``test_small_worlds.py``.
"""

from collections.abc import Callable
from typing import Any

import pytest

SEEDS = 150
IN_ORDER = 50
"""As many of them once more, with jobs that write."""
DISKS = 50
"""And as many with disks that are full and slow."""
NIGHTLY_SEEDS, PART = 5_000, 500
"""Of each kind; in parts, for a run that fails is to tell soon, and one that goes on how far it is."""


def seeds_of(request: pytest.FixtureRequest) -> range:
    one = request.config.getoption("--seed", None)
    return range(SEEDS) if one is None else range(one, one + 1)


def live_through(
    seeds: range,
    world: Any,
    *,
    wild: bool,
    in_order: bool = False,
    disks: str = "",
    allowance: bool | None = None,
    room: bool | None = None,
) -> None:
    """Each seed chooses whether jobs wait behind slots of workers, or whether some of the broker's disk
    must stay free, unless that is said.
    """
    for seed in seeds:
        ahead = allowance if allowance is not None else not disks and seed % 8 == 7
        floor = room if room is not None else disks == "full" and seed % 3 == 2
        more = {"allowance": ahead, "room": floor}
        try:
            world(seed, wild=wild, in_order=in_order, disks=disks, **more).check()
        except AssertionError as fault:
            kind = ("wild" if wild else "mild") + (", in order" if in_order else "")
            kind += f", disks {disks}" if disks else ""
            kind += (", ahead" if ahead else "") + (", room" if floor else "")
            raise AssertionError(f"--seed={seed} ({kind}): {fault}") from fault


@pytest.mark.parametrize("wild", [False, True], ids=["mild", "wild"])
def test_every_job_ends_once_and_nothing_is_left(
    request: pytest.FixtureRequest, world: Any, wild: bool
) -> None:
    """Mild: brokers die, connections break for a moment; then no job is run twice. Wild: anything."""
    live_through(seeds_of(request), world, wild=wild)


@pytest.mark.parametrize("wild", [False, True], ids=["mild", "wild"])
def test_nothing_that_a_job_writes_in_order_is_lost_or_comes_twice(
    request: pytest.FixtureRequest, world: Any, wild: bool
) -> None:
    live_through(seeds_of(request)[:IN_ORDER], world, wild=wild, in_order=True)


@pytest.mark.parametrize("wild", [False, True], ids=["mild", "wild"])
def test_full_disks_cost_what_there_is_no_room_for_and_they_are_named(
    request: pytest.FixtureRequest, world: Any, wild: bool
) -> None:
    """That of the broker, for blobs and histories, and those of workers; others fill and free them."""
    live_through(seeds_of(request)[:DISKS], world, wild=wild, disks="full")


def test_slow_disks_cost_time_and_nothing_else(request: pytest.FixtureRequest, world: Any) -> None:
    live_through(seeds_of(request)[:DISKS], world, wild=False, disks="slow")


def test_disks_are_full_and_it_is_told(world: Any) -> None:
    """Lest the checks of what is told have nothing to look at."""
    told = []
    for seed in range(12):
        one = world(seed, wild=False, disks="full")
        one.check()
        told += [outcome for client in one.clients for outcome in client.results.values()]
    assert any("the broker's disk is full" in outcome for outcome in told)
    assert any("the disk of w" in outcome for outcome in told)
    assert sum("failed" in outcome for outcome in told) < len(told) / 4


@pytest.mark.nightly
@pytest.mark.parametrize("first", range(SEEDS, SEEDS + NIGHTLY_SEEDS, PART))
@pytest.mark.parametrize("wild", [False, True], ids=["mild", "wild"])
def test_ten_thousand_stories(
    first: int, world: Any, wild: bool, progress: Callable[[str], None]
) -> None:
    for start in range(first, first + PART, PART // 10):
        live_through(range(start, start + PART // 10), world, wild=wild)
        progress(f"{start - first + PART // 10} of {PART} stories")
    live_through(range(first, first + PART // 5), world, wild=wild, in_order=True)
    live_through(range(first, first + PART // 5), world, wild=wild, disks="full")


FOUND = [
    pytest.param(2039, id="a worker that was given up for lost comes again with a job that runs"),
]


@pytest.mark.parametrize("seed", FOUND)
def test_a_story_that_once_ended_badly(seed: int, world: Any) -> None:
    live_through(range(seed, seed + 1), world, wild=True, allowance=False)


FOUND_AHEAD = [
    pytest.param(13, False, id="a worker that stops is given a job, and nobody else can run it"),
    pytest.param(0, False, id="jobs of two containers wait behind the slots of one worker"),
    pytest.param(5, True, id="what waits at a drained worker is not what its broker believes"),
]


@pytest.mark.parametrize(("seed", "wild"), FOUND_AHEAD)
def test_a_story_of_jobs_that_wait_at_workers_that_once_ended_badly(
    seed: int, wild: bool, world: Any
) -> None:
    live_through(range(seed, seed + 1), world, wild=wild, allowance=True)


def test_jobs_wait_at_workers_and_are_given_back(world: Any) -> None:
    """Lest the checks of them have nothing to look at."""
    worlds = [world(seed, wild=False, allowance=True) for seed in range(3)]
    for one in worlds:
        one.check()
    assert all(one.most_behind > 4 for one in worlds)
    assert sum(one.given_back for one in worlds) > 20


FOUND_ON_DISKS = [
    pytest.param(4, True, id="a worker is kept free for a job that passes it over"),
    pytest.param(16, False, id="three workers have no room, and a fourth has"),
    pytest.param(715, True, id="what a broker has said is heard when there is another, and goes"),
    pytest.param(4236, True, id="what a broker has said is heard when it has gone from another"),
    pytest.param(4731, True, id="a job waits again, and is held where it was told to end"),
]


@pytest.mark.parametrize(("seed", "wild"), FOUND_ON_DISKS)
def test_a_story_of_disks_that_once_ended_badly(seed: int, world: Any, wild: bool) -> None:
    live_through(range(seed, seed + 1), world, wild=wild, disks="full", room=False)


@pytest.mark.parametrize(("seed", "wild"), [(14, False), (1, True)])
def test_small_blobs_take_less_of_the_disk_than_was_reckoned(
    seed: int, wild: bool, world: Any
) -> None:
    """Once too little was let go of for what came, and it was refused, though there was more."""
    live_through(range(seed, seed + 1), world, wild=wild, disks="full", room=True)


def test_what_must_stay_free_costs_what_nobody_uses_and_then_what_comes(world: Any) -> None:
    """Lest the checks of it have nothing to look at."""
    worlds = [world(seed, wild=False, disks="full", room=True) for seed in range(6)]
    for one in worlds:
        one.check()
    assert sum(one.blobs.refused for one in worlds) > 5
    assert sum(one.blobs.let_go for one in worlds) > 5


def test_the_same_seed_is_the_same_story(world: Any) -> None:
    stories = []
    for disks in ("", "", "full", "full"):
        one = world(7, wild=True, disks=disks)
        one.run(15.0)
        stories.append((one.steps, one.now, sorted(one.runs.items())))
    assert stories[0] == stories[1] and stories[2] == stories[3]
