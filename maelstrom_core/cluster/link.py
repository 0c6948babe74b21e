"""A link to a broker, of a client or worker: performs what `wire.link_state` wants, decides nothing."""

import math
import random
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol, TypeAlias, assert_never

import trio

from maelstrom_core.errors import PeerError
from maelstrom_core.story import Story
from maelstrom_core.transport.endpoints import Connected, Disconnected, Failed
from maelstrom_core.wire import link_state as link
from maelstrom_core.wire.codec import decode, encode
from maelstrom_core.wire.messages import (
    Beat,
    Hello,
    Message,
    Welcome,
)
from maelstrom_core.wire.shapes import BadMessage

MOST_LOSSY = 64
"""Messages that may wait to leave before those that may be lost are."""
FAREWELL_SECONDS = 2.0
"""How long, at the end, what has been said may take to leave."""

ConnectionEvent: TypeAlias = Connected | Disconnected | Failed


class Connection(Protocol):
    """A connection that comes back by itself; `maelstrom_core.transport` has it, tests one in memory."""

    @property
    def events(self) -> "trio.MemoryReceiveChannel[ConnectionEvent]":
        """When it comes and goes, and why it does not come."""

    @property
    def is_connected(self) -> bool:
        """Whether messages can go."""

    async def receive_batch(self) -> list[bytes]:
        """What there is, at least one message."""

    async def send(self, payload: bytes) -> None:
        """Send a message once there is room; cancelled, it has not been sent."""

    def send_nowait(self, payload: bytes) -> bool:
        """Send a message if there is room, and say whether there was."""

    def renew(self) -> None:
        """Begin with a new one."""


class Owner(Protocol):
    """Whose link it is. Nothing here may block."""

    def hello(self, boot: bytes) -> Hello:
        """Make the first message of a connection."""

    def link_up(self, welcome: Welcome, *, same_broker: bool) -> None:
        """Say what you hold."""

    def link_down(self, reason: str) -> None:
        """Nobody hears you for a while."""

    def link_failed(self, reason: str) -> None:
        """It was tried to bring it up."""

    def link_over(self, reason: str) -> None:
        """Nobody will hear you any more; no reason if the link was left."""

    def heard(self, message: Message) -> None:
        """The broker has said something."""

    def free_slots(self) -> int:
        """Of a worker: how many jobs it could begin now."""


class Link:
    """One link, over as many connections as it takes.

    :param allowed: messages that the broker may send
    :param is_worker: see `link_state.LinkState`
    """

    def __init__(
        self,
        connection: Connection,
        owner: Owner,
        *,
        allowed: tuple[type, ...],
        is_worker: bool,
        randomness: Callable[[], float] = random.random,
    ) -> None:
        self._connection = connection
        self._owner = owner
        self._allowed = allowed
        self._is_worker = is_worker
        self._random = randomness
        self._state = link.LinkState(is_worker=is_worker)
        self.story = Story[link.Event, link.Effect]()
        self._was_up = False
        self._is_fresh = connection.is_connected
        """Whether nothing has been said on this connection."""
        self._is_renewing = False
        """Whether that the connection is lost is our own doing."""
        self._in_the_way = ""
        """Why there is no connection, as the transport says once."""
        self._outbox: deque[bytes] = deque()
        self._something = trio.Event()
        self._empty = trio.Event()
        self._sending: trio.CancelScope | None = None
        self._moved = trio.Event()
        self._alarm = math.inf
        self._over = trio.Event()

    @property
    def is_up(self) -> bool:
        """Whether the broker has welcomed us."""
        return self._state.is_up

    def say(self, message: Message, *, lossy: bool = False) -> None:
        """Send a message, if the link is up; what it is lost by, `Owner.link_down` tells.

        :param lossy: leave it, if much waits already
        """
        if not self._state.is_up or (lossy and len(self._outbox) >= MOST_LOSSY):
            return
        self._put(message)

    async def run(self) -> None:
        """Keep the link up until it is over."""
        async with trio.open_nursery() as nursery:
            for task in (self._watch, self._receive, self._write, self._keep_time):
                nursery.start_soon(task)
            await self._over.wait()
            nursery.cancel_scope.cancel()

    async def leave(self, reason: str) -> None:
        """Say good-bye, when what was said before is on its way; `run` ends then."""
        with trio.move_on_after(FAREWELL_SECONDS):
            while self._state.is_up and (self._outbox or self._sending):
                self._empty = trio.Event()
                await self._empty.wait()
        self._tell(link.Leave(reason))

    # Ctrl-C comes before or after a step, never within: half of its effects would be lost.
    @trio.lowlevel.enable_ki_protection
    def _tell(self, event: link.Event) -> None:
        effects = self._state.step(event, now=trio.current_time(), jitter=self._random())
        if effects and not isinstance(event, link.Heard):
            self.story.add(event, effects)
        for effect in effects:
            self._perform(effect)
        if self._state.next_deadline() < self._alarm:
            self._moved.set()

    def _perform(self, effect: link.Effect) -> None:
        match effect:
            case link.Open():
                self._open()
            case link.Close():
                self._drop()
            case link.Greet(boot):
                self._is_fresh = False
                self._put(self._owner.hello(boot))
            case link.Send(message):
                self._connection.send_nowait(encode(message))
            case link.SendBeat(sequence):
                self._put(Beat(sequence, self._owner.free_slots()))
            case link.Up(welcome, same):
                self._was_up = True
                self._owner.link_up(welcome, same_broker=same)
            case link.Deliver(message):
                self._owner.heard(message)
            case link.Down(reason):
                self._owner.link_down(reason)
            case link.Failed(reason):
                self._owner.link_failed(self._in_the_way or reason)
            case link.Over(_, reason):
                self._over.set()
                self._owner.link_over(reason)
            case _:
                assert_never(effect)

    def _open(self) -> None:
        if self._connection.is_connected and self._is_fresh:
            self._tell(link.Opened())
        elif self._connection.is_connected:
            self._is_renewing = True
            self._connection.renew()
        # Else it is being tried already.

    def _drop(self) -> None:
        self._outbox.clear()
        self._empty.set()
        if self._sending is not None:
            # It would be the first message of the next connection.
            self._sending.cancel()

    def _put(self, message: Message) -> None:
        self._outbox.append(encode(message))
        self._something.set()

    async def _watch(self) -> None:
        async for event in self._connection.events:
            match event:
                case Connected():
                    self._is_fresh, self._in_the_way = True, ""
                    self._tell(link.Opened())
                case Disconnected() if self._is_renewing:
                    self._is_fresh = self._is_renewing = False
                case Disconnected():
                    self._is_fresh = False
                    self._tell(link.Lost("the connection to the broker is lost"))
                case Failed(error):
                    self._in_the_way = str(error)
                    # It may come while the next attempt is waited for, and is not said again.
                    self._owner.link_failed(self._in_the_way)
                    self._tell(self._failure(error))
                case _:
                    assert_never(event)

    def _failure(self, error: PeerError) -> link.Event:
        # Whoever has never been welcomed wants to know at once what is in the way.
        if self._was_up or self._is_worker:
            return link.Lost(str(error))
        return link.Denied(str(error))

    async def _receive(self) -> None:
        with suppress(trio.ClosedResourceError):
            while True:
                for payload in await self._connection.receive_batch():
                    self._hear(payload)

    def _hear(self, payload: bytes) -> None:
        try:
            message = decode(payload, self._allowed)
        except BadMessage as fault:
            self._tell(link.Misspoken(str(fault)))
        else:
            self._tell(link.Heard(message))

    async def _write(self) -> None:
        with suppress(trio.ClosedResourceError):
            while True:
                while not self._outbox:
                    self._empty.set()
                    self._something = trio.Event()
                    await self._something.wait()
                payload = self._outbox.popleft()
                with trio.CancelScope() as self._sending:
                    await self._connection.send(payload)
                self._sending = None

    async def _keep_time(self) -> None:
        while True:
            self._alarm = self._state.next_deadline()
            self._moved = trio.Event()
            with trio.move_on_at(self._alarm) as scope:
                await self._moved.wait()
            if scope.cancelled_caught:
                self._tell(link.TimePassed())
