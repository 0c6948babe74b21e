"""A cluster's keys, and links over loopback between both ends, with real sockets: with peers that
keep to the rules, and with such that do not.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import attrs
import pytest
import trio
import zmq

from maelstrom_core.transport.endpoints import (
    Connector,
    Limits,
    Listener,
    Received,
    open_connector,
    open_listener,
)
from maelstrom_core.transport.join_plan import Join
from maelstrom_core.transport.keyring import Keyring
from maelstrom_core.transport.keys import KeyPair, pair_of
from maelstrom_core.transport.options import client_socket, server_socket


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    made = Keyring(tmp_path / "cluster")
    made.ensure()
    return made


@attrs.frozen
class Broker:
    """A listener, with the keys of its cluster."""

    listener: Listener
    keyring: Keyring

    def join(self, role: str = "client") -> Join:
        self.keyring.publish_address(self.listener.address)
        return self.keyring.local_join(role)

    def connect(self, role: str = "client") -> AbstractAsyncContextManager[Connector]:
        return open_connector(self.join(role))


OpenBroker = Callable[..., AbstractAsyncContextManager[Broker]]


@pytest.fixture
def open_broker(keyring: Keyring) -> OpenBroker:
    @asynccontextmanager
    async def opened(port: int = 0, limits: Limits | None = None) -> AsyncIterator[Broker]:
        keys, authorized = keyring.broker_keys(), keyring.authorized()
        async with open_listener(keys, authorized, port=port, limits=limits) as listener:
            yield Broker(listener, keyring)

    return opened


# Peers that keep to no rule

LIMITS = Limits(message_bytes=100_000, handshake_seconds=1.0)


@attrs.define
class Scene:
    """A broker under attack, that answers each message with the same, and a bystander."""

    broker: Broker
    bystander: Connector
    heard: list[Received]

    @property
    def join(self) -> Join:
        return self.broker.join("worker")

    @property
    def port(self) -> int:
        return int(self.broker.listener.address.rpartition(":")[2])

    async def serves(self) -> None:
        """The bystander is, and so is somebody new."""
        await self.ask(self.bystander, b"still there?")
        async with self.broker.connect("admin") as newcomer:
            await self.ask(newcomer, b"anybody there?")

    def heard_from(self, role: str) -> list[bytes]:
        return [one.payload for one in self.heard if one.principal.role == role]

    async def ask(self, connector: Connector, question: bytes) -> None:
        """Send something, and have it back."""
        with trio.fail_after(30):
            await connector.send(question)
            assert await connector.receive_batch() == [question]


Attack = Callable[[Scene], Awaitable[None]]


@pytest.fixture
def under_attack(open_broker: OpenBroker) -> Callable[..., None]:
    """Runs an attack, and finds out whether others are served before and after."""

    async def main(attack: Attack, limits: Limits) -> None:
        async with open_broker(limits=limits) as broker, broker.connect("client") as bystander:
            scene = Scene(broker, bystander, [])

            async def answer() -> None:
                while True:
                    for received in await broker.listener.receive_batch():
                        scene.heard.append(received)
                        broker.listener.send_nowait(received.peer, received.payload)

            async with trio.open_nursery() as nursery:
                nursery.start_soon(answer)
                with trio.fail_after(60):
                    await scene.serves()
                    await attack(scene)
                    await scene.serves()
                nursery.cancel_scope.cancel()

    return lambda attack, limits=LIMITS: trio.run(main, attack, limits)


class Weapons:
    """Plain sockets. They are kept: one that nobody knows of any more would close itself."""

    def __init__(self) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._sockets: list[zmq.Socket[bytes]] = []

    def socket(self, kind: int) -> "zmq.Socket[bytes]":
        self._sockets.append(self._context.socket(kind))
        return self._sockets[-1]

    def close(self) -> None:
        for socket in self._sockets:
            socket.close(linger=0)
        self._context.destroy(linger=0)

    def serving(self, keys: KeyPair) -> "zmq.Socket[bytes]":
        """A server's socket without anybody who answers ZAP."""
        self._sockets.append(server_socket(self._context, keys, LIMITS))
        return self._sockets[-1]

    def armed(self, join: Join, **options: bytes) -> "zmq.Socket[bytes]":
        """A socket of somebody who holds a key, and follows no rule of ours."""
        keys, limits = pair_of(join.secret_key), Limits(1 << 30)
        socket = client_socket(self._context, keys, join.broker_key, limits)
        self._sockets.append(socket)
        for name, value in options.items():
            socket.setsockopt(getattr(zmq, name), value)
        socket.connect(f"tcp://{join.address}")
        return socket

    async def sent(self, socket: "zmq.Socket[bytes]", frames: list[bytes]) -> None:
        """Send this once there is a connection."""
        while not socket.poll(0, zmq.POLLOUT):
            await trio.sleep(0.01)
        socket.send_multipart(frames, zmq.NOBLOCK)


@pytest.fixture
def weapons() -> Iterator[Weapons]:
    weapons = Weapons()
    yield weapons
    weapons.close()
