"""A broker's machine, and hands to speak to it with."""

from collections.abc import Iterator
from typing import Any

import pytest
from maelstrom_broker.effects import Forget, KeepRun, Note, Send, StopNow
from maelstrom_broker.events import Came, PeerGone, TimePassed
from maelstrom_broker.state import BrokerState

from maelstrom_core.model.digest import Digest
from maelstrom_core.wire.messages import (
    Beat,
    Bye,
    Cancel,
    ContainerBytes,
    Done,
    Hello,
    Results,
    Run,
    Submit,
    Taken,
    Welcome,
)
from maelstrom_core.wire.rows import DoneJob, Ending, HeldJob, SubmittedJob

BOOT = b"B" * 16
CONTAINER = b"a container"
DIGEST = bytes.fromhex(Digest.of(CONTAINER).hex)


class Hand:
    """One peer: says things, and keeps what it was sent."""

    def __init__(self, talk: "Talk", peer: str, role: str, session: str) -> None:
        self.talk = talk
        self.peer = peer.encode()
        self.role = role
        self.session = session.encode().ljust(16, b".")
        self.got: list[Any] = []
        # Of ``KEY/SESSION``, else all of a role have one.
        self.key = session.partition("/")[0] if "/" in session else f"{role}-key"

    def say(self, message: Any) -> list[Any]:
        """Say it; what it is answered, at once."""
        before = len(self.got)
        self.talk.step(Came(self.peer, self.role, self.key, message))
        return self.got[before:]

    def of(self, kind: type) -> list[Any]:
        return [message for message in self.got if type(message) is kind]

    def hello(self, **fields: Any) -> list[Any]:
        if self.role == "worker":
            fields = {"slots": 2, "name": self.session.decode().rstrip("."), **fields}
        hello = {"oldest": 1, "newest": 1, "software": "test 1", "session": self.session}
        return self.say(Hello(**{"name": "somebody", **hello, **fields}))

    # A client's

    def submit(self, *tags: int, body: bytes = b"job", **fields: Any) -> list[Any]:
        labels = fields.pop("labels", ())
        container = fields.pop("container", DIGEST)
        slots = fields.pop("slots", 1)
        priority, estimate = fields.pop("priority", 0), fields.pop("estimate_ms", -1)
        rows = tuple(SubmittedJob(tag, priority, estimate, slots, body) for tag in tags)
        return self.say(Submit(container, rows, labels))

    def container(self, data: bytes = CONTAINER) -> bytes:
        digest = bytes.fromhex(Digest.of(data).hex)
        self.say(ContainerBytes(digest, data))
        return digest

    def results(self) -> dict[int, Any]:
        """The last result of each tag."""
        return {row.tag: row for message in self.of(Results) for row in message.jobs}

    def take(self, *tags: int) -> list[Any]:
        return self.say(Taken(self.session, tags))

    def cancel(self, *tags: int) -> list[Any]:
        return self.say(Cancel(self.session, tags))

    # A worker's

    def runs(self) -> list[tuple[int, int]]:
        """Tag and attempt of all it was given."""
        return [(row.tag, row.attempt) for run in self.of(Run) for row in run.jobs]

    def done(
        self,
        client: "Hand",
        tag: int,
        *,
        attempt: int = 1,
        ending: Ending = Ending.RAN,
        body: bytes = b"result",
        ran_ms: float = -1,
        stayed_ms: float = 0,
    ) -> list[Any]:
        times = (round(stayed_ms * 1000), round(ran_ms * 1000)) if ran_ms >= 0 else ()
        return self.say(Done(client.session, (DoneJob(tag, attempt, ending, body, (), *times),)))

    def holds(self, client: "Hand", *jobs: tuple[int, int]) -> tuple[HeldJob, ...]:
        return tuple(HeldJob(client.session, tag, attempt) for tag, attempt in jobs)

    def again(self, peer: str, **fields: Any) -> "Hand":
        """The same session by a new connection."""
        hand = Hand(self.talk, peer, self.role, "")
        hand.session, hand.key = self.session, self.key
        self.talk.hands[hand.peer] = hand
        hand.hello(**fields)
        return hand


class Talk:
    """The machine, its clock, and everybody's hands."""

    def __init__(self, **options: Any) -> None:
        self.now = 100.0
        self.machine = BrokerState(BOOT, now=self.now, **options)
        self.hands: dict[bytes, Hand] = {}
        self.notes: list[Note] = []
        self.kept: list[KeepRun] = []
        self.forgotten: list[bytes] = []
        self.stopped = False

    def step(self, event: Any) -> None:
        self.perform(self.machine.step(event, now=self.now))
        while self.machine.next_deadline() <= self.now:
            self.perform(self.machine.step(TimePassed(), now=self.now))
        self.machine.check()

    def perform(self, effects: list[Any]) -> None:
        for effect in effects:
            match effect:
                case Send(peer, message):
                    assert peer not in self.forgotten, "a message after the last"
                    if peer in self.hands:
                        self.hands[peer].got.append(message)
                case Forget(peer):
                    self.forgotten.append(peer)
                case Note():
                    self.notes.append(effect)
                case StopNow():
                    self.stopped = True
                case KeepRun():
                    self.kept.append(effect)

    def stranger(self, role: str, name: str) -> Hand:
        hand = self.hands[f"peer-{name}".encode()] = Hand(self, f"peer-{name}", role, name)
        return hand

    def worker(self, name: str = "w1", **fields: Any) -> Hand:
        hand = self.stranger("worker", name)
        assert type(hand.hello(**fields)[0]) is Welcome
        return hand

    def client(self, name: str = "c1", **fields: Any) -> Hand:
        hand = self.stranger("client", name)
        assert type(hand.hello(**fields)[0]) is Welcome
        hand.container()
        return hand

    def admin(self, name: str = "a1") -> Hand:
        hand = self.stranger("admin", name)
        assert type(hand.hello()[0]) is Welcome
        return hand

    def cut(self, hand: Hand) -> None:
        """Its connection breaks."""
        del self.hands[hand.peer]
        self.step(PeerGone(hand.peer))

    def wait(self, seconds: float, *silent: Hand) -> None:
        """Time passes; all but the silent say that they live."""
        end = self.now + seconds
        while self.now < end:
            self.now = min(end, self.now + 0.5)
            for hand in list(self.hands.values()):
                if hand not in silent and hand.peer not in self.forgotten:
                    hand.say(Beat(1))
            self.step(TimePassed())

    def byes(self, hand: Hand) -> list[int]:
        return [bye.code for bye in hand.of(Bye)]


@pytest.fixture
def talk() -> Iterator[Talk]:
    one = Talk()
    yield one
    one.machine.check()


@pytest.fixture
def talk_with() -> type[Talk]:
    return Talk
