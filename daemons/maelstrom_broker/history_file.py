"""What clients have told of cases, on the broker's disk: an SQLite file in the cluster's directory.

Losing it costs a good order, nothing else.
What each key's holder has told of a project is a *record* of its own, which no other changes. Records
are dropped whole, those first that were not used for longest, of whoever takes most of the room: so
nobody can push out what others have told by telling more.

A record with a *plan* is an answer that was given to whoever asked first with it, and is given to all
who ask with it later: shards of a suite are computed from it, each by another client.
"""

import sqlite3
from collections.abc import Iterable
from pathlib import Path

from maelstrom_broker.kept_file import KeptFile, Tell
from maelstrom_broker.merge_plan import merged
from maelstrom_core.wire.histories import MOST_OF_PROJECT, Row, packed, unpacked

_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    id INTEGER PRIMARY KEY, owner TEXT NOT NULL, project BLOB NOT NULL, plan BLOB NOT NULL,
    made REAL NOT NULL, used REAL NOT NULL, told REAL NOT NULL, cases INTEGER NOT NULL,
    UNIQUE (project, plan, owner)
);
CREATE TABLE IF NOT EXISTS cases (
    record INTEGER, name BLOB, milliseconds INTEGER, failed INTEGER, told INTEGER,
    PRIMARY KEY (record, name)
) WITHOUT ROWID;
"""
BYTES_OF_A_CASE = 64
"""What a case takes in the file, with the air that SQLite leaves between rows that come in no order: 34
were measured, of half a million that came by 256."""
CASES_OF_A_RECORD = 16
"""What a record takes by itself, in cases."""
PLAN_SECONDS = 24 * 3600.0
"""How long an answer is given again, and then"""
PLAN_IDLE_SECONDS = 3600.0
"""for as long as somebody asks at least so often, but no longer than"""
LONGEST_PLAN_SECONDS = 7 * 24 * 3600.0
KEPT_DAYS = 90
"""Cases that nobody has told of for so long are forgotten: there are none of that name any more."""
MOST_TELLERS = 8
"""Of one project: what others have told is not looked at."""
_DAY = 24 * 3600.0
_NO_PLAN = b""


class HistoryFile(KeptFile):
    """The memory. For one thread at a time; no method raises anything for what the disk does.

    :param most_bytes: of the file
    :param tell: told in a line what is wrong with it, for people
    """

    def __init__(self, path: Path, *, most_bytes: int, tell: Tell) -> None:
        self._most = max(1, most_bytes // BYTES_OF_A_CASE)
        super().__init__(
            path,
            what="the history of cases",
            version=_VERSION,
            schema=_SCHEMA,
            most_bytes=most_bytes,
            tell=tell,
        )

    def learn(self, owner: str, project: bytes, cases: bytes, *, now: float) -> None:
        """Keep what somebody has seen of cases.

        :param cases: packed
        :param now: seconds since 1970
        """
        opened = self._opened()
        if opened is None:
            return
        with self._told("cannot be written"), self._change(opened) as connection:
            record = self._record(connection, owner, project, _NO_PLAN, now)
            self._forget_old(connection, record, now)
            self._put(connection, record, unpacked(cases), now)
            connection.execute("UPDATE records SET told=?, used=? WHERE id=?", (now, now, record))
            self._make_room()

    def recall(self, owner: str, project: bytes, plan: bytes, *, now: float) -> tuple[bytes, ...]:
        """What is known of a project, packed, in parts that each fit into a message.

        :param plan: what was told to the first who asked with it is told to all; empty for none
        """
        opened = self._opened()
        if opened is None:
            return ()
        with self._told("cannot be written"), self._change(opened) as connection:
            if plan:
                rows = self._planned(connection, owner, project, plan, now)
            else:
                rows = self._merged(connection, project, now)
            self._make_room()
            return tuple(packed(rows))
        return self._unchanged(project, plan, now)

    def _unchanged(self, project: bytes, plan: bytes, now: float) -> tuple[bytes, ...]:
        """The same, as far as nothing has to be written for it: the disk is full.

        A plan that cannot be kept is not made: the next one who asks would be told another.
        """
        rows: list[Row] = []
        if self._connection is None:
            return ()
        with self._told("cannot be read"):
            if not plan:
                rows = self._merged(self._connection, project)
            elif (found := self._valid(self._connection, project, plan, now)) is not None:
                rows = self._rows(self._connection, found)
        return tuple(packed(rows))

    def _record(
        self, connection: sqlite3.Connection, owner: str, project: bytes, plan: bytes, now: float
    ) -> int:
        key = (owner, project, plan)
        connection.execute(
            "INSERT OR IGNORE INTO records (owner, project, plan, made, used, told, cases)"
            " VALUES (?,?,?,?,?,?,0)",
            (*key, now, 0.0, now),
        )
        ((record,),) = connection.execute(
            "SELECT id FROM records WHERE owner=? AND project=? AND plan=?", key
        )
        return int(record)

    def _put(
        self, connection: sqlite3.Connection, record: int, rows: Iterable[Row], now: float
    ) -> None:
        day, given = int(now // _DAY), list(rows)
        before = connection.total_changes
        connection.executemany(
            "INSERT OR IGNORE INTO cases VALUES (?,?,?,?,?)",
            ((record, name, milliseconds, bad, day) for name, milliseconds, bad in given),
        )
        # To count them anew each time would be to read all of them.
        connection.execute(
            "UPDATE records SET cases=cases+? WHERE id=?",
            (connection.total_changes - before, record),
        )
        connection.executemany(
            "UPDATE cases SET milliseconds=?, failed=?, told=? WHERE record=? AND name=?",
            ((milliseconds, bad, day, record, name) for name, milliseconds, bad in given),
        )
        # A record never takes more than half of the room: it would be dropped as soon as it is there.
        most = min(MOST_OF_PROJECT, self._most // 2)
        (count,) = connection.execute("SELECT cases FROM records WHERE id=?", (record,)).fetchone()
        if count > most:
            self._forget(
                connection,
                record,
                "name IN (SELECT name FROM cases WHERE record=? ORDER BY told LIMIT ?)",
                (record, count - most),
            )

    def _forget(
        self, connection: sqlite3.Connection, record: int, which: str, values: tuple[int, ...]
    ) -> None:
        before = connection.total_changes
        connection.execute(f"DELETE FROM cases WHERE record=? AND {which}", (record, *values))
        connection.execute(
            "UPDATE records SET cases=cases-? WHERE id=?",
            (connection.total_changes - before, record),
        )

    def _forget_old(self, connection: sqlite3.Connection, record: int, now: float) -> None:
        """Once a day, for all rows have to be looked at."""
        (told,) = connection.execute("SELECT told FROM records WHERE id=?", (record,)).fetchone()
        if told // _DAY != now // _DAY:
            oldest = int(now // _DAY) - KEPT_DAYS
            self._forget(connection, record, "told<?", (oldest,))

    def _merged(
        self, connection: sqlite3.Connection, project: bytes, now: float | None = None
    ) -> list[Row]:
        """What all have told of a project.

        :param now: when it was used; ``None`` not to write that down
        """
        records = connection.execute(
            "SELECT id FROM records WHERE project=? AND plan=? ORDER BY told DESC, id LIMIT ?",
            (project, _NO_PLAN, MOST_TELLERS),
        ).fetchall()
        if now is not None:
            connection.executemany(
                "UPDATE records SET used=? WHERE id=?", [(now, record) for (record,) in records]
            )
        return merged([self._rows(connection, record) for (record,) in records])

    def _rows(self, connection: sqlite3.Connection, record: int) -> list[Row]:
        return [
            (name, milliseconds, bool(bad))
            for name, milliseconds, bad in connection.execute(
                "SELECT name, milliseconds, failed FROM cases WHERE record=? ORDER BY name",
                (record,),
            )
        ]

    def _planned(
        self, connection: sqlite3.Connection, owner: str, project: bytes, plan: bytes, now: float
    ) -> list[Row]:
        found = self._valid(connection, project, plan, now)
        if found is not None:
            connection.execute("UPDATE records SET used=? WHERE id=?", (now, found))
            return self._rows(connection, found)
        old = connection.execute(
            "SELECT id FROM records WHERE project=? AND plan=?", (project, plan)
        ).fetchall()
        for (record,) in old:
            self._drop(connection, record)
        record = self._record(connection, owner, project, plan, now)
        self._put(connection, record, self._merged(connection, project, now), now)
        connection.execute("UPDATE records SET used=? WHERE id=?", (now, record))
        # As they will be told to others: a record may hold less than is known.
        return self._rows(connection, record)

    def _valid(
        self, connection: sqlite3.Connection, project: bytes, plan: bytes, now: float
    ) -> int | None:
        """The record of an answer that is given again; none if there is none, or it has had its time."""
        found = connection.execute(
            "SELECT id, made, used FROM records WHERE project=? AND plan=?", (project, plan)
        ).fetchone()
        if found is None:
            return None
        record, made, used = found
        age, idle = now - made, now - used
        if age < PLAN_SECONDS or (idle < PLAN_IDLE_SECONDS and age < LONGEST_PLAN_SECONDS):
            return int(record)
        return None

    def _drop(self, connection: sqlite3.Connection, record: int) -> None:
        connection.execute("DELETE FROM cases WHERE record=?", (record,))
        connection.execute("DELETE FROM records WHERE id=?", (record,))

    def _make_room(self) -> None:
        assert self._connection is not None
        while True:
            owners = self._connection.execute(
                "SELECT owner, sum(cases + ?) AS takes FROM records GROUP BY owner"
                " ORDER BY takes DESC, owner",
                (CASES_OF_A_RECORD,),
            ).fetchall()
            if sum(takes for _, takes in owners) <= self._most:
                return
            ((record,),) = self._connection.execute(
                "SELECT id FROM records WHERE owner=? ORDER BY used, id LIMIT 1", (owners[0][0],)
            )
            self._drop(self._connection, record)
