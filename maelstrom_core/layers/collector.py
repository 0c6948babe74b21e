"""Gathers the entries of one layer: host files first as promises, then with their digests.

A promise is a host file with its lstat; all promises of a layer are kept in one go, those whose
digest the index knows without reading them, the rest by several threads.
"""

import os
import stat
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import attrs

from maelstrom_core.errors import HostError, InputError
from maelstrom_core.layers.copied import Copied, OnCopied
from maelstrom_core.model.digest import Digest
from maelstrom_core.model.layers import Prefix
from maelstrom_core.model.manifest import Entry, EntryKind, is_safe_path
from maelstrom_core.store.blobs import Changed
from maelstrom_core.store.index import FileKey
from maelstrom_core.store.store import Store

_ATTEMPTS = 5
_SETTLED_SECONDS = 1.0
"""A file changed within this time may change again without its times telling: not remembered."""


@attrs.frozen
class _Promise:
    """A host file that is to be read."""

    source: bytes
    path: bytes
    found: os.stat_result
    optional: bool

    @property
    def key(self) -> FileKey:
        """Under which its digest is remembered."""
        found = self.found
        return FileKey(
            self.source, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino
        )


class Collector:
    """Entries and faults of one layer.

    :param where: how faults name the layer (``layers[2]``)
    :param on_copied: told of files that take long
    """

    def __init__(
        self,
        store: Store,
        project: bytes,
        where: str,
        cancelled: Callable[[], bool],
        on_copied: OnCopied | None = None,
    ) -> None:
        self.store = store
        self.project = project
        self.where = where
        self.faults: list[str] = []
        self.entries: dict[bytes, Entry] = {}
        self._promises: dict[bytes, _Promise] = {}
        self._cancelled = cancelled
        self._on_copied = on_copied

    def check_wanted(self) -> None:
        """Go no further if nobody wants this any more.

        :raises InputError: then
        """
        if self._cancelled():
            raise InputError("cancelled", ["nobody wants these layers any more"])

    def fault(self, what: str) -> None:
        """Note a fault."""
        self.faults.append(f"{self.where}{what}")

    def absolute(self, path: str) -> bytes:
        """A host path, relative ones taken from the project directory."""
        return os.path.join(self.project, os.fsencode(path))

    def add(self, entry: Entry) -> None:
        """Add an entry; a second one for a path must be equal, or a directory again."""
        if not is_safe_path(entry.path):
            self.fault(f": {_shown(entry.path)}: not a path below the root")
            return
        known = self.entries.get(entry.path)
        if (
            known is None
            or known == entry
            or (known.kind is EntryKind.DIRECTORY and entry.kind is EntryKind.DIRECTORY)
        ):
            self.entries[entry.path] = entry
        else:
            self.fault(f": {_shown(entry.path)}: in this layer twice, and not the same")

    def add_host(
        self, source: bytes, found: os.stat_result, path: bytes, *, what: str, optional: bool
    ) -> None:
        """Add a file, link or directory of the host.

        :param what: how faults name it (``.paths[0]``)
        :param optional: leave it out if it cannot be had
        """
        mode, mtime_ns = stat.S_IMODE(found.st_mode), found.st_mtime_ns
        if stat.S_ISDIR(found.st_mode):
            self.add(Entry(path=path, kind=EntryKind.DIRECTORY, mode=mode, mtime_ns=mtime_ns))
        elif stat.S_ISREG(found.st_mode):
            if is_safe_path(path):
                known = self._promises.get(path)
                if known is not None and known.source != source:
                    self.fault(f"{what}: {_shown(path)}: in this layer twice, and not the same")
                self._promises[path] = _Promise(source, path, found, optional)
            else:
                self.fault(f"{what}: {_shown(path)}: not a path below the root")
        elif stat.S_ISLNK(found.st_mode):
            try:
                target = os.readlink(source)
            except OSError as error:
                self._missing(source, error, what, optional)
                return
            link = EntryKind.SYMLINK
            self.add(Entry(path=path, kind=link, mode=0o777, mtime_ns=mtime_ns, target=target))
        elif stat.S_ISFIFO(found.st_mode):
            self.add(Entry(path=path, kind=EntryKind.FIFO, mode=mode, mtime_ns=mtime_ns))
        elif not optional and not stat.S_ISSOCK(found.st_mode):
            self.fault(f"{what}: {_shown(source)}: a device cannot be part of a layer")

    def _missing(self, source: bytes, error: OSError, what: str, optional: bool) -> None:
        if not optional:
            self.fault(f"{what}: {_shown(source)}: {error.strerror}")

    def finish(self) -> tuple[Entry, ...]:
        """Read what was promised; all entries, parent directories included.

        :raises HostError: if the disk is full, or a file never stays as it is
        """
        # One file may have been promised to several paths, by links that were followed.
        keyed = [(promise.key, promise) for promise in self._promises.values()]
        known = self.store.index.digests({key for key, _ in keyed})
        unread = []
        for key, promise in keyed:
            digest = known.get(key)
            if digest is not None and self.store.blobs.has(digest):
                self._keep(promise, digest)
            else:
                unread.append((key, promise))
        if unread:
            self._read(unread)
        self._add_parents()
        return tuple(self.entries[path] for path in sorted(self.entries))

    def _keep(self, promise: _Promise, digest: Digest) -> None:
        found = promise.found
        self.add(
            Entry(
                path=promise.path,
                kind=EntryKind.FILE,
                mode=stat.S_IMODE(found.st_mode),
                mtime_ns=found.st_mtime_ns,
                size=found.st_size,
                digest=digest,
            )
        )

    def _read(self, unread: list[tuple[FileKey, _Promise]]) -> None:
        settled = time.time_ns() - int(_SETTLED_SECONDS * 1e9)
        remembered = []
        copied = Copied(self._on_copied, sum(key.size for key, _ in unread))
        with ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
            for (key, promise), read in zip(unread, pool.map(self._read_one, unread), strict=True):
                copied.add(key.size)
                if isinstance(read, OSError):
                    self._missing(promise.source, read, "", promise.optional)
                    continue
                digest, found = read
                self._keep(attrs.evolve(promise, found=found), digest)
                if max(key.mtime_ns, key.ctime_ns) < settled and found is promise.found:
                    remembered.append((key, digest))
        self.store.index.remember(remembered)

    def _read_one(self, item: tuple[FileKey, _Promise]) -> tuple[Digest, os.stat_result] | OSError:
        promise = item[1]
        found = promise.found
        for _ in range(_ATTEMPTS):
            self.check_wanted()
            try:
                return self.store.blobs.add_file(promise.source, found), found
            except Changed:
                try:
                    found = os.lstat(promise.source)
                except OSError as error:
                    return error
                if not stat.S_ISREG(found.st_mode):
                    return FileNotFoundError(2, "no longer a file")
            except OSError as error:
                if error.filename != promise.source:
                    raise  # writing failed, not reading
                return error
        raise HostError(
            f"{_shown(promise.source)} changes faster than it can be read",
            remedy="stop what writes to it, or exclude it from the layer",
        )

    def _add_parents(self) -> None:
        for path in list(self.entries):
            parent = path.rpartition(b"/")[0]
            while parent and parent not in self.entries:
                kind = EntryKind.DIRECTORY
                self.entries[parent] = Entry(path=parent, kind=kind, mode=0o755)
                parent = parent.rpartition(b"/")[0]
        for path, entry in self.entries.items():
            parent = path.rpartition(b"/")[0]
            if parent and self.entries[parent].kind is not EntryKind.DIRECTORY:
                self.fault(f": {_shown(path)}: lies below {_shown(parent)}, which is no directory")
            del entry


def container_path(source: bytes, name: bytes, prefix: Prefix) -> bytes:
    """Path in the container of a host file, relative to its root.

    :param source: absolute host path, canonical if the prefix asks for that
    :param name: the path as it was given
    """
    path = source if prefix.canonicalize else name
    if not (prefix.strip or prefix.prepend) and path[:1] == b"/" and is_safe_path(path[1:]):
        return path[1:]  # most are: of the host's /etc there are many hundreds
    strip = os.fsencode(prefix.strip)
    if strip and (path == strip or path.startswith(strip.rstrip(b"/") + b"/")):
        path = path[len(strip.rstrip(b"/")) :]
    if prefix.prepend:
        path = os.fsencode(prefix.prepend).rstrip(b"/") + b"/" + path.lstrip(b"/")
    return os.path.normpath(b"/" + path.lstrip(b"/")).lstrip(b"/")


def _shown(path: bytes) -> str:
    """A path for people: what is no UTF-8 is escaped."""
    return os.fsdecode(path).encode("utf-8", "backslashreplace").decode()
