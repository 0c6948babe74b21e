"""Files of a broker's blob directory: their names, and what is found of them at the start.

``blobs/ab/DIGEST.OWNER`` · ``manifests/ab/DIGEST.OWNER`` (blobs that look like manifests) ·
``uploads/OWNER/DIGEST.SIZE`` (what has come of large ones) · ``tmp/`` · ``boot`` (of the machine) ·
``lock``. Whose a blob is stands in its name, so that one call gives it both; without, it is nobody's.
"""

import errno
import os
import shutil
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import attrs

from maelstrom_core.errors import HostError
from maelstrom_core.model.digest import BadDigest, Digest, Hasher
from maelstrom_core.store import locks

_CHUNK_BYTES = 1 << 20


@attrs.frozen
class FoundBlob:
    """A blob that is there at the start.

    :param owner: whose it is; empty for nobody's
    :param used: seconds since 1970
    """

    digest: bytes
    path: str
    is_manifest: bool
    owner: str
    size: int
    used: float


@attrs.frozen
class FoundUpload:
    """What has come of a blob before.

    :param owner: as its directory has it
    :param size: what it will be
    :param offset: how much is there
    :param used: seconds since 1970
    """

    owner: str
    digest: bytes
    size: int
    offset: int
    used: float


@attrs.define(eq=False)
class Upload:
    """An upload that goes on.

    :param offset: how much has come
    :param hasher: has hashed that; none if it is another process's beginning
    :param lock: held by whoever appends to it
    """

    path: str
    size: int
    offset: int
    hasher: Hasher | None
    lock: threading.Lock = attrs.Factory(threading.Lock)


class BlobFiles:
    """The files; for many threads, but for one process at a time.

    :raises HostError: if another process uses them, or they cannot be written
    """

    def __init__(self, directory: Path) -> None:
        self.directory = os.fspath(directory)
        """As a text: making a path of each name would take as long as reading a small file."""
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._alone = locks.exclusive_if_free(directory / "lock")
            if not self._alone.__enter__():
                raise HostError(
                    f"another broker uses {directory}", remedy="stop it, or name another directory"
                )
            shutil.rmtree(directory / "tmp", ignore_errors=True)
            for part in ("blobs", "manifests"):
                for first in range(256):
                    (directory / part / f"{first:02x}").mkdir(parents=True, exist_ok=True)
            for part in ("uploads", "tmp"):
                (directory / part).mkdir(exist_ok=True)
        except OSError as error:
            raise HostError(
                f"the broker's blobs cannot be kept in {directory}: {error.strerror}",
                remedy="make it writable, with some space, or name another directory",
            ) from None

    def close(self) -> None:
        """Let go of them."""
        self._alone.__exit__(None, None, None)

    def is_another_boot(self, boot_id: str | None = None) -> bool:
        """Whether the machine has been started again since they were used; remembers the new one.

        :param boot_id: of the machine's run, the kernel's by default
        """
        boot_id = boot_id or Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        boot = Path(self.directory, "boot")
        known = boot.read_text() if boot.exists() else boot_id
        if known != boot_id or not boot.exists():
            os.rename(self.write(boot_id.encode()), boot)
        return known != boot_id

    def path(self, digest: bytes, owner: str, *, is_manifest: bool) -> str:
        """Where a blob is, or would be."""
        name = f"{digest.hex()}.{owner}" if owner else digest.hex()
        return f"{self.directory}/{'manifests' if is_manifest else 'blobs'}/{name[:2]}/{name}"

    def upload_path(self, owner: str, digest: bytes, size: int) -> str:
        """Where what has come of an upload is."""
        return f"{self.directory}/uploads/{owner}/{digest.hex()}.{size}"

    def blobs(self) -> Iterator[FoundBlob]:
        """Every blob; what else is there is removed."""
        for part in ("blobs", "manifests"):
            for first in range(256):
                for entry in os.scandir(f"{self.directory}/{part}/{first:02x}"):
                    name, _, owner = entry.name.partition(".")
                    try:
                        digest = bytes.fromhex(Digest(name).hex)
                    except BadDigest:
                        os.unlink(entry.path)
                        continue
                    status = entry.stat(follow_symlinks=False)
                    is_manifest, size, used = part == "manifests", status.st_size, status.st_mtime
                    yield FoundBlob(digest, entry.path, is_manifest, owner, size, used)

    def uploads(self) -> Iterator[FoundUpload]:
        """Every upload that has begun; what else is there is removed."""
        for owner in os.scandir(f"{self.directory}/uploads"):
            for entry in os.scandir(owner.path):
                name, _, size = entry.name.partition(".")
                try:
                    digest, whole = bytes.fromhex(Digest(name).hex), int(size)
                except ValueError:
                    os.unlink(entry.path)
                    continue
                status = entry.stat(follow_symlinks=False)
                offset = min(status.st_size, whole)
                yield FoundUpload(owner.name, digest, whole, offset, status.st_mtime)

    def drop_uploads(self) -> None:
        """Remove all that has come of any."""
        shutil.rmtree(f"{self.directory}/uploads")
        os.mkdir(f"{self.directory}/uploads")

    def free_bytes(self) -> int:
        """Bytes of the file system that this user may still take."""
        found = os.statvfs(self.directory)
        return found.f_bavail * found.f_frsize

    def write(self, data: bytes) -> str:
        """Write a temporary file."""
        path = self._temporary()
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
        except BaseException:
            os.unlink(path)
            raise
        finally:
            os.close(descriptor)
        return path

    def append(self, upload: Upload, data: bytes | memoryview) -> Digest:
        """Write a part of an upload, under its lock; the digest of all that has come."""
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        try:
            descriptor = os.open(upload.path, flags, 0o600)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(upload.path), exist_ok=True)
            descriptor = os.open(upload.path, flags, 0o600)
        try:
            if upload.hasher is None:
                upload.hasher = _hashed(descriptor, upload.offset)
            view, start = memoryview(data), upload.offset
            while view:
                written = os.pwrite(descriptor, view, start)
                view, start = view[written:], start + written
        finally:
            os.close(descriptor)
        upload.hasher.update(data)
        upload.offset = start
        return upload.hasher.digest()

    def read(self, path: str, offset: int, length: int) -> bytes | None:
        """Some of a file; shorter if it ends, none if it is not there."""
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            return os.pread(descriptor, length, offset)
        finally:
            os.close(descriptor)

    def rename(self, path: str, name: str) -> None:
        """Give a file another name."""
        os.rename(path, name)

    def set_aside(self, path: str) -> str | None:
        """Take a file's name from it; quick, however large it is. None if it is not there."""
        doomed = self._temporary()
        try:
            os.rename(path, doomed)
        except FileNotFoundError:
            return None
        return doomed

    def remove(self, paths: Iterable[str]) -> None:
        """Remove what was written or set aside and has no use."""
        for path in paths:
            with suppress(FileNotFoundError):
                os.unlink(path)

    def _temporary(self) -> str:
        return f"{self.directory}/tmp/{os.urandom(16).hex()}"


def _hashed(descriptor: int, size: int) -> Hasher:
    hasher = Hasher()
    while hasher.size < size:
        chunk = os.pread(descriptor, min(_CHUNK_BYTES, size - hasher.size), hasher.size)
        if not chunk:
            raise OSError(errno.EIO, "an upload has lost some of its bytes")
        hasher.update(chunk)
    return hasher
