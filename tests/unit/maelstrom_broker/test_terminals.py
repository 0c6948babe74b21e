"""Terminals of jobs: passed on, to whom they belong, and never begun anew."""

from typing import Any

import pytest
from maelstrom_broker.limits import (
    AWAY_SECONDS,
    CLIENT_SECONDS,
    GRACE_SECONDS,
    TYPED_A_SECOND,
    TYPED_BYTES_A_SECOND,
)

from maelstrom_core.wire.messages import Bye, Cancel, Code
from maelstrom_core.wire.rows import Ending
from maelstrom_core.wire.terminals import (
    MOST_PIECE_BYTES,
    HadTerminal,
    Shows,
    ShowTerminal,
    Types,
    TypeTerminal,
)

RUN = b"a run"


def shown(client: Any, tag: int = 1, number: int = 0) -> ShowTerminal:
    return ShowTerminal(client.session, tag, RUN, number, Shows.BEGINS, b"w1")


def typed(client: Any, tag: int = 1, data: bytes = b"a key") -> TypeTerminal:
    return TypeTerminal(client.session, tag, RUN, 0, Types.DATA, data)


def at_a_terminal(talk: Any) -> tuple[Any, Any]:
    """A worker, and the client of a job there that has a terminal."""
    worker, client = talk.worker(), talk.client()
    client.submit(1)
    worker.say(shown(client))
    return worker, client


def test_what_is_shown_and_typed_is_passed_on(talk: Any) -> None:
    worker, client = at_a_terminal(talk)
    assert client.of(ShowTerminal) == [shown(client)]
    for message in (typed(client), HadTerminal(client.session, 1, RUN, 1)):
        client.say(message)
        assert worker.got[-1] == message
    had = HadTerminal(client.session, 1, RUN, 7)
    worker.say(had)
    assert client.got[-1] == had


def test_nobody_else_types_or_shows(talk: Any) -> None:
    worker, client = at_a_terminal(talk)
    mole, eve, mallory = talk.worker("w2"), talk.client("eve"), talk.client("mallory")
    mole.say(shown(client, number=1))
    mole.say(HadTerminal(client.session, 1, RUN, 9))
    assert client.of(ShowTerminal) == [shown(client)]
    assert client.of(HadTerminal) == []
    eve.say(typed(client))
    mallory.say(HadTerminal(client.session, 1, RUN, 9))
    for other in (eve, mallory):
        assert other.of(Bye)[-1].code == Code.PROTOCOL
    assert worker.of(TypeTerminal) == worker.of(HadTerminal) == []


@pytest.mark.parametrize("others", [0, 1])
def test_a_job_whose_worker_is_lost_is_not_begun_anew(talk: Any, others: int) -> None:
    worker, client = at_a_terminal(talk)
    other = [talk.worker(f"other {number}") for number in range(others)]
    talk.cut(worker)
    assert client.results() == {}, "it may come again"
    talk.wait(AWAY_SECONDS + 0.5)
    row = client.results()[1]
    assert row.ending == Ending.LOST
    assert b"its terminal was lost with it" in row.body
    assert all(one.runs() == [] for one in other)
    client.take(1)
    assert talk.machine.jobs == 0


def test_a_worker_that_leaves_takes_its_terminals_along(talk: Any) -> None:
    worker, client = at_a_terminal(talk)
    other = talk.worker("other")
    worker.say(Bye(0, "it stops"))
    assert client.results()[1].ending == Ending.LOST
    assert other.runs() == []


def test_a_worker_that_comes_again_has_them_still(talk: Any) -> None:
    worker, client = at_a_terminal(talk)
    talk.cut(worker)
    worker = worker.again("again", slots=2, held=worker.holds(client, (1, 1)))
    client.say(typed(client))
    assert worker.of(TypeTerminal) == [typed(client)]
    worker.done(client, 1)
    assert client.results()[1].ending == Ending.RAN


def test_a_job_that_nobody_has_seen_is_begun_anew(talk: Any) -> None:
    """It may have a terminal, and has not asked for it."""
    worker, client = talk.worker(), talk.client()
    client.submit(1)
    other = talk.worker("other")
    talk.cut(worker)
    talk.wait(AWAY_SECONDS + 0.5)
    assert other.runs() == [(1, 2)]


def test_a_job_that_is_not_wanted_ends_as_such(talk: Any) -> None:
    worker, client = at_a_terminal(talk)
    client.cancel(1)
    assert worker.of(Cancel) == [Cancel(client.session, (1,))]
    worker.say(shown(client, number=1))
    assert client.of(ShowTerminal) == [shown(client)]
    talk.cut(worker)
    talk.wait(AWAY_SECONDS + 0.5)
    assert client.results()[1].ending == Ending.CANCELLED


# What stays after its job


def test_what_has_stayed_is_passed_on_by_the_name_of_its_run(talk: Any) -> None:
    """To its worker alone, and from it; a broker that was started anew does the same."""
    worker, mole, client, eve = talk.worker(), talk.worker("w2"), talk.client(), talk.client("eve")
    for one in (worker, mole):
        one.say(
            HadTerminal(client.session, 99, RUN, 0)
        )  # by this it is known that it has terminals
    run = worker.session + b"run 1"

    def shows(number: int) -> ShowTerminal:
        return ShowTerminal(client.session, 1, run, number, Shows.DATA, b"a prompt")

    types = TypeTerminal(client.session, 1, run, 0, Types.DATA, b"ls")
    client.say(types)
    assert worker.of(TypeTerminal) == [types]
    worker.say(shows(1))
    worker.say(HadTerminal(client.session, 1, run, 1))
    assert client.got[-2:] == [shows(1), HadTerminal(client.session, 1, run, 1)]
    mole.say(shows(2))
    worker.say(shows(0))
    assert client.of(ShowTerminal) == [shows(1)], "another's, or the beginning of a job"
    assert mole.of(TypeTerminal) == []
    eve.say(types)
    assert eve.of(Bye)[-1].code == Code.PROTOCOL
    talk.cut(worker)
    client.say(types)
    assert worker.of(TypeTerminal) == [types]


# After another broker


def handed_in_again(talk: Any) -> Any:
    client = talk.client("c1", boot=b"another".ljust(16))
    client.submit(1)
    client.say(HadTerminal(client.session, 1, RUN, 3))
    return client


def test_its_worker_comes_to_the_next_broker(talk: Any) -> None:
    client = handed_in_again(talk)
    worker = talk.stranger("worker", "w1")
    worker.hello(boot=b"another".ljust(16), held=worker.holds(client, (1, 1)))
    worker.say(HadTerminal(client.session, 1, RUN, 2))
    talk.wait(GRACE_SECONDS + AWAY_SECONDS + 1)
    assert client.results() == {}
    client.say(typed(client))
    assert worker.of(TypeTerminal) == [typed(client)]


@pytest.mark.parametrize("others", [0, 1])
def test_its_worker_comes_to_the_next_broker_late(talk: Any, others: int) -> None:
    """Meanwhile other workers have slots free, and none is given the job."""
    client = handed_in_again(talk)
    other = [talk.worker(f"other {number}") for number in range(others)]
    talk.wait(CLIENT_SECONDS - 1)
    worker = talk.stranger("worker", "w1")
    worker.hello(boot=b"another".ljust(16), held=worker.holds(client, (1, 1)))
    worker.say(HadTerminal(client.session, 1, RUN, 2))
    talk.wait(2.0)
    client.say(typed(client))
    assert worker.of(TypeTerminal) == [typed(client)]
    worker.done(client, 1)
    assert client.results()[1].ending == Ending.RAN
    assert all(one.runs() == [] for one in other)


@pytest.mark.parametrize("others", [0, 1])
def test_its_worker_does_not_come_to_the_next_broker(talk: Any, others: int) -> None:
    client = handed_in_again(talk)
    other = [talk.worker(f"other {number}") for number in range(others)]
    talk.wait(CLIENT_SECONDS - 1)
    assert client.results() == {}
    talk.wait(2.0)
    assert client.results()[1].ending == Ending.LOST
    assert all(one.runs() == [] for one in other)


def test_it_is_cancelled_before_its_worker_comes(talk: Any) -> None:
    client = handed_in_again(talk)
    client.cancel(1)
    assert client.results()[1].ending == Ending.CANCELLED
    worker = talk.stranger("worker", "w1")
    worker.hello(boot=b"another".ljust(16), held=worker.holds(client, (1, 1)))
    assert worker.of(Cancel) == [Cancel(client.session, (1,))]


def test_its_client_goes_before_its_worker_could_come(talk: Any) -> None:
    client = handed_in_again(talk)
    client.say(Bye(0, "done"))
    assert talk.machine.jobs == 0
    talk.wait(CLIENT_SECONDS + 1)
    worker = talk.stranger("worker", "w1")
    worker.hello(boot=b"another".ljust(16), held=worker.holds(client, (1, 1)))
    talk.wait(GRACE_SECONDS + AWAY_SECONDS + 1)
    assert client.of(ShowTerminal) == []


# How much


def test_whoever_types_very_much_has_to_wait(talk: Any) -> None:
    """What is dropped comes again; in another second there is room for it."""
    worker, client = at_a_terminal(talk)
    for _ in range(2 * TYPED_A_SECOND):
        client.say(typed(client))
    assert len(worker.of(TypeTerminal)) == TYPED_A_SECOND
    talk.wait(1.5)
    before = len(worker.of(TypeTerminal))
    large = typed(client, data=bytes(MOST_PIECE_BYTES))
    for _ in range(2 * TYPED_BYTES_A_SECOND // MOST_PIECE_BYTES):
        client.say(large)
    assert len(worker.of(TypeTerminal)) - before == TYPED_BYTES_A_SECOND // MOST_PIECE_BYTES


def test_a_worker_that_has_no_terminals_is_told_of_none(talk: Any) -> None:
    """One of an older version would not understand."""
    worker, client = talk.worker(), talk.client()
    client.submit(1)
    client.say(typed(client))
    client.say(HadTerminal(client.session, 1, RUN, 0))
    assert worker.of(TypeTerminal) == worker.of(HadTerminal) == []
