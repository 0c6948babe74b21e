"""The asking side of a bulk link: a few requests on their way, each repeated until it is answered.

Every request is safe to repeat. So whoever asks need not know that the link was lost and has come
back: what was not answered is sent again, in its order, and after `patience` too, since a broker
answers nothing that a peer did not take.
"""

import math
from collections import deque
from collections.abc import Callable
from typing import TypeVar

import attrs
import trio

from maelstrom_core.errors import HostError, MaelstromError, PeerError
from maelstrom_core.transfer.at_once import at_once
from maelstrom_core.transfer.memory import keep_freed_memory
from maelstrom_core.transfer.ports import Connector
from maelstrom_core.transport.endpoints import Connected, Disconnected
from maelstrom_core.wire.bulk import (
    ANSWERS,
    BULK,
    REQUESTS_ON_THEIR_WAY,
    Blobs,
    BulkAnswer,
    Get,
    GetPart,
    Missing,
    Need,
    Part,
    Put,
    PutPart,
    Refused,
    Request,
    Stored,
    Why,
)
from maelstrom_core.wire.shapes import BadMessage

A = TypeVar("A", Missing, Stored, Blobs, Part)
_ANSWERS = {Need: Missing, Put: Stored, PutPart: Stored, Get: Blobs, GetPart: Part}
PATIENCE_SECONDS = 30.0
FULL_PATIENCE_SECONDS = 60.0
"""How long a full broker is asked again."""
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 10.0


class BrokerRefuses(HostError):
    """The broker cannot do what it was asked: it is full, or its disk is broken."""

    whose = "the broker's host"


class BlobGone(HostError):
    """The broker does not have a blob that it was said to have."""

    whose = "the broker"


class WrongBytes(MaelstromError):
    """The broker says that bytes are not those of their digest."""


@attrs.define(eq=False)
class Pending:
    """A request on its way."""

    request: Request
    asker: "Asker"
    sent_at: float = -math.inf
    answer: BulkAnswer | None = None
    wanted: bool = True
    arrived: trio.Event = attrs.Factory(trio.Event)

    async def wait(self, kind: type[A]) -> A:
        """Its answer.

        :param kind: what answers such a request
        :raises MaelstromError: if it is refused: `BrokerRefuses`, `BlobGone`, `WrongBytes`, …
        """
        try:
            await self.arrived.wait()
        except trio.Cancelled:
            self.wanted = False
            raise
        if self.asker.fault is not None and self.answer is None:
            raise PeerError(self.asker.fault)
        if isinstance(self.answer, Refused):
            raise _error_of(self.answer)
        assert isinstance(self.answer, kind)
        return self.answer


class Asker:
    """Asks over one link; `run` must run meanwhile.

    :param patience: seconds after which a request is repeated
    """

    def __init__(self, connector: Connector, *, patience: float = PATIENCE_SECONDS) -> None:
        self.fault: str | None = None
        self._connector = connector
        self._patience = patience
        self._is_up = False
        self._next = 0
        self._pending: dict[int, Pending] = {}
        self._outbox: deque[int] = deque()
        self._wake = trio.Event()
        self._room = trio.Semaphore(REQUESTS_ON_THEIR_WAY, max_value=REQUESTS_ON_THEIR_WAY)

    async def run(self) -> None:
        """Send and receive until cancelled.

        :raises PeerError: if the broker says what no broker says; what waits is told the same
        """
        keep_freed_memory()
        await at_once(self._send_all, self._repeat_late_ones, self._watch, self._receive_all)

    async def _receive_all(self) -> None:
        try:
            while True:
                for data in await self._connector.receive_batch():
                    self._take(BULK.decode(data, ANSWERS))
        except BadMessage as bad:
            self.fault = f"the broker's bulk link: {bad}"
            for pending in self._pending.values():
                pending.arrived.set()
            raise PeerError(self.fault) from None

    async def ask(self, request: Request, kind: type[A]) -> A:
        """Ask and wait for the answer; see `begin` and `Pending.wait`."""
        return await (await self.begin(request)).wait(kind)

    async def ask_patiently(self, request: Request, kind: type[A]) -> A:
        """The same, but a broker that is full is asked again for a while."""
        pause, waited = _FIRST_PAUSE_SECONDS, 0.0
        while True:
            try:
                return await self.ask(request, kind)
            except BrokerRefuses:
                if waited >= FULL_PATIENCE_SECONDS:
                    raise
            await trio.sleep(pause)
            waited += pause
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    async def begin(self, request: Request) -> Pending:
        """Send a request once few enough are on their way.

        :param request: its number is given to it here
        """
        await self._room.acquire()
        if self.fault is not None:
            raise PeerError(self.fault)
        self._next += 1
        pending = Pending(attrs.evolve(request, request=self._next), self)
        self._pending[self._next] = pending
        self._queue(self._next)
        return pending

    def _queue(self, number: int) -> None:
        self._outbox.append(number)
        self._wake.set()

    async def _send_all(self) -> None:
        while True:
            while self._outbox and self._is_up:
                pending = self._pending.get(self._outbox.popleft())
                if pending is not None:
                    pending.sent_at = trio.current_time()
                    await self._connector.send(BULK.encode(pending.request))
            self._wake = trio.Event()
            if not (self._outbox and self._is_up):
                await self._wake.wait()

    async def _repeat_late_ones(self) -> None:
        while True:
            await trio.sleep(self._patience / 4)
            if self._is_up and not self._outbox:
                late = trio.current_time() - self._patience
                for number in [n for n, one in self._pending.items() if one.sent_at <= late]:
                    self._queue(number)

    async def _watch(self) -> None:
        async for event in self._connector.events:
            match event:
                case Connected():
                    self._is_up = True
                    for number in [n for n, one in self._pending.items() if not one.wanted]:
                        self._end(number)
                    self._outbox = deque(sorted(self._pending))
                    self._wake.set()
                case Disconnected():
                    self._is_up = False

    def _take(self, answer: BulkAnswer | None) -> None:
        pending = None if answer is None else self._pending.get(answer.request)
        if answer is None or pending is None:
            return  # of a newer protocol, or the second to a request that was repeated
        expected = _ANSWERS[type(pending.request)]
        if not isinstance(answer, expected | Refused):
            raise BadMessage(f"{type(answer).__name__} answers no {type(pending.request).__name__}")
        pending.answer = answer
        self._end(answer.request)

    def _end(self, number: int) -> None:
        self._pending.pop(number).arrived.set()
        self._room.release()


def _error_of(refused: Refused) -> MaelstromError:
    match refused.why:
        case Why.FULL:
            return BrokerRefuses(
                refused.text, remedy="try again later, or give the broker more room for blobs"
            )
        case Why.GONE:
            return BlobGone(refused.text, remedy="run again: what is missing is sent again")
        case Why.WRONG_DIGEST:
            return WrongBytes(refused.text)
        case Why.NOT_ALLOWED:
            return PeerError(f"the broker refuses: {refused.text}", remedy="use a key that may")
        case _:
            return BrokerRefuses(refused.text, remedy="look at the broker's log")


Progress = Callable[[int, int], None]
"""Told bytes and files that have been transferred since it was told before."""
