"""What earlier runs tell of cases: how long they took, whether they failed, what they load.

An SQLite file in a state directory, which concurrent runs share. It is a memory, not a record: a
damaged one is thrown away, and losing it costs a good order, nothing else. One that is merely busy,
or cannot be read now, is left alone: it is the memory of others too.
"""

import contextlib
import sqlite3
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from maelstrom_core.model.histories import KnownCase, case_key
from maelstrom_core.model.ids import CaseId

if TYPE_CHECKING:
    from maelstrom_core.model.cases import CaseReport

_SCHEMA = (
    """
CREATE TABLE IF NOT EXISTS cases (
    runner TEXT, project TEXT, id TEXT, duration REAL, failed INTEGER,
    PRIMARY KEY (runner, project, id)
) WITHOUT ROWID
""",
    """
CREATE TABLE IF NOT EXISTS loads (
    runner TEXT, project TEXT, name TEXT, id TEXT, learned INTEGER,
    PRIMARY KEY (runner, project, name, id)
) WITHOUT ROWID
""",
)
_BATCH = 256
_NO_CASE = ""
"""Stands for whoever loads what must not be loaded ahead."""
MOST_LOADS = 4000
"""Of one project; the latest ones are kept."""
LOADS_KEPT_SECONDS = 14 * 24 * 3600
"""Then it is forgotten what a case loads, and learned anew: by what it does not load any more, nothing
is said of that."""
LONGEST_NAME = 250


@attrs.frozen
class Known:
    """What is known of a case.

    :param duration: seconds its container ran, smoothed over its runs
    :param failed: whether it failed last time, be it that it passed when run again
    """

    duration: float
    failed: bool


class Others:
    """What others know of the same cases, and how they hear what is learned here.

    :param project: see `maelstrom_core.model.histories.project_key`
    :param tell: tells them
    """

    def __init__(
        self,
        project: bytes,
        known: Iterable[KnownCase],
        tell: Callable[[Sequence[KnownCase]], None],
    ) -> None:
        self.project = project
        self._known = {case.key: Known(case.milliseconds / 1000, case.failed) for case in known}
        self._tell = tell

    def of(self, case: CaseId) -> Known | None:
        """What they know of a case."""
        return self._known.get(case_key(self.project, case)) if self._known else None

    def learned(self, cases: Mapping[CaseId, Known]) -> None:
        """Tell them."""
        self._tell(
            [
                KnownCase(case_key(self.project, case), round(known.duration * 1000), known.failed)
                for case, known in cases.items()
            ]
        )


class History:
    """Memory of one project's cases; a context manager.

    :ivar runner: whose cases they are
    """

    def __init__(self, path: Path, *, runner: str, project: Path) -> None:
        self.runner = runner
        self._others: Others | None = None
        self._key = (runner, _stored(str(project)))
        self._known: dict[CaseId, Known] = {}
        self._new: dict[CaseId, Known] = {}
        self._failed_before: set[CaseId] = set()
        self._new_loads: dict[tuple[str, str], None] = {}
        self._path = path
        self._connection: sqlite3.Connection | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._open()
        except (sqlite3.OperationalError, OSError):
            return  # busy, out of reach, of another version: this run goes on without a memory
        except sqlite3.Error:
            with contextlib.suppress(sqlite3.Error, OSError):
                # The log of a damaged file would be taken for that of the new one.
                for name in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
                    name.unlink(missing_ok=True)
                self._open()

    def _open(self) -> None:
        connection = sqlite3.connect(self._path, timeout=10.0, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            # No run waits for the disk: what a power cut may take is what was learned last.
            connection.execute("PRAGMA synchronous=NORMAL")
            for table in _SCHEMA:
                connection.execute(table)
            rows = connection.execute(
                "SELECT id, duration, failed FROM cases WHERE runner=? AND project=?", self._key
            )
            self._known = {
                CaseId(_read(i)): Known(duration, bool(bad)) for i, duration, bad in rows
            }
        except sqlite3.Error:
            connection.close()
            raise
        self._connection = connection

    def of(self, case: CaseId) -> Known | None:
        """What is known of a case: what was seen here, else what others saw; ``None`` for a new one."""
        known = self._known.get(case)
        return self._others.of(case) if known is None and self._others is not None else known

    def share(self, others: Others | None) -> None:
        """Know from now on what others do, and let them know; or with nobody any more."""
        self._save()
        self._others = others

    def failed(self) -> Collection[CaseId]:
        """Cases that failed here when they were run last."""
        return {case for case, known in self._known.items() if known.failed}

    def add(self, report: "CaseReport") -> None:
        """Remember how a case went; all of its repetitions are one case."""
        from maelstrom_core.model.cases import CaseStatus  # whoever only reads needs no reports

        if report.result is None or report.status is CaseStatus.CANCELLED:
            return
        duration = report.result.usage.wall_seconds
        case = report.original
        known = self.of(case)
        if known is not None:
            # One slow run of a busy machine must not put a case first for long.
            duration = (duration + known.duration) / 2
        failed = report.status.is_failure or report.status is CaseStatus.FLAKY
        if report.repetitions > 1:
            # Of repetitions one that failed is enough.
            if failed:
                self._failed_before.add(case)
            failed = case in self._failed_before
        self._new[case] = self._known[case] = Known(duration, failed)
        if len(self._new) >= _BATCH:
            self._save()

    def loads(self) -> Mapping[str, Collection[CaseId]]:
        """What a warm template may load ahead: names, each with cases that have loaded it."""
        found: dict[str, list[CaseId]] = {}
        for name, case in self._kept_loads():
            found.setdefault(name, []).append(CaseId(case))
        return {name: cases for name, cases in found.items() if _NO_CASE not in cases}

    def not_to_be_loaded(self) -> Collection[str]:
        """Names of what must not be loaded ahead, as was found out."""
        return [name for name, case in self._kept_loads() if case == _NO_CASE]

    def loaded(self, case: CaseId, names: Iterable[str]) -> None:
        """Remember what a case has loaded that its template had not."""
        for name in names:
            if len(self._new_loads) < MOST_LOADS and 0 < len(name) <= LONGEST_NAME:
                self._new_loads[name, case] = None

    def forget_loads(self, names: Iterable[str]) -> None:
        """What is not there any more: it is not to be loaded ahead until a case loads it again."""
        rows = [(*self._key, _stored(name)) for name in names]
        self._write("DELETE FROM loads WHERE runner=? AND project=? AND name=?", rows)

    def refuse_loads(self, names: Iterable[str]) -> None:
        """What must not be loaded ahead, whoever loads it."""
        for name in names:
            self._new_loads[name, _NO_CASE] = None

    def _kept_loads(self) -> list[tuple[str, str]]:
        if self._connection is None:
            return []
        try:
            rows = self._connection.execute(
                "SELECT name, id FROM loads WHERE runner=? AND project=? AND learned>?"
                " ORDER BY name, id",
                (*self._key, int(time.time()) - LOADS_KEPT_SECONDS),
            ).fetchall()
        except sqlite3.Error:
            return []
        return [(_read(name), _read(case)) for name, case in rows]

    def _save_loads(self) -> None:
        now = int(time.time())
        rows = [(*self._key, _stored(n), _stored(i), now) for n, i in self._new_loads]
        self._new_loads = {}
        self._write("REPLACE INTO loads VALUES (?,?,?,?,?)", rows)
        if rows:
            self._write(
                "DELETE FROM loads WHERE runner=? AND project=? AND (name, id) IN (SELECT name, id"
                " FROM loads WHERE runner=? AND project=? ORDER BY learned DESC LIMIT -1 OFFSET ?)",
                [(*self._key, *self._key, MOST_LOADS)],
            )

    def _save(self) -> None:
        rows = [
            (*self._key, _stored(i), known.duration, known.failed) for i, known in self._new.items()
        ]
        if self._others is not None and self._new:
            self._others.learned(self._new)
        self._new = {}
        self._write("REPLACE INTO cases VALUES (?,?,?,?,?)", rows)

    def _write(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        if self._connection is None or not rows:
            return
        with contextlib.suppress(sqlite3.Error):
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(statement, rows)
            self._connection.execute("COMMIT")

    def close(self) -> None:
        """Save what is new."""
        self._save()
        self._save_loads()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> "History":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _stored(text: str) -> str | bytes:
    """A text as SQLite takes it: names of files need not be UTF-8, and are bytes there."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
    return text


def _read(stored: str | bytes) -> str:
    """What `_stored` was given."""
    return stored if isinstance(stored, str) else stored.decode("utf-8", "surrogatepass")
