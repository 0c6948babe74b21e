"""What is said of a connection that does not come about: once, and no sooner than it is known."""

import pytest

from maelstrom_core.errors import PeerError
from maelstrom_core.transport.join_plan import Join
from maelstrom_core.transport.link_plan import explain
from maelstrom_core.transport.link_state import (
    HANDSHAKE_SECONDS,
    REACH_SECONDS,
    Down,
    Fails,
    Failure,
    Happened,
    LinkState,
    Renew,
    Up,
)
from maelstrom_core.transport.principal import Principal


@pytest.fixture
def link() -> LinkState:
    return LinkState(100.0)


def test_a_connection_comes_and_goes_and_comes(link: LinkState) -> None:
    assert link.step(Happened.REACHED, 100.1) == []
    assert not link.is_up
    assert link.step(Happened.GREETED, 100.2) == [Up()]
    assert link.is_up
    assert link.deadline is None
    assert link.step(Happened.LOST, 200.0) == [Down()]
    assert not link.is_up
    assert link.deadline == 200.0 + REACH_SECONDS
    link.step(Happened.REACHED, 201.0)
    assert link.step(Happened.GREETED, 201.0) == [Up()]


def test_nobody_there_is_told_once_when_it_is_time(link: LinkState) -> None:
    deadline = link.deadline
    assert deadline == 100.0 + REACH_SECONDS
    assert link.step(Happened.TICK, deadline - 0.1) == []
    assert link.step(Happened.TICK, deadline) == [Fails(Failure.UNREACHABLE)]
    assert link.deadline is None
    assert link.step(Happened.TICK, deadline + 100) == []


def test_whoever_is_reached_in_time_is_not_unreachable(link: LinkState) -> None:
    link.step(Happened.REACHED, 100.0 + REACH_SECONDS)
    assert link.deadline is None
    assert link.step(Happened.TICK, 100.0 + 2 * REACH_SECONDS) == []


def test_one_handshake_broken_off_may_be_a_broker_that_ends_and_two_are_a_wrong_key(
    link: LinkState,
) -> None:
    for effects in ([], [Fails(Failure.WRONG_BROKER_KEY)], [], []):
        link.step(Happened.REACHED, 100.1)
        assert link.step(Happened.BROKEN_OFF, 100.2) == effects
        assert link.step(Happened.LOST, 100.2) == []


def test_a_handshake_that_takes_too_long_is_somebody_silent(link: LinkState) -> None:
    link.step(Happened.REACHED, 100.0)
    ended = 100.0 + HANDSHAKE_SECONDS
    assert link.step(Happened.BROKEN_OFF, ended) == [Fails(Failure.SILENT)]


@pytest.mark.parametrize(
    ("happened", "failure"),
    [
        (Happened.REFUSED, Failure.UNKNOWN_KEY),
        (Happened.NO_KEYS, Failure.NO_KEYS),
        (Happened.NOT_UNDERSTOOD, Failure.NO_BROKER),
    ],
)
def test_what_libzmq_gives_up_is_tried_again_with_a_new_socket_ever_more_rarely(
    link: LinkState, happened: Happened, failure: Failure
) -> None:
    link.step(Happened.REACHED, 100.0)
    assert link.step(happened, 100.0) == [Fails(failure), Renew(101.0)]
    assert link.step(Happened.LOST, 100.0) == []
    pauses = []
    for _ in range(6):
        link.step(Happened.REACHED, 200.0)
        (again,) = link.step(happened, 200.0)
        assert isinstance(again, Renew)
        pauses.append(again.at - 200.0)
    assert pauses == [2, 4, 8, 16, 30, 30]


def test_a_success_forgets_what_failed_before(link: LinkState) -> None:
    link.step(Happened.REACHED, 100.0)
    link.step(Happened.REFUSED, 100.0)
    link.step(Happened.REACHED, 101.0)
    assert link.step(Happened.GREETED, 101.0) == [Up()]
    link.step(Happened.LOST, 102.0)
    link.step(Happened.REACHED, 103.0)
    assert link.step(Happened.REFUSED, 103.0) == [Fails(Failure.UNKNOWN_KEY), Renew(104.0)]


def test_who_hangs_up_in_the_handshake_without_a_word_did_not_understand(link: LinkState) -> None:
    link.step(Happened.REACHED, 100.0)
    assert link.step(Happened.LOST, 100.1) == [Fails(Failure.NO_BROKER), Renew(101.1)]


def test_a_new_socket_of_our_own_will_is_no_failure(link: LinkState) -> None:
    link.step(Happened.REACHED, 100.0)
    assert link.step(Happened.RENEWED, 100.1) == []
    link.step(Happened.REACHED, 100.2)
    link.step(Happened.GREETED, 100.3)
    assert link.step(Happened.RENEWED, 100.4) == [Down()]


@pytest.mark.parametrize("failure", Failure)
def test_each_failure_says_where_and_what_to_do_and_no_secret(failure: Failure) -> None:
    join = Join(Principal("worker", "rack7"), "there:7811", "broker's key", "my secret")
    error = explain(failure, join, "my public key", "the reason")
    assert isinstance(error, PeerError)
    assert "there:7811" in error.message
    assert error.remedy
    assert "my secret" not in str(error)
