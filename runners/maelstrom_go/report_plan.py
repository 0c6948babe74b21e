"""What is told of a test, out of what its binary has printed and how it ended. Pure."""

from maelstrom_core.model.cases import Case, CaseReport, CaseStatus
from maelstrom_core.model.outcome import Exited, JobResult, Signaled, TimedOut, describe
from maelstrom_go.output_plan import Test, kind_of, results_of

_STATUSES = {"pass": CaseStatus.PASSED, "bench": CaseStatus.PASSED, "skip": CaseStatus.SKIPPED}


def report_of(case: Case, result: JobResult, *, shows: bool = False) -> CaseReport:
    """The report of a case.

    :param shows: whether what passing tests print is wanted
    """
    text = result.stdout.text()
    tests = results_of(text)
    own = tests.pop(case.name, Test(case.name))
    status = _status(own, result)
    message = ""
    if status.is_failure:
        message = _why(own, list(tests.values()), result, text)
    elif status is CaseStatus.SKIPPED or kind_of(case.name) == "benchmark":
        message = own.output.strip()
    elif shows:
        message = _printed(own, list(tests.values()))
    return CaseReport(
        id=case.id,
        status=status,
        message=message,
        duration=own.seconds or result.usage.wall_seconds,
        details={
            "shown": shows,
            "parts": [
                {"name": test.name, "status": test.status or "unknown", "seconds": test.seconds}
                for test in tests.values()
            ],
        },
        result=result,
    )


def _status(own: Test, result: JobResult) -> CaseStatus:
    match result.outcome:
        case Exited(0) if own.status or kind_of(own.name) == "benchmark":
            # Of a benchmark nothing is said when it has ended well.
            return _STATUSES.get(own.status or "bench", CaseStatus.FAILED)
        case Exited(code) if code and own.status == "fail":
            return CaseStatus.FAILED
        case TimedOut():
            return CaseStatus.TIMED_OUT
        case Exited() | Signaled():
            return CaseStatus.CRASHED
        case _:
            return CaseStatus.ERROR


def _why(own: Test, parts: list[Test], result: JobResult, text: str) -> str:
    lines = []
    if result.outcome != Exited(1):
        lines.append(describe(result.outcome))
    failed = [part for part in parts if part.status == "fail" or not part.status]
    if printed := _printed(own, failed):
        lines.append(printed)
    if not own.status and not lines[1:]:
        lines.append(text.rstrip("\n"))
    if result.stderr.total_bytes:
        lines += ["--- stderr", result.stderr.text().rstrip("\n")]
    return "\n".join(lines)


def _printed(own: Test, parts: list[Test]) -> str:
    """What a test and some of its subtests have printed."""
    lines = []
    for part in [own, *parts]:
        if part.output.strip():
            lines += [f"--- {part.name}", part.output.rstrip("\n")]
    return "\n".join(lines)
