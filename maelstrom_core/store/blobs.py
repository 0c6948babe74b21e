"""File contents on disk, each once, under its digest; written beside, then linked into place.

A tree's file is a hard link to its blob, and hard links share mode and modification time. So a blob
has those of its first arrival, and the same content with others is a *variant*, a copy under
``DIGEST.MODE.MTIME``: interpreters compare a source's time with the one in its bytecode, and must
find what they would find outside. Hard links share extended attributes as well: content with some is
always a variant, ``DIGEST.MODE.MTIME.ATTRIBUTES`` with a digest of theirs, and what has none never
gets them from another layer.

The number of links of a blob is its reference count: one means that no tree has it.
"""

import errno
import os
import stat
from collections.abc import Collection, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO

from maelstrom_core.errors import HostError
from maelstrom_core.model.digest import Digest, Hasher, digest_of_stream
from maelstrom_core.model.plain import encode

Attributes = Sequence[tuple[bytes, bytes]]

CHUNK_BYTES = 1 << 20


class Changed(Exception):
    """A file changed while it was read."""


class Damaged(Exception):
    """Bytes are not those of their digest."""


class Blobs:
    """The directory of blobs.

    :param directory: ``blobs`` of the store
    :param scratch: on the same file system; where half-written files are
    """

    def __init__(self, directory: Path, scratch: Path) -> None:
        self.directory = directory
        self._scratch = scratch
        self._serial = 0

    def path(self, digest: Digest) -> Path:
        """Where the content of that digest is, or would be."""
        return self.directory / digest.hex[:2] / digest.hex

    def has(self, digest: Digest) -> bool:
        """Whether the content is there."""
        return self.path(digest).exists()

    def add_file(self, source: bytes, expected: os.stat_result) -> Digest:
        """Copy a file into the store, hashing it on the way.

        :param expected: what lstat said of it
        :raises Changed: if it is not what it was, or changes while it is read
        :raises OSError: if it cannot be read
        """
        descriptor = os.open(source, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            if not is_same(os.fstat(descriptor), expected):
                raise Changed
            hasher, temporary = Hasher(), self._temporary()
            try:
                with open(temporary, "xb", buffering=0) as copy:
                    while chunk := os.read(descriptor, CHUNK_BYTES):
                        hasher.update(chunk)
                        copy.write(chunk)
                    if not is_same(os.fstat(descriptor), expected):
                        raise Changed
                digest = hasher.digest()
                self.publish(temporary, digest, expected.st_mode, expected.st_mtime_ns)
            finally:
                temporary.unlink(missing_ok=True)
            return digest
        finally:
            os.close(descriptor)

    def add_stream(self, stream: IO[bytes], mode: int, mtime_ns: int) -> tuple[Digest, int]:
        """Put what is left of a stream into the store; its digest and its size in bytes."""
        hasher, temporary = Hasher(), self._temporary()
        try:
            with temporary.open("xb", buffering=0) as copy:
                while chunk := stream.read(CHUNK_BYTES):
                    hasher.update(chunk)
                    copy.write(chunk)
            self.publish(temporary, hasher.digest(), mode, mtime_ns)
        finally:
            temporary.unlink(missing_ok=True)
        return hasher.digest(), hasher.size

    def add_bytes(self, data: bytes, digest: Digest, mode: int, mtime_ns: int) -> None:
        """Put bytes of a peer into the store.

        :raises Damaged: if they are not those of the digest
        """
        if Digest.of(data) != digest:
            raise Damaged
        temporary = self._temporary()
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
            self.publish(temporary, digest, mode, mtime_ns)
        finally:
            os.close(descriptor)
            temporary.unlink(missing_ok=True)

    def arrival(self, digest: Digest, mode: int, mtime_ns: int) -> "Arrival":
        """A blob that comes from a peer in parts."""
        return Arrival(self, self._temporary(), digest, mode, mtime_ns)

    def _temporary(self) -> Path:
        self._serial += 1
        return (
            self._scratch / f"blob-{os.getpid()}-{id(self):x}-{self._serial}-{os.urandom(4).hex()}"
        )

    def publish(self, temporary: Path, digest: Digest, mode: int, mtime_ns: int) -> None:
        """Give a finished temporary file the name of its content; it may be removed then."""
        # One that its owner may not read could not be copied for a tree that wants it otherwise.
        _dress(temporary, mode | stat.S_IRUSR, mtime_ns)
        path = self.path(digest)
        try:
            os.link(temporary, path)
        except FileNotFoundError:
            path.parent.mkdir(exist_ok=True)
            self.publish(temporary, digest, mode, mtime_ns)
        except FileExistsError:
            return  # the same bytes are there already

    def link(
        self,
        digest: Digest,
        target: bytes,
        mode: int,
        mtime_ns: int,
        size: int,
        attributes: Attributes = (),
    ) -> None:
        """Make ``target`` a hard link to the content with that mode, time and extended attributes.

        :raises HostError: if the content is not there or is damaged
        """
        path = self.path(digest)
        try:
            found = os.stat(path)
        except FileNotFoundError:
            raise HostError(
                f"the store has lost the content {digest.short}",
                remedy=f"remove {self.directory.parent} and run again",
            ) from None
        if found.st_size != size:
            path.unlink(missing_ok=True)
            raise HostError(
                f"the store's content {digest.short} was damaged by somebody",
                remedy="run again: it has been removed and will be made anew",
            )
        same = stat.S_IMODE(found.st_mode) == mode and found.st_mtime_ns == mtime_ns
        if same and not attributes:
            try:
                os.link(path, target)
                return
            except OSError as error:
                if error.errno != errno.EMLINK:
                    raise
        variant = path.with_name(f"{digest.hex}.{mode:o}.{mtime_ns}{_mark(attributes)}")
        try:
            os.link(variant, target)
        except FileNotFoundError:
            self._make_variant(path, variant, mode, mtime_ns, attributes)
            os.link(variant, target)
        except OSError as error:
            if error.errno != errno.EMLINK:
                raise
            # A file system allows so many links (ext4: 65,000); go on with a fresh inode.
            variant.unlink(missing_ok=True)
            self._make_variant(path, variant, mode, mtime_ns, attributes)
            os.link(variant, target)

    def _make_variant(
        self, path: Path, variant: Path, mode: int, mtime_ns: int, attributes: Attributes
    ) -> None:
        temporary = self._temporary()
        try:
            with path.open("rb", buffering=0) as source, temporary.open("xb", buffering=0) as copy:
                while os.copy_file_range(source.fileno(), copy.fileno(), CHUNK_BYTES):
                    pass
            # While it may still be written to, which setting attributes needs.
            set_attributes(os.fsencode(temporary), attributes)
            _dress(temporary, mode, mtime_ns)
            os.rename(temporary, variant)
        finally:
            temporary.unlink(missing_ok=True)

    def sweep(self, kept: Collection[str] = ()) -> int:
        """Remove every blob that no tree has; the number of bytes that this freed.

        :param kept: digests of those that stay all the same
        """
        freed = 0
        for directory in self.directory.iterdir():
            for entry in os.scandir(directory):
                found = entry.stat(follow_symlinks=False)
                if found.st_nlink == 1 and entry.name.partition(".")[0] not in kept:
                    os.unlink(entry.path)
                    freed += found.st_size
        return freed

    def damaged(self) -> list[Path]:
        """Every blob whose bytes are not what its name says."""
        wrong = []
        for path in sorted(self.directory.glob("??/*")):
            with path.open("rb") as stream:
                digest, _ = digest_of_stream(stream)
            if digest.hex != path.name.partition(".")[0]:
                wrong.append(path)
        return wrong


class Arrival:
    """Parts of a blob, in order; a context manager. Without `finish`, nothing is left of them."""

    def __init__(
        self, blobs: Blobs, temporary: Path, digest: Digest, mode: int, mtime_ns: int
    ) -> None:
        self._blobs, self._temporary, self._digest = blobs, temporary, digest
        self._mode, self._mtime_ns = mode, mtime_ns
        self._hasher = Hasher()

    def __enter__(self) -> "Arrival":
        self._file = self._temporary.open("xb", buffering=0)
        return self

    def add(self, data: bytes | memoryview) -> None:
        """The next part."""
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]
        self._hasher.update(data)

    def finish(self) -> None:
        """Put it into the store.

        :raises Damaged: if the bytes are not those of the digest
        """
        self._file.close()
        if self._hasher.digest() != self._digest:
            raise Damaged
        self._blobs.publish(self._temporary, self._digest, self._mode, self._mtime_ns)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
        self._temporary.unlink(missing_ok=True)


def set_attributes(path: bytes, attributes: Attributes) -> None:
    """Give a file or directory its extended attributes.

    :raises HostError: if the file system keeps none, or not so many
    """
    for name, value in attributes:
        try:
            os.setxattr(path, name, value, follow_symlinks=False)
        except OSError as error:
            raise HostError(
                f"the extended attribute {name.decode(errors='replace')} of {len(value)} bytes "
                f"cannot be kept in the store: {error.strerror}",
                remedy="give the store a directory on a file system with room for them "
                "(ext4 keeps 4 KiB for each file; XFS and Btrfs keep 64)",
            ) from None


def _mark(attributes: Attributes) -> str:
    if not attributes:
        return ""
    hasher = Hasher()
    hasher.update(encode([list(pair) for pair in attributes]))
    return f".{hasher.digest().hex}"


def _dress(path: Path, mode: int, mtime_ns: int) -> None:
    os.chmod(path, stat.S_IMODE(mode))
    os.utime(path, ns=(mtime_ns, mtime_ns))


def is_same(now: os.stat_result, before: os.stat_result) -> bool:
    """Whether a file is, as far as its status tells, what it was."""
    return (now.st_ino, now.st_size, now.st_mtime_ns, now.st_mode) == (
        before.st_ino,
        before.st_size,
        before.st_mtime_ns,
        before.st_mode,
    )
