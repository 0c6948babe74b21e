"""People at the terminals of jobs on workers: real clients and workers in trio's time, a broker's
machine, links that are late, lose and repeat. What is typed comes once and in order, and so does what is
shown.

A seed that fails is told: ``pytest tests/simulation --seed N`` runs it alone. Found ones stay as tests
with a name.
"""

from collections.abc import Callable

import pytest
from simulated.terminals.yard import Yard

SEEDS = 6
NIGHTLY_SEEDS, PART = 1_000, 100
"""Of each kind."""


def live_through(seeds: range, *, wild: bool) -> None:
    for seed in seeds:
        try:
            Yard(seed, wild=wild).check()
        except AssertionError as fault:
            kind = "wild" if wild else "mild"
            raise AssertionError(f"--seed={seed} ({kind}): {fault}") from fault


@pytest.mark.parametrize("wild", [False, True], ids=["mild", "wild"])
def test_what_is_typed_and_shown_comes_once_and_in_order(
    request: pytest.FixtureRequest, wild: bool
) -> None:
    """Mild: brokers die, for long too, connections break for a moment; then no session is lost. Wild:
    anything; then what came is the beginning of what was said, to one run of the job.
    """
    one = request.config.getoption("--seed", None)
    live_through(range(SEEDS) if one is None else range(one, one + 1), wild=wild)


FOUND = [
    pytest.param(10, False, id="a worker finds the next broker late, and has the session still"),
]


@pytest.mark.parametrize(("seed", "wild"), FOUND)
def test_a_story_that_once_ended_badly(seed: int, wild: bool) -> None:
    live_through(range(seed, seed + 1), wild=wild)


@pytest.mark.nightly
@pytest.mark.parametrize("first", range(SEEDS, SEEDS + NIGHTLY_SEEDS, PART))
@pytest.mark.parametrize("wild", [False, True], ids=["mild", "wild"])
def test_two_thousand_sessions(first: int, wild: bool, progress: Callable[[str], None]) -> None:
    for seed in range(first, first + PART):
        live_through(range(seed, seed + 1), wild=wild)
        progress(f"{seed - first + 1} of {PART} stories")


def test_there_is_something_to_look_at() -> None:
    """Messages are lost, jobs are begun anew before anybody has seen them, and sessions end badly."""
    yards = [Yard(seed, wild=True) for seed in range(105, 108)]
    for one in yards:
        one.check()
    assert sum(one.lost for one in yards) > 10
    seats = [seat for one in yards for client in one.clients for seat in client.seats]
    assert sum(one.again for one in yards) > 0
    assert sum(len(seat.shown) for seat in seats) > 100_000
    assert any(seat.result and seat.result.broken_off for seat in seats)


def test_the_same_seed_is_the_same_story() -> None:
    stories = []
    for _ in range(2):
        one = Yard(3, wild=True)
        one.check()
        stories.append((one.steps, one.lost, [(one.name, one.read) for one in one.programs]))
    assert stories[0] == stories[1]
