"""What is known of files and layers: an SQLite cache that may be lost at any time.

A file's digest is remembered under everything that a change of it would change: path, size,
modification and change time in nanoseconds, inode. A damaged index is thrown away and made anew.
"""

import errno
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

from maelstrom_core.model.digest import Digest

_SCHEMA = """
CREATE TABLE IF NOT EXISTS files (
    path BLOB PRIMARY KEY, size INTEGER, mtime_ns INTEGER, ctime_ns INTEGER, inode INTEGER,
    digest TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS layers (
    digest TEXT PRIMARY KEY, size INTEGER, last_used REAL
) WITHOUT ROWID;
"""
_PATIENCE_SECONDS = 30.0
_ROOM_BYTES = 1 << 16
_ROOM_FILES = 4
"""What SQLite needs to write anything: pages of its log and of the log's index, and their files."""


@attrs.frozen
class FileKey:
    """All that tells one state of a file from another."""

    path: bytes
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


class Index:
    """The cache; usable from many threads and processes at once.

    :raises OSError: if its disk is full or broken; so do all methods
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        try:
            self._connection = self._open()
        except sqlite3.DatabaseError:
            for leftover in path.parent.glob(path.name + "*"):
                leftover.unlink()
            with self._told():
                self._connection = self._open()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Tell what the disk refuses as the operating system would; SQLite is vague about it."""
        try:
            yield
        except sqlite3.OperationalError as error:
            disk = os.statvfs(self._path.parent)
            full = disk.f_bavail * disk.f_frsize < _ROOM_BYTES or disk.f_favail < _ROOM_FILES
            raise OSError(errno.ENOSPC if full else errno.EIO, str(error), self._path) from None

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=_PATIENCE_SECONDS, check_same_thread=False, isolation_level=None
        )
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            # It may be lost with the machine's power: it can be made anew.
            connection.execute("PRAGMA synchronous=OFF")
            connection.executescript(_SCHEMA)
        except sqlite3.DatabaseError:
            connection.close()
            raise
        return connection

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._connection.close()

    def digests(self, keys: Iterable[FileKey]) -> dict[FileKey, Digest]:
        """Those of the files whose digest is known and that have not changed since."""
        query = (
            "SELECT digest FROM files"
            " WHERE path=? AND size=? AND mtime_ns=? AND ctime_ns=? AND inode=?"
        )
        found = {}
        with self._lock, self._told():
            for key in keys:
                row = self._connection.execute(query, attrs.astuple(key)).fetchone()
                if row is not None:
                    found[key] = Digest(row[0])
        return found

    def remember(self, digests: Iterable[tuple[FileKey, Digest]]) -> None:
        """Remember digests of files."""
        rows = [(*attrs.astuple(key), digest.hex) for key, digest in digests]
        with self._lock, self._told():
            self._connection.execute("BEGIN")
            self._connection.executemany("REPLACE INTO files VALUES (?,?,?,?,?,?)", rows)
            self._connection.execute("COMMIT")

    def used(self, digest: Digest, size_bytes: int, now: float) -> None:
        """Note that a layer is used.

        :param now: seconds since 1970
        """
        with self._lock, self._told():
            self._connection.execute(
                "REPLACE INTO layers VALUES (?,?,?)", (digest.hex, size_bytes, now)
            )

    def used_again(self, digest: Digest, now: float) -> bool:
        """Note that a layer is used; says whether it was known.

        :param now: seconds since 1970
        """
        update = "UPDATE layers SET last_used=? WHERE digest=?"
        with self._lock, self._told():
            return self._connection.execute(update, (now, digest.hex)).rowcount == 1

    def layers(self) -> dict[Digest, tuple[int, float]]:
        """Size in bytes and time of last use of every layer that is known."""
        with self._lock, self._told():
            rows = self._connection.execute("SELECT digest, size, last_used FROM layers").fetchall()
        return {Digest(digest): (size, last_used) for digest, size, last_used in rows}

    def forget(self, digest: Digest) -> None:
        """Forget a layer."""
        with self._lock, self._told():
            self._connection.execute("DELETE FROM layers WHERE digest=?", (digest.hex,))
