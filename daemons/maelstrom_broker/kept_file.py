"""An SQLite file in the cluster's directory in which a broker keeps what is nice to have.

A memory, not a record: whatever the disk does costs what is kept, and nothing else. A damaged file is
begun anew; of one that cannot be used, or of a full disk, is told once, and the broker goes on without.
"""

import contextlib
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path

_PAGE_BYTES = 4096
Tell = Callable[[str], None]


class KeptFile(ABC):
    """The file. For one thread at a time; no method raises anything for what the disk does.

    :param what: is kept in it, for people
    :param version: of the schema; a file of another one counts as damaged
    :param schema: statements that make what is not there
    :param most_bytes: of the file
    :param tell: told in a line what is wrong with it, for people
    """

    def __init__(
        self, path: Path, *, what: str, version: int, schema: str, most_bytes: int, tell: Tell
    ) -> None:
        self._path = path
        self._what = what
        self._version = version
        self._schema = schema
        self._most_pages = max(16, most_bytes // _PAGE_BYTES)
        self._tell = tell
        self._connection: sqlite3.Connection | None = None
        self._is_closed = False
        self._said = set[str]()
        with self._told("cannot be opened"):
            self._open()

    def close(self) -> None:
        """Let go of it, for good."""
        self._is_closed = True
        self._let_go()

    def _let_go(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    @abstractmethod
    def _make_room(self) -> None:
        """Drop what is more than the file may hold."""

    def _open(self) -> None:
        with contextlib.suppress(OSError):  # SQLite tells what is wrong
            self._path.touch(mode=0o600)
        connection = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None)
        try:
            connection.execute(f"PRAGMA page_size={_PAGE_BYTES}")
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            # A fuse: by what is counted it should never get there.
            connection.execute(f"PRAGMA max_page_count={self._most_pages}")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version not in (0, self._version):
                raise sqlite3.DatabaseError(f"it is of version {version}, not {self._version}")
            if not version:
                # Nothing of this takes room in a file that there is: its disk may be full.
                connection.executescript(f"{self._schema} PRAGMA user_version={self._version};")
            self._connection = connection
            self._make_room()
        except sqlite3.Error:
            self._connection = None
            connection.close()
            raise

    def _opened(self) -> sqlite3.Connection | None:
        """What could not be opened may be another time: when there is room on the disk again."""
        if self._connection is None and not self._is_closed:
            with self._told("cannot be opened"):
                self._open()
        return self._connection

    @contextlib.contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """Go on without, if it is unusable; begin anew, if it is damaged."""
        try:
            yield
        except sqlite3.OperationalError as error:
            self._say(f"{self._what} {what}: {error}")
        except sqlite3.Error as error:
            self._say(f"{self._what} is damaged, and begun anew: {error}")
            self._begin_anew()

    def _say(self, fault: str) -> None:
        if fault not in self._said:  # a full disk is said once, not for each message
            self._said.add(fault)
            self._tell(fault)

    def _begin_anew(self) -> None:
        self._let_go()
        try:
            # The log of a damaged file would be taken for that of the new one.
            for name in (self._path, Path(f"{self._path}-wal"), Path(f"{self._path}-shm")):
                name.unlink(missing_ok=True)
            self._open()
        except (sqlite3.Error, OSError) as error:
            self._say(f"{self._what} cannot be begun anew: {error}")

    @contextlib.contextmanager
    def _change(self, connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except sqlite3.Error:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise
