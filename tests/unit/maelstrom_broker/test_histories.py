"""What the broker's machine makes of what clients tell of cases, and ask."""

from typing import Any

import pytest
from maelstrom_broker.effects import Learn, Recall
from maelstrom_broker.events import Came, Recalled
from maelstrom_broker.limits import LEARNED_A_BEAT, MOST_ASKING

from maelstrom_core.wire.histories import MOST_CASES, AskCases, KnownCases, LearnedCases, packed
from maelstrom_core.wire.messages import Beat, Code, Welcome

PROJECT = b"p" * 32
(CASES,) = packed([(b"c" * 16, 1500, False)])
(MANY,) = packed([(b"%016d" % number, 1, False) for number in range(MOST_CASES)])


@pytest.fixture
def talk(talk_with: Any) -> Any:
    return talk_with(keeps_history=True)


def wanted(talk: Any, hand: Any, message: Any) -> list[Any]:
    """What is to be done about a message that has to do with the disk."""
    event = Came(hand.peer, hand.role, f"{hand.role}-key", message)
    effects = talk.machine.step(event, now=talk.now)
    talk.perform(effects)
    return [effect for effect in effects if isinstance(effect, Learn | Recall)]


def test_whoever_is_welcomed_hears_whether_histories_are_kept(talk: Any, talk_with: Any) -> None:
    assert [welcome.keeps_history for welcome in talk.client().of(Welcome)] == [True]
    assert [welcome.keeps_history for welcome in talk_with().client().of(Welcome)] == [False]


def test_a_question_is_looked_up_and_answered_in_parts(talk: Any) -> None:
    client = talk.client()
    (recall,) = wanted(talk, client, AskCases(7, PROJECT, b"q" * 32))
    assert recall == Recall(client.session, "client-key", 7, PROJECT, b"q" * 32)
    assert not client.of(KnownCases)
    talk.step(Recalled(client.session, 7, (MANY, CASES)))
    assert client.of(KnownCases) == [
        KnownCases(7, MANY, is_last=False),
        KnownCases(7, CASES, is_last=True),
    ]


def test_what_nobody_knows_is_answered_too(talk: Any, talk_with: Any) -> None:
    client = talk.client()
    wanted(talk, client, AskCases(7, PROJECT))
    talk.step(Recalled(client.session, 7, ()))
    assert client.of(KnownCases) == [KnownCases(7, b"")]
    without = talk_with()
    other = without.client()
    assert wanted(without, other, AskCases(1, PROJECT)) == []
    assert other.of(KnownCases) == [KnownCases(1, b"")]
    assert wanted(without, other, LearnedCases(PROJECT, CASES)) == []


def test_an_answer_comes_once_and_to_whoever_has_asked(talk: Any) -> None:
    client, other = talk.client(), talk.client("c2")
    assert len(wanted(talk, client, AskCases(7, PROJECT))) == 1
    assert wanted(talk, client, AskCases(7, PROJECT)) == [], "said twice"
    for session in (client.session, client.session, other.session, b"nobody".ljust(16)):
        talk.step(Recalled(session, 7, (CASES,)))
    assert len(client.of(KnownCases)) == 1
    assert not other.of(KnownCases)


def test_an_answer_to_a_client_that_is_away_is_lost(talk: Any) -> None:
    client = talk.client()
    wanted(talk, client, AskCases(7, PROJECT))
    talk.cut(client)
    talk.step(Recalled(client.session, 7, (CASES,)))
    again = client.again("peer-again")
    assert not again.of(KnownCases)
    assert len(wanted(talk, again, AskCases(7, PROJECT))) == 1


def test_whoever_asks_and_asks_is_dropped(talk: Any) -> None:
    client = talk.client()
    for number in range(MOST_ASKING):
        assert wanted(talk, client, AskCases(number, PROJECT))
    assert wanted(talk, client, AskCases(99, PROJECT)) == []
    assert talk.byes(client) == [Code.PROTOCOL]


def test_what_is_told_is_kept_under_the_key_of_whoever_tells(talk: Any) -> None:
    client = talk.client()
    assert wanted(talk, client, LearnedCases(PROJECT, CASES)) == [
        Learn("client-key", PROJECT, CASES)
    ]
    assert wanted(talk, client, LearnedCases(PROJECT, b"")) == []


def test_a_flood_of_cases_is_dropped_and_the_client_stays(talk: Any) -> None:
    client = talk.client()
    most = LEARNED_A_BEAT // MOST_CASES
    kept = [wanted(talk, client, LearnedCases(PROJECT, MANY)) for _ in range(most + 3)]
    assert sum(map(len, kept)) == most
    wanted(talk, client, Beat(1))
    assert wanted(talk, client, LearnedCases(PROJECT, MANY))
    assert talk.byes(client) == []


@pytest.mark.parametrize("role", ["worker", "admin"])
def test_only_clients_tell_and_ask(talk: Any, role: str) -> None:
    for number, message in enumerate((AskCases(1, PROJECT), LearnedCases(PROJECT, CASES))):
        hand = talk.stranger(role, f"{role}{number}")
        hand.hello()
        assert wanted(talk, hand, message) == []
        assert talk.byes(hand) == [Code.ROLE]
