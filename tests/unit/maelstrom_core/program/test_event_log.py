"""Of the events of a run everything else can be made that is told of it: here it is."""

import io
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import pytest

from maelstrom_core.hooks.manager import Plugins
from maelstrom_core.model.cases import Case, CaseReport, CaseStatus
from maelstrom_core.model.ids import CaseId
from maelstrom_core.model.outcome import Captured, Exited, JobResult
from maelstrom_core.model.views import RunView, Summary
from maelstrom_core.program.event_log import EventLog
from maelstrom_core.program.github import Annotations
from maelstrom_core.program.junit import JUnit
from maelstrom_core.program.lines import Lines

CASES = [
    Case(id=CaseId(f"pkg Test{name}"), name=f"Test{name}", package="pkg", file="a.go")
    for name in "ABCDEF"
]
WROTE = JobResult(
    outcome=Exited(1),
    stdout=Captured(head=b"torn \xc3", tail=b"\xa4 end", total_bytes=900),
    stderr=Captured(head="ä\x00".encode(), total_bytes=3),
)


def report(case: Case, status: CaseStatus, **more: Any) -> CaseReport:
    return CaseReport(id=case.id, status=status, duration=0.25, result=WROTE, **more)


A, B, C, D, E, F = CASES
FIRST = report(A, CaseStatus.FAILED, text="once\nno")
REPORTS = (
    report(A, CaseStatus.FLAKY, attempts=(FIRST,)),
    report(B.repeated(2)[1], CaseStatus.FAILED, message="no", repetition=2, repetitions=2),
    report(C, CaseStatus.SKIPPED, text="not here"),
    report(D, CaseStatus.TIMED_OUT, message="late", attempts=(FIRST, FIRST), is_slow=True),
    report(E, CaseStatus.PASSED, message="said", details={"shown": True, "marks": ("odd",)}),
    report(F, CaseStatus.PASSED, left_running=2, left_commands=("sleep 600", "sh")),
)
SUMMARY = Summary(
    reports=REPORTS,
    not_run=2,
    stopped="stopping after 2 failures",
    errors=("pkg/b does not build",),
    degraded=("memory limit: not enforced",),
    leaky_groups=("pkg TestA and 2 more in its container - left 1 process running: sh",),
    failures=2,
)
RUN = RunView(runner="go", project_directory=Path("/p"), options={}, run_job=None)  # type: ignore[arg-type]


def tell(observers: Plugins, reports: tuple[CaseReport, ...], cases: list[Case]) -> None:
    for case in cases:
        observers.observe("maelstrom_case_found", run=RUN, case=case)
    for one in reports:
        observers.observe("maelstrom_case_reported", run=RUN, report=one)


def told(directory: Path, reports: tuple[CaseReport, ...], cases: list[Case], over: Any) -> str:
    """All that is written and printed of a run but its events."""
    annotations: list[str] = []
    junit, lines = directory / "report.xml", Lines()
    observers = Plugins(block=["pytest", "go", "cargo"])
    for number, one in enumerate(
        [lines, JUnit(junit, over.program), Annotations(over.program, annotations.append)]
    ):
        observers.register(one, str(number))
    lines.begin(over.program, over.slots)
    tell(observers, reports, cases)
    observers.observe("maelstrom_run_ended", run=RUN, summary=over.summary)
    lines.over(over.summary, ignored=over.ignored, unwanted=over.unwanted, faults=over.faults)
    without_time = re.sub(' timestamp="[^"]*"', "", junit.read_text())
    return "\n".join([without_time, *annotations])


def restored(event: dict[str, Any]) -> CaseReport:
    def one(fields: dict[str, Any], **more: Any) -> CaseReport:
        return CaseReport(
            id=CaseId(event["id"]),
            status=CaseStatus(fields["status"]),
            message=fields["message"],
            duration=fields["seconds"],
            is_slow=fields.get("slow", False),
            left_running=fields.get("left_running", 0),
            left_commands=tuple(fields.get("left_commands", ())),
            **more,
        )

    streams = {
        name: Captured(head=event[name].encode(), total_bytes=len(event[name].encode()))
        for name in ("stdout", "stderr")
        if name in event
    }
    whole = one(
        event,
        attempts=tuple(one(attempt) for attempt in event["attempts"]),
        result=JobResult(outcome=Exited(0), **streams),
        details={"marks": event["marks"], "shown": event["shown"]},
    )
    repetition = re.search(r" \((\d+) of (\d+)\)$", event["id"].removeprefix(event["case"]))
    if repetition is None:
        return whole
    return attrs.evolve(whole, repetition=int(repetition[1]), repetitions=int(repetition[2]))


def test_reports_and_the_summary_can_be_made_of_events(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = io.StringIO()
    log = EventLog(file)
    observers = Plugins(block=["pytest", "go", "cargo"], extra=[("log", log)])
    log.begin("maelstrom-go-test", 3)
    observers.observe("maelstrom_run_started", run=RUN)
    tell(observers, REPORTS, CASES)
    observers.observe("maelstrom_run_ended", run=RUN, summary=SUMMARY)
    log.over(SUMMARY, ignored=CASES[:1], unwanted=4, faults=0)
    over = SimpleNamespace(
        program="maelstrom-go-test",
        slots=3,
        summary=SUMMARY,
        ignored=CASES[:1],
        unwanted=4,
        faults=0,
    )
    (tmp_path / "one").mkdir()
    written = told(tmp_path / "one", REPORTS, CASES, over)
    printed = capsys.readouterr()

    events = [json.loads(line) for line in file.getvalue().splitlines()]
    of = {name: [e for e in events if e["event"] == name] for name in {e["event"] for e in events}}
    ((started,), (ended,)) = of["run started"], of["run ended"]
    cases = [
        Case(id=CaseId(e["id"]), name=e["name"], package=e["package"], file=e["file"])
        for e in of["case found"]
    ]
    reports = tuple(restored(event) for event in of["case reported"])
    counts = ended["counts"]
    again = SimpleNamespace(
        program=started["program"],
        slots=started["slots"],
        summary=Summary(
            reports=reports,
            not_run=counts["not run"],
            stopped=ended["stopped"],
            errors=tuple(event["text"] for event in of["fault"]),
            degraded=tuple(ended["degraded"]),
            leaky_groups=tuple(ended["leaky_groups"]),
        ),
        ignored=cases[: counts["ignored"]],
        unwanted=counts["not chosen"],
        faults=0,
    )
    (tmp_path / "two").mkdir()

    assert told(tmp_path / "two", reports, cases, again) == written
    assert capsys.readouterr() == printed
    assert "1 slow, 1 leaky, 1 fault, 2 not run, 1 ignored, 4 not chosen" in printed.out
    assert "TestB (2 of 2)" in written
    assert '<property name="maelstrom_leaky" value="2" />' in written
    assert "pkg TestF  (leaky: left 2 processes running: sleep 600; sh)" in printed.out
