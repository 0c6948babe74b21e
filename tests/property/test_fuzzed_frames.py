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
from maelstrom_broker.effects import Effect, Recall
from maelstrom_broker.events import Came, CameBad, PeerGone, Recalled, TimePassed
from maelstrom_broker.state import MAY_SEND, BrokerState

from maelstrom_core.model.digest import Digest
from maelstrom_core.wire.administration import AskStatus, AskStory, CancelRun, Drain
from maelstrom_core.wire.codec import decode, encode
from maelstrom_core.wire.histories import AskCases, LearnedCases, packed
from maelstrom_core.wire.messages import (
    Beat,
    Bye,
    Cancel,
    Code,
    ContainerBytes,
    Done,
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
CASES = b"".join(packed([(bytes([number]) * 16, number, False) for number in range(9)]))
SESSIONS = [bytes([number]) * 16 for number in range(1, 5)]
ODD: list[Any] = [
    None, True, -1, 0, 1 << 63, 1 << 70, 1.5, "", "\0", "x" * 300, b"", b"x" * 33, [], [[]], {}, {1: 2},
    cbor2.CBORTag(35, "(a|a)*"), [0] * 600,
]  # fmt: skip
MOST_LETTERS = 400
"""Of a fault, which is for logs."""


def messages(dice: random.Random, role: str, own: bytes) -> Iterator[Any]:
    """What a peer may say, in no order; most of it of itself."""
    slots = 2 if role == "worker" else 0
    while True:
        session = own if dice.random() < 0.9 else dice.choice(SESSIONS)
        tag = dice.randrange(50)
        yield dice.choice(
            [
                *[Hello(1, 1, "fuzz", session, "fuzz", slots=slots)] * 2,
                Hello(1, 1, "fuzz", session, "fuzz", slots=dice.randrange(3)),
                Hello(1, 1, "fuzz", session, "fuzz", slots=slots, held=(HeldJob(own, tag, 1),)),
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
                AskCases(tag, DIGEST, dice.choice([b"", DIGEST])),
                LearnedCases(DIGEST, CASES),
            ]
        )


def damaged(frame: bytes, dice: random.Random) -> bytes:
    """One of the ways in which a frame can be wrong; now and then it is left as it is."""
    way = dice.randrange(14)
    at = dice.randrange(len(frame))
    if way == 0 or way > 6:
        return frame  # else nobody would ever get further than the first word
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
    broker, now = BrokerState(b"b" * 16, now=0.0, keeps_history=True), 0.0
    counts = {"refused": 0, "heard": 0, "looked up": 0}
    roles = list(MAY_SEND)
    lookups: list[Recalled] = []

    def look_up(effects: list[Effect]) -> None:
        """What the disk does, later."""
        for effect in effects:
            if isinstance(effect, Recall):
                lookups.append(Recalled(effect.session, effect.request, (CASES,)))
                counts["looked up"] += 1

    for number in range(frames):
        peer = bytes([dice.randrange(6)])
        # Most peers stay what they are, and say what they may; else each would be dropped at once.
        role = dice.choice(roles) if dice.random() < 0.02 else roles[peer[0] % len(roles)]
        said = messages(dice, role, SESSIONS[peer[0] % len(SESSIONS)])
        what = next(one for one in said if type(one) in MAY_SEND[role] or dice.random() < 0.05)
        now += dice.random() / 100
        try:
            message = decode(damaged(encode(what), dice), MAY_SEND[role])
        except BadMessage as fault:
            assert len(str(fault)) < MOST_LETTERS
            counts["refused"] += 1
            broker.step(CameBad(peer, Code.PROTOCOL, str(fault)), now=now)
            continue
        if message is not None:
            counts["heard"] += 1
            look_up(broker.step(Came(peer, role, f"{role}:fuzz", message), now=now))
        if lookups and dice.random() < 0.1:
            broker.step(lookups.pop(dice.randrange(len(lookups))), now=now)
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
    assert counts["looked up"] > 20
    assert min(counts["refused"], counts["heard"]) > 1_000


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(10, 20))
def test_a_million_of_them(seed: int) -> None:
    counts = play(100_000, seed)
    assert min(counts["refused"], counts["heard"]) > 10_000
