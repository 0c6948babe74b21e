"""A peer's end: a socket that finds its broker again and again, and says what is in the way."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TypeAlias

import attrs
import trio
import zmq

from maelstrom_core.errors import PeerError
from maelstrom_core.transport.address_plan import split_address
from maelstrom_core.transport.closer_look import mechanism_at, why_unreachable
from maelstrom_core.transport.finding import Resolve, find, is_name, look_up
from maelstrom_core.transport.join_plan import Join
from maelstrom_core.transport.keys import pair_of
from maelstrom_core.transport.limits import Limits
from maelstrom_core.transport.link_plan import explain
from maelstrom_core.transport.link_state import (
    HANDSHAKE_SECONDS,
    REACH_SECONDS,
    Down,
    Effect,
    Fails,
    Failure,
    Happened,
    LinkState,
    Renew,
    Up,
)
from maelstrom_core.transport.monitor import Event, Monitor
from maelstrom_core.transport.open_sockets import a_context, leave, tasks
from maelstrom_core.transport.options import client_socket
from maelstrom_core.transport.zmq_trio import TrioSocket, whole

_BATCH = 256
_LOOK_SECONDS = 2.0
"""How often a name is looked up while there is no connection: addresses change."""
_EVENTS_KEPT = 1000
_MISMATCH = int(zmq.PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH)
_HAPPENED = {
    zmq.EVENT_CONNECTED: Happened.REACHED,
    zmq.EVENT_HANDSHAKE_SUCCEEDED: Happened.GREETED,
    zmq.EVENT_HANDSHAKE_FAILED_AUTH: Happened.REFUSED,
    zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL: Happened.NOT_UNDERSTOOD,
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL: Happened.BROKEN_OFF,
    zmq.EVENT_DISCONNECTED: Happened.LOST,
}
_KINDS = 0
for _kind in _HAPPENED:
    _KINDS |= _kind


@attrs.frozen
class Connected:
    """Messages can go. It is a new connection: the broker knows nothing of an old one by itself."""


@attrs.frozen
class Disconnected:
    """The connection is lost, with what was on its way; a new one is being tried."""


@attrs.frozen
class Failed:
    """There is no connection, and why; it is tried on, for ever."""

    error: PeerError


ConnectorEvent: TypeAlias = Connected | Disconnected | Failed


class Connector:
    """See `open_connector`.

    :ivar events: when the connection comes and goes, and why it does not come
    """

    def __init__(
        self,
        context: "zmq.Context[zmq.Socket[bytes]]",
        join: Join,
        limits: Limits,
        reach_seconds: float,
        resolve: Resolve,
    ) -> None:
        self._context = context
        self._resolve = resolve
        self._join = join
        self._keys = pair_of(join.secret_key)
        self._limits = limits
        self._state = LinkState(trio.current_time(), reach_seconds)
        self._renew_at: float | None = None
        self._events_sender, self.events = trio.open_memory_channel[ConnectorEvent](float("inf"))
        self._outcome = trio.Event()
        self._failed: PeerError | None = None
        self._look_now = trio.Event()
        self._open()

    @property
    def is_connected(self) -> bool:
        """Whether messages can go, as far as is known."""
        return self._state.is_up

    async def wait_connected(self) -> None:
        """Wait for the connection, but not when something is in its way.

        :raises PeerError: with what that is
        """
        await self._outcome.wait()
        if self._failed is not None:
            raise self._failed

    async def receive_batch(self, limit: int = _BATCH) -> list[bytes]:
        """What there is, at least one message. Cancelled, nothing of it is lost."""
        while True:
            current = self._socket
            try:
                received = [data for (data, *more) in await current.recv_batch(limit) if not more]
            except trio.ClosedResourceError:
                if current is self._socket:
                    raise
                continue  # It has been replaced by another.
            # What is empty is the broker's probe of whether we are there.
            if received := [data for data in received if data]:
                return received

    async def send(self, payload: bytes) -> None:
        """Send a message once there is a connection, and room. Cancelled, it has not been sent.

        That it has been sent does not say that it arrives: the connection may be lost.

        :param payload: not empty, and no larger than the limit
        """
        self._limits.check(payload)
        while True:
            current = self._socket
            try:
                await current.send([payload])
                return
            except trio.ClosedResourceError:
                if current is self._socket:
                    raise

    def send_nowait(self, payload: bytes) -> bool:
        """Send a message if there is a connection, and room.

        :return: whether there was
        """
        self._limits.check(payload)
        return self._socket.send_nowait([payload])

    def renew(self) -> None:
        """Begin with a new connection: the broker is not heard any more on this one."""
        for effect in self._state.step(Happened.RENEWED, trio.current_time()):
            self._perform(effect)
        self._renew_at = trio.current_time()
        self._monitor.close()

    def move_to(self, join: Join) -> None:
        """Begin with a new connection, to a broker that is elsewhere, or has another key.

        :param join: where it is, its key, and one's own
        """
        self._join = join
        self._keys = pair_of(join.secret_key)
        self.renew()

    async def watch(self) -> None:
        """Notice how the connection is, and replace a socket that has given up."""
        while True:
            if self._renew_at is not None and trio.current_time() >= self._renew_at:
                self._replace()
            events: list[Event] = []
            with trio.move_on_at(self._next_look()):
                try:
                    events = await self._monitor.recv_batch(_BATCH)
                except trio.ClosedResourceError:
                    continue  # A new socket is wanted at once.
            for event in events:
                await self._step(_happened(event))
            await self._step(Happened.TICK)

    def _next_look(self) -> float:
        known = [at for at in (self._state.deadline, self._renew_at) if at is not None]
        return min(known, default=float("inf"))

    async def _step(self, happened: Happened) -> None:
        for effect in self._state.step(happened, trio.current_time()):
            self._perform(*await _look_closer(effect, self._join.address))

    def _perform(self, effect: Effect, reason: str = "") -> None:
        match effect:
            case Up():
                self._failed = None
                self._outcome.set()
                self._say(Connected())
            case Down():
                self._outcome = trio.Event()
                self._say(Disconnected())
            case Fails(failure):
                self._failed = explain(failure, self._join, self._keys.public, reason)
                self._outcome.set()
                self._say(Failed(self._failed))
            case Renew(at):
                self._renew_at = at

    def _say(self, event: ConnectorEvent) -> None:
        # Nobody need listen.
        if self.events.statistics().current_buffer_used < _EVENTS_KEPT:
            self._events_sender.send_nowait(event)

    def _open(self) -> None:
        connecting = client_socket(self._context, self._keys, self._join.broker_key, self._limits)
        self._monitor = Monitor(connecting, _KINDS)
        self._connecting, self._endpoint = connecting, ""
        if is_name(self._join.address):
            self._look_now.set()
        else:
            self._go_to(self._join.address)
        self._socket = TrioSocket(connecting, whole)

    def _go_to(self, address: str) -> None:
        """Connect there, and no longer to where it was connected before."""
        if self._endpoint:
            with suppress(zmq.ZMQError):  # it has given that up already
                self._connecting.disconnect(f"tcp://{self._endpoint}")
        self._connecting.setsockopt(zmq.IPV6, ":" in split_address(address)[0])
        self._connecting.connect(f"tcp://{address}")
        self._endpoint = address

    async def watch_name(self) -> None:
        """Find the address of a name, and another one while nobody is reached there."""
        while True:
            with trio.move_on_after(_LOOK_SECONDS):
                await self._look_now.wait()
            self._look_now = trio.Event()
            if self._state.is_up or not is_name(self._join.address):
                continue
            connecting, address = self._connecting, self._join.address
            found = await find(address, self._resolve)
            if connecting is not self._connecting or self._state.is_up:
                continue
            # With none, libzmq goes on looking, and it is told that there is no such host.
            best = found[0] if found else address
            if not self._endpoint or (best != self._endpoint and found):
                self._go_to(best)
                self._socket.touched()

    def _replace(self) -> None:
        self._renew_at = None
        old_monitor, old = self._monitor, self._socket
        # First the new one: whoever waits on the old one goes over to it.
        self._open()
        old_monitor.close()
        old.close()

    def close(self, linger_seconds: float) -> None:
        """Close the socket."""
        self._monitor.close()
        self._socket.close(linger_seconds=linger_seconds)
        self._events_sender.close()


def _happened(event: Event) -> Happened:
    if event.kind == zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL and event.value == _MISMATCH:
        return Happened.NO_KEYS
    return _HAPPENED[zmq.Event(event.kind)]


async def _look_closer(effect: Effect, address: str) -> tuple[Effect, str]:
    """A failure as a plain connection shows it, and what the system says of it."""
    match effect:
        case Fails(Failure.UNREACHABLE):
            return effect, await why_unreachable(address)
        case Fails(Failure.WRONG_BROKER_KEY):
            mechanism = await mechanism_at(address)
            if mechanism != "CURVE":
                return Fails(Failure.NO_KEYS if mechanism else Failure.NO_BROKER), ""
    return effect, ""


@asynccontextmanager
async def open_connector(
    join: Join,
    *,
    limits: Limits | None = None,
    reach_seconds: float = REACH_SECONDS,
    linger_seconds: float = 0.0,
    resolve: Resolve = look_up,
) -> AsyncIterator[Connector]:
    """Connect to a broker, again and again, for as long as the body runs.

    :param join: where it is, its key, and one's own
    :param reach_seconds: how long nobody may answer before that is a failure
    :param linger_seconds: how long, at the end, what was sent last may take to leave
    :param resolve: looks up names of hosts
    """
    limits = limits or Limits(handshake_seconds=HANDSHAKE_SECONDS)
    with a_context() as context:
        connector = Connector(context, join, limits, reach_seconds, resolve)
        try:
            async with tasks(connector.watch, connector.watch_name):
                yield connector
        finally:
            connector.close(linger_seconds)
        if linger_seconds:
            await leave(context)
