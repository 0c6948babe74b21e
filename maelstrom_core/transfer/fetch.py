"""Layers and other blobs ← broker: into the local store, verified, each once however many want it."""

import os
from collections import deque
from collections.abc import Iterator, Sequence
from functools import partial

import attrs
import trio

from maelstrom_core.errors import InputError, PeerError
from maelstrom_core.model.digest import Digest
from maelstrom_core.model.manifest import Entry, decode_manifest
from maelstrom_core.store import Lease, Store
from maelstrom_core.store.blobs import Damaged
from maelstrom_core.transfer.asking import Asker, BlobGone, Pending, Progress
from maelstrom_core.transfer.at_once import at_once
from maelstrom_core.transfer.upload import LARGE_BYTES, put_blob
from maelstrom_core.wire.bulk import (
    MOST_BUNDLE,
    MOST_BUNDLE_BYTES,
    MOST_PART_BYTES,
    Blob,
    Blobs,
    Get,
    GetPart,
    Part,
)

MOST_MANIFEST_BYTES = 32 << 20
MOST_ENTRIES = 300_000
"""Of one layer; of the smallest that there are, so many take some 100 MiB of memory."""
MOST_BODY_BYTES = 64 << 20
"""Of one blob that is got into memory."""
_GETTERS = 4
_PARTS_ON_THEIR_WAY = 6


@attrs.frozen
class _Wanted:
    """A blob of a layer, as its first entry has it."""

    layer: Digest
    entry: Entry

    @property
    def name(self) -> bytes:
        assert self.entry.digest is not None
        return bytes.fromhex(self.entry.digest.hex)

    @property
    def where(self) -> str:
        path = os.fsdecode(self.entry.path).encode("utf-8", "backslashreplace").decode()
        return f"layer {self.layer.short}: {path}"


class Fetcher:
    """Brings layers into a store."""

    def __init__(self, asker: Asker, store: Store) -> None:
        self._asker = asker
        self._store = store
        self._busy: dict[Digest, trio.Event] = {}

    async def layers(
        self, digests: Sequence[Digest], progress: Progress = lambda _bytes, _files: None
    ) -> Lease:
        """Bring layers into the store, trees and all.

        :param progress: told what this call has brought itself
        :return: keeps them from eviction; release it when no job needs them any more
        :raises BlobGone: if the broker lacks something of one; names layer and file
        :raises InputError: if a manifest is bad, or the layer is none for this store
        :raises maelstrom_core.errors.HostError: if the disk is full, …
        """
        # Nothing is evicted while the gate is held: blobs have no tree to keep them yet.
        making = self._store.making()
        lease = await trio.to_thread.run_sync(making.__enter__)
        try:
            await at_once(*(partial(self._layer, one, progress) for one in dict.fromkeys(digests)))
            await trio.to_thread.run_sync(lease.add, digests)
            await trio.to_thread.run_sync(self._store.lower_directories, digests)
        except BaseException as error:
            # It turns a full disk into an error for people, and releases the lease.
            making.__exit__(type(error), error, error.__traceback__)
            raise
        making.__exit__(None, None, None)
        if self._store.grown:
            try:
                await trio.to_thread.run_sync(self._store.evict)
            except BaseException:
                lease.release()
                raise
        return lease

    async def make_room(self) -> None:
        """Remove from the store whatever nobody needs, as far as nobody else makes something there."""
        await trio.to_thread.run_sync(self._store.evict, 0)

    async def get(self, digest: bytes, *, most: int = MOST_BODY_BYTES) -> bytes:
        """A blob as bytes in memory.

        :param most: bytes that it may have
        :raises BlobGone: if the broker has none
        :raises InputError: if it is larger
        """
        return await get_blob(self._asker, digest, most=most)

    async def put(self, data: bytes) -> bytes:
        """Give the broker bytes that others get by their digest, which is returned."""
        return await put_blob(self._asker, data)

    async def _layer(self, digest: Digest, progress: Progress) -> None:
        while not self._store.has_layer(digest):
            busy = self._busy.get(digest)
            if busy is not None:
                await busy.wait()
                continue
            self._busy[digest] = trio.Event()
            try:
                await self._bring(digest, progress)
            finally:
                self._busy.pop(digest).set()

    async def _bring(self, digest: Digest, progress: Progress) -> None:
        name = bytes.fromhex(digest.hex)
        try:
            manifest = await get_blob(self._asker, name, most=MOST_MANIFEST_BYTES)
        except BlobGone:
            raise BlobGone(
                f"the broker has no layer {digest.short}", remedy="run again: it is sent again"
            ) from None
        wanted = await trio.to_thread.run_sync(self._look, digest, manifest)
        await self._blobs(wanted, progress)
        await trio.to_thread.run_sync(self._store.add_manifest_bytes, manifest)
        progress(len(manifest), 1)

    def _look(self, digest: Digest, manifest: bytes) -> dict[Digest, _Wanted]:
        """What a layer needs that the store has not."""
        try:
            entries = decode_manifest(manifest, most_entries=MOST_ENTRIES)
        except InputError as error:
            raise InputError(f"layer {digest.short}", error.faults) from None
        wanted = {
            entry.digest: _Wanted(digest, entry) for entry in entries if entry.digest is not None
        }
        size = sum(one.entry.size for one in wanted.values())
        if size > self._store.limit_bytes:
            limit = self._store.limit_bytes
            raise InputError(
                f"layer {digest.short}",
                [f"{size} bytes; the store here may have {limit}"],
                remedy="give that store a higher limit",
            )
        return {one: what for one, what in wanted.items() if not self._store.blobs.has(one)}

    async def _blobs(self, wanted: dict[Digest, _Wanted], progress: Progress) -> None:
        while wanted:
            mine = {one: what for one, what in wanted.items() if one not in self._busy}
            others = [self._busy[one] for one in wanted if one in self._busy]
            done = trio.Event()
            self._busy |= dict.fromkeys(mine, done)
            try:
                await self._get_mine(list(mine.values()), progress)
            finally:
                for one in mine:
                    del self._busy[one]
                done.set()
            for other in others:
                await other.wait()
            rest = [one for one in wanted if one not in mine]
            wanted = {one: wanted[one] for one in rest if not self._store.blobs.has(one)}

    async def _get_mine(self, wanted: Sequence[_Wanted], progress: Progress) -> None:
        work = _work(wanted)

        async def get() -> None:
            for unit in work:
                if unit[0].entry.size > LARGE_BYTES:
                    await self._get_large(unit[0], progress)
                else:
                    await self._get_bundle(unit, progress)

        await at_once(*[get] * _GETTERS)

    async def _get_bundle(self, wanted: list[_Wanted], progress: Progress) -> None:
        by_name = {one.name: one for one in wanted}
        while by_name:
            answer = await self._asker.ask(Get(0, tuple(by_name)), Blobs)
            for name in answer.gone:
                if name in by_name:
                    raise _gone(by_name[name])
            for name in answer.large:
                if name in by_name:
                    raise _lie(by_name[name], "more")
            if not answer.blobs:
                raise PeerError("the broker answers nothing to a request for blobs")
            for name, _ in answer.blobs:
                if name not in by_name:
                    raise PeerError(f"the broker gives a blob that nobody wants: {name.hex()[:12]}")
            pairs = [(by_name.pop(blob.digest), blob) for blob in answer.blobs]
            await trio.to_thread.run_sync(self._keep, pairs)
            progress(sum(len(blob.data) for _, blob in pairs), len(pairs))

    def _keep(self, pairs: Sequence[tuple[_Wanted, Blob]]) -> None:
        for one, blob in pairs:
            entry = one.entry
            assert entry.digest is not None
            if len(blob.data) != entry.size:
                raise _lie(one, str(len(blob.data)))
            try:
                self._store.blobs.add_bytes(blob.data, entry.digest, entry.mode, entry.mtime_ns)
            except Damaged:
                raise _wrong(one.where) from None

    async def _get_large(self, wanted: _Wanted, progress: Progress) -> None:
        entry = wanted.entry
        assert entry.digest is not None
        try:
            with self._store.blobs.arrival(entry.digest, entry.mode, entry.mtime_ns) as arrival:
                on_their_way: deque[Pending] = deque()
                asked = arrived = 0
                while arrived < entry.size:
                    while asked < entry.size and len(on_their_way) < _PARTS_ON_THEIR_WAY:
                        length = min(MOST_PART_BYTES, entry.size - asked)
                        part = GetPart(0, wanted.name, asked, length)
                        on_their_way.append(await self._asker.begin(part))
                        asked += length
                    answer = await on_their_way.popleft().wait(Part)
                    if answer.size != entry.size:
                        raise _lie(wanted, str(answer.size))
                    if len(answer.data) != min(MOST_PART_BYTES, entry.size - arrived):
                        raise PeerError(f"the broker gives too little of {wanted.where}")
                    await trio.to_thread.run_sync(arrival.add, answer.data)
                    arrived += len(answer.data)
                    progress(len(answer.data), 0)
                await trio.to_thread.run_sync(arrival.finish)
        except BlobGone:
            raise _gone(wanted) from None
        except Damaged:
            raise _wrong(wanted.where) from None
        progress(0, 1)


def _work(wanted: Sequence[_Wanted]) -> Iterator[list[_Wanted]]:
    """What is asked for together; large ones alone."""
    bundle: list[_Wanted] = []
    room = MOST_BUNDLE_BYTES
    for one in wanted:
        size = one.entry.size
        if size > LARGE_BYTES:
            yield [one]
            continue
        if size > room or len(bundle) == MOST_BUNDLE:
            yield bundle
            bundle, room = [], MOST_BUNDLE_BYTES
        bundle.append(one)
        room -= size
    if bundle:
        yield bundle


async def get_blob(asker: Asker, digest: bytes, *, most: int) -> bytes:
    """A blob as bytes in memory, verified.

    :param most: bytes that it may have
    :raises BlobGone: if the broker has none
    :raises InputError: if it is larger
    """
    data = bytearray()
    size = 1
    while len(data) < size:
        on_their_way = [
            await asker.begin(GetPart(0, digest, offset, MOST_PART_BYTES))
            # The first alone: it tells how many there are.
            for offset in range(
                len(data),
                len(data) + 1 if not data else min(size, len(data) + 4 * MOST_PART_BYTES),
                MOST_PART_BYTES,
            )
        ]
        for pending in on_their_way:
            part = await pending.wait(Part)
            size = part.size
            if size > most:
                what = f"{size} bytes in one blob are too many; {most} are allowed"
                raise InputError(f"blob {digest.hex()[:12]}", [what])
            if len(part.data) != min(MOST_PART_BYTES, size - len(data)):
                raise PeerError(f"the broker gives too little of {digest.hex()[:12]}")
            data += part.data
    found = bytes(data)
    if Digest.of(found).hex != digest.hex():
        raise _wrong(f"blob {digest.hex()[:12]}")
    return found


def _gone(wanted: _Wanted) -> BlobGone:
    return BlobGone(
        f"the broker has not all of {wanted.where}",
        remedy="run again: what is missing is sent again",
    )


def _lie(wanted: _Wanted, size: str) -> InputError:
    what = f"{wanted.entry.size} bytes are promised, and there are {size}"
    return InputError("bad manifest", [f"{wanted.where}: {what}"])


def _wrong(what: str) -> PeerError:
    return PeerError(
        f"{what}: the broker's bytes are not those of the digest",
        remedy="look at the broker's disk: a blob of its store is damaged",
    )
