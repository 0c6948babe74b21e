"""A broker's blobs, by digest, taken in and given out; for many threads at once.

Nothing is flushed to the disk: what a crash of the broker leaves is whole, and after a crash of the
machine nothing is believed before it was hashed again.

A manifest that is there promises its blobs to be there. So clients send it last; whoever asks for it
touches all that it names, after itself, so that it is evicted first; and when a blob turns out to be
damaged, all manifests are forgotten, and clients, told that they are missing, ask for each blob.
"""

import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from maelstrom_core.model.digest import Digest, Hasher, digest_of_stream
from maelstrom_core.transfer.blob_files import BlobFiles, Upload
from maelstrom_core.transfer.contents import (
    MOST_SCANNED_BYTES,
    Budget,
    Contents,
    looks_like_manifest,
    scan,
)
from maelstrom_core.transfer.disk_room import FULL, DiskRoom, Refusal
from maelstrom_core.transfer.server_state import NOBODY, Full, Holdings, Key, Limits
from maelstrom_core.wire.bulk import MOST_BUNDLE_BYTES, Blob, Data, Why

_HEAD_BYTES = 16
_MARK_SECONDS = 3600.0
"""How much older than its last use the time on disk may be that says when a blob was used."""


class BlobDirectory:
    """The directory, and the account of what is in it.

    :param boot_id: of the machine's run; another one than before, and blobs are hashed again
    :param files: opens the directory
    :param free: how many bytes of the file system are free; what it says by default
    :raises maelstrom_core.errors.HostError: if another process uses the directory, or it cannot be
        written
    """

    def __init__(
        self,
        directory: Path,
        limits: Limits | None = None,
        *,
        boot_id: str | None = None,
        clock: Callable[[], float] = time.monotonic,
        files: Callable[[Path], BlobFiles] = BlobFiles,
        free: Callable[[], int] | None = None,
    ) -> None:
        self.holdings = Holdings(limits or Limits())
        self._files = files(directory)
        self._clock = clock
        floor = self.holdings.limits.free_bytes
        shed_bytes = self.holdings.limits.shed_bytes
        self._room = DiskRoom(floor, free or self._files.free_bytes, self._shed, shed_bytes)
        self._lock = threading.Lock()
        self._uploads: dict[Key, Upload] = {}
        self._owners: dict[bytes, str] = {}
        self._manifests: set[bytes] = set()
        self._suspect: set[bytes] = set()
        self._contents = Contents()
        self._take_stock(boot_id)

    def close(self) -> None:
        """Let go of it."""
        self._files.close()

    def _take_stock(self, boot_id: str | None) -> None:
        crashed = self._files.is_another_boot(boot_id)
        now, wall = self._clock(), time.time()
        found: list[tuple[Key, str, int, float]] = []
        names: dict[str, str] = {}
        for blob in self._files.blobs():
            if (blob.is_manifest and crashed) or blob.digest in self._owners:
                self._files.remove([blob.path])
                continue
            # Of a few principals each has very many.
            self._owners[blob.digest] = names.setdefault(blob.owner, blob.owner)
            if crashed:
                self._suspect.add(blob.digest)
            used = now - max(0.0, wall - blob.used)
            if blob.is_manifest:
                self._manifests.add(blob.digest)
                used = now - wall  # older than all, so that they go before what they name
            found.append((blob.digest, self._owners[blob.digest], blob.size, used))
        if crashed:
            self._files.drop_uploads()
        for one in self._files.uploads():
            key = (one.owner, one.digest)
            path = self._files.upload_path(one.owner, one.digest, one.size)
            self._uploads[key] = Upload(path, one.size, one.offset, None)
            found.append((key, one.owner, one.size, now - max(0.0, wall - one.used)))
        found.sort(key=lambda one: one[3])
        # What was used just now is promised for a while, and may look so much older.
        recent = ((*one[:3], min(now, one[3] + _MARK_SECONDS)) for one in found)
        self._files.remove(self._gone(self.holdings.start_with(recent)))

    # What is asked

    def need(self, digests: Sequence[bytes]) -> bytes:
        """Which of these are not here, as `Missing.bitmap` says it; the others stay for a while."""
        budget = Budget()
        bitmap = bytearray(-(-len(digests) // 8))
        for index, digest in enumerate(digests):
            if not self._use(digest, budget):
                bitmap[index // 8] |= 1 << (index % 8)
        return bytes(bitmap)

    def get(self, digests: Sequence[bytes]) -> tuple[list[Blob], list[bytes], list[bytes]]:
        """Small blobs, as many as fit; digests of what is not here; digests of large ones."""
        budget = Budget()
        blobs: list[Blob] = []
        gone: list[bytes] = []
        large: list[bytes] = []
        room = MOST_BUNDLE_BYTES
        for digest in digests:
            size = self.holdings.size(digest)
            if size is None or not self._use(digest, budget):
                gone.append(digest)
            elif size > MOST_BUNDLE_BYTES:
                large.append(digest)
            elif size > room:
                break
            else:
                data = self._files.read(self._path(digest), 0, size)
                if data is None or Digest.of(data).hex != digest.hex():
                    self._lost(digest)
                    gone.append(digest)
                else:
                    blobs.append(Blob(digest, data))
                    room -= size
        return blobs, gone, large

    def get_part(self, digest: bytes, offset: int, length: int) -> tuple[int, bytes]:
        """The size of a blob, and some of it.

        :raises Refusal: if it is not here, or not so large
        """
        size = self.holdings.size(digest)
        if size is None or not self._use(digest, Budget() if offset == 0 else None):
            raise Refusal(Why.GONE, f"there is no blob {digest.hex()[:12]}")
        if offset > size:
            raise Refusal(Why.TOO_LARGE, f"the blob {digest.hex()[:12]} has {size} bytes only")
        wanted = min(length, size - offset)
        data = self._files.read(self._path(digest), offset, wanted)
        if data is None or len(data) != wanted:
            self._lost(digest)
            raise Refusal(Why.GONE, f"there is no blob {digest.hex()[:12]} any more")
        return size, data

    def put(self, owner: str, blobs: Sequence[Blob]) -> None:
        """Take whole blobs in.

        :param owner: whose share they are counted in; a name that a file may have
        :raises Refusal: for the first that cannot be taken; those before it have been
        """
        budget = Budget()
        for digest, data in blobs:
            if Digest.of(data).hex != digest.hex():
                text = f"these are not the bytes of {digest.hex()[:12]}: nothing kept of them"
                raise Refusal(Why.WRONG_DIGEST, text)
            if self._use(digest, budget):
                continue
            with self._room.for_bytes(len(data)):
                temporary = self._files.write(data)
                self._publish(owner, digest, temporary, data)
            if digest in self._manifests:
                self._use(digest, budget)

    def put_part(self, owner: str, digest: bytes, size: int, offset: int, data: Data) -> int:
        """Take a part of a blob in; how many bytes are there, all of them if it is whole now.

        :raises Refusal: if there is no room, or something is wrong with it
        """
        if self._use(digest, Budget()):
            self._drop(owner, digest)
            return self.holdings.size(digest) or size
        if size > self.holdings.limits.most_bytes or offset + len(data) > size:
            self._drop(owner, digest)
            raise Refusal(Why.TOO_LARGE, f"{offset + len(data)} of {size} bytes are too many")
        with self._room.for_bytes(len(data)):
            upload = self._upload(owner, digest, size)
            with upload.lock:
                is_current = self._uploads.get((owner, digest)) is upload
                if is_current and upload.offset != offset:
                    return upload.offset
                if is_current:
                    self._take_part(owner, digest, upload, data)
        if not is_current:
            return self.put_part(owner, digest, size, offset, data)
        if digest in self._manifests:
            self._use(digest, Budget())
        return upload.offset

    # Blobs

    def _use(self, digest: bytes, budget: Budget | None) -> bool:
        """Touch a blob, and what it names if it is a manifest; says whether it is there."""
        if digest in self._suspect and not self._verify(digest):
            return False
        with self._lock:
            now = self._clock()
            before = self.holdings.touch(digest, now)
            if before is None:
                return False
            is_manifest = digest in self._manifests
        if _is_unmarked(before, now):
            self._mark_used(digest)
        if not is_manifest or budget is None:
            return True
        named = self._named(digest, budget)
        if named is None:
            return False
        unmarked = []
        with self._lock:
            now = self._clock()
            for start in range(0, len(named), 32):
                one = named[start : start + 32]
                before = self.holdings.touch(one, now)
                if before is not None and _is_unmarked(before, now):
                    unmarked.append(one)
        for one in unmarked:
            self._mark_used(one)
        return True

    def _named(self, digest: bytes, budget: Budget) -> bytes | None:
        """All digests in a manifest, one after the other; none if that is too much to look at."""
        with self._lock:
            known = self._contents.get(digest)
            size = self.holdings.size(digest)
        if known is not None or size is None or budget.spent + size > MOST_SCANNED_BYTES:
            return known
        budget.spent += size
        data = self._files.read(self._path(digest), 0, size)
        if data is None or len(data) != size:
            self._lost(digest)
            return None
        named = scan(data)
        with self._lock:
            if digest in self.holdings:
                self._contents.add(digest, named)
        return named

    def _mark_used(self, digest: bytes) -> None:
        try:
            os.utime(self._path(digest))
        except OSError:
            return  # it is a hint for the next start; whoever reads the blob finds out

    def _verify(self, digest: bytes) -> bool:
        """Hash a blob that an earlier run of the machine has left."""
        try:
            with open(self._path(digest), "rb") as stream:
                found = digest_of_stream(stream)[0].hex
        except OSError:
            found = ""
        self._suspect.discard(digest)
        if found == digest.hex():
            return True
        self._lost(digest)
        return False

    def _lost(self, digest: bytes) -> None:
        """A blob is damaged or gone: no manifest can promise anything any more."""
        with self._lock:
            doomed: list[Key] = list(self._manifests)
            if digest in self.holdings and digest not in self._manifests:
                doomed.append(digest)
            for one in doomed:
                self.holdings.remove(one)
            paths = self._gone(doomed)
        self._files.remove(paths)

    def _publish(self, owner: str, digest: bytes, temporary: str, data: bytes) -> None:
        """Give a whole blob its name, if it is not there already.

        :raises Refusal: if there is no room for it
        """
        with self._lock:
            placed: Full | list[Key] | None = None
            if digest not in self.holdings:
                placed = self.holdings.place(digest, owner, len(data), self._clock())
            if isinstance(placed, list):
                doomed = self._gone(placed)
                self._name(owner, digest, len(data), temporary, data[:_HEAD_BYTES])
        self._files.remove(doomed if isinstance(placed, list) else [temporary])
        if isinstance(placed, Full):
            raise Refusal(Why.FULL, placed.text)

    def _name(self, owner: str, digest: bytes, size: int, path: str, head: bytes) -> None:
        is_manifest = looks_like_manifest(head, size)
        self._owners[digest] = owner
        try:
            self._files.rename(path, self._files.path(digest, owner, is_manifest=is_manifest))
        except OSError:
            self.holdings.remove(digest)
            del self._owners[digest]
            self._files.remove([path])
            raise
        if is_manifest:
            self._manifests.add(digest)

    # Uploads

    def _upload(self, owner: str, digest: bytes, size: int) -> Upload:
        with self._lock:
            now, key = self._clock(), (owner, digest)
            known = self._uploads.get(key)
            if known is not None and known.size == size:
                self.holdings.touch(key, now)
                return known
            placed = None if known is not None else self.holdings.place(key, owner, size, now)
            if isinstance(placed, Full):
                raise Refusal(Why.FULL, placed.text)
            if placed is not None:
                path = self._files.upload_path(owner, digest, size)
                upload = self._uploads[key] = Upload(path, size, 0, Hasher())
                doomed = self._gone(placed)
        if placed is None:
            self._drop(owner, digest)
            raise Refusal(Why.TOO_LARGE, f"{size} bytes are not as many as were said before")
        self._files.remove(doomed)
        return upload

    def _take_part(self, owner: str, digest: bytes, upload: Upload, data: Data) -> None:
        """Under the upload's lock."""
        try:
            found = self._files.append(upload, data)
        except OSError as error:
            if error.errno not in FULL:
                self._drop(owner, digest)
            raise
        if upload.offset < upload.size:
            return
        if found.hex != digest.hex():
            self._drop(owner, digest)
            text = f"{upload.size} bytes have come that are not those of {digest.hex()[:12]}"
            raise Refusal(Why.WRONG_DIGEST, text)
        head = self._files.read(upload.path, 0, _HEAD_BYTES) or b""
        with self._lock:
            if self._uploads.pop((owner, digest), None) is None:
                raise Refusal(Why.FULL, "this took so long that others were given its room")
            if digest in self.holdings:
                self.holdings.remove((owner, digest))
                self._files.remove([upload.path])
            else:
                self.holdings.complete(owner, digest, self._clock())
                self._name(owner, digest, upload.size, upload.path, head)

    def _drop(self, owner: str, digest: bytes) -> None:
        key = (owner, digest)
        with self._lock:
            if key not in self._uploads:
                return
            self.holdings.remove(key)
            paths = self._gone([key])
        self._files.remove(paths)

    # Files

    def _path(self, digest: bytes) -> str:
        owner = self._owners.get(digest, NOBODY)
        return self._files.path(digest, owner, is_manifest=digest in self._manifests)

    def _gone(self, keys: Sequence[Key]) -> list[str]:
        """Take the names off what is no longer held; the files, for the caller to remove."""
        paths = []
        for key in keys:
            if isinstance(key, tuple):
                path = self._uploads.pop(key).path
            else:
                path = self._path(key)
                self._owners.pop(key, None)
                self._manifests.discard(key)
                self._suspect.discard(key)
                self._contents.forget(key)
            doomed = self._files.set_aside(path)
            if doomed is not None:
                paths.append(doomed)
        return paths

    def _shed(self, least_bytes: int) -> bool:
        """Let go of what nobody uses; says whether there was any."""
        with self._lock:
            doomed = self.holdings.idle(least_bytes, self._clock())
            paths = self._gone(doomed)
        self._files.remove(paths)
        return bool(doomed)


def _is_unmarked(before: float, now: float) -> bool:
    """Whether this is the first use in its hour; one that is used all the time is marked in each."""
    return now // _MARK_SECONDS > before // _MARK_SECONDS
