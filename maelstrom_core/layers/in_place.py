"""Trees of this host as layers for a cluster: hashed where they are, and never copied.

A container on this host has such a tree mounted at its target, over whatever the layers have there. The
layer is to look the same in an overlay above all others: the tree's directory is opaque, and what is
above it has the attributes that the layers below say.

What a second walk costs is lstat(2) of everything: digests come from the index of the store. Files
are looked at some thousands at a time, and of each no more is kept than its row of the manifest and
where it is.
"""

import os
import stat
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

import attrs

from maelstrom_core.errors import HostError, InputError
from maelstrom_core.model.digest import Digest, Hasher
from maelstrom_core.model.in_place import HostFile, InPlaceLayer
from maelstrom_core.model.layers import HostTreeLayer
from maelstrom_core.model.manifest import (
    MOST_ATTRIBUTE_BYTES,
    Entry,
    EntryKind,
    encode_row,
    is_kept_attribute,
    join_rows,
)
from maelstrom_core.store.blobs import CHUNK_BYTES, Changed, is_same
from maelstrom_core.store.index import FileKey, Index

Told: TypeAlias = Callable[[int, int], None]
"""Of bytes that were read and of files that were looked at since the last time."""
_CHUNK_FILES = 4096
_ATTEMPTS = 5
_THREADS = 8
_SETTLED_SECONDS = 1.0
"""A file changed within this time may change again without its times telling: not remembered."""
_NOT_IN_LAYERS = {
    stat.S_IFSOCK: "socket",
    stat.S_IFBLK: "device",
    stat.S_IFCHR: "device",
}


@attrs.frozen
class _Found:
    """A file: where it is, where it goes, and what lstat says."""

    source: bytes
    path: bytes
    status: os.stat_result

    @property
    def key(self) -> FileKey:
        found = self.status
        return FileKey(
            self.source, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino
        )


def layers_in_place(
    trees: Sequence[HostTreeLayer],
    *,
    index: Index,
    below: Iterable[Iterable[Entry]] = (),
    told: Told = lambda _bytes, _files: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> list[InPlaceLayer]:
    """Trees as layers, lowest first; all are to be above all other layers. For a worker thread.

    :param below: entries of the layers below them, lowest first
    :param cancelled: asked now and then; true ends it with an `InputError`
    :raises InputError: if there is no such tree
    :raises HostError: if a file never stays as it is
    """
    # As mounts go: a tree may be shown inside another one.
    ordered = sorted(trees, key=lambda tree: _target(tree).count(b"/"))
    above = {parent: (0o755, 0) for tree in ordered for parent in _parents(_target(tree))}
    for entries in below:
        for entry in entries:
            if entry.kind is EntryKind.DIRECTORY and entry.path in above:
                above[entry.path] = (entry.mode, entry.mtime_ns)
    made = []
    for tree in ordered:
        layer = _Layer(index, above, told, cancelled)
        made.append(layer.make(os.path.realpath(os.fsencode(tree.path)), _target(tree)))
    return made


def _target(tree: HostTreeLayer) -> bytes:
    return os.path.normpath(b"/" + os.fsencode(tree.target or tree.path)).strip(b"/")


def _parents(path: bytes) -> Iterator[bytes]:
    while path := path.rpartition(b"/")[0]:
        yield path


class _Layer:
    def __init__(
        self,
        index: Index,
        above: dict[bytes, tuple[int, int]],
        told: Told,
        cancelled: Callable[[], bool],
    ) -> None:
        self._index = index
        self._above = above
        self._told = told
        self._cancelled = cancelled
        self._rows: list[tuple[bytes, bytes]] = []
        self._files: dict[bytes, HostFile] = {}
        self._left_out: Counter[str] = Counter()

    def make(self, source: bytes, target: bytes) -> InPlaceLayer:
        try:
            status = os.lstat(source)
        except OSError as error:
            fault = f"{_shown(source)}: {error.strerror}"
            raise InputError("a tree cannot be sent", [fault]) from None
        if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
            fault = f"{_shown(source)}: neither a directory nor a file"
            raise InputError("a tree cannot be sent", [fault])
        for parent in _parents(target):
            mode, mtime_ns = self._above[parent]
            kind = EntryKind.DIRECTORY
            self._add(Entry(path=parent, kind=kind, mode=mode, mtime_ns=mtime_ns))
        waiting: list[_Found] = []
        settled = time.time_ns() - int(_SETTLED_SECONDS * 1e9)
        with ThreadPoolExecutor(max_workers=min(_THREADS, os.cpu_count() or 1)) as pool:
            for found in self._walk(_Found(source, target, status)):
                waiting.append(found)
                if len(waiting) == _CHUNK_FILES:
                    self._take(waiting, pool, settled)
                    waiting.clear()
            self._take(waiting, pool, settled)
        self._rows.sort()
        manifest = join_rows([row for _, row in self._rows])
        return InPlaceLayer(Digest.of(manifest), manifest, self._files, dict(self._left_out))

    def _walk(self, root: _Found) -> Iterator[_Found]:
        """Files, whose bytes are to be looked at; all else is added on the way."""
        if stat.S_ISREG(root.status.st_mode):
            yield root
            return
        self._add_other(root, EntryKind.DIRECTORY, opaque=True)
        directories = [root]
        while directories:
            for found in self._inside(directories.pop()):
                mode = found.status.st_mode
                if stat.S_ISREG(mode):
                    yield found
                elif stat.S_ISDIR(mode):
                    self._add_other(found, EntryKind.DIRECTORY)
                    directories.append(found)
                elif stat.S_ISLNK(mode):
                    self._add_link(found)
                elif stat.S_ISFIFO(mode):
                    self._add_other(found, EntryKind.FIFO)
                else:
                    self._left_out[_NOT_IN_LAYERS[stat.S_IFMT(mode)]] += 1

    def _inside(self, directory: _Found) -> Iterator[_Found]:
        if self._cancelled():
            raise InputError("cancelled", ["nobody wants these layers any more"])
        try:
            scan = os.scandir(directory.source)
        except FileNotFoundError:
            return  # it has vanished
        except OSError:
            self._left_out["unreadable"] += 1
            return
        with scan:
            for entry in scan:
                try:
                    status = entry.stat(follow_symlinks=False)
                except OSError:
                    continue  # it has vanished
                yield _Found(entry.path, directory.path + b"/" + entry.name, status)

    def _add_link(self, found: _Found) -> None:
        try:
            target = os.readlink(found.source)
        except OSError:
            return  # it has vanished
        mtime_ns = found.status.st_mtime_ns
        kind = EntryKind.SYMLINK
        self._add(Entry(path=found.path, kind=kind, mode=0o777, mtime_ns=mtime_ns, target=target))

    def _add_other(self, found: _Found, kind: EntryKind, *, opaque: bool = False) -> None:
        mode, mtime_ns = stat.S_IMODE(found.status.st_mode), found.status.st_mtime_ns
        is_directory = kind is EntryKind.DIRECTORY
        attributes = self._attributes(found.source) if is_directory else ()
        self._add(
            Entry(
                path=found.path,
                kind=kind,
                mode=mode,
                mtime_ns=mtime_ns,
                opaque=opaque,
                attributes=attributes,
            )
        )
        if is_directory and found.path in self._above:
            # Another tree goes in here.
            self._above[found.path] = (mode, mtime_ns)

    def _take(self, files: Sequence[_Found], pool: ThreadPoolExecutor, settled: int) -> None:
        """Add files, those that the index knows without reading them."""
        keyed = [(found.key, found) for found in files]
        known = self._index.digests(key for key, _ in keyed)
        unread = []
        for key, found in keyed:
            digest = known.get(key)
            if digest is not None:
                self._add_file(found, digest)
            else:
                unread.append((key, found))
        self._told(0, len(files) - len(unread))
        remembered = []
        hashed = pool.map(self._read, [found for _, found in unread])
        for (key, found), read in zip(unread, hashed, strict=True):
            if read is None:
                self._left_out["unreadable"] += 1
                continue
            digest, status = read
            self._add_file(attrs.evolve(found, status=status), digest)
            self._told(status.st_size, 1)
            if max(status.st_mtime_ns, status.st_ctime_ns) < settled and status is found.status:
                remembered.append((key, digest))
        self._index.remember(remembered)

    def _read(self, found: _Found) -> tuple[Digest, os.stat_result] | None:
        """Its digest, and what lstat says of what was hashed; none if it cannot be read."""
        status = found.status
        for _ in range(_ATTEMPTS):
            if self._cancelled():
                raise InputError("cancelled", ["nobody wants these layers any more"])
            try:
                return _hash(found.source, status), status
            except Changed:
                try:
                    status = os.lstat(found.source)
                except OSError:
                    return None
                if not stat.S_ISREG(status.st_mode):
                    return None
            except OSError:
                return None
        raise HostError(
            f"{_shown(found.source)} changes faster than it can be read",
            remedy="stop what writes to it",
        )

    def _add_file(self, found: _Found, digest: Digest) -> None:
        status = found.status
        empty = not status.st_size
        self._add(
            Entry(
                path=found.path,
                kind=EntryKind.FILE,
                mode=stat.S_IMODE(status.st_mode),
                mtime_ns=status.st_mtime_ns,
                size=status.st_size,
                digest=None if empty else digest,
                data=b"" if empty else None,
                attributes=self._attributes(found.source),
            )
        )
        if not empty:
            self._files[bytes.fromhex(digest.hex)] = HostFile(found.source, status.st_size)

    def _attributes(self, path: bytes) -> tuple[tuple[bytes, bytes], ...]:
        try:
            names = os.listxattr(path, follow_symlinks=False)
        except OSError:
            return ()  # it has vanished, or its file system keeps none
        found = []
        for name in sorted(os.fsencode(name) for name in names):
            if is_kept_attribute(name):
                try:
                    found.append((name, os.getxattr(path, name, follow_symlinks=False)))
                except OSError:
                    self._left_out["attribute"] += 1
        if sum(len(name) + len(value) for name, value in found) > MOST_ATTRIBUTE_BYTES:
            self._left_out["attribute"] += len(found)
            return ()
        return tuple(found)

    def _add(self, entry: Entry) -> None:
        self._rows.append((entry.path, encode_row(entry)))


def _hash(path: bytes, expected: os.stat_result) -> Digest:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        if not is_same(os.fstat(descriptor), expected):
            raise Changed
        hasher = Hasher()
        while chunk := os.read(descriptor, CHUNK_BYTES):
            hasher.update(chunk)
        if not is_same(os.fstat(descriptor), expected):
            raise Changed
        return hasher.digest()
    finally:
        os.close(descriptor)


def _shown(path: bytes) -> str:
    """A path for people: what is no UTF-8 is escaped."""
    return os.fsdecode(path).encode("utf-8", "backslashreplace").decode()
