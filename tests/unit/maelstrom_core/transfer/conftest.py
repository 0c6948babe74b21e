"""A broker over sockets with keys and over queues in memory, stores of a client and of a worker, and
layers to go from one to the other.
"""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio

from maelstrom_core.layers import make_layers
from maelstrom_core.model.digest import Digest
from maelstrom_core.model.layers import GlobLayer
from maelstrom_core.store import Store
from maelstrom_core.transfer.asking import Asker
from maelstrom_core.transfer.blob_directory import BlobDirectory
from maelstrom_core.transfer.ports import Connector
from maelstrom_core.transfer.server import MOST_WAITING, BulkServer, open_bulk_server
from maelstrom_core.transfer.server_state import Limits
from maelstrom_core.transport import endpoints
from maelstrom_core.transport.endpoints import (
    Connected,
    Disconnected,
    Principal,
    Received,
    Sending,
    open_connector,
    open_listener,
)
from maelstrom_core.transport.join_plan import Join
from maelstrom_core.transport.keyring import Keyring


class MemoryListener:
    def __init__(self) -> None:
        self.inbox, self._received = trio.open_memory_channel[Received](float("inf"))
        self.connectors: dict[bytes, MemoryConnector] = {}
        self.dropped: set[bytes] = set()
        self._tell, self.events = trio.open_memory_channel[object](0)

    async def receive_batch(self) -> list[Received]:
        found = [await self._received.receive()]
        while len(found) < 256:
            try:
                found.append(self._received.receive_nowait())
            except trio.WouldBlock:
                break
        return found

    def send_nowait(self, peer: bytes, payload: bytes) -> Sending:
        connector = self.connectors.get(peer)
        if connector is None or peer in self.dropped:
            return Sending.PEER_GONE
        return connector.deliver(payload)

    def drop(self, peer: bytes) -> None:
        self.dropped.add(peer)


class MemoryConnector:
    def __init__(self, listener: MemoryListener, principal: Principal) -> None:
        self._listener, self._principal = listener, principal
        self._tell, self.events = trio.open_memory_channel[object](float("inf"))
        self._serial = 0
        self._connect()

    def _connect(self) -> None:
        self._serial += 1
        self.peer = f"{id(self):x}-{self._serial}".encode()
        self._in, self._out = trio.open_memory_channel[bytes](MOST_WAITING)
        self._listener.connectors[self.peer] = self
        self._tell.send_nowait(Connected())

    def lose(self) -> None:
        """The connection breaks, with all that is on its way; another one comes."""
        del self._listener.connectors[self.peer]
        old = self._in
        self._tell.send_nowait(Disconnected())
        self._connect()
        old.close()

    def deliver(self, payload: bytes) -> Sending:
        try:
            self._in.send_nowait(payload)
        except trio.WouldBlock:
            return Sending.PEER_FULL
        return Sending.SENT

    async def receive_batch(self) -> list[bytes]:
        while True:
            try:
                return [await self._out.receive()]
            except trio.EndOfChannel:
                continue

    async def send(self, payload: bytes) -> None:
        await trio.lowlevel.checkpoint()
        if self.peer not in self._listener.dropped:
            self._listener.inbox.send_nowait(Received(self.peer, self._principal, payload))


class World:
    """One broker, and whoever connects to it."""

    def __init__(self, server: BulkServer, connect: Callable[[str], "Opened"]) -> None:
        self.server = server
        self._connect = connect

    @property
    def directory(self) -> BlobDirectory:
        return self.server.directory

    def connect(self, role: str = "client") -> "Opened":
        """A bare link."""
        return self._connect(role)

    @asynccontextmanager
    async def asker(self, role: str = "client", patience: float = 30.0) -> AsyncIterator[Asker]:
        """A link with somebody who asks over it; ``lose`` breaks the connection."""
        async with self.connect(role) as connector, trio.open_nursery() as nursery:
            asker = Asker(connector, patience=patience)
            asker.lose = partial(lose, connector)  # type: ignore[attr-defined]
            nursery.start_soon(asker.run)
            yield asker
            nursery.cancel_scope.cancel()


Opened = AbstractAsyncContextManager[Connector]


def lose(connector: Connector) -> None:
    """Break a connection; it comes back by itself."""
    if isinstance(connector, endpoints.Connector):
        connector.renew()
    else:
        assert isinstance(connector, MemoryConnector)
        connector.lose()


@asynccontextmanager
async def memory_world(directory: Path, limits: Limits | None = None) -> AsyncIterator[World]:
    blobs = BlobDirectory(directory / "broker", limits)
    listener, server = MemoryListener(), BulkServer(blobs)

    @asynccontextmanager
    async def connect(role: str) -> AsyncIterator[Connector]:
        yield MemoryConnector(listener, Principal(role, "ann"))

    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(server.serve, listener)
            yield World(server, connect)
            nursery.cancel_scope.cancel()
    finally:
        blobs.close()


@asynccontextmanager
async def socket_world(directory: Path, limits: Limits | None = None) -> AsyncIterator[World]:
    keyring = Keyring(directory / "cluster")
    keyring.ensure()
    small = endpoints.Limits(waiting_to_go=MOST_WAITING, waiting_to_come=MOST_WAITING)
    addresses: list[str] = []

    @asynccontextmanager
    async def listening() -> AsyncIterator[endpoints.Listener]:
        keys, authorized = keyring.broker_keys(), keyring.authorized()
        async with open_listener(keys, authorized, limits=small) as listener:
            addresses.append(listener.address)
            yield listener

    def connect(role: str) -> Opened:
        keyring.publish_address(addresses[0])
        join: Join = keyring.local_join(role)
        return open_connector(join)

    async with open_bulk_server(listening, directory / "broker", limits) as server:
        yield World(server, connect)


WORLDS = {"memory": memory_world, "sockets": socket_world}


@pytest.fixture(params=sorted(WORLDS))
def open_world(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., object]:
    """Open a world, over queues and over sockets."""

    def opened(*arguments: object) -> object:
        return WORLDS[request.param](tmp_path, *arguments)

    return opened


@pytest.fixture
def open_memory_world(tmp_path: Path) -> Callable[..., object]:
    def opened(*arguments: object) -> object:
        return memory_world(tmp_path, *arguments)

    return opened


@pytest.fixture
def client_store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "client") as opened:
        yield opened


@pytest.fixture
def worker_store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "worker") as opened:
        yield opened


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A directory with small, empty and large files, links and directories."""
    directory = tmp_path / "project"
    for index in range(300):
        path = directory / f"sub{index % 7}" / f"file{index}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"# {index}\n".encode() * index)
    (directory / "large").write_bytes(os.urandom(3_000_001))
    (directory / "middle").write_bytes(os.urandom(200_000))
    (directory / "link").symlink_to("large")
    (directory / "empty").mkdir()
    return directory


@pytest.fixture
def layer(project: Path, client_store: Store) -> Iterator[Digest]:
    """A layer of it in the client's store."""
    made = make_layers([GlobLayer(globs=("**",))], project_directory=project, store=client_store)
    with made.lease:
        yield made.digests[0]


def looks(directory: Path) -> dict[str, object]:
    """All that can be seen of a tree."""
    found: dict[str, object] = {}
    for path in sorted(directory.rglob("*")):
        status = path.lstat()
        content: object = os.readlink(path) if path.is_symlink() else None
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
        name = str(path.relative_to(directory))
        found[name] = (status.st_mode, status.st_mtime_ns, content)
    return found


@pytest.fixture
def look() -> Callable[[Path], dict[str, object]]:
    return looks
