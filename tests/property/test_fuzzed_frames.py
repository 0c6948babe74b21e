"""Frames of hostile peers, by the million: each is refused or means something, none does harm.

Valid messages are damaged as bytes and as data, decoded as the broker does it, and what comes through
goes into a broker's machine, which must keep its rules and stay small.
"""

import math
import random
from collections.abc import Iterator
from typing import Any

import cbor2
import pytest
from maelstrom_broker.events import Came, CameBad, PeerGone, TimePassed
from maelstrom_broker.state import MAY_SEND, BrokerState

from maelstrom_core.model.digest import Digest
from maelstrom_core.wire.codec import decode, encode
from maelstrom_core.wire.messages import (
    AskStatus,
    AskStory,
    Beat,
    Bye,
    Cancel,
    CancelRun,
    Code,
    ContainerBytes,
    Done,
    Drain,
    Hello,
    Output,
    Started,
    Submit,
    Taken,
)
from maelstrom_core.wire.rows import DoneJob, HeldJob, SubmittedJob
from maelstrom_core.wire.shapes import BadMessage

BODY = b"a container"
DIGEST = bytes.fromhex(Digest.of(BODY).hex)
SESSIONS = [bytes([number]) * 16 for number in range(1, 5)]
ODD: list[Any] = [
    None, True, -1, 0, 1 << 63, 1 << 70, 1.5, "", "\0", "x" * 300, b"", b"x" * 33, [], [[]], {}, {1: 2},
    cbor2.CBORTag(35, "(a|a)*"), [0] * 600,
]  # fmt: skip
MOST_LETTERS = 400
"""Of a fault, which is for logs."""


def messages(dice: random.Random) -> Iterator[Any]:
    """What a peer may say, in no order."""
    while True:
        session, tag = dice.choice(SESSIONS), dice.randrange(50)
        yield dice.choice(
            [
                Hello(1, 1, "fuzz", session, "fuzz", slots=dice.randrange(3)),
                Hello(1, 1, "fuzz", session, "fuzz", slots=2, held=(HeldJob(session, tag, 1),)),
                Beat(tag, 1),
                ContainerBytes(DIGEST, BODY),
                Submit(DIGEST, (SubmittedJob(tag, 0, -1, 1, b"a job"),)),
                Started(session, (tag,)),
                Output(session, tag, 1, b"some"),
                Done(session, (DoneJob(tag, 1, dice.randrange(6), b"done"),)),
                Taken(session, (tag,)),
                Cancel(session, (tag,)),
                AskStatus(True),
                AskStory("fuzz", "1"),
                Drain("fuzz", dice.random() < 0.5),
                CancelRun(session),
                Bye(0, "bye"),
            ]
        )


def damaged(frame: bytes, dice: random.Random) -> bytes:
    """One of the ways in which a frame can be wrong; now and then it is left as it is."""
    way = dice.randrange(7)
    at = dice.randrange(len(frame))
    if way == 0:
        return frame
    if way == 1:
        return frame[:at] + bytes([frame[at] ^ 1 << dice.randrange(8)]) + frame[at + 1 :]
    if way == 2:
        return frame[:at]
    if way == 3:
        return frame[:at] + dice.randbytes(dice.randrange(1, 9)) + frame[at:]
    if way == 4:
        return frame + frame[at:]
    fields = cbor2.loads(frame)
    place = dice.randrange(len(fields))
    inner = fields[place]
    if way == 5 and isinstance(inner, list) and inner:
        inner[dice.randrange(len(inner))] = dice.choice(ODD)
    else:
        fields[place] = dice.choice(ODD)
    return cbor2.dumps(fields)


def play(frames: int, seed: int) -> dict[str, int]:
    """Send so many frames to a broker's machine; how many were refused, and how many were not."""
    dice = random.Random(seed)
    broker, now = BrokerState(b"b" * 16, now=0.0), 0.0
    said = messages(dice)
    counts = {"refused": 0, "heard": 0}
    for number in range(frames):
        peer = bytes([dice.randrange(6)])
        role = dice.choice(list(MAY_SEND))
        now += dice.random() / 100
        try:
            message = decode(damaged(encode(next(said)), dice), MAY_SEND[role])
        except BadMessage as fault:
            assert len(str(fault)) < MOST_LETTERS
            counts["refused"] += 1
            broker.step(CameBad(peer, Code.PROTOCOL, str(fault)), now=now)
            continue
        if message is not None:
            counts["heard"] += 1
            broker.step(Came(peer, role, f"{role}:fuzz", message), now=now)
        if dice.random() < 0.02:
            broker.step(PeerGone(peer), now=now)
        if broker.next_deadline() <= now:
            broker.step(TimePassed(), now=now)
        if number % 5_000 == 0:
            broker.check()
    for number in range(6):
        broker.step(PeerGone(bytes([number])), now=now)
    for _ in range(1_000):
        if broker.next_deadline() == math.inf:
            break
        now = max(now, broker.next_deadline())
        broker.step(TimePassed(), now=now)
    broker.check()
    # Nothing of them is left.
    assert not broker.book.clients
    assert not broker.book.workers
    assert broker.jobs == 0
    return counts


@pytest.mark.parametrize("seed", range(2))
def test_frames_that_no_peer_of_ours_sends(seed: int) -> None:
    counts = play(10_000, seed)
    assert min(counts.values()) > 1_000


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(10, 20))
def test_a_million_of_them(seed: int) -> None:
    counts = play(100_000, seed)
    assert min(counts.values()) > 10_000
