"""The second link to a broker, for blobs: where the broker says that it is, and its use. For trio."""

import math
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

import trio

from maelstrom_core.cluster.link import Connection
from maelstrom_core.errors import PeerError
from maelstrom_core.model.digest import Digest
from maelstrom_core.model.uploads import OnUpload, UploadAccount
from maelstrom_core.store import Store
from maelstrom_core.store.leases import Lease
from maelstrom_core.transfer.asking import Asker
from maelstrom_core.transfer.fetch import Fetcher, get_blob
from maelstrom_core.transfer.upload import Layer, Uploader, put_blob
from maelstrom_core.transport.endpoints import Connected, Disconnected
from maelstrom_core.transport.open_sockets import tasks

OpenConnection = Callable[[int], AbstractAsyncContextManager[Connection]]
"""Opens a connection to that port of the broker's host."""
_BATCHES = 2


class MovingConnection:
    """A connection to a port that may be another one in the broker's next life.

    :param open_at: opens one
    """

    def __init__(self, open_at: OpenConnection) -> None:
        self._open_at = open_at
        self._port = 0
        self._moved = trio.Event()
        self._current: Connection | None = None
        self._there = trio.Event()
        self._tell_event, self.events = trio.open_memory_channel[object](math.inf)
        self._give, self._take = trio.open_memory_channel[list[bytes]](_BATCHES)

    def is_at(self, port: int) -> None:
        """The broker has said where it is."""
        if port != self._port:
            self._port = port
            self._moved.set()

    async def receive_batch(self) -> list[bytes]:
        """What has arrived, at least one."""
        return await self._take.receive()

    async def send(self, payload: bytes) -> None:
        """Send once there is a connection, and room."""
        while True:
            while self._current is None:
                await self._there.wait()
            with suppress(trio.ClosedResourceError):
                return await self._current.send(payload)
            # It has moved; what was lost with the old place is asked again.
            await trio.lowlevel.checkpoint()

    async def run(self) -> None:
        """Be connected to where the broker is, for ever."""
        while True:
            await self._moved.wait()
            self._moved = trio.Event()
            async with self._open_at(self._port) as connection, trio.open_nursery() as nursery:
                self._current = connection
                self._there.set()
                nursery.start_soon(self._receive, connection)
                nursery.start_soon(self._watch, connection)
                try:
                    await self._moved.wait()
                finally:
                    self._there = trio.Event()
                    self._current = None
                    self._tell_event.send_nowait(Disconnected())
                nursery.cancel_scope.cancel()

    async def _receive(self, connection: Connection) -> None:
        while True:
            await self._give.send(await connection.receive_batch())

    async def _watch(self, connection: Connection) -> None:
        async for event in connection.events:
            if isinstance(event, Connected):
                self._tell_event.send_nowait(Connected())
            elif isinstance(event, Disconnected):
                self._tell_event.send_nowait(Disconnected())


class BrokerBlobs:
    """A broker's blobs, for a client or a worker; see `blobs.Uploads` and `blobs.Fetches`.

    :param store: from which layers are sent, and into which they are brought
    :param on_upload: told of what is sent
    """

    def __init__(
        self, connection: MovingConnection, store: Store, on_upload: OnUpload | None = None
    ) -> None:
        self._connection = connection
        self._asker = Asker(connection)
        self._on_upload = on_upload
        self._account = UploadAccount()
        self._uploader = Uploader(self._asker, store, self._count)
        self._fetcher = Fetcher(self._asker, store)

    def _count(self, lacking: int, sent: int) -> None:
        if self._on_upload is not None and (lacking or sent):
            self._on_upload(self._account.take(lacking, sent, now=trio.current_time()))

    def broker_is(self, boot: bytes, port: int) -> None:
        """The broker has said which life of its own this is, and where its blobs are."""
        self._uploader.broker_is(boot)
        self._connection.is_at(port)

    async def put_layers(self, layers: Sequence[Layer], *, again: bool = False) -> None:
        """Have the broker hold these layers with all that is in them.

        :param again: ask it, even if it has said before that it does
        """
        if again:
            for layer in layers:
                self._uploader.forget(layer if isinstance(layer, Digest) else layer.digest)
        await self._uploader.ensure(layers)

    async def put(self, digest: Digest, data: bytes) -> None:
        """Have the broker hold this."""
        await put_blob(self._asker, data, bytes.fromhex(digest.hex))

    async def get(self, digest: Digest, most_bytes: int) -> bytes:
        """What the broker holds, verified."""
        return await get_blob(self._asker, bytes.fromhex(digest.hex), most=most_bytes)

    async def layers(self, layers: Sequence[Digest]) -> Lease:
        """Have these layers in the store."""
        return await self._fetcher.layers(layers)

    async def make_room(self) -> None:
        """Remove from the store whatever nobody needs."""
        await self._fetcher.make_room()

    async def run(self) -> None:
        """Ask and answer, for ever. What fails, fails whoever asks."""
        with suppress(PeerError):
            await self._asker.run()


@asynccontextmanager
async def open_blobs(
    open_at: OpenConnection, store: Store, on_upload: OnUpload | None = None
) -> AsyncIterator[BrokerBlobs]:
    """A broker's blobs for as long as the context lasts, once the broker has said where they are."""
    connection = MovingConnection(open_at)
    blobs = BrokerBlobs(connection, store, on_upload)
    async with tasks(connection.run, blobs.run):
        yield blobs
