"""What earlier runs tell of cases: how long they took, whether they failed.

An SQLite file in a state directory, which concurrent runs share. It is a memory, not a record: a
damaged one is thrown away, and losing it costs a good order, nothing else. One that is merely busy,
or cannot be read now, is left alone: it is the memory of others too.
"""

import contextlib
import sqlite3
from pathlib import Path

import attrs

from maelstrom_core.model.cases import CaseReport, CaseStatus
from maelstrom_core.model.ids import CaseId

_SCHEMA = """
CREATE TABLE IF NOT EXISTS cases (
    runner TEXT, project TEXT, id TEXT, duration REAL, failed INTEGER,
    PRIMARY KEY (runner, project, id)
) WITHOUT ROWID
"""
_BATCH = 256


@attrs.frozen
class Known:
    """What is known of a case.

    :param duration: seconds its container ran, smoothed over its runs
    :param failed: whether it failed last time, be it that it passed when run again
    """

    duration: float
    failed: bool


class History:
    """Memory of one project's cases; a context manager."""

    def __init__(self, path: Path, *, runner: str, project: Path) -> None:
        self._key = (runner, _stored(str(project)))
        self._known: dict[CaseId, Known] = {}
        self._new: dict[CaseId, Known] = {}
        self._failed_before: set[CaseId] = set()
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
            connection.execute(_SCHEMA)
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
        """What is known of a case; ``None`` for a new one."""
        return self._known.get(case)

    def add(self, report: CaseReport) -> None:
        """Remember how a case went; all of its repetitions are one case."""
        if report.result is None or report.status is CaseStatus.CANCELLED:
            return
        duration = report.result.usage.wall_seconds
        case = report.original
        known = self._known.get(case)
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

    def _save(self) -> None:
        if self._connection is None or not self._new:
            return
        rows = [
            (*self._key, _stored(i), known.duration, known.failed) for i, known in self._new.items()
        ]
        self._new = {}
        with contextlib.suppress(sqlite3.Error):
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany("REPLACE INTO cases VALUES (?,?,?,?,?)", rows)
            self._connection.execute("COMMIT")

    def close(self) -> None:
        """Save what is new."""
        self._save()
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
