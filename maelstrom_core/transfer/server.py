"""The broker's side of the bulk links: a thread with a trio loop of its own, and threads for the disk.

What a peer asks is done in its order, a few requests at once, so that one hop to a thread serves all
that has come meanwhile; different peers do not wait for one another. A peer has a few requests on
their way; what it sends beyond is not answered, and if it goes on, nothing is any more, until it
connects again. An answer that a peer does not take is thrown away: it asks again.

A blob is got by whoever knows its digest: 256 bits that nobody guesses, and that one learns only from
the bytes themselves or from who has them. That is what keeps tenants apart (docs/security.md).
"""

import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import attrs
import trio

from maelstrom_core.model.digest import Digest
from maelstrom_core.transfer.blob_directory import BlobDirectory
from maelstrom_core.transfer.disk_room import Refusal
from maelstrom_core.transfer.memory import keep_freed_memory
from maelstrom_core.transfer.ports import Listener
from maelstrom_core.transfer.server_state import Limits
from maelstrom_core.transport.endpoints import ListUnusable, Principal, Received, Sending
from maelstrom_core.transport.endpoints import Refused as NotLetIn
from maelstrom_core.wire.bulk import (
    BULK,
    MOST_PART_BYTES,
    REQUESTS,
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

ROLES = ("client", "worker")
"""Who may ask for and send blobs."""
MOST_WAITING = 2 * REQUESTS_ON_THEIR_WAY
"""Of one peer: twice what it may have on their way, as it may ask again for what is slow. Its socket is
to hold no more either, in each direction."""
_MOST_IGNORED = 256
_MOST_HELD_BYTES = 256 << 20
"""Of requests that wait for the disk, of all peers; nothing more is read meanwhile."""
_THREADS = 4
_MOST_TEXT = 1000


@attrs.define
class Counts:
    """What has happened since the start."""

    requests: int = 0
    refused: int = 0
    ignored: int = 0
    dropped: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    undelivered: int = 0


@attrs.define
class _Peer:
    waiting: deque[Received] = attrs.Factory(deque)
    in_hand: int = 0
    ignored: int = 0


class BulkServer:
    """Answers what clients and workers ask.

    :param tell: told what a person should know, one line each
    """

    def __init__(
        self, directory: BlobDirectory, *, tell: Callable[[str], None] = lambda _: None
    ) -> None:
        self.directory = directory
        self.counts = Counts()
        self._tell = tell
        self._peers: dict[bytes, _Peer] = {}
        self._held_bytes = 0
        self._has_room = trio.Event()

    async def serve(self, listener: Listener) -> None:
        """Answer until cancelled."""
        raised: list[Exception] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._watch, listener)
            try:
                await self._receive(listener, nursery)
            except Exception as error:
                raised.append(error)
                nursery.cancel_scope.cancel()
        if raised:
            raise raised[0]

    async def _receive(self, listener: Listener, nursery: trio.Nursery) -> None:
        limiter = trio.CapacityLimiter(_THREADS)
        while True:
            for received in await listener.receive_batch():
                if self._takes(listener, received):
                    peer = self._peers[received.peer]
                    if not peer.in_hand and len(peer.waiting) == 1:
                        nursery.start_soon(self._work, listener, received.peer, peer, limiter)
            while self._held_bytes > _MOST_HELD_BYTES:
                self._has_room = trio.Event()
                await self._has_room.wait()

    async def _watch(self, listener: Listener) -> None:
        async for event in listener.events:
            match event:
                case NotLetIn(address, key):
                    self._tell(
                        f"somebody was not let in to the bulk link: {address}, {key or 'no key'}"
                    )
                case ListUnusable(error):
                    self._tell(f"the list of who may join is unusable: {error}")

    def _takes(self, listener: Listener, received: Received) -> bool:
        peer = self._peers.setdefault(received.peer, _Peer())
        if len(peer.waiting) + peer.in_hand >= MOST_WAITING:
            peer.ignored += 1
            self.counts.ignored += 1
            if peer.ignored == _MOST_IGNORED:
                self._drop(listener, received, f"more than {MOST_WAITING} requests at once")
            return False
        peer.waiting.append(received)
        self._held_bytes += len(received.payload)
        self.counts.bytes_in += len(received.payload)
        return True

    def _drop(self, listener: Listener, received: Received, why: str) -> None:
        listener.drop(received.peer)
        self.counts.dropped += 1
        self._tell(f"a bulk link of {received.principal} is not listened to any more: {why}")

    async def _work(
        self, listener: Listener, name: bytes, peer: _Peer, limiter: trio.CapacityLimiter
    ) -> None:
        """Do all that a peer has asked, and what it asks meanwhile."""
        while peer.waiting:
            batch = list(peer.waiting)
            peer.waiting.clear()
            peer.in_hand = len(batch)
            answers = await trio.to_thread.run_sync(self._answers, batch, limiter=limiter)
            self._held_bytes -= sum(len(received.payload) for received in batch)
            self._has_room.set()
            peer.in_hand = 0
            for received, answer in zip(batch, answers, strict=True):
                if isinstance(answer, BadMessage):
                    self._drop(listener, received, str(answer))
                elif answer is not None:
                    self._send(listener, name, answer)
        del self._peers[name]

    def _send(self, listener: Listener, peer: bytes, answer: bytes) -> None:
        if listener.send_nowait(peer, answer) is Sending.SENT:
            self.counts.bytes_out += len(answer)
        else:
            self.counts.undelivered += 1

    # In threads

    def _answers(self, batch: Sequence[Received]) -> list[bytes | BadMessage | None]:
        return [self._answer(received.principal, received.payload) for received in batch]

    def _answer(self, principal: Principal, payload: bytes) -> bytes | BadMessage | None:
        try:
            request = BULK.decode(payload, REQUESTS)
        except BadMessage as fault:
            return fault
        if request is None:
            return None
        self.counts.requests += 1
        answer: BulkAnswer
        try:
            answer = self._perform(principal, request)
        except Refusal as refusal:
            answer = Refused(request.request, refusal.why, refusal.text)
        except OSError as error:
            text = f"the broker's disk failed: {error.strerror or error}"
            self._tell(text)
            answer = Refused(request.request, Why.BROKEN, text)
        except Exception as error:
            # A mistake of ours costs one request, not everybody's blobs.
            text = f"the broker failed: {type(error).__name__}: {error}"
            self._tell(text)
            answer = Refused(request.request, Why.BROKEN, text[:_MOST_TEXT])
        if isinstance(answer, Refused):
            self.counts.refused += 1
        return BULK.encode(answer)

    def _perform(self, principal: Principal, request: Request) -> BulkAnswer:
        if principal.role not in ROLES:
            raise Refusal(Why.NOT_ALLOWED, f"the role {principal.role} has no use for blobs")
        number, directory = request.request, self.directory
        match request:
            case Need(digests=digests):
                return Missing(number, directory.need(digests))
            case Put(blobs=blobs):
                directory.put(owner_of(principal), blobs)
                return Stored(number)
            case PutPart(digest=digest, size=size, offset=offset, data=data):
                owner = owner_of(principal)
                return Stored(number, directory.put_part(owner, digest, size, offset, data))
            case Get(digests=digests):
                blobs_, gone, large = directory.get(digests)
                return Blobs(number, tuple(blobs_), tuple(gone), tuple(large))
            case GetPart(digest=digest, offset=offset, length=length):
                most = min(length, MOST_PART_BYTES)
                return Part(number, *directory.get_part(digest, offset, most))


def owner_of(principal: Principal) -> str:
    """A name for who has sent a blob that is fit for files, whatever its own is."""
    return Digest.of(str(principal).encode()).hex[:32]


@asynccontextmanager
async def open_bulk_server(
    open_listener: Callable[[], AbstractAsyncContextManager[Listener]],
    directory: Path,
    limits: Limits | None = None,
    *,
    tell: Callable[[str], None] = lambda _: None,
) -> AsyncIterator[BulkServer]:
    """A server on a thread of its own for as long as the context lasts.

    :param open_listener: called in that thread, which the socket never leaves
    :param tell: called in that thread and others
    :raises maelstrom_core.errors.HostError: if the directory cannot be used
    :raises Exception: what the listener raises, at the start and later, as it is
    """
    keep_freed_memory()
    blobs = await trio.to_thread.run_sync(BlobDirectory, directory, limits)
    try:
        server = BulkServer(blobs, tell=tell)
        started, stop = threading.Event(), _Stop()
        failed: list[Exception] = []

        async def main() -> None:
            with trio.CancelScope() as scope:
                stop.is_for(trio.lowlevel.current_trio_token(), scope)
                async with open_listener() as listener:
                    started.set()
                    await server.serve(listener)

        def run() -> None:
            try:
                trio.run(main)
            except Exception as error:
                failed.append(error)
            finally:
                started.set()

        async with trio.open_nursery() as nursery:

            async def thread() -> None:
                await trio.to_thread.run_sync(run, limiter=trio.CapacityLimiter(1))
                # Whatever has ended it: without a server, the body has no use.
                nursery.cancel_scope.cancel()

            nursery.start_soon(thread)
            await trio.to_thread.run_sync(started.wait)
            try:
                if not failed:
                    yield server
            except Exception as error:
                failed.append(error)
            finally:
                stop()
        if failed:
            raise failed[0]
    finally:
        blobs.close()


class _Stop:
    """Ends a loop from another thread, whether it has begun or not."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stopped = False
        self._loop: tuple[trio.lowlevel.TrioToken, trio.CancelScope] | None = None

    def is_for(self, token: trio.lowlevel.TrioToken, scope: trio.CancelScope) -> None:
        with self._lock:
            self._loop = token, scope
            if self._stopped:
                scope.cancel()

    def __call__(self) -> None:
        with self._lock:
            self._stopped = True
            if self._loop is None:
                return
            token, scope = self._loop
        try:
            token.run_sync_soon(scope.cancel)
        except trio.RunFinishedError:
            return
