"""How endings of jobs become endings of tests."""

import pytest
from maelstrom_cargo.report_plan import report_of

from maelstrom_core.model.cases import Case, CaseReport, CaseStatus
from maelstrom_core.model.ids import CaseId
from maelstrom_core.model.outcome import (
    Captured,
    Exited,
    HostFailed,
    JobResult,
    Outcome,
    Signaled,
    TimedOut,
)

CASE = Case(id=CaseId("p one"), name="one", package="p")
SUMMARY = "test result: x. {} passed; {} failed; 0 ignored; 0 measured; 0 filtered out; in 0s\n"
PASSED = f"\nrunning 1 test\nout\ntest one ... ok\n\n{SUMMARY.format(1, 0)}"
FAILED = f"\nrunning 1 test\nout\ntest one ... FAILED\n\n{SUMMARY.format(0, 1)}"


def captured(text: str) -> Captured:
    return Captured(head=text.encode(), total_bytes=len(text))


def reported(outcome: Outcome, out: str, err: str = "", **how: bool) -> CaseReport:
    result = JobResult(outcome=outcome, stdout=captured(out), stderr=captured(err), seen="seen")
    flags = {"has_harness": True, "is_doctest": False, "shows": False, **how}
    return report_of(CASE, result, **flags)


@pytest.mark.parametrize(
    ("outcome", "out", "status", "message"),
    [
        (Exited(0), PASSED, CaseStatus.PASSED, ""),
        (Exited(101), FAILED, CaseStatus.FAILED, "out\n--- stderr\nwhy\nseen"),
        # It ended the process, or something did after it had passed.
        (
            Exited(0),
            "",
            CaseStatus.CRASHED,
            "exited with status 0 before the test had ended\nwhy\nseen",
        ),
        (
            Exited(23),
            PASSED,
            CaseStatus.CRASHED,
            "exited with status 23\nout\n--- stderr\nwhy\nseen",
        ),
        (Signaled(11), "", CaseStatus.CRASHED, "killed by signal 11\nwhy\nseen"),
        (TimedOut(1.0, True), "", CaseStatus.TIMED_OUT, "timed out after 1 s, killed\nwhy\nseen"),
        (HostFailed("x"), "", CaseStatus.ERROR, "this host failed: x\nwhy\nseen"),
    ],
)
def test_endings(outcome: Outcome, out: str, status: CaseStatus, message: str) -> None:
    report = reported(outcome, out, "why\n")

    assert (report.status, report.message) == (status, message)


def test_what_passing_tests_print_is_shown_if_asked_for() -> None:
    assert reported(Exited(0), PASSED, shows=True).message == "out"
    assert reported(Exited(0), PASSED, shows=True).details["shown"] is True


def test_a_program_without_the_harness_ends_as_it_exits() -> None:
    assert reported(Exited(0), "x", has_harness=False).status is CaseStatus.PASSED
    assert reported(Exited(1), "x", has_harness=False).status is CaseStatus.FAILED
    assert reported(Signaled(6), "x", has_harness=False).status is CaseStatus.CRASHED


def test_a_doctest_does_not_fail_by_another_that_could_not_be_left_out() -> None:
    out = f"test one ... ok\ntest two ... FAILED\n{SUMMARY.format(1, 1)}"

    assert reported(Exited(101), out, is_doctest=True).status is CaseStatus.PASSED
    assert reported(Exited(101), FAILED, is_doctest=True).status is CaseStatus.FAILED
    # Its crate does not even compile.
    assert reported(Exited(1), "", is_doctest=True).status is CaseStatus.CRASHED
