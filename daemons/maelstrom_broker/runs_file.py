"""Runs that are over, and the page's charts, on the broker's disk: an SQLite file.

It holds what is remembered of runs in memory as well, for a broker that is started again. Runs are
dropped whole, those first that nobody wanted to see for longest, of whoever takes most of the room.
"""

import sqlite3
from pathlib import Path

import attrs

from maelstrom_broker.kept_file import KeptFile, Tell
from maelstrom_broker.stories_state import MOST_BARS

_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    id INTEGER PRIMARY KEY, owner TEXT NOT NULL, session BLOB NOT NULL, ended REAL NOT NULL,
    used REAL NOT NULL, told BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS samples (
    at REAL PRIMARY KEY, running INTEGER, queued INTEGER, ended INTEGER
);
CREATE TABLE IF NOT EXISTS pieces (began INTEGER PRIMARY KEY, ended INTEGER, failed INTEGER);
"""
_BYTES_OF_A_RUN = 4096
"""What a run takes besides its own bytes: what is long lies in pages of its own."""
_BYTES_OF_CHARTS = 256 << 10
"""What all the rest takes, with the air in it."""


@attrs.frozen
class KeptRun:
    """A run that is over.

    :param ended: seconds since 1970
    :param told: as `kept_plan` packs it
    """

    session: bytes
    ended: float
    told: bytes


@attrs.frozen
class Drawn:
    """What is drawn of the last hour and the last day; oldest first.

    :param samples: seconds since 1970; jobs that ran and waited then; and that had ended since the
        broker of that time was started
    :param pieces: seconds since 1970; jobs that ended in the half hour from then on; and of these, those
        that failed
    """

    samples: tuple[tuple[float, int, int, int], ...] = ()
    pieces: tuple[tuple[int, int, int], ...] = ()


class RunsFile(KeptFile):
    """The memory. For one thread at a time; no method raises anything for what the disk does.

    :param most_bytes: of the file
    :param tell: told in a line what is wrong with it, for people
    """

    def __init__(self, path: Path, *, most_bytes: int, tell: Tell) -> None:
        self._most = max(0, most_bytes * 3 // 4 - _BYTES_OF_CHARTS)
        super().__init__(
            path,
            what="what is kept of runs",
            version=_VERSION,
            schema=_SCHEMA,
            most_bytes=most_bytes,
            tell=tell,
        )

    def keep(self, owner: str, run: KeptRun, asked_for: frozenset[bytes] = frozenset()) -> None:
        """Keep a run that is over.

        :param owner: whose it is
        :param asked_for: sessions of runs that somebody wanted to see before this one was over
        """
        opened = self._opened()
        if opened is None:
            return
        with self._told("cannot be written"), self._change(opened) as connection:
            connection.executemany(
                "UPDATE runs SET used=max(used, ?) WHERE session=?",
                [(run.ended, session) for session in sorted(asked_for)],
            )
            connection.execute(
                "INSERT INTO runs (owner, session, ended, used, told) VALUES (?,?,?,?,?)",
                (owner, run.session, run.ended, run.ended, run.told),
            )
            self._make_room()

    def runs(self) -> list[KeptRun]:
        """All that are kept, in the order in which they ended."""
        found: list[KeptRun] = []
        if self._connection is not None:
            with self._told("cannot be read"):
                rows = self._connection.execute(
                    "SELECT session, ended, told FROM runs ORDER BY ended, id"
                )
                found = [
                    KeptRun(bytes(session), ended, bytes(told)) for session, ended, told in rows
                ]
        return found

    def draw(self, drawn: Drawn, *, since: tuple[float, float]) -> None:
        """Keep what is drawn, and forget what is older.

        :param since: seconds since 1970, from which on samples and pieces are of use
        """
        opened = self._opened()
        if opened is None:
            return
        with self._told("cannot be written"), self._change(opened) as connection:
            connection.executemany("INSERT OR REPLACE INTO samples VALUES (?,?,?,?)", drawn.samples)
            connection.executemany("INSERT OR REPLACE INTO pieces VALUES (?,?,?)", drawn.pieces)
            connection.execute("DELETE FROM samples WHERE at<?", (since[0],))
            connection.execute("DELETE FROM pieces WHERE began<?", (since[1],))

    def drawn(self) -> Drawn:
        """What was drawn."""
        found = Drawn()
        if self._connection is not None:
            with self._told("cannot be read"):
                samples = self._connection.execute("SELECT * FROM samples ORDER BY at").fetchall()
                pieces = self._connection.execute("SELECT * FROM pieces ORDER BY began").fetchall()
                found = Drawn(tuple(samples), tuple(pieces))
        return found

    def _make_room(self) -> None:
        assert self._connection is not None
        while True:
            owners = self._connection.execute(
                "SELECT owner, sum(length(told) + ?) AS takes, count(*) FROM runs GROUP BY owner"
                " ORDER BY takes DESC, owner",
                (_BYTES_OF_A_RUN,),
            ).fetchall()
            takes, number = sum(one[1] for one in owners), sum(one[2] for one in owners)
            if takes <= self._most and number <= MOST_BARS:
                return
            self._drop_one(self._connection, owners[0][0])

    def _drop_one(self, connection: sqlite3.Connection, owner: str) -> None:
        connection.execute(
            "DELETE FROM runs WHERE id=(SELECT id FROM runs WHERE owner=? ORDER BY used, id LIMIT 1)",
            (owner,),
        )
