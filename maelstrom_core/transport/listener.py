"""The broker's end: one socket for all peers, each known by its key.

A peer is known by the routing id of its connection, which ZeroMQ makes: a new connection is a new
peer. Never tell a peer its own, or another's: whoever knows them can guess the next (see
`unpredictable`). Who it is, and whether it may still join, is asked anew with each message. Whoever is
revoked or dropped is not heard any more, and nothing is sent to it. ZeroMQ cannot cut a single
connection; `cutting` does: those that were dropped, when they have had time to hear why, and those
that are too many (`crowd_state`).

That a connection is gone is told as soon as it is known, which is no more than a help: a peer that
hangs, or whose cable is cut, has to be missed by its heartbeats.
"""

import errno
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import attrs
import trio
import zmq

from maelstrom_core.errors import InputError
from maelstrom_core.transport.address_plan import split_address
from maelstrom_core.transport.authorized import Authorized
from maelstrom_core.transport.binding import bind
from maelstrom_core.transport.crowd_state import CrowdState
from maelstrom_core.transport.cutting import cut
from maelstrom_core.transport.events import (
    ListenerEvent,
    ListUnusable,
    PeerLeft,
    Received,
    Refused,
    Sending,
)
from maelstrom_core.transport.finding import Resolve, look_up
from maelstrom_core.transport.keys import KeyPair
from maelstrom_core.transport.limits import Limits
from maelstrom_core.transport.monitor import Monitor
from maelstrom_core.transport.open_sockets import a_context, leave, tasks
from maelstrom_core.transport.options import server_socket
from maelstrom_core.transport.principal import Principal
from maelstrom_core.transport.unpredictable import make_ids_unpredictable
from maelstrom_core.transport.zap import ZapHandler, parse_user_id
from maelstrom_core.transport.zmq_trio import TrioSocket

LOOPBACK = "127.0.0.1"
_BATCH = 256
_LOOK_SECONDS = 1.0
_PROBE_PAUSES_SECONDS = (0.0, 0.02, 0.3, 2.0)
"""The event that a connection is gone comes a moment before sending to it fails."""
_REFUSALS_KEPT = 1000
_GOODBYE_SECONDS = 2.0
"""How long a peer that was dropped may take to hear why."""
_ID_BYTES = 5
"""Of the routing ids that libzmq gives: a zero and a number."""


@attrs.define
class _Peer:
    user: str
    principal: Principal
    descriptor: int
    address: str
    is_dropped: bool = False


class Listener:
    """See `open_listener`.

    :ivar addresses: where it listens, ``HOST:PORT``, with one port
    :ivar address: the first of them
    :ivar events: of peers that leave, and of others that are not let in
    :ivar ignored: how many messages were not passed on, by reason
    """

    def __init__(
        self,
        bound: "zmq.Socket[bytes]",
        monitor: Monitor,
        authorized: Authorized,
        addresses: list[str],
        limits: Limits,
    ) -> None:
        self._limits = limits
        self._monitor = monitor
        self._authorized = authorized
        self._socket: TrioSocket[Received | None] = TrioSocket(bound, self._take)
        self._peers: dict[bytes, _Peer] = {}
        self._new: list[bytes] = []
        self._by_descriptor: dict[int, set[bytes]] = {}
        self._connected: set[int] = set()
        self._used_again: set[int] = set()
        self._crowd = CrowdState(limits.connections)
        self._port = split_address(addresses[0])[1]
        self._principals: dict[str, Principal | None] = {}
        self._suspects_sender, self._suspects = trio.open_memory_channel[bytes](float("inf"))
        self._dropped_sender, self._dropped = trio.open_memory_channel[tuple[float, bytes]](
            float("inf")
        )
        self._events_sender, self.events = trio.open_memory_channel[ListenerEvent](float("inf"))
        self.ignored: Counter[str] = Counter()
        self.addresses = addresses
        self.address = addresses[0]

    async def receive_batch(self, limit: int = _BATCH) -> list[Received]:
        """What there is, at least one message. Cancelled, nothing of it is lost."""
        while True:
            taken = await self._socket.recv_batch(limit)
            if self._new and self._check_new():
                taken = [one for one in taken if one is not None and not self._is_cut(one.peer)]
            if received := [one for one in taken if one is not None]:
                return received

    def _is_cut(self, peer: bytes) -> bool:
        known = self._peers.get(peer)
        return known is not None and known.is_dropped

    def send_nowait(self, peer: bytes, payload: bytes) -> Sending:
        """Send a message to a peer from which one was received.

        :param payload: not empty, and no larger than the limit
        """
        self._limits.check(payload)
        known = self._peers.get(peer)
        if known is None or known.is_dropped:
            return Sending.PEER_GONE
        return self._send(peer, known, payload)

    def _send(self, peer: bytes, known: _Peer, payload: bytes) -> Sending:
        try:
            return Sending.SENT if self._socket.send_nowait([peer, payload]) else Sending.PEER_FULL
        except zmq.ZMQError as error:
            if error.errno != errno.EHOSTUNREACH:
                raise
        self._forget(peer)
        self._events_sender.send_nowait(PeerLeft(peer, known.principal))
        return Sending.PEER_GONE

    def drop(self, peer: bytes) -> None:
        """Hear nothing more from a peer, and send nothing more to it: it breaks the protocol."""
        known = self._peers.get(peer)
        if known and not known.is_dropped:
            known.is_dropped = True
            self._dropped_sender.send_nowait((trio.current_time() + _GOODBYE_SECONDS, peer))

    async def cut_the_dropped(self) -> None:
        """End connections of peers that were dropped, for ever."""
        async for at, peer in self._dropped:
            await trio.sleep_until(at)
            if known := self._peers.get(peer):
                self._cut([known.descriptor])

    def _cut(self, descriptors: list[int]) -> None:
        for descriptor in descriptors:
            cut(descriptor, self._port)

    def address_of(self, peer: bytes) -> str:
        """From which host a peer has connected; empty if it is gone."""
        known = self._peers.get(peer)
        return known.address if known else ""

    def _take(self, socket: "zmq.Socket[bytes]") -> Received | None:
        peer = socket.recv(zmq.NOBLOCK)
        frame: zmq.Frame = socket.recv(zmq.NOBLOCK, copy=False)
        if frame.more:
            while socket.getsockopt(zmq.RCVMORE):
                socket.recv(zmq.NOBLOCK)
            return self._ignore("more than one frame")
        user = _property(frame, "User-Id")
        try:
            principal = self._principals[user]
        except KeyError:
            principal = self._principals[user] = self._principal(user)
        if principal is None:
            return self._ignore("revoked")
        known = self._peers.get(peer)
        if known is None or known.user != user:
            # The property is a C string: one that begins with a zero looks like none.
            if _property(frame, "Identity") or len(peer) != _ID_BYTES or peer[:1] != b"\0":
                return self._ignore("routing id of its own")
            address = _property(frame, "Peer-Address")
            known = self._register(peer, _Peer(user, principal, _descriptor(frame), address))
        if known.is_dropped:
            return self._ignore("dropped")
        payload = frame.bytes
        return Received(peer, principal, payload) if payload else None

    def _ignore(self, reason: str) -> Received | None:
        self.ignored[reason] += 1
        return None

    def _principal(self, user: str) -> Principal | None:
        """Who it is, if he may still join with this very key."""
        if not user:
            return None
        principal, key = parse_user_id(user)
        return principal if self._authorized.principal(key) == principal else None

    def _register(self, peer: bytes, known: _Peer) -> _Peer:
        self._forget(peer)
        self._peers[peer] = known
        self._by_descriptor.setdefault(known.descriptor, set()).add(peer)
        self._new.append(peer)
        return known

    def _forget(self, peer: bytes) -> None:
        if known := self._peers.pop(peer, None):
            there = self._by_descriptor[known.descriptor]
            there.discard(peer)
            if not there:
                del self._by_descriptor[known.descriptor]
                if known.descriptor in self._connected:
                    # It is another's by now, who has said nothing.
                    self._cut(self._crowd.falls_silent(known.descriptor))

    # Who is gone

    def _check_new(self) -> bool:
        """A peer may have gone before its first message was taken, and its descriptor may be that of
        another connection by now. All that happened to it before is in the monitor already.

        :return: whether one was cut, for its key has too many connections
        """
        self._read_monitor()
        were_too_many = False
        for peer in self._new:
            known = self._peers.get(peer)
            if known is None:
                continue
            descriptor = known.descriptor
            if descriptor not in self._connected or descriptor in self._used_again:
                self._suspects_sender.send_nowait(peer)
            if descriptor in self._connected and not self._crowd.spoke(descriptor, known.user):
                were_too_many = known.is_dropped = True
                self.ignored["too many connections"] += 1
                self._cut([descriptor])
        self._new.clear()
        return were_too_many

    def _read_monitor(self) -> None:
        while events := self._monitor.recv_nowait(_BATCH):
            for event in events:
                self._note(event.kind, event.value)

    def _note(self, kind: int, descriptor: int) -> None:
        if kind == zmq.EVENT_ACCEPTED:
            self._connected.add(descriptor)
            self._cut(self._crowd.came(descriptor))
        else:
            self._connected.discard(descriptor)
            self._crowd.left(descriptor)
            self._used_again.add(descriptor)
            for peer in self._by_descriptor.get(descriptor, ()):
                self._suspects_sender.send_nowait(peer)

    async def watch_connections(self) -> None:
        """Notice which connections end."""
        while True:
            await self._monitor.wait(zmq.POLLIN)
            self._read_monitor()
            await trio.lowlevel.checkpoint()

    async def watch_suspects(self) -> None:
        """Try to send to those who seem to be gone; others ignore what is empty."""
        async with trio.open_nursery() as nursery:
            async for peer in self._suspects:
                nursery.start_soon(self._probe, peer)

    async def _probe(self, peer: bytes) -> None:
        for pause in _PROBE_PAUSES_SECONDS:
            await trio.sleep(pause)
            known = self._peers.get(peer)
            if known is None:
                return
            self._send(peer, known, b"")

    async def watch_list(self) -> None:
        """Notice who may join no longer."""
        told: InputError | OSError | None = None
        known_before = self._authorized.known
        while True:
            await trio.sleep(_LOOK_SECONDS)
            self._authorized.refresh()
            fault = self._authorized.fault
            if fault is not None and str(fault) != str(told):
                self._events_sender.send_nowait(ListUnusable(fault))
            told = fault
            # It may be the handler of ZAP that has seen a change first.
            if self._authorized.known is known_before:
                continue
            known_before = self._authorized.known
            self._principals.clear()
            for peer, known in list(self._peers.items()):
                if self._principal(known.user) is None:
                    self._forget(peer)
                    self._events_sender.send_nowait(PeerLeft(peer, known.principal, True))

    def refused(self, address: str, key: str) -> None:
        """Tell that somebody was not let in; a flood of them is told in part."""
        if self.events.statistics().current_buffer_used < _REFUSALS_KEPT:
            self._events_sender.send_nowait(Refused(address, key))

    def close(self, linger_seconds: float) -> None:
        """Close the socket: nobody is heard any more."""
        self._monitor.close()
        self._socket.close(linger_seconds=linger_seconds)
        self._events_sender.close()


def _property(frame: zmq.Frame, name: str) -> str:
    try:
        return str(frame.get(name))
    except UnicodeDecodeError:
        return "not text"  # Of those the other side has chosen.
    except zmq.ZMQError:
        return ""


def _descriptor(frame: zmq.Frame) -> int:
    with suppress(zmq.ZMQError):
        return int(frame.get(zmq.SRCFD))
    return -1


@asynccontextmanager
async def open_listener(
    keys: KeyPair,
    authorized: Authorized,
    *,
    host: str = LOOPBACK,
    port: int = 0,
    limits: Limits | None = None,
    linger_seconds: float = 0.0,
    rng: random.Random | None = None,
    resolve: Resolve = look_up,
) -> AsyncIterator[Listener]:
    """Listen for peers whose keys are on the list, for as long as the body runs.

    :param keys: the broker's
    :param authorized: who may join; looked at again whenever it changes
    :param host: by default only this machine can reach it
    :param port: 0 for one that is free
    :param linger_seconds: how long, at the end, what was sent last may take to leave
    :param rng: chooses the port
    :param resolve: looks up the host; all of its addresses that this machine has are listened at
    :raises UsageError: if this machine has no such address
    :raises HostError: if the port is taken, or not ours to take
    """
    limits = limits or Limits()
    with a_context() as context:
        handler = ZapHandler(context, authorized)
        try:
            make_ids_unpredictable()
            bound = server_socket(context, keys, limits)
            # Before it is bound, so that no connection is there of which nothing is known.
            monitor = Monitor(bound, zmq.EVENT_ACCEPTED | zmq.EVENT_DISCONNECTED)
            addresses = await bind(bound, host, port, rng or random.Random(), resolve)
            listener = Listener(bound, monitor, authorized, addresses, limits)
            handler.refused = listener.refused
            watching = (listener.watch_connections, listener.watch_suspects, listener.watch_list)
            try:
                async with tasks(handler.serve, listener.cut_the_dropped, *watching):
                    yield listener
            finally:
                listener.close(linger_seconds)
        finally:
            handler.close()
        if linger_seconds:
            await leave(context)
