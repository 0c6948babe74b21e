"""Events as `go test -json` prints them."""

import io
import json
from typing import Any

from maelstrom_go.json_look import GoEvents

from maelstrom_core.model.cases import Case, CaseReport, CaseStatus
from maelstrom_core.model.ids import CaseId
from maelstrom_core.model.outcome import Captured, Exited, JobResult
from maelstrom_core.model.views import Summary


def printed(*told: tuple[str, CaseStatus, str], fault: str = "") -> list[dict[str, Any]]:
    """Events of cases of one package: name, status, and what the binary has printed."""
    file = io.StringIO()
    look = GoEvents(file)
    look.begin("program", 2)
    if fault:
        look.fault(fault)
    reports = []
    for name, status, text in told:
        case = Case(id=CaseId(f"p {name}"), name=name, package="p")
        result = JobResult(
            outcome=Exited(0), stdout=Captured(head=text.encode(), total_bytes=len(text))
        )
        report = CaseReport(id=case.id, status=status, message="why", duration=0.25, result=result)
        look.maelstrom_case_found(case)
        look.maelstrom_case_reported(report)
        reports.append(report)
    look.over(Summary(reports=tuple(reports)), ignored=[], unwanted=0, faults=bool(fault))
    events = [json.loads(line) for line in file.getvalue().splitlines()]
    for event in events:
        event.pop("Time", None)
    return events


def test_a_package_begins_and_ends_once_around_its_tests() -> None:
    text = "\x16=== RUN   TestA\nhi\n\x16--- PASS: TestA (0.50s)\n\x16=== NAME  \n\x16PASS\n"

    events = printed(("TestA", CaseStatus.PASSED, text))

    assert [(event["Action"], event.get("Test")) for event in events] == [
        ("start", None),
        ("run", "TestA"),
        ("output", "TestA"),
        ("output", "TestA"),
        ("output", "TestA"),
        ("pass", "TestA"),
        ("output", None),
        ("pass", None),
    ]
    assert events[-2]["Output"] == "ok  \tp\t0.250s\n"


def test_one_that_could_not_say_how_it_ended_has_failed_with_the_reason() -> None:
    events = printed(("TestA", CaseStatus.TIMED_OUT, "\x16=== RUN   TestA\n"))

    assert events[-4:] == [
        {"Action": "output", "Package": "p", "Test": "TestA", "Output": "why\n"},
        {"Action": "fail", "Package": "p", "Test": "TestA", "Elapsed": 0.25},
        {"Action": "output", "Package": "p", "Output": "FAIL\tp\t0.250s\n"},
        {"Action": "fail", "Package": "p", "Elapsed": 0.25},
    ]


def test_a_package_that_was_not_built() -> None:
    events = printed(fault="# q\nq.go:1: no\nFAIL\tq [build failed]")

    assert [event["Action"] for event in events] == [
        "build-output",
        "build-output",
        "build-fail",
        "start",
        "output",
        "fail",
    ]
    assert events[-1]["FailedBuild"] == "q"
