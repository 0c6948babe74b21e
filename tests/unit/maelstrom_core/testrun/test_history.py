"""What runs remember of cases, and that nothing is lost when the memory is."""

import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import attrs
import pytest

from maelstrom_core.model.cases import CaseReport, CaseStatus
from maelstrom_core.model.ids import CaseId
from maelstrom_core.model.outcome import Cancelled, Exited, JobResult, Usage
from maelstrom_core.testrun.history import (
    LOADS_KEPT_SECONDS,
    LONGEST_NAME,
    MOST_LOADS,
    History,
    Known,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "history.sqlite"


def opened(path: Path, *, runner: str = "pytest", project: str = "/p") -> History:
    return History(path, runner=runner, project=Path(project))


def report(name: str, seconds: float = 1.0, status: CaseStatus = CaseStatus.PASSED) -> CaseReport:
    usage = Usage(wall_seconds=seconds)
    return CaseReport(
        id=CaseId(name), status=status, result=JobResult(outcome=Exited(0), usage=usage)
    )


def test_what_one_run_saw_the_next_one_knows(path):
    with opened(path) as history:
        assert history.of(CaseId("a")) is None
        history.add(report("a", 2.0))
        history.add(report("b", 1.0, CaseStatus.FAILED))
    with opened(path) as history:
        assert history.of(CaseId("a")) == Known(2.0, failed=False)
        assert history.of(CaseId("b")) == Known(1.0, failed=True)


def test_durations_are_smoothed_and_failures_are_the_last_ones(path):
    with opened(path) as history:
        history.add(report("a", 1.0, CaseStatus.TIMED_OUT))
        history.add(report("a", 3.0, CaseStatus.PASSED))
    with opened(path) as history:
        assert history.of(CaseId("a")) == Known(2.0, failed=False)


def test_a_flaky_case_is_remembered_as_one_that_failed(path):
    with opened(path) as history:
        history.add(report("a", status=CaseStatus.FLAKY))
    with opened(path) as history:
        assert history.of(CaseId("a")) == Known(1.0, failed=True)


def test_repetitions_are_remembered_as_one_case_that_failed_if_any_did(path):
    many = 600  # written down in several parts
    with opened(path) as history:
        for number in range(1, many + 1):
            status = CaseStatus.FAILED if number == 2 else CaseStatus.PASSED
            one = report(f"a ({number} of {many})", status=status)
            history.add(attrs.evolve(one, repetition=number, repetitions=many))
            history.add(report(f"other {number}"))
    with opened(path) as history:
        assert history.of(CaseId("a")) == Known(1.0, failed=True)
        # The next run starts afresh.
        history.add(attrs.evolve(report("a (1 of 2)"), repetition=1, repetitions=2))
    with opened(path) as history:
        assert history.of(CaseId("a")) == Known(1.0, failed=False)


def test_projects_and_runners_do_not_see_each_others(path):
    with opened(path) as history:
        history.add(report("a"))
    for other in ({"runner": "go"}, {"project": "/q"}):
        with opened(path, **other) as history:
            assert history.of(CaseId("a")) is None


def test_what_was_cancelled_or_never_run_is_not_remembered(path):
    with opened(path) as history:
        history.add(CaseReport(id=CaseId("a"), status=CaseStatus.ERROR))
        cancelled = JobResult(outcome=Cancelled("no longer wanted", ran=True))
        history.add(CaseReport(id=CaseId("b"), status=CaseStatus.CANCELLED, result=cancelled))
    with opened(path) as history:
        assert history.of(CaseId("a")) is history.of(CaseId("b")) is None


def test_a_damaged_memory_is_thrown_away(path):
    path.parent.mkdir()
    path.write_bytes(b"no database" * 1000)
    with opened(path) as history:
        history.add(report("a"))
    with opened(path) as history:
        assert history.of(CaseId("a")) is not None


def test_a_memory_that_is_merely_busy_is_not_thrown_away(path, monkeypatch):
    with opened(path) as history:
        history.add(report("a"))
    before = path.stat().st_ino
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("PRAGMA locking_mode=EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    connect = sqlite3.connect
    # As it is, but for ten seconds of patience.
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **k: connect(*a, **{**k, "timeout": 0.1}))
    with opened(path) as history:
        history.add(report("b"))
    holder.close()
    assert path.stat().st_ino == before
    with opened(path) as history:
        assert history.of(CaseId("a")) is not None


def test_where_there_can_be_no_memory_runs_go_on(tmp_path):
    (tmp_path / "state").write_text("a file where a directory should be")
    with opened(tmp_path / "state" / "history.sqlite") as history:
        history.add(report("a"))
        assert history.of(CaseId("a")) is not None


def test_runs_at_the_same_time_lose_nothing(path):
    code = """
import sys
from pathlib import Path
from maelstrom_core.model.cases import CaseReport, CaseStatus
from maelstrom_core.model.ids import CaseId
from maelstrom_core.model.outcome import Exited, JobResult, Usage
from maelstrom_core.testrun.history import History
with History(Path(sys.argv[1]), runner="pytest", project=Path("/p")) as history:
    for index in range(600):
        result = JobResult(outcome=Exited(0), usage=Usage(wall_seconds=1.0))
        case = CaseId(f"{sys.argv[2]}-{index}")
        history.add(CaseReport(id=case, status=CaseStatus.PASSED, result=result))
"""
    path.parent.mkdir()
    started = [
        subprocess.Popen([sys.executable, "-c", code, str(path), str(number)])
        for number in range(3)
    ]
    assert [process.wait(60) for process in started] == [0, 0, 0]
    with opened(path) as history:
        missing = [
            f"{number}-{index}"
            for number in range(3)
            for index in range(600)
            if history.of(CaseId(f"{number}-{index}")) is None
        ]
    assert missing == []


# What cases load


def test_what_cases_load_is_known_to_the_next_run_with_the_cases_that_do(path):
    with opened(path) as history:
        assert history.loads() == {}
        history.loaded(CaseId("a"), ["json", "json.tool"])
        history.loaded(CaseId("b"), ["json"])
    with opened(path) as history:
        assert history.loads() == {"json": ["a", "b"], "json.tool": ["a"]}
    with opened(path, project="/q") as other:
        assert other.loads() == {}


def test_runs_at_the_same_time_keep_what_each_has_learned(path):
    with opened(path) as one, opened(path) as other:
        one.loaded(CaseId("a"), ["json"])
        other.loaded(CaseId("b"), ["json"])
        other.loaded(CaseId("b"), ["email"])
    with opened(path) as history:
        assert history.loads() == {"email": ["b"], "json": ["a", "b"]}


def test_what_is_gone_is_forgotten_and_can_be_learned_again(path):
    with opened(path) as history:
        history.loaded(CaseId("a"), ["gone", "here"])
    with opened(path) as history:
        history.forget_loads(["gone"])
        history.loaded(CaseId("a"), ["gone"])
    with opened(path) as history:
        history.forget_loads(["gone"])
    with opened(path) as history:
        assert history.loads() == {"here": ["a"]}


def test_what_must_not_be_loaded_is_not_whoever_loads_it(path):
    with opened(path) as history:
        history.refuse_loads(["threads"])
    with opened(path) as history:
        history.loaded(CaseId("a"), ["threads", "fine"])
    with opened(path) as history:
        assert history.loads() == {"fine": ["a"]}
        assert list(history.not_to_be_loaded()) == ["threads"]


def test_only_the_latest_are_kept_and_none_for_ever(path, monkeypatch):
    with opened(path) as history:
        history.loaded(CaseId("a"), ["old", "x" * (LONGEST_NAME + 1), ""])
    later = time.time() + 60
    monkeypatch.setattr(time, "time", lambda: later)
    with opened(path) as history:
        history.loaded(CaseId("a"), [f"module{number}" for number in range(MOST_LOADS + 5)])
    with opened(path) as history:
        known = history.loads()
        assert len(known) == MOST_LOADS and "old" not in known
    monkeypatch.setattr(time, "time", lambda: later + LOADS_KEPT_SECONDS + 1)
    with opened(path) as history:
        assert history.loads() == {}


def test_a_memory_of_an_earlier_version_learns_what_cases_load(path):
    with opened(path) as history:
        history.add(report("a"))
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE loads")
    with opened(path) as history:
        history.loaded(CaseId("a"), ["json"])
    with opened(path) as history:
        assert history.of(CaseId("a")) is not None
        assert history.loads() == {"json": ["a"]}
