"""What holders of keys do to a broker, on its control link, who keep to no rule."""

import sys
from pathlib import Path
from typing import Any

import cbor2
import pytest
from maelstrom_broker.limits import MOST_SESSIONS

sys.path.insert(0, str(Path(__file__).parent))
from attack_scene import MIB, WINDOW, wait

from maelstrom_core.model.digest import Digest
from maelstrom_core.wire.administration import AskStatus, CancelRun, Drain, Stop
from maelstrom_core.wire.codec import encode
from maelstrom_core.wire.messages import (
    MOST_MESSAGE_BYTES,
    Beat,
    Bye,
    Cancel,
    Code,
    ContainerBytes,
    Done,
    Hello,
    Output,
    Results,
    Run,
    Started,
    Submit,
    Taken,
    Welcome,
)
from maelstrom_core.wire.rows import DoneJob, HeldJob, RunJob, SubmittedJob

BODY = b"what a container is not"
DIGEST = bytes.fromhex(Digest.of(BODY).hex)
S = b"s" * 16
ROWS = (SubmittedJob(1, 0, -1, 1, b"\0job"),)


@pytest.mark.parametrize(
    ("role", "messages"),
    [
        (
            "client",
            [Stop(), Drain("one"), CancelRun(S), AskStatus(), Started(S, (1,)), Done(S, ()),
             Output(S, 1, 1, b"x"), Run(S, DIGEST, (RunJob(1, 1, 1, b""),)), Results(())],
        ),
        (
            "worker",
            [Stop(), Drain("one"), CancelRun(S), AskStatus(), Submit(DIGEST, ROWS), Cancel(S, (1,)),
             Taken(S, (1,)), ContainerBytes(DIGEST, BODY)],
        ),
        (
            "admin",
            [Submit(DIGEST, ROWS), ContainerBytes(DIGEST, BODY), Cancel(S, (1,)), Done(S, ()),
             Run(S, DIGEST, ())],
        ),
    ],
)  # fmt: skip
def test_forged_roles(attacked: Any, role: str, messages: list[Any]) -> None:
    """What only others may say ends the link of whoever says it, before it is read."""
    for message in messages:
        link = attacked.link(role)
        # Labels that no job asks for, so that it is given none.
        link.greet(attacked.session(), slots=1 if role == "worker" else 0)
        link.say(Bye(0, "") if role == "worker" else Beat(1))
        link.close()
        link = attacked.link(role)
        link.say(message)
        bye = link.bye()
        assert (bye.code, f"{role}'s" in bye.text) == (Code.ROLE, True), message
        link.close()


def test_hellos_that_lie(attacked: Any) -> None:
    """A client that offers slots, a worker that offers none, and sessions of others."""
    for role, slots in (("client", 4), ("worker", 0), ("admin", 1)):
        link = attacked.link(role)
        link.say(Hello(1, 1, "a", attacked.session(), "a", slots=slots))
        assert link.bye().code == Code.ROLE
    ann = attacked.link("client", "ann")
    ann.greet(attacked.session())
    thief = attacked.link("client", "mallory")
    thief.say(Hello(1, 1, "a", ann.session, "ann"))
    assert "another key" in thief.bye().text
    ann.say(Beat(7))
    assert ann.hear(Beat).sequence == 7
    # A second session by one connection.
    ann.say(Hello(1, 1, "a", attacked.session(), "ann"))
    assert ann.bye().code == Code.PROTOCOL


def test_somebody_else_s_jobs(attacked: Any) -> None:
    """Whoever knows a session can neither cancel nor take what is its own."""
    sessions = [bytes.fromhex(one["session"]) for one in attacked.clients()]
    assert sessions
    for session in sessions:
        for message in (Cancel(session, (1, 2, 3)), Taken(session, (1, 2, 3))):
            link = attacked.link()
            link.greet(attacked.session())
            link.say(message)
            assert "somebody else" in link.bye().text
        mole = attacked.link("worker", "mole")
        mole.say(Hello(1, 1, "a", session, "mole", slots=1, labels=("never",)))
        mole.hear(Welcome)
        mole.say(Done(session, tuple(DoneJob(tag, 1, 0, b"a lie") for tag in range(1, 50))))
        mole.say(Output(session, 1, 1, b"a lie"), Started(session, (1, 2)), Bye(0, "done"))
    assert "a lie" not in attacked.honest.said()


def test_an_oversized_message(attacked: Any) -> None:
    """A mebibyte is taken, and refused for what it is; more costs the connection."""
    link = attacked.link()
    link.greet(attacked.session())
    link.say(bytes(MOST_MESSAGE_BYTES))
    assert link.bye().code == Code.PROTOCOL
    link = attacked.link()
    link.greet(attacked.session())
    link.say(bytes(MOST_MESSAGE_BYTES + 1), Beat(1))
    link.hears_no(Beat)
    huge = attacked.link()
    huge.greet(attacked.session())
    huge.say(bytes(64 * MIB))
    huge.hears_no(Bye)


def test_malformed_frames(attacked: Any) -> None:
    """Several frames, none, and messages with a field changed, cut or too much of it."""
    link = attacked.link()
    link.greet(attacked.session())
    for frames in ([b"a", b"b"], [b"", b""], [b""], [encode(Beat(1)), b""], [b"x"] * 500):
        link.socket.send_multipart(frames)
    link.say(Beat(9))
    assert link.hear(Beat).sequence == 9
    good = encode(Hello(1, 1, "a", S, "a"))
    bad = [good[:-1], good + b"\0", b"\x80", b"\xf6", b"\x81\x18\x63", cbor2.dumps([1, 1, 1])]
    for place in range(1, 11):
        for odd in (None, -1, 1 << 64, 1.5, "\n", b"x" * 300, [], {}, [[]], [0] * 99):
            fields = cbor2.loads(good)
            fields[place] = odd
            bad.append(cbor2.dumps(fields))
    refused = 0
    for payload in bad:
        link = attacked.link()
        link.say(payload, Beat(1))
        found = next(link.answers())
        refused += isinstance(found, Bye)
        link.close()
    assert refused > 90


@pytest.mark.parametrize(
    "bomb",
    [
        b"\x81" * 100_000 + b"\x80",
        b"\x98\xff" * 400_000,
        b"\x82\x01\x9b" + b"\xff" * 8,
        b"\x82\x01\x9a\x7f\xff\xff\xff" + b"\x80" * 1000,
        b"\x82\x01\x5b" + b"\x7f" + b"\xff" * 7,
        b"\x82\x01\x7b" + b"\xff" * 8,
        b"\x9f" * 1000,
        b"\x82\x01\xbf\x01\x02\xff",
        b"\x99\xff\xff" + b"\x80" * 65_535,
        b"\x9a\x00\x0f\xff\xf0" + b"\x80" * 0xFFFF0,
        b"\x9a\x00\x0f\xff\xf0" + b"\xa0" * 0xFFFF0,
        b"\x82\x01\xd8\x23\x6d" + b"(a|a)*(a|a)*$",
        b"\x82\x01\xc2\x5a\x00\x0f\x00\x00" + b"\xff" * 0xF0000,
        b"\x82\x01\xc4\x82\x1b\x7f\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\x82\x01\xd8\x1c\x81\xd8\x1d\x00",
        b"\x82\x01" + b"\xd9\xd9\xf7" * 5000 + b"\x01",
        b"\x82\x01\xa2\x01\x02\x01\x03",
    ],
)  # fmt: skip
def test_cbor_bombs(attacked: Any, bomb: bytes) -> None:
    """Depth, counts, lengths, tags: small for whoever sends them, refused before they are large."""
    link = attacked.link()
    link.say(bomb)
    assert link.bye().code == Code.PROTOCOL


def test_a_bomb_where_jobs_are_expected(attacked: Any) -> None:
    """Ten messages, each of a mebibyte of nothing in the place of something."""
    for number in range(10):
        link = attacked.link()
        link.greet(attacked.session())
        link.say(b"\x83\x06\x58\x20" + DIGEST + b"\x9a\x00\x0f\xff\x00" + b"\x80" * 0xFFF00)
        assert link.bye().code == Code.PROTOCOL, number


@pytest.mark.parametrize("routing_id", [b"\0", b"\0\0\0\0\0\1", b"\xff\xfe", b"worker", b"x" * 255])
def test_a_name_of_its_own_for_a_connection(attacked: Any, routing_id: bytes) -> None:
    """Whoever chooses it could take that of somebody else: he is not heard at all."""
    link = attacked.link(ROUTING_ID=routing_id)
    link.say(Hello(1, 1, "a", attacked.session(), "a"))
    link.hears_no(Welcome)


def test_a_flood_of_messages(attacked: Any) -> None:
    """Of one who is answered, and reads nothing; others are served meanwhile."""
    link = attacked.link()
    link.greet(attacked.session())
    sent = 0
    beat = encode(Beat(1))
    for _ in range(60_000):
        if not link.socket.poll(1000, 2):
            break
        link.socket.send(beat)
        sent += 1
        if sent == 30_000:
            attacked.is_served()
    assert sent > 10_000


def test_a_flood_of_large_messages(attacked: Any) -> None:
    """Of some who send as fast as they can what is a mebibyte, and means nothing."""
    large = encode(Output(S, 1, 1, bytes(60_000)))
    links = [attacked.link("worker", "mole") for _ in range(4)]
    for link in links:
        link.greet(attacked.session(), slots=1, labels=("never",))
    for number in range(3000):
        links[number % 4].say(large)
        if number == 1500:
            attacked.is_served()
    for link in links:
        link.say(Bye(0, "done"))


def test_an_admin_that_asks_and_does_not_read(attacked: Any) -> None:
    link = attacked.link("admin", "chief", RCVHWM=1)
    link.greet(attacked.session())
    ask = encode(AskStatus(details=True))
    for _ in range(20_000):
        if not link.socket.poll(1000, 2):
            break
        link.socket.send(ask)
    attacked.is_served()


def test_more_jobs_than_the_window(attacked: Any) -> None:
    link = attacked.link()
    link.greet(attacked.session())
    link.say(ContainerBytes(DIGEST, BODY))
    for start in range(0, WINDOW + 500, 500):
        rows = [SubmittedJob(tag, 0, -1, 1, b"\0job") for tag in range(start, start + 500)]
        link.say(Submit(DIGEST, tuple(rows), ("nobody has this",)))
    bye = link.bye()
    assert bye.code == Code.PROTOCOL
    assert str(WINDOW) in bye.text
    leave(attacked, link)


def test_more_containers_than_one_may_have(attacked: Any) -> None:
    link = attacked.link()
    link.greet(attacked.session())
    said = 0
    for number in range(600):
        data = number.to_bytes(4, "big") * (60 << 10)
        said += len(data)
        link.say(ContainerBytes(bytes.fromhex(Digest.of(data).hex), data))
    assert said > 128 * MIB
    assert "MiB" in link.bye().text
    leave(attacked, link)


def test_a_container_that_is_not_what_its_name_says(attacked: Any) -> None:
    link = attacked.link()
    link.greet(attacked.session())
    link.say(ContainerBytes(DIGEST, b"another one"))
    assert "not what its name says" in link.bye().text


def test_more_needs_than_one_may_have(attacked: Any) -> None:
    """Each list of labels is a queue of its own."""
    link = attacked.link()
    link.greet(attacked.session())
    link.say(ContainerBytes(DIGEST, BODY))
    for number in range(100):
        row = SubmittedJob(number, 0, -1, 4000, b"\0job")
        link.say(Submit(DIGEST, (row,), (f"label {number}",)))
    found = [one for one in link.answers(seconds=3) if isinstance(one, Bye | Results)]
    assert found
    leave(attacked, link)


def test_a_worker_that_holds_what_nobody_wants(attacked: Any) -> None:
    """Twenty thousand jobs of nobody, again and again, and their results."""
    link = attacked.link("worker", "mole")
    session = attacked.session()
    for life in range(3):
        held = tuple(HeldJob(b"%016d" % life, tag, 1) for tag in range(20_000))
        link.say(
            Hello(1, 1, "a", session, "mole", b"B" * 16, slots=1, labels=("never",), held=held)
        )
        link.hear(Welcome)
        for start in range(0, 4000, 400):
            rows = [DoneJob(tag, 1, 0, bytes(800)) for tag in range(start, start + 400)]
            link.say(Done(b"%016d" % life, tuple(rows)))
    link.say(Bye(0, "done"))
    attacked.is_served()


def test_more_clients_than_one_key_may_have(attacked: Any) -> None:
    """Others find room all the same."""
    links = []
    for _ in range(MOST_SESSIONS + 5):
        links.append(attacked.link("client", "many"))
        links[-1].say(Hello(1, 1, "a", attacked.session(), "a"))
    found = [next(link.answers()) for link in links]
    assert sum(isinstance(one, Welcome) for one in found) == MOST_SESSIONS
    assert {one.code for one in found if isinstance(one, Bye)} == {Code.SLOW}
    attacked.link("client", "ann").greet(attacked.session())
    for link in links:
        link.say(Bye(0, "done"))


def leave(scene: Any, link: Any) -> None:
    """Come once more, and say goodbye: so nothing is kept until it might come again."""
    again = scene.link_of(link.join)
    again.greet(link.session)
    again.say(Bye(0, "done"))
    wait(lambda: link.session.hex() not in str(scene.clients()), scene.said)
