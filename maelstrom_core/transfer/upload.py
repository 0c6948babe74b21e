"""Layers → broker: what it lacks of them, once, and their manifests last."""

import os
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TypeAlias

import trio

from maelstrom_core.errors import InputError, PeerError
from maelstrom_core.model.digest import Digest, digest_of_stream
from maelstrom_core.model.in_place import HostFile, InPlaceLayer
from maelstrom_core.store import Store
from maelstrom_core.transfer.asking import Asker, BrokerRefuses, Pending, Progress, WrongBytes
from maelstrom_core.transfer.at_once import at_once
from maelstrom_core.wire.bulk import (
    MOST_BLOB_BYTES,
    MOST_BUNDLE,
    MOST_BUNDLE_BYTES,
    MOST_DIGESTS,
    MOST_PART_BYTES,
    Blob,
    Missing,
    Need,
    Put,
    PutPart,
    Stored,
)

LARGE_BYTES = 128 << 10
"""Blobs above this go in parts, the others in bundles."""
_SENDERS = 4
"""Bundles and large files that are read at once; all share the requests of the link."""
_PARTS_ON_THEIR_WAY = 4
_MOST_REWINDS = 100
_BELIEVED_SECONDS = 300.0
"""So long it is believed that a broker has what it said to have: less than it keeps that for."""


Layer: TypeAlias = Digest | InPlaceLayer
"""One of the store, or one that is in place."""


class Uploader:
    """Sends layers; each once for every life of the broker, whoever wants it.

    :param told: told how many bytes of files the broker was found to lack, or fewer than none of those
        that are not sent after all; and how many were sent
    """

    def __init__(
        self,
        asker: Asker,
        store: Store,
        told: Callable[[int, int], None] = lambda _lacking, _sent: None,
    ) -> None:
        self._told = told
        self._asker = asker
        self._store = store
        self._boot = b""
        self._there: set[Digest] = set()
        self._layers_busy: dict[Digest, trio.Event] = {}
        self._blobs_busy: dict[bytes, trio.Event] = {}

    def broker_is(self, boot: bytes) -> None:
        """Tell which life of the broker is at the other end; in a new one all is asked again."""
        if boot != self._boot:
            self._boot = boot
            self._there.clear()

    def forget(self, layer: Digest) -> None:
        """The broker was found to lack something of a layer: ask again when it is wanted again."""
        self._there.discard(layer)

    async def ensure(
        self, layers: Sequence[Layer], progress: Progress = lambda _bytes, _files: None
    ) -> None:
        """Return when the broker has all of these layers.

        :param progress: told what this call has sent itself
        :raises InputError: if a file is not any more what it was
        :raises maelstrom_core.errors.MaelstromError: if the broker refuses, or has no room
        """
        await at_once(*(partial(self._ensure, layer, progress) for layer in layers))

    async def _ensure(self, layer: Layer, progress: Progress) -> None:
        digest = layer.digest if isinstance(layer, InPlaceLayer) else layer
        while digest not in self._there:
            busy = self._layers_busy.get(digest)
            if busy is not None:
                # If that one fails, it is our turn, and we find out for ourselves.
                await busy.wait()
                continue
            self._layers_busy[digest] = trio.Event()
            boot = self._boot
            try:
                await self._send_layer(digest, layer, progress)
                if boot == self._boot:
                    self._there.add(digest)
            finally:
                self._layers_busy.pop(digest).set()

    async def _send_layer(self, digest: Digest, layer: Layer, progress: Progress) -> None:
        name = bytes.fromhex(digest.hex)
        if not await self._missing([name]):
            return
        if isinstance(layer, InPlaceLayer):
            await self._send_files(layer.files, progress)
            manifest = layer.manifest
        else:
            manifest, files = await trio.to_thread.run_sync(self._stored, digest)
            await self._send_files(files, progress)
        await put_blob(self._asker, manifest, name)
        progress(len(manifest), 1)

    def _stored(self, digest: Digest) -> tuple[bytes, Mapping[bytes, HostFile]]:
        manifest, entries = self._store.manifest_bytes(digest), self._store.manifest(digest)
        files = {
            bytes.fromhex(entry.digest.hex): HostFile(
                os.fsencode(self._store.blobs.path(entry.digest)), entry.size
            )
            for entry in entries
            if entry.digest is not None
        }
        return manifest, files

    async def _missing(self, digests: Sequence[bytes]) -> list[bytes]:
        """Those that the broker has not."""
        requests = [
            (part, await self._asker.begin(Need(0, tuple(part))))
            for part in (
                digests[start : start + MOST_DIGESTS]
                for start in range(0, len(digests), MOST_DIGESTS)
            )
        ]
        found = []
        for part, pending in requests:
            bitmap = (await pending.wait(Missing)).bitmap
            if len(bitmap) != -(-len(part) // 8):
                raise PeerError(f"the broker answers for {8 * len(bitmap)} blobs of {len(part)}")
            found += [one for i, one in enumerate(part) if bitmap[i // 8] >> (i % 8) & 1]
        return found

    async def _send_files(self, files: Mapping[bytes, HostFile], progress: Progress) -> None:
        """Return when the broker has all of these, and has said so lately: a manifest promises them."""
        while True:
            asked = trio.current_time()
            missing = await self._missing(list(files))
            await self._send_missing(missing, files, progress)
            if not missing or trio.current_time() - asked < _BELIEVED_SECONDS:
                return

    async def _send_missing(
        self, missing: Sequence[bytes], files: Mapping[bytes, HostFile], progress: Progress
    ) -> None:
        while missing:
            mine = [digest for digest in missing if digest not in self._blobs_busy]
            others = [self._blobs_busy[digest] for digest in missing if digest in self._blobs_busy]
            done = trio.Event()
            self._blobs_busy |= dict.fromkeys(mine, done)
            try:
                await self._send_mine({digest: files[digest] for digest in mine}, progress)
            finally:
                for digest in mine:
                    del self._blobs_busy[digest]
                done.set()
            for other in others:
                await other.wait()
            missing = await self._missing(sorted(set(missing).difference(mine)))

    async def _send_mine(self, files: Mapping[bytes, HostFile], progress: Progress) -> None:
        work, lacking = _work(files), sum(file.size for file in files.values())

        def sent(size: int, number: int) -> None:
            nonlocal lacking
            lacking -= size
            self._told(0, size)
            progress(size, number)

        async def send() -> None:
            for unit in work:
                if len(unit) == 1 and files[unit[0]].size > LARGE_BYTES:
                    await self._send_large(unit[0], files[unit[0]], sent)
                else:
                    await self._send_bundle([(one, files[one]) for one in unit], sent)

        self._told(lacking, 0)
        try:
            await at_once(*[send] * _SENDERS)
        finally:
            self._told(-lacking, 0)

    async def _send_bundle(self, files: Sequence[tuple[bytes, HostFile]], told: Progress) -> None:
        blobs = await trio.to_thread.run_sync(_read_bundle, files)
        await self._asker.ask_patiently(Put(0, blobs), Stored)
        told(sum(file.size for _, file in files), len(files))

    async def _send_large(self, digest: bytes, file: HostFile, told: Progress) -> None:
        if file.size > MOST_BLOB_BYTES:
            raise InputError("too large", [f"{_shown(file.path)}: {file.size} bytes in one file"])

        def read(offset: int, length: int) -> bytes:
            with _readable(file), open(file.path, "rb", buffering=0) as stream:
                data = os.pread(stream.fileno(), length, offset)
            if len(data) != length:
                raise _changed(file)
            return data

        async def read_part(offset: int) -> bytes:
            length = min(MOST_PART_BYTES, file.size - offset)
            return await trio.to_thread.run_sync(read, offset, length)

        try:
            await _send_parts(self._asker, digest, file.size, read_part, lambda n: told(n, 0))
        except WrongBytes:
            await trio.to_thread.run_sync(_check_unchanged, digest, file)
            raise
        told(0, 1)


def _work(files: Mapping[bytes, HostFile]) -> Iterator[list[bytes]]:
    """What is sent together; large ones alone."""
    bundle: list[bytes] = []
    room = MOST_BUNDLE_BYTES
    for digest, file in files.items():
        if file.size > LARGE_BYTES:
            yield [digest]
            continue
        if file.size > room or len(bundle) == MOST_BUNDLE:
            yield bundle
            bundle, room = [], MOST_BUNDLE_BYTES
        bundle.append(digest)
        room -= file.size
    if bundle:
        yield bundle


def _read_bundle(files: Sequence[tuple[bytes, HostFile]]) -> tuple[Blob, ...]:
    blobs = []
    for digest, file in files:
        with _readable(file), open(file.path, "rb", buffering=0) as stream:
            # One byte more, lest a file that has grown is read whole.
            data = stream.read(file.size + 1)
        if len(data) != file.size or Digest.of(data).hex != digest.hex():
            raise _changed(file)
        blobs.append(Blob(digest, data))
    return tuple(blobs)


class _readable:  # noqa: N801  (a context manager that reads like a word)
    """Tell what keeps a file from being read as a fault of the input."""

    def __init__(self, file: HostFile) -> None:
        self._path = file.path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if isinstance(error, OSError):
            fault = f"{_shown(self._path)}: {error.strerror}"
            raise InputError("a layer cannot be sent", [fault]) from None


def _check_unchanged(digest: bytes, file: HostFile) -> None:
    with _readable(file), open(file.path, "rb") as stream:
        found, _ = digest_of_stream(stream)
    if found.hex != digest.hex():
        raise _changed(file)


def _changed(file: HostFile) -> InputError:
    return InputError(
        "a layer cannot be sent",
        [f"{_shown(file.path)}: changed since it was hashed"],
        remedy="run again, while nothing writes to it",
    )


def _shown(path: bytes) -> str:
    return os.fsdecode(path).encode("utf-8", "backslashreplace").decode()


async def put_blob(asker: Asker, data: bytes, digest: bytes | None = None) -> bytes:
    """Give the broker some bytes, in parts if they are many; their digest.

    :param digest: of them, if it is known
    """
    if digest is None:
        digest = bytes.fromhex(Digest.of(data).hex)
    if len(data) <= MOST_BUNDLE_BYTES:
        await asker.ask_patiently(Put(0, (Blob(digest, data),)), Stored)
        return digest

    async def read(offset: int) -> bytes:
        return data[offset : offset + MOST_PART_BYTES]

    await _send_parts(asker, digest, len(data), read, lambda _: None)
    return digest


async def _send_parts(
    asker: Asker,
    digest: bytes,
    size: int,
    read: Callable[[int], Awaitable[bytes]],
    told: Callable[[int], None],
) -> None:
    """Send a blob in parts, a few on their way; go on where the broker says that it is."""
    first = await read(0)
    # The first alone: it says whether there is room, and how much has come before.
    start = await asker.ask_patiently(PutPart(0, digest, size, 0, first), Stored)
    position = reached = start.offset
    told(reached)
    on_their_way: deque[tuple[int, Pending]] = deque()
    rewinds = 0
    while reached < size:
        while position < size and len(on_their_way) < _PARTS_ON_THEIR_WAY:
            data = await read(position)
            part = await asker.begin(PutPart(0, digest, size, position, data))
            position += len(data)
            on_their_way.append((position, part))
        expected, part = on_their_way.popleft()
        try:
            offset = (await part.wait(Stored)).offset
        except BrokerRefuses:
            # Its disk is full, and may not stay so: what has come is kept.
            await _finished(on_their_way)
            data = await read(reached)
            again = PutPart(0, digest, size, reached, data)
            position = offset = (await asker.ask_patiently(again, Stored)).offset
            expected = offset
        if offset > size:
            raise PeerError(f"the broker says that it has {offset} of {size} bytes")
        if offset != expected:
            # Another one sends the same, or some were lost: what is on its way is of no use.
            rewinds += 1
            position = offset = max(offset, await _finished(on_their_way))
            if rewinds > _MOST_REWINDS:
                raise PeerError(f"the broker does not take {digest.hex()[:12]} beyond {offset}")
        if offset > reached:
            told(offset - reached)
            reached = offset


async def _finished(on_their_way: deque[tuple[int, Pending]]) -> int:
    """Wait for parts whose answers say nothing new, but for the last: how much is there."""
    offset = 0
    while on_their_way:
        with suppress(BrokerRefuses):
            offset = (await on_their_way.popleft()[1].wait(Stored)).offset
    return offset
