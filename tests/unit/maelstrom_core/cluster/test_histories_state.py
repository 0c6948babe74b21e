"""What a client asks of cases and tells: with a broker, without one, and when it goes in between."""

from maelstrom_core.cluster.histories_state import Answered, HistoriesState
from maelstrom_core.model.histories import KnownCase
from maelstrom_core.wire.histories import (
    MOST_CASES,
    MOST_OF_PROJECT,
    AskCases,
    KnownCases,
    LearnedCases,
    packed,
)

PROJECT = b"p" * 32
ONE, TWO = KnownCase(b"1" * 16, 100, False), KnownCase(b"2" * 16, 200, True)
(CASES,) = packed([ONE, TWO])


def up() -> HistoriesState:
    state = HistoriesState()
    assert state.link_up(keeps=True) == []
    return state


def test_an_answer_comes_in_parts() -> None:
    state = up()
    assert state.ask(PROJECT, b"") == AskCases(1, PROJECT, b"")
    assert state.ask(PROJECT, b"q" * 32) == AskCases(2, PROJECT, b"q" * 32)
    assert state.came(KnownCases(2, CASES, is_last=False)) is None
    assert state.came(KnownCases(1, b"")) == Answered(1, ())
    assert state.came(KnownCases(2, CASES)) == Answered(2, (ONE, TWO, ONE, TWO))
    assert state.came(KnownCases(2, CASES)) is None, "nobody has asked"


def test_a_broker_that_keeps_nothing_is_not_asked_nor_told() -> None:
    state = HistoriesState()
    state.link_up(keeps=False)
    assert state.ask(PROJECT, b"") is None
    assert state.learned(PROJECT, [ONE]) == []


def test_nobody_waits_for_a_broker_that_is_gone() -> None:
    state = up()
    state.ask(PROJECT, b"")
    state.ask(PROJECT, b"")
    assert state.link_down() == [Answered(1, None), Answered(2, None)]
    assert state.ask(PROJECT, b"") is None
    state.link_up(keeps=True)
    assert state.came(KnownCases(1, CASES)) is None
    assert state.ask(PROJECT, b"") == AskCases(3, PROJECT, b"")
    state.give_up(3)
    assert state.came(KnownCases(3, CASES)) is None


def test_what_is_learned_meanwhile_waits_for_the_next_one() -> None:
    state = up()
    state.link_down()
    assert state.learned(PROJECT, [ONE, TWO]) == []
    assert state.learned(PROJECT, [ONE._replace(milliseconds=50)]) == []
    (message,) = state.link_up(keeps=True)
    assert message == LearnedCases(PROJECT, *packed([ONE._replace(milliseconds=50), TWO]))
    assert state.link_up(keeps=True) == [], "it is told once"


def test_a_broker_that_does_not_end_is_not_listened_to_for_ever() -> None:
    state = up()
    state.ask(PROJECT, b"")
    (many,) = packed([(b"%016d" % number, 1, False) for number in range(MOST_CASES)])
    answers = [state.came(KnownCases(1, many, is_last=False)) for _ in range(20)]
    (answer,) = [one for one in answers if one is not None]
    assert answer.cases is not None and len(answer.cases) == MOST_OF_PROJECT
