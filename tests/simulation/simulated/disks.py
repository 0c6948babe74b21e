"""Disks that others fill and free, and that are slow for a while; and what stands on them: a broker's
blobs, which are the real account over files in memory, and a worker's store.
"""

import errno
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from maelstrom_core.model.digest import Digest, Hasher
from maelstrom_core.model.manifest import Entry, EntryKind, encode_manifest
from maelstrom_core.transfer.blob_files import BlobFiles, FoundBlob, FoundUpload, Upload

if TYPE_CHECKING:
    from simulated.world import World

BLOCK_BYTES = 4096
QUICK_SECONDS, SLOW_SECONDS = 0.001, 2.0
"""How long a use of a disk takes, on average."""


class Disk:
    """Room in bytes, some of which others take.

    :param whose: for people
    :param floor: of which so many are to be left free by whoever it belongs to
    """

    def __init__(self, world: "World", whose: str, size: int, floor: int = 0) -> None:
        self.world, self.whose, self.size, self.floor = world, whose, size, floor
        self.used = self.others = 0
        self.in_blocks: Callable[[], int] = lambda: self.used
        """How much is used, as the file system counts."""
        self.seconds = QUICK_SECONDS
        self.full_at: list[list[float]] = []
        """From when to when it was full."""

    def take(self, size: int) -> None:
        """Write so many bytes.

        :raises OSError: if there is no room
        """
        if self.used + self.others + size > self.size:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.used += size

    def give(self, size: int) -> None:
        """Remove so many."""
        self.used -= size
        assert self.used >= 0

    @property
    def room(self) -> int:
        """How many bytes are neither ours nor others'."""
        return self.size - self.in_blocks() - self.others

    def delay(self) -> float:
        return self.world.rng.expovariate(1 / self.seconds)

    def was_full(self, since: float) -> bool:
        """Whether there has been a moment since then at which others had all of it."""
        return any(end >= since for _, end in self.full_at)

    def trouble(self) -> None:
        """Something happens to it; now and then."""
        world, rng = self.world, self.world.rng
        if world.now > world.quiet_from:
            self.quiet()
            return
        world.at(world.now + rng.expovariate(0.12), self.trouble)
        fill = ["fill"] * 3 + ["free"] if self.fills else []
        what = rng.choice([*fill, "slow", "quick"])
        if what == "fill" and not self.others:
            # Of one of which some must stay free, not always all.
            left = rng.randrange(2 * self.floor) if self.floor and rng.random() < 0.7 else 0
            self.others = max(0, self.room - left)
            self.full_at.append([world.now, math.inf])
        elif what == "free":
            self.free()
        elif what in ("slow", "quick"):
            self.seconds = SLOW_SECONDS if what == "slow" else QUICK_SECONDS

    fills = True

    def free(self) -> None:
        if self.others:
            self.others = 0
            self.full_at[-1][1] = self.world.now

    def quiet(self) -> None:
        """Others need nothing any more, and it is quick."""
        self.free()
        self.seconds = QUICK_SECONDS


class MemoryFiles(BlobFiles):
    """Files of a broker's blob directory in memory; they stay when the broker dies.

    :param disk: on which they are
    """

    def __init__(self, disk: Disk) -> None:
        self.directory = "/blobs"
        self.disk = disk
        self.files: dict[str, bytearray] = {}
        if disk.floor:
            disk.in_blocks = self._in_blocks

    def _in_blocks(self) -> int:
        return sum(-(-len(data) // BLOCK_BYTES) for data in self.files.values()) * BLOCK_BYTES

    def _has_written(self) -> None:
        floor = self.disk.floor  # a file takes whole blocks
        assert not floor or self.disk.room > floor - BLOCK_BYTES, "what must stay free is taken"

    def opened(self, directory: Path) -> "MemoryFiles":
        """As a broker that is started does: what was half made is removed."""
        del directory
        self.remove([path for path in self.files if path.startswith(f"{self.directory}/tmp/")])
        return self

    def close(self) -> None: ...

    def is_another_boot(self, boot_id: str | None = None) -> bool:
        del boot_id
        return False

    def blobs(self) -> Iterator[FoundBlob]:
        for path, data in list(self.files.items()):
            part, _, name = path.removeprefix(f"{self.directory}/").partition("/")
            if part in ("blobs", "manifests"):
                digest, _, owner = name.rpartition("/")[2].partition(".")
                is_manifest = part == "manifests"
                yield FoundBlob(
                    bytes.fromhex(digest), path, is_manifest, owner, len(data), math.inf
                )

    def uploads(self) -> Iterator[FoundUpload]:
        for path, data in list(self.files.items()):
            if path.startswith(f"{self.directory}/uploads/"):
                owner, name = path.split("/")[-2:]
                digest, _, size = name.partition(".")
                yield FoundUpload(owner, bytes.fromhex(digest), int(size), len(data), math.inf)

    def write(self, data: bytes) -> str:
        path = self._temporary()
        self.disk.take(len(data))
        self.files[path] = bytearray(data)
        self._has_written()
        return path

    def append(self, upload: Upload, data: bytes | memoryview) -> Digest:
        known = self.files.setdefault(upload.path, bytearray())
        if upload.hasher is None:
            upload.hasher = Hasher()
            upload.hasher.update(known[: upload.offset])
        # As much as there is room for is written, and then it fails.
        fits = min(len(data), self.disk.size - self.disk.used - self.disk.others)
        more = max(0, upload.offset + fits - len(known))
        self.disk.take(more)
        known[upload.offset : upload.offset + fits] = data[:fits]
        if fits < len(data):
            raise OSError(errno.ENOSPC, "No space left on device")
        self._has_written()
        upload.hasher.update(data)
        upload.offset += len(data)
        return upload.hasher.digest()

    def read(self, path: str, offset: int, length: int) -> bytes | None:
        data = self.files.get(path)
        return None if data is None else bytes(data[offset : offset + length])

    def rename(self, path: str, name: str) -> None:
        before = self.files.get(name)
        if before is not None:
            self.disk.give(len(before))
        self.files[name] = self.files.pop(path)

    def set_aside(self, path: str) -> str | None:
        if path not in self.files:
            return None
        doomed = self._temporary()
        self.files[doomed] = self.files.pop(path)
        return doomed

    def remove(self, paths: Iterable[str]) -> None:
        for path in list(paths):
            if path in self.files:
                self.disk.give(len(self.files.pop(path)))

    def _temporary(self) -> str:
        return f"{self.directory}/tmp/{self.disk.world.serial()}"

    def check(self) -> None:
        """What always holds."""
        assert self.disk.used == sum(map(len, self.files.values()))
        left = [path for path in self.files if path.startswith(f"{self.directory}/tmp/")]
        assert not left, f"half made, and left: {left}"


class Layer:
    """What is in a container: files, and the manifest that names them."""

    def __init__(self, number: int, sizes: Sequence[int]) -> None:
        self.files = [b"%d/%d " % (number, size) * (size // 8) for size in sizes]
        self.names = [name_of(data) for data in self.files]
        entries = [
            Entry(path=b"%d" % index, kind=EntryKind.FILE, size=len(data), digest=Digest.of(data))
            for index, data in enumerate(self.files)
        ]
        self.manifest = encode_manifest(entries)
        self.name = name_of(self.manifest)


def name_of(data: bytes) -> bytes:
    return bytes.fromhex(Digest.of(data).hex)


class Store:
    """A worker's: blobs and layers on its disk, which stay when the worker dies."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.blobs: dict[bytes, int] = {}
        self.layers: dict[bytes, Layer] = {}
        self.making = 0

    def add(self, name: bytes, size: int) -> None:
        """Keep a blob.

        :raises OSError: if there is no room
        """
        if name not in self.blobs:
            self.disk.take(size)
            self.blobs[name] = size

    def evict(self, leased: Iterable[bytes]) -> None:
        """Remove what nobody needs, unless something is being made."""
        if self.making:
            return
        kept = set(leased)
        self.layers = {name: one for name, one in self.layers.items() if name in kept}
        needed = {name for layer in self.layers.values() for name in (layer.name, *layer.names)}
        for name in set(self.blobs) - needed:
            self.disk.give(self.blobs.pop(name))
