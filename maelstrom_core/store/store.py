"""The store: blobs, manifests and trees of one user, shared by all processes.

``VERSION`` · ``blobs/ab/DIGEST`` · ``manifests/ab/DIGEST`` · ``trees/ab/DIGEST/`` · ``tmp/`` (what
is half made) · ``leases/`` · ``images/`` and ``commands/`` (what is known of them) ·
``index.sqlite`` (a cache) · ``gate`` (a lock).

Whoever makes something holds the gate together with all other makers; whoever evicts holds it
alone, and does so only when nobody else is there. So nothing is evicted between the moment at which
it is found and the moment at which it is leased.
"""

import errno
import os
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType

from maelstrom_core.errors import HostError, InputError, UsageError
from maelstrom_core.model.digest import Digest
from maelstrom_core.model.manifest import Entry, decode_manifest, encode_manifest
from maelstrom_core.store import locks, trees
from maelstrom_core.store.blobs import Blobs
from maelstrom_core.store.cache_state import Held, to_evict
from maelstrom_core.store.commands import CommandRecords
from maelstrom_core.store.index import Index
from maelstrom_core.store.leases import Lease, leased

VERSION = 1
DEFAULT_LIMIT_BYTES = 20 << 30
_PARTS = ("blobs", "manifests", "trees", "tmp", "leases", "images", "commands")
_FULL = (errno.ENOSPC, errno.EDQUOT)


class DiskFull(HostError):
    """The disk of a store has no room."""


def means_full(error: BaseException) -> bool:
    """Whether something has failed for want of room on a disk."""
    return isinstance(error, DiskFull) or (isinstance(error, OSError) and error.errno in _FULL)


@contextmanager
def told_if_full(directory: Path) -> Iterator[None]:
    """Turn a full disk into an error for people.

    :raises DiskFull: if the disk of ``directory`` is full
    """
    try:
        yield
    except OSError as error:
        if not means_full(error):
            raise
        remedy = f"free some space there, or put the store elsewhere (MAELSTROM_STORE={directory})"
        raise DiskFull(f"the disk is full where the store is: {directory}", remedy=remedy) from None


@contextmanager
def _unless_full() -> Iterator[None]:
    """For what is only noted: a full disk costs the note, and not what it is about."""
    try:
        yield
    except OSError as error:
        if not means_full(error):
            raise


class Store:
    """One store; a context manager. Safe for many threads and many processes."""

    def __init__(self, directory: Path, *, limit_bytes: int = DEFAULT_LIMIT_BYTES) -> None:
        self.directory = directory
        self.limit_bytes = limit_bytes
        found = directory.stat()
        self.identity = found.st_dev, found.st_ino
        """Device and inode of its directory, by whatever path it is come upon."""
        self.grown = False
        """Whether a layer was added since it was opened: there may be something to evict."""
        self._gate = directory / "gate"
        self._scratch, self._alive = _scratch_of(directory / "tmp")
        try:
            self.index = Index(directory / "index.sqlite")
        except BaseException:
            self._let_go()
            raise
        self.blobs = Blobs(directory / "blobs", self._scratch)
        self.commands = CommandRecords(directory / "commands")

    @classmethod
    def open(cls, directory: Path, *, limit_bytes: int = DEFAULT_LIMIT_BYTES) -> "Store":
        """Open a store, and make it if it is not there.

        :param limit_bytes: how large it may grow; what is in use is never evicted, so it may grow
            past that for a while
        :raises UsageError: if a newer program wrote it, or if it is something else
        :raises HostError: if it cannot be written, or the disk is full
        """
        directory = directory.absolute()
        try:
            with told_if_full(directory):
                directory.mkdir(parents=True, exist_ok=True, mode=0o700)
                _check_version(directory)
                for part in _PARTS:
                    (directory / part).mkdir(exist_ok=True)
                _remove_leftovers(directory / "tmp")
                return cls(directory, limit_bytes=limit_bytes)
        except (PermissionError, NotADirectoryError, FileExistsError) as error:
            remedy = "make it writable, or put the store elsewhere (MAELSTROM_STORE=/a/directory)"
            message = f"the store {directory} cannot be used: {error.strerror}"
            raise HostError(message, remedy=remedy) from None
        except OSError as error:
            if error.errno != errno.EROFS:
                raise
            remedy = "put the store elsewhere (MAELSTROM_STORE=/a/directory)"
            raise HostError(f"the store {directory} is read-only", remedy=remedy) from None

    def close(self) -> None:
        """Let go of it; what was half made is removed."""
        self.index.close()
        self._let_go()

    def _let_go(self) -> None:
        self._alive.release()
        trees.remove(self._scratch)

    def __enter__(self) -> "Store":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def making(self) -> Iterator[Lease]:
        """Make layers: nothing is evicted meanwhile, and what is added to the lease stays.

        The lease lives on after the block; it is the caller's to release.

        :raises HostError: if the disk is full
        """
        with told_if_full(self.directory), locks.shared(self._gate):
            lease = Lease(self.directory / "leases")
            try:
                yield lease
            except BaseException:
                lease.release()
                raise

    def add_manifest(self, entries: Iterable[Entry]) -> Digest:
        """Put a manifest into the store; within `making`."""
        return self.add_manifest_bytes(encode_manifest(entries))

    def add_manifest_bytes(self, data: bytes) -> Digest:
        """Put a manifest into the store that `decode_manifest` has taken; within `making`.

        What it names is there already, or whoever finds the layer would miss it.
        """
        digest = Digest.of(data)
        path = self._path("manifests", digest)
        if not path.exists():
            temporary = self._scratch / f"manifest-{os.urandom(8).hex()}"
            temporary.write_bytes(data)
            path.parent.mkdir(exist_ok=True)
            os.rename(temporary, path)
        return digest

    def manifest_bytes(self, digest: Digest) -> bytes:
        """Canonical bytes of a manifest of the store, verified.

        :raises HostError: if it is not there, or damaged
        """
        path = self._path("manifests", digest)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise HostError(f"the store has no layer {digest.short}") from None
        if Digest.of(data) != digest:
            path.unlink(missing_ok=True)
            remedy = "run again: it has been removed and will be made anew"
            raise HostError(f"the store's layer {digest.short} was damaged", remedy=remedy)
        return data

    def manifest(self, digest: Digest) -> tuple[Entry, ...]:
        """Entries of a manifest of the store; its bytes are verified.

        :raises HostError: if it is not there, or damaged
        """
        data = self.manifest_bytes(digest)
        try:
            return decode_manifest(data)
        except InputError as error:
            raise HostError(f"the store's layer {digest.short}: {error.message}") from None

    def has_layer(self, digest: Digest) -> bool:
        """Whether a layer's manifest is there; within `making`, and it stays if it is leased."""
        return self._path("manifests", digest).exists()

    def tree(self, digest: Digest) -> Path:
        """Directory of a layer, made if it is not there; within `making` or under a lease.

        :raises HostError: if the store has lost something of it
        """
        path = self._path("trees", digest)
        if path.is_dir():
            with _unless_full():
                if not self.index.used_again(digest, time.time()):
                    self.index.used(digest, _size_of(self.manifest(digest)), time.time())
            return path
        entries = self.manifest(digest)
        temporary = self._scratch / f"tree-{os.urandom(8).hex()}"
        with told_if_full(self.directory):
            try:
                trees.build(entries, temporary, self.blobs)
                path.parent.mkdir(exist_ok=True)
                self.grown = True
                try:
                    os.rename(temporary, path)
                except OSError as error:
                    if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                        raise  # else another process was faster
            finally:
                trees.remove(temporary)
        with _unless_full():
            self.index.used(digest, _size_of(entries), time.time())
        return path

    def lower_directories(self, digests: Sequence[Digest]) -> tuple[Path, ...]:
        """Directories of layers, lowest first; within `making` or under a lease."""
        return tuple(self.tree(digest) for digest in digests)

    def evict(self, limit_bytes: int | None = None) -> int:
        """Remove what is least recently used until the rest fits; the number of layers removed.

        Does nothing while another process makes something.

        :param limit_bytes: other than the store's own
        """
        limit = self.limit_bytes if limit_bytes is None else limit_bytes
        with locks.exclusive_if_free(self._gate) as free:
            if not free:
                return 0
            in_use = leased(self.directory / "leases")
            evicted = to_evict(self._held(), in_use, limit)
            for digest in evicted:
                # Moved away first, so that a crash cannot leave half a tree in its place.
                doomed = self._scratch / f"evicted-{digest.hex}"
                os.rename(self._path("trees", digest), doomed)
                self._path("manifests", digest).unlink(missing_ok=True)
                trees.remove(doomed)
                with _unless_full():
                    self.index.forget(digest)
            if evicted or limit == 0:
                self.blobs.sweep(self._promised(in_use))
                self.commands.sweep(self.has_layer)
            return len(evicted)

    def _promised(self, in_use: Collection[Digest]) -> set[str]:
        """Blobs that no tree has yet, and a layer in use may get one of.

        Of others, whose trees were never made since the disk was full, the manifest goes: it promises
        content that will not be there.
        """
        kept: set[str] = set()
        for path in (self.directory / "manifests").glob("??/*"):
            digest = _digest_of(path)
            if self._path("trees", digest).is_dir():
                continue
            if digest in in_use:
                with suppress(HostError):  # damaged: whoever wants it finds out
                    entries = self.manifest(digest)
                    kept |= {entry.digest.hex for entry in entries if entry.digest is not None}
            else:
                path.unlink(missing_ok=True)
        return kept

    def _held(self) -> list[Held]:
        """Every tree of the store; the index may have been lost, and knows less then."""
        known = self.index.layers()
        held = []
        for path in (self.directory / "trees").glob("??/*"):
            digest = _digest_of(path)
            if digest in known:
                held.append(Held(digest, *known[digest]))
                continue
            try:
                size = _size_of(self.manifest(digest))
            except HostError:
                size = 0  # of no use to anybody, and the first to go
            held.append(Held(digest, size, 0.0))
        return held

    def size_bytes(self) -> int:
        """About how large it is."""
        return sum(layer.size_bytes for layer in self._held())

    def verify(self) -> list[str]:
        """Read everything; faults found, one line each. Damaged things are removed."""
        faults = []
        for path in self.blobs.damaged():
            faults.append(f"content {path.name[:12]} was damaged; removed")
            path.unlink(missing_ok=True)
        for path in sorted((self.directory / "manifests").glob("??/*")):
            try:
                entries = self.manifest(_digest_of(path))
            except HostError as error:
                faults.append(error.message)
                continue
            if any(e.digest is not None and not self.blobs.has(e.digest) for e in entries):
                faults.append(f"layer {path.name[:12]} had lost content; removed")
                path.unlink(missing_ok=True)
                trees.remove(self._path("trees", _digest_of(path)))
        return faults

    def _path(self, part: str, digest: Digest) -> Path:
        return self.directory / part / digest.hex[:2] / digest.hex


def _size_of(entries: Iterable[Entry]) -> int:
    """About how many bytes a tree takes, its names and inodes included."""
    return sum(entry.size + 256 for entry in entries)


def _digest_of(path: Path) -> Digest:
    return Digest(path.name)


def _check_version(directory: Path) -> None:
    """Refuse what another version wrote; make a new store what it is, under a lock."""
    with locks.exclusive(directory):
        path = directory / "VERSION"
        try:
            text = path.read_text().strip()
        except FileNotFoundError:
            if any(entry.name not in _PARTS for entry in directory.iterdir()):
                message = f"{directory} is not empty, and no store"
                raise UsageError(message, remedy="name an empty or new directory") from None
            temporary = directory / "tmp" / "VERSION"
            temporary.parent.mkdir(exist_ok=True)
            temporary.write_text(f"{VERSION}\n")
            os.rename(temporary, path)
            return
    if text != str(VERSION):
        newer = text.isdecimal() and int(text) > VERSION
        what = "a newer maelstrom wrote it" if newer else "no maelstrom wrote it"
        message = f"the store {directory} has version {text[:20]!r}, this program reads {VERSION}"
        remedy = f"{what}: upgrade, or put the store elsewhere (MAELSTROM_STORE=/a/directory)"
        raise UsageError(message, remedy=remedy)


def _scratch_of(directory: Path) -> tuple[Path, Lease]:
    """A directory of our own; the lock of the lease in it says that its owner lives."""
    while True:
        scratch = directory / f"{os.getpid()}-{os.urandom(6).hex()}"
        scratch.mkdir()
        try:
            return scratch, Lease(scratch)
        except FileNotFoundError:
            continue  # another one found it before that lock was held; see `_remove_leftovers`


def _remove_leftovers(directory: Path) -> None:
    """Remove what processes that died have left half made."""
    for scratch in directory.iterdir():
        try:
            owners = [path for path in scratch.iterdir() if len(path.name) == 32 and path.is_file()]
        except (FileNotFoundError, NotADirectoryError):
            continue  # its owner has just let go of the store and removed it
        with ExitStack() as stack:
            dead = [stack.enter_context(locks.held_if_free(owner)) for owner in owners]
            # Removed under these locks: an owner who has only just come finds out, and begins anew.
            if dead and all(dead):
                trees.remove(scratch)
