"""What a job has written to its captured root → a layer of the store.

The directory is the upper one of the job's overlay, reached by a descriptor when the job has ended and
nobody is left who could change it. What is in it is the job's doing: names of any bytes, modes that
forbid reading, files much larger than what is in them.

Whiteouts and opaque directories are as an overlay without privileges writes them (``userxattr``;
Documentation/filesystems/overlayfs.rst).
"""

import errno
import os
import stat
from collections.abc import Callable, Iterator

import attrs

from maelstrom_core.errors import InputError
from maelstrom_core.model.manifest import Entry, EntryKind
from maelstrom_core.model.outcome import RootChanges
from maelstrom_core.store.store import Store
from maelstrom_core.store.trees import OPAQUE


@attrs.frozen
class Times:
    """How times of what was written are made the same in every run.

    :param since_ns: what is not older than this was written by the program, and has `instead_ns`
    """

    since_ns: int
    instead_ns: int


def add_changes(
    directory: int,
    store: Store,
    *,
    most_bytes: int,
    times: Times | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> RootChanges:
    """Put them into the store; within `Store.making`.

    :param directory: descriptor of the upper directory
    :param most_bytes: more is refused: a file with holes is larger than the memory that it took
    :param times: of what was written; as they are by default
    :raises InputError: for what cannot be part of a layer
    :raises maelstrom_core.errors.HostError: if the disk is full
    """
    packing = _Packing(os.fsencode(f"/proc/self/fd/{directory}"), store, most_bytes, cancelled)
    entries = list(packing.entries())
    if times is not None:
        entries = [_timed(entry, times) for entry in entries]
    layer = store.add_manifest(entries)
    return RootChanges(layer=layer, entries=len(entries), size_bytes=packing.bytes)


def _timed(entry: Entry, times: Times) -> Entry:
    if entry.mtime_ns < times.since_ns:
        return entry
    return attrs.evolve(entry, mtime_ns=times.instead_ns)


class _Packing:
    """Walks an upper directory."""

    def __init__(
        self, root: bytes, store: Store, most_bytes: int, cancelled: Callable[[], bool]
    ) -> None:
        self._root = root
        self._store = store
        self._most_bytes = most_bytes
        self._cancelled = cancelled
        self._first_names: dict[int, bytes] = {}
        self.bytes = 0

    def entries(self) -> Iterator[Entry]:
        """Everything in it, in the order of names within each directory."""
        waiting = [b""]
        while waiting:
            directory = waiting.pop()
            try:
                names = sorted(os.listdir(self._root + b"/" + directory))
            except OSError as error:
                raise _refused(directory, os.strerror(error.errno or 0)) from None
            for name in names:
                if self._cancelled():
                    raise InputError("cancelled", ["nobody wants these changes any more"])
                path = directory + b"/" + name if directory else name
                try:
                    entry = self._entry(path)
                except OSError as error:
                    if error.errno == errno.ENOSPC:
                        raise  # the store's disk
                    raise _refused(path, os.strerror(error.errno or 0)) from None
                if entry is None:
                    continue
                yield entry
                if entry.kind is EntryKind.DIRECTORY:
                    waiting.append(path)

    def _entry(self, path: bytes) -> Entry | None:
        source = self._root + b"/" + path
        found = os.lstat(source)
        mode, mtime_ns = stat.S_IMODE(found.st_mode), found.st_mtime_ns
        if stat.S_ISDIR(found.st_mode):
            if mode & 0o700 != 0o700:
                os.chmod(source, 0o700)  # it is ours, and nobody else looks at it any more
            directory = Entry(path=path, kind=EntryKind.DIRECTORY, mode=mode, mtime_ns=mtime_ns)
            return attrs.evolve(directory, opaque=_is_opaque(source))
        if stat.S_ISREG(found.st_mode):
            return self._file(path, source, found)
        if stat.S_ISLNK(found.st_mode):
            target, link = os.readlink(source), EntryKind.SYMLINK
            return Entry(path=path, kind=link, mode=0o777, mtime_ns=mtime_ns, target=target)
        if stat.S_ISFIFO(found.st_mode):
            return Entry(path=path, kind=EntryKind.FIFO, mode=mode, mtime_ns=mtime_ns)
        if stat.S_ISCHR(found.st_mode) and found.st_rdev == 0:
            return Entry(path=path, kind=EntryKind.WHITEOUT)
        return None  # a socket: who listened to it is gone

    def _file(self, path: bytes, source: bytes, found: os.stat_result) -> Entry:
        mode, mtime_ns, size = stat.S_IMODE(found.st_mode), found.st_mtime_ns, found.st_size
        if found.st_nlink > 1:
            first = self._first_names.setdefault(found.st_ino, path)
            if first != path:
                return Entry(path=path, kind=EntryKind.HARDLINK, target=first)
        self.bytes += size
        if self.bytes > self._most_bytes:
            raise _refused(
                path, f"with it there are more than {self._most_bytes} bytes (root_size)"
            )
        if mode & 0o400 == 0:
            os.chmod(source, 0o600)
        with open(source, "rb", buffering=0) as stream:
            digest, _ = self._store.blobs.add_stream(stream, mode, mtime_ns)
        kind = EntryKind.FILE
        return Entry(path=path, kind=kind, mode=mode, mtime_ns=mtime_ns, size=size, digest=digest)


def _is_opaque(path: bytes) -> bool:
    try:
        return os.getxattr(path, OPAQUE, follow_symlinks=False) == b"y"
    except OSError:
        return False  # it has none, or the file system has no such attributes


def _refused(path: bytes, why: str) -> InputError:
    shown = os.fsdecode(b"/" + path).encode("utf-8", "backslashreplace").decode()
    shown = shown if len(shown) < 200 else shown[:199] + "…"
    return InputError("what the job has changed cannot be kept", [f"{shown}: {why}"])
