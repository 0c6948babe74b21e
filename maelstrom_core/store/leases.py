"""Leases: what a run uses is not evicted while it lasts, even if it is killed.

A lease is a locked file with the digests it protects, one a line. A lock that nobody holds any more
belonged to a process that died: the lease is void, and whoever sees it removes it.
"""

import fcntl
import os
import uuid
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from maelstrom_core.model.digest import BadDigest, Digest
from maelstrom_core.store.locks import held_if_free


class Lease:
    """Keeps layers from eviction until it is released; a context manager."""

    def __init__(self, directory: Path) -> None:
        """Open an empty lease in the store's directory of leases."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_APPEND
        while True:
            self._path = directory / uuid.uuid4().hex
            self._descriptor = os.open(self._path, flags, 0o600)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            if self._path.exists():
                break
            # Before it was locked, somebody took it for that of a dead process and removed it.
            os.close(self._descriptor)

    def add(self, digests: Iterable[Digest]) -> None:
        """Protect more layers."""
        lines = "".join(f"{digest}\n" for digest in digests)
        os.write(self._descriptor, lines.encode())

    def release(self) -> None:
        """Protect nothing any more; may be called twice."""
        if self._descriptor >= 0:
            self._path.unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> "Lease":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def leased(directory: Path) -> frozenset[Digest]:
    """All digests that living leases protect; dead ones are removed."""
    found: set[Digest] = set()
    for path in directory.iterdir():
        with held_if_free(path) as is_dead:
            if is_dead:
                path.unlink(missing_ok=True)
                continue
        try:
            lines = path.read_text().splitlines()
        except FileNotFoundError:
            continue  # released
        for line in lines:
            try:
                found.add(Digest(line))
            except BadDigest:
                continue  # half a line: its writer is about to write the rest
    return frozenset(found)
