"""When a broker that has ended is started again."""

import signal

import pytest
from maelstrom_broker.restarts_plan import Again, Ended, restart


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGABRT, signal.SIGSEGV])
def test_killed_it_is_started_again_at_once(number: int) -> None:
    assert restart(Ended(number, 0, 100, was_ready=True), 0) == Again(0, 0)


def test_a_fault_of_ours_is_as_good_as_a_signal() -> None:
    assert restart(Ended(0, 70, 100, was_ready=True), 0) == Again(0, 0)


@pytest.mark.parametrize("code", [0, 4, 71])
def test_what_ends_before_it_could_be_reached_is_left_alone(code: int) -> None:
    assert restart(Ended(0, code, 0.1, was_ready=False), 0) is None


def test_told_to_stop_it_stays_stopped() -> None:
    assert restart(Ended(0, 0, 100, was_ready=True), 0) is None


def test_a_port_that_another_has_taken_meanwhile_is_waited_for() -> None:
    assert restart(Ended(0, 71, 0.1, was_ready=True), 3) == Again(0.4, 4)


def test_quick_deaths_are_followed_by_longer_and_longer_pauses() -> None:
    pauses, deaths = [], 0
    for _ in range(9):
        again = restart(Ended(signal.SIGABRT, 0, 0.5, was_ready=True), deaths)
        assert again is not None
        pauses.append(again.after_seconds)
        deaths = again.quick_deaths
    assert pauses == [0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    assert restart(Ended(signal.SIGABRT, 0, 2, was_ready=True), deaths) == Again(0, 0)
