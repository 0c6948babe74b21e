"""Performs what the broker's machine decides: takes messages off the socket, puts answers on it.

All that has come is taken in at once, and each peer is then sent all that there is for it: batches grow
with the load by themselves.
"""

import gc
import math
from collections import deque
from collections.abc import Callable, Mapping
from typing import Protocol, TypeAlias, assert_never

import trio

from maelstrom_broker.effects import Effect, Forget, KeepRun, Learn, Note, Recall, Send, StopNow
from maelstrom_broker.events import (
    Came,
    CameBad,
    Event,
    PeerFull,
    PeerGone,
    StopWanted,
    TimePassed,
)
from maelstrom_broker.history_file import HistoryFile
from maelstrom_broker.memory import give_back
from maelstrom_broker.remembering import LAST_WORDS_SECONDS, Draw, Remembering
from maelstrom_broker.runs_file import RunsFile
from maelstrom_broker.state import MAY_SEND, BrokerState
from maelstrom_core.transport.endpoints import (
    ListenerEvent,
    ListUnusable,
    PeerLeft,
    Received,
    Refused,
    Sending,
)
from maelstrom_core.wire.codec import decode, encode
from maelstrom_core.wire.messages import Code
from maelstrom_core.wire.shapes import BadMessage, NotAllowed

_BATCH = 256
_ROWS_A_STEP = 2_048
"""Jobs that are taken in before something is done about them."""
_SOON_SECONDS = 0.0005
"""How long messages are waited for while there is more to do."""
_DRAINED_SECONDS = 0.02
"""What a peer sent before it went is read in so long."""
_COLLECT_SECONDS = 20.0
_FEW_JOBS = 1_000


class Wire(Protocol):
    """What is needed of a `Listener`."""

    @property
    def events(self) -> "trio.MemoryReceiveChannel[ListenerEvent]":
        """Of peers that leave, and of others that are not let in."""

    async def receive_batch(self, limit: int = _BATCH) -> list[Received]:
        """What there is, at least one message."""

    def send_nowait(self, peer: bytes, payload: bytes) -> Sending:
        """Send a message."""

    def drop(self, peer: bytes) -> None:
        """Hear nothing more from a peer."""


Say: TypeAlias = Callable[[str, str, Mapping[str, object]], None]
"""Writes a line for people: its level, what happened, and facts."""


class Shell:
    """A broker that runs.

    :param say: writes a line for people
    :param history: what clients have told of cases; ``None`` if the machine keeps nothing of it
    :param runs: that are over; likewise
    """

    def __init__(
        self,
        machine: BrokerState,
        wire: Wire,
        say: Say,
        history: HistoryFile | None = None,
        runs: RunsFile | None = None,
    ) -> None:
        self._machine = machine
        self._wire = wire
        self._say = say
        self._remembering = Remembering(history, self._step, runs)
        self._gone: deque[tuple[float, bytes]] = deque()
        self._failed: list[Event] = []
        self._stopped = trio.Event()
        self._rows = 0
        self._collect_at = 0.0

    def stop(self, text: str) -> None:
        """Say goodbye to all, and end."""
        self._step(StopWanted(text))

    def draw(self, wanted: Draw) -> None:
        """Keep what is drawn on the page, when there is time."""
        self._remembering.soon(wanted)

    async def run(self) -> None:
        """Serve until stopped."""
        collects = gc.isenabled()
        # There may be millions of objects, and none of them is garbage before it is let go of.
        gc.disable()
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._remembering.run)
                async with trio.open_nursery() as serving:
                    serving.start_soon(self._watch)
                    serving.start_soon(self._serve)
                    await self._stopped.wait()
                    serving.cancel_scope.cancel()
                self._remembering.finish()
                nursery.cancel_scope.deadline = trio.current_time() + LAST_WORDS_SECONDS
        finally:
            if collects:
                gc.enable()

    async def _serve(self) -> None:
        while not self._stopped.is_set():
            received: list[Received] = []
            with trio.move_on_at(self._wait_until()):
                received = await self._wire.receive_batch(_BATCH)
            now = trio.current_time()
            for one in received:
                self._take(self._event_of(one), now)
            if len(received) < _BATCH:
                self._tell_who_is_gone(now)
            if now >= self._machine.next_deadline():
                self._machine.take(TimePassed(), now=now)
            self._settle(now)
            self._collect(now)

    def _wait_until(self) -> float:
        now = trio.current_time()
        if self._machine.next_deadline() <= now:
            return now + _SOON_SECONDS
        gone = self._gone[0][0] if self._gone else math.inf
        return min(self._machine.next_deadline(), gone)

    async def _watch(self) -> None:
        """Hear of connections."""
        async for event in self._wire.events:
            match event:
                case PeerLeft(peer, principal, was_revoked):
                    self._gone.append((trio.current_time() + _DRAINED_SECONDS, peer))
                    if was_revoked:
                        self._say("warning", "a key was revoked", {"principal": str(principal)})
                case Refused(address, key):
                    self._say(
                        "warning", "somebody was not let in", {"address": address, "key": key}
                    )
                case ListUnusable(error):
                    self._say("error", "the list of who may join is unusable", {"why": str(error)})
                case _:
                    assert_never(event)

    def _tell_who_is_gone(self, now: float) -> None:
        """Not before what they sent last has been read."""
        while self._gone and self._gone[0][0] <= now:
            self._machine.take(PeerGone(self._gone.popleft()[1]), now=now)

    def _event_of(self, received: Received) -> Event | None:
        peer, principal = received.peer, received.principal
        try:
            message = decode(received.payload, MAY_SEND[principal.role])
        except NotAllowed as fault:
            text = f"the key of {principal} is a {principal.role}'s: {fault}"
            return CameBad(peer, Code.ROLE, text)
        except BadMessage as fault:
            return CameBad(peer, Code.PROTOCOL, str(fault))
        if message is None:
            return None  # of a newer protocol, and can be ignored
        self._rows += 1 + len(getattr(message, "jobs", ()))
        return Came(peer, principal.role, str(principal), message)

    def _take(self, event: Event | None, now: float) -> None:
        if event is not None:
            self._machine.take(event, now=now)
            if self._rows >= _ROWS_A_STEP:
                self._settle(now)

    def _step(self, event: Event) -> None:
        now = trio.current_time()
        self._machine.take(event, now=now)
        self._settle(now)

    def _settle(self, now: float) -> None:
        self._rows = 0
        self._perform(self._machine.settle(now=now))
        while self._failed:
            failed, self._failed = self._failed, []
            for event in failed:
                self._machine.take(event, now=now)
            self._perform(self._machine.settle(now=now))

    def _perform(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Send():
                    self._send(effect)
                case Forget(peer):
                    self._wire.drop(peer)
                case Note(what, facts):
                    self._say("info", what, facts)
                case StopNow():
                    self._stopped.set()
                case Learn() | Recall() | KeepRun():
                    no_answer = self._remembering.soon(effect)
                    if no_answer is not None:
                        self._failed.append(no_answer)
                case _:
                    assert_never(effect)

    def _send(self, send: Send) -> None:
        try:
            payload = encode(send.message)
        except BadMessage as fault:
            # A fault of ours; the peer comes again, and all that waits is said once more.
            self._say("error", "a message cannot be sent", {"why": str(fault)})
            self._failed.append(CameBad(send.peer, Code.SLOW, "a fault of the broker; come again"))
            return
        match self._wire.send_nowait(send.peer, payload):
            case Sending.PEER_GONE:
                self._failed.append(PeerGone(send.peer))
            case Sending.PEER_FULL if not send.lossy:
                self._failed.append(PeerFull(send.peer))

    def _collect(self, now: float) -> None:
        """Little is garbage, and what is can wait until there is little to look through."""
        if now >= self._collect_at and self._machine.jobs < _FEW_JOBS:
            self._collect_at = now + _COLLECT_SECONDS
            give_back()
