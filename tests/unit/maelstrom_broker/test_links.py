"""Who may come, who is told to go, who is silent."""

from typing import Any

import pytest
from maelstrom_broker.events import Came, CameBad, PeerFull, StopWanted
from maelstrom_broker.limits import MOST_QUEUES

from maelstrom_core.wire.administration import Answer, AskStatus, Stop
from maelstrom_core.wire.messages import (
    Beat,
    Bye,
    Cancel,
    Code,
    ContainerBytes,
    Done,
    Hello,
    Submit,
    Taken,
    Welcome,
)


def test_whoever_says_hello_is_welcomed(talk_with: Any) -> None:
    talk = talk_with(bulk_port=4444, window=77)
    (welcome,) = talk.stranger("client", "c1").hello()
    assert welcome == Welcome(1, b"B" * 16, 1000, 77, 4444, passes_terminals=True)
    assert welcome.away_ms == 30_000


def test_a_client_is_told_how_long_it_may_be_gone_and_may(talk_with: Any) -> None:
    talk = talk_with(client_away=7.5)
    worker, client = talk.worker("w1", slots=1), talk.client()
    assert [welcome.away_ms for welcome in client.of(Welcome)] == [7_500]
    client.submit(1)
    talk.cut(client)
    talk.wait(7)
    assert worker.of(Cancel) == []
    talk.wait(1)
    assert worker.of(Cancel) == [Cancel(client.session, (1,))]


@pytest.mark.parametrize(("oldest", "newest"), [(2, 9), (0, 0), (1, 0)])
def test_who_speaks_no_version_of_ours_is_told_both(talk: Any, oldest: int, newest: int) -> None:
    (bye,) = talk.stranger("client", "c1").hello(oldest=oldest, newest=newest)
    assert bye.code == Code.VERSION
    assert "1 to 1" in bye.text and f"{oldest} to {newest}" in bye.text


def test_a_newer_peer_that_speaks_ours_too_is_welcomed(talk: Any) -> None:
    (welcome,) = talk.stranger("client", "c1").hello(newest=7)
    assert welcome.version == 1


def test_a_key_allows_what_its_role_does(talk: Any) -> None:
    assert talk.stranger("client", "c1").hello(slots=3)[0].code == Code.ROLE
    assert talk.stranger("worker", "w1").hello(slots=0)[0].code == Code.ROLE
    assert talk.stranger("admin", "a1").hello(slots=1)[0].code == Code.ROLE
    assert talk.stranger("nobody", "n1").hello()[0].code == Code.ROLE


@pytest.mark.parametrize(
    ("role", "message"),
    [
        ("worker", Submit(bytes(32), ())),
        ("worker", AskStatus()),
        ("client", Done(bytes(16), ())),
        ("client", Stop()),
        ("admin", Submit(bytes(32), ())),
        ("admin", Welcome(1, bytes(16), 1, 1, 0)),
    ],
)
def test_what_a_role_does_not_say_ends_the_link(talk: Any, role: str, message: Any) -> None:
    hand = talk.stranger(role, "x1")
    hand.hello()
    (bye,) = hand.say(message)
    assert bye.code == Code.ROLE
    assert hand.peer in talk.forgotten


def test_what_comes_before_hello_is_neither_answered_nor_held_against_anybody(talk: Any) -> None:
    hand = talk.stranger("client", "c1")
    assert hand.say(Beat(1)) == hand.say(Bye(0, "")) == []
    assert type(hand.hello()[0]) is Welcome


def test_a_session_that_comes_again_replaces_its_connection(talk: Any) -> None:
    worker, client = talk.worker(), talk.client()
    client.submit(1)
    back = client.again("peer-new")
    assert talk.byes(client) == [Code.REPLACED]
    worker.done(client, 1)
    assert list(back.results()) == [1]


def test_a_session_is_not_taken_over_by_another_key(talk: Any) -> None:
    talk.client()
    thief = talk.stranger("client", "c1")
    thief.peer = b"thief"
    talk.hands[b"thief"] = thief
    talk.step(Came(b"thief", "client", "another-key", Hello(1, 1, "t", thief.session, "t")))
    assert talk.byes(thief) == [Code.ROLE]


def test_hello_said_twice_changes_nothing(talk: Any) -> None:
    worker, client = talk.worker(), talk.client()
    client.submit(1)
    (again,) = worker.hello()
    assert type(again) is Welcome
    assert worker.runs() == [(1, 1)]


def test_another_session_on_the_same_connection_is_refused(talk: Any) -> None:
    client = talk.client()
    client.session = b"x" * 16
    (bye,) = client.hello()
    assert bye.code == Code.PROTOCOL


def test_beats_are_answered(talk: Any) -> None:
    assert talk.worker().say(Beat(41, 2)) == [Beat(41)]


def test_who_is_silent_for_five_beats_is_dead_and_who_speaks_is_not(talk: Any) -> None:
    quiet, other = talk.worker("w1"), talk.worker("w2")
    talk.wait(4.9, quiet)
    assert talk.byes(quiet) == []
    talk.wait(1.5, quiet)
    assert talk.byes(quiet) == [Code.SLOW]
    assert talk.byes(other) == []


def test_nobody_is_dead_because_the_broker_was_stopped_itself(talk: Any) -> None:
    worker = talk.worker()
    talk.wait(2)
    talk.now += 60
    talk.wait(3)
    assert talk.byes(worker) == []


def test_what_is_no_message_ends_the_link(talk: Any) -> None:
    client = talk.client()
    talk.step(CameBad(client.peer, Code.PROTOCOL, "not a list"))
    assert talk.byes(client) == [Code.PROTOCOL]
    talk.step(CameBad(client.peer, Code.PROTOCOL, "not a list"))
    assert len(talk.byes(client)) == 1


def test_who_does_not_take_what_it_is_sent_may_come_again(talk: Any) -> None:
    worker, client = talk.worker(), talk.client()
    client.submit(1)
    talk.step(PeerFull(worker.peer))
    assert talk.byes(worker) == [Code.SLOW]
    back = worker.again("peer-back", held=worker.holds(client, (1, 1)))
    back.done(client, 1)
    assert client.results()[1].attempts == 1


def test_more_jobs_than_its_window_end_a_clients_link(talk_with: Any) -> None:
    talk = talk_with(window=2)
    client = talk.client()
    client.submit(1, 2)
    assert talk.byes(client) == []
    client.submit(3)
    assert talk.byes(client) == [Code.PROTOCOL]


def test_taken_results_make_room_in_the_window(talk_with: Any) -> None:
    talk = talk_with(window=1)
    worker, client = talk.worker(), talk.client()
    for tag in range(3):
        client.submit(tag)
        worker.done(client, tag)
        client.take(tag)
    assert talk.byes(client) == []


def test_a_container_never_said_ends_the_link(talk: Any) -> None:
    one, other = talk.client("c1"), talk.client("c2")
    digest = one.container(b"a secret of one")
    other.submit(1, container=digest)
    assert talk.byes(other) == [Code.PROTOCOL]


def test_a_container_that_is_not_what_its_name_says_ends_the_link(talk: Any) -> None:
    client = talk.client()
    client.say(ContainerBytes(bytes(32), b"x"))
    assert talk.byes(client) == [Code.PROTOCOL]


def test_too_many_kinds_of_jobs_end_the_link(talk: Any) -> None:
    client = talk.client()
    for number in range(MOST_QUEUES + 1):
        client.submit(number, labels=(f"label-{number}",))
    assert talk.byes(client) == [Code.PROTOCOL]


def test_jobs_of_others_can_neither_be_taken_nor_cancelled(talk: Any) -> None:
    worker, one, other = talk.worker(), talk.client("c1"), talk.client("c2")
    one.submit(1)
    other.say(Cancel(one.session, (1,)))
    assert talk.byes(other) == [Code.PROTOCOL]
    assert worker.of(Cancel) == []
    third = talk.client("c3")
    third.say(Taken(one.session, (1,)))
    assert talk.byes(third) == [Code.PROTOCOL]


def test_asked_to_stop_the_broker_says_goodbye_to_all(talk: Any) -> None:
    worker, client = talk.worker(), talk.client()
    talk.step(StopWanted("it is stopped"))
    assert talk.byes(worker) == talk.byes(client) == [Code.GOODBYE]
    assert talk.stopped


def test_stopped_by_an_admin_all_are_told_so(talk: Any) -> None:
    worker, admin = talk.worker(), talk.admin()
    admin.say(Stop())
    assert admin.of(Answer) == [Answer("")]
    assert talk.byes(worker) == [Code.STOPPED]
    assert talk.stopped
