"""What all clients of one key may have together, and that others have their own."""

from typing import Any

import pytest
from maelstrom_broker import clients_state

from maelstrom_core.wire.messages import Bye, Code, ContainerBytes, Run, Welcome


def test_one_key_has_so_many_clients(talk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients_state, "MOST_SESSIONS", 3)
    hands = [talk.client(f"mallory/{number}") for number in range(3)]
    fourth = talk.stranger("client", "mallory/4")
    fourth.hello()
    assert talk.byes(fourth) == [Code.SLOW]
    talk.client("ann/1")
    # One that is away may come again, and counts until it is given up.
    talk.cut(hands[0])
    fifth = talk.stranger("client", "mallory/5")
    fifth.hello()
    assert talk.byes(fifth) == [Code.SLOW]
    talk.wait(31)
    sixth = talk.stranger("client", "mallory/6")
    assert type(sixth.hello()[0]) is Welcome


def test_one_key_has_so_many_bytes(talk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients_state, "MOST_KEY_BYTES", 1000)
    one, two, ann = talk.client("mallory/1"), talk.client("mallory/2"), talk.client("ann/1")
    one.submit(1, body=bytes(800), slots=9)
    two.submit(1, body=bytes(800), slots=9)
    assert not talk.byes(two)
    two.submit(2, body=b"")
    assert talk.byes(two) == [Code.SLOW]
    ann.submit(1, body=bytes(800), slots=9)
    ann.submit(2, body=b"")
    assert not talk.byes(ann)
    container = talk.client("mallory/3")
    assert talk.byes(container) == [Code.SLOW]


def test_one_key_has_so_many_jobs(talk_with: Any) -> None:
    talk = talk_with(window=10)
    hands = [talk.client(f"mallory/{number}") for number in range(4)]
    for hand in hands:
        hand.submit(*range(10))
    last = talk.client("mallory/5")
    last.submit(1)
    assert talk.byes(last) == [Code.SLOW]
    ann = talk.client("ann/1")
    ann.submit(*range(10))
    assert not talk.byes(ann)


def test_who_waits_for_others_of_its_key_goes_on_when_they_have_less(
    talk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients_state, "MOST_KEY_BYTES", 1000)
    worker, one, two = talk.worker(slots=1), talk.client("ann/1"), talk.client("ann/2")
    one.submit(1)
    two.submit(1)
    (run,) = worker.of(Run)
    first, second = (one, two) if run.session == one.session else (two, one)
    worker.done(first, 1, body=bytes(1200))
    assert talk.byes(first) == [Code.SLOW]
    again = first.again("peer-ann/again")
    again.take(1)
    assert len(worker.runs()) == 2, "the other one's job begins"
    worker.done(second, 1)
    assert second.results()[1]


def test_nothing_is_kept_of_a_client_that_said_goodbye(talk: Any) -> None:
    client = talk.client("mallory/1")
    for number in range(10):
        client.container(b"%d" % number)
    (known,) = talk.machine.book.clients.values()
    assert len(known.containers) == 11
    client.say(Bye(0, "done"))
    assert not known.containers
    assert not talk.machine.book.by_key
    assert not talk.machine.book.containers


def test_a_worker_is_told_again_of_what_it_may_have_forgotten(
    talk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("maelstrom_broker.post_state.MOST_TOLD_BYTES", 100)
    worker, client = talk.worker(slots=9), talk.client()
    digests = [client.container(bytes([number]) * 60) for number in range(2)]
    for tag, digest in enumerate((*digests, digests[0], digests[0])):
        client.submit(tag, container=digest)
    told = [one.digest for one in worker.of(ContainerBytes)]
    assert told == [*digests, digests[0]]
