"""What is told of a test, out of what its program has printed and how it ended. Pure."""

from maelstrom_cargo.libtest_plan import Said, said_of, said_of_one_of_many
from maelstrom_core.model.cases import Case, CaseReport, CaseStatus
from maelstrom_core.model.outcome import Exited, JobResult, Signaled, TimedOut, describe

FAILED = 101
"""What Rust's own harness exits with if a test failed, as a program does that panics."""
_STATUSES = {"ok": CaseStatus.PASSED, "ignored": CaseStatus.SKIPPED}


def report_of(
    case: Case, result: JobResult, *, has_harness: bool, is_doctest: bool, shows: bool
) -> CaseReport:
    """The report of a case.

    :param has_harness: whether Rust's own harness ran it
    :param shows: whether what passing tests print is wanted
    """
    text = result.stdout.text()
    if not has_harness:
        said = Said(output=text.strip("\n"))
        status = _status_of_a_program(result)
    else:
        said = said_of_one_of_many(text, case.name) if is_doctest else said_of(text, case.name)
        status = _status(said, result)
    message = ""
    if status.is_failure:
        message = _why(said, result)
    elif status is CaseStatus.SKIPPED:
        message = said.reason
    elif shows or "benchmark" in case.markers:
        message = _printed(said, result)
    return CaseReport(
        id=case.id,
        status=status,
        message=message,
        duration=result.usage.wall_seconds,
        details={"shown": shows},
        result=result,
    )


def _status(said: Said, result: JobResult) -> CaseStatus:
    match result.outcome:
        case Exited(0) if said.status in _STATUSES:
            return _STATUSES[said.status]
        case Exited(code) if code == FAILED and said.status == "failed":
            return CaseStatus.FAILED
        case TimedOut():
            return CaseStatus.TIMED_OUT
        case Exited() | Signaled():
            # Of others that rustdoc ran beside it one may have failed, and not this one.
            if said.status in _STATUSES and result.outcome == Exited(FAILED):
                return _STATUSES[said.status]
            return CaseStatus.CRASHED
        case _:
            return CaseStatus.ERROR


def _status_of_a_program(result: JobResult) -> CaseStatus:
    match result.outcome:
        case Exited(code):
            return CaseStatus.FAILED if code else CaseStatus.PASSED
        case TimedOut():
            return CaseStatus.TIMED_OUT
        case Signaled():
            return CaseStatus.CRASHED
        case _:
            return CaseStatus.ERROR


def _why(said: Said, result: JobResult) -> str:
    lines = []
    if result.outcome != Exited(FAILED):
        lines.append(describe(result.outcome))
        if result.outcome == Exited(0):
            lines[0] += " before the test had ended"
    printed = _printed(said, result)
    lines += [one for one in (printed, result.seen.rstrip("\n")) if one]
    return "\n".join(lines)


def _printed(said: Said, result: JobResult) -> str:
    parts = [said.output] if said.output else []
    if result.stderr.total_bytes:
        error = result.stderr.text().strip("\n")
        parts.append(f"--- stderr\n{error}" if parts else error)
    return "\n".join(parts)
