"""What is told of a run: exit status, counts, JUnit, events, annotations."""

import io
import json
import re
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from maelstrom_core.model.cases import Case, CaseReport, CaseStatus
from maelstrom_core.model.ids import CaseId
from maelstrom_core.model.outcome import Captured, Exited, JobResult
from maelstrom_core.model.uploads import Uploading
from maelstrom_core.model.views import Summary
from maelstrom_core.program.event_log import EventLog
from maelstrom_core.program.exit_codes import exit_code
from maelstrom_core.program.github import Annotations
from maelstrom_core.program.junit import JUnit
from maelstrom_core.program.lines import Lines
from maelstrom_core.program.live import LiveScreen
from maelstrom_core.program.words_plan import block_of, counts, line_of

RESULT = JobResult(outcome=Exited(1), stdout=Captured(head=b"out\x00put", total_bytes=7))


def report(name: str, status: CaseStatus, **fields: object) -> CaseReport:
    return CaseReport(id=CaseId(f"pkg {name}"), status=status, duration=0.5, **fields)  # type: ignore[arg-type]


FIRST = report("TestA", CaseStatus.FAILED, message="once: 100%\nno", result=RESULT)
REPORTS = (
    report("TestA", CaseStatus.FLAKY, attempts=(FIRST,)),
    report("TestB", CaseStatus.FAILED, message="never\x1b", result=RESULT),
    report("TestC", CaseStatus.SKIPPED, message="not here"),
    report("TestD", CaseStatus.TIMED_OUT, message="timed out"),
    report("TestE", CaseStatus.PASSED),
)
CASES = [
    Case(id=one.id, name=str(one.id).partition(" ")[2], package="pkg", file="a,b.go")
    for one in REPORTS
]
SUMMARY = Summary(reports=REPORTS, not_run=1, stopped="stopping after 2 failures", failures=2)


def test_each_ending_has_its_code() -> None:
    nothing = Summary(reports=())
    assert exit_code(nothing, faults=0, ignored=0, interrupted=False) == 5
    assert exit_code(nothing, faults=0, ignored=1, interrupted=False) == 0
    assert exit_code(nothing, faults=1, ignored=0, interrupted=False) == 1
    assert exit_code(SUMMARY, faults=0, ignored=0, interrupted=False) == 1
    assert exit_code(SUMMARY, faults=0, ignored=0, interrupted=True) == 130
    passed = Summary(reports=REPORTS[-1:])
    assert exit_code(passed, faults=0, ignored=0, interrupted=False) == 0


def test_words() -> None:
    assert line_of(REPORTS[0]) == "    0.50s  pkg TestA  (attempt 2)"
    assert block_of(REPORTS[0]) == ["attempt 1:", "    once: 100%", "    no"]
    assert [(status.value, number) for status, number in counts(REPORTS)] == [
        ("failed", 1),
        ("timed out", 1),
        ("passed", 1),
        ("flaky", 1),
        ("skipped", 1),
    ]


def test_lines(capsys: pytest.CaptureFixture[str]) -> None:
    look = Lines()
    look.begin("program", 2)
    for one in REPORTS:
        look.maelstrom_case_reported(one)
    look.over(SUMMARY, ignored=CASES[:1], unwanted=3, faults=0)

    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert lines[0] == "flaky         0.50s  pkg TestA  (attempt 2)"
    assert lines[-1] == (
        "1 failed, 1 timed out, 1 passed, 1 flaky, 1 skipped, 1 not run, 1 ignored, 3 not chosen"
    )
    assert "stopped: stopping after 2 failures" in lines
    assert said.err == "program: every test in its own container, 2 at once\n"


def test_quiet_lines_tell_of_what_went_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    look = Lines(is_quiet=True)
    look.begin("program", 2)
    for one in REPORTS:
        look.maelstrom_case_reported(one)

    said = capsys.readouterr()
    assert [line.split()[0] for line in said.out.splitlines() if line[0] != " "] == [
        "failed",
        "timed",
    ]
    assert said.err == ""


def test_junit_has_all_attempts_and_is_xml_whatever_was_printed(tmp_path: Path) -> None:
    junit = JUnit(tmp_path / "deep" / "report.xml", "program")
    for case in CASES:
        junit.maelstrom_case_found(case)
    junit.maelstrom_run_ended(SUMMARY)

    (suite,) = ElementTree.parse(tmp_path / "deep" / "report.xml").getroot()
    assert {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "5",
        "failures": "1",
        "errors": "1",
        "skipped": "1",
    }
    flaky, failed, skipped, late, passed = suite
    assert (flaky.get("classname"), flaky.get("name")) == ("pkg", "TestA")
    assert [child.tag for child in flaky] == ["flakyFailure"]
    assert failed.find("failure").text == "never\ufffd"  # type: ignore[union-attr]
    assert failed.find("system-out").text == "out\ufffdput"  # type: ignore[union-attr]
    assert [child.tag for child in skipped] == ["skipped"]
    assert [child.tag for child in late] == ["error"]
    assert list(passed) == []


def test_events_are_one_object_a_line() -> None:
    file = io.StringIO()
    log = EventLog(file)
    log.maelstrom_case_found(CASES[0])
    log.maelstrom_case_reported(REPORTS[0])
    log.over(SUMMARY, ignored=[], unwanted=0, faults=0)

    found, reported, over = (json.loads(line) for line in file.getvalue().splitlines())
    assert found["event"] == "case found"
    assert reported["status"] == "flaky"
    assert reported["attempts"] == [
        {"status": "failed", "seconds": 0.5, "message": "once: 100%\nno"}
    ]
    assert over["counts"]["not run"] == 1


def test_annotations_are_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    annotations = Annotations("program")
    for case in CASES:
        annotations.maelstrom_case_found(case)
    for one in REPORTS:
        annotations.maelstrom_case_reported(one)

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "::warning file=a%2Cb.go,title=flaky%3A pkg TestA::once: 100%25%0Ano"
    assert len(lines) == 3


def test_lines_tell_of_what_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    for quiet in (False, True):
        lines = Lines(is_quiet=quiet)
        lines.maelstrom_job_slow(CASES[0], 60.0)
        lines.uploading(Uploading(12_000_000, 40_000_000, 4.0))
        lines.uploading(Uploading(40_000_000, 40_000_000, 10.0))
    told = capsys.readouterr()
    assert told.out == "slow      >   60.0s  pkg TestA\n"
    assert told.err.splitlines() == [
        "12.0 of 40.0 MB sent to the cluster, 3.0 MB/s",
        "40.0 MB sent to the cluster in 10.0 s, 4.0 MB/s",
    ]


def test_a_live_screen_marks_what_runs() -> None:
    screen = LiveScreen()
    for case in CASES[:2]:
        screen.maelstrom_job_started(case)
    screen.maelstrom_job_slow(CASES[1])
    screen.uploading(Uploading(12_000_000, 40_000_000, 4.0))

    def shown() -> str:
        return "\n".join(str(line) for line in screen._shown(time.monotonic()).renderables)

    assert re.search(r"^running +\d\.\ds  pkg TestA$", shown(), re.M)
    assert re.search(r"^slow +\d\.\ds  pkg TestB$", shown(), re.M)
    assert "sending   12.0 of 40.0 MB sent to the cluster, 3.0 MB/s" in shown()
    screen.maelstrom_job_ended(CASES[1])
    screen.maelstrom_job_started(CASES[1])
    screen.uploading(Uploading(40_000_000, 40_000_000, 10.0))
    assert "slow" not in shown()
    assert "sending" not in shown()


def test_events_tell_of_it_too() -> None:
    file = io.StringIO()
    log = EventLog(file)
    log.maelstrom_job_slow(CASES[0], 120.0)
    log.uploading(Uploading(1, 4, 0.5))
    log.uploading(Uploading(4, 4, 0.75))
    slow, sent = (json.loads(line) for line in file.getvalue().splitlines())
    assert (slow["event"], slow["id"], slow["seconds"]) == ("case slow", "pkg TestA", 120.0)
    assert (sent["event"], sent["sent_bytes"], sent["total_bytes"]) == ("uploading", 4, 4)
