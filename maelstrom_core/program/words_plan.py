"""What is said of cases and of a whole run, in the same words everywhere. Pure."""

from collections.abc import Iterable, Sequence

from maelstrom_core.model.cases import Case, CaseReport, CaseStatus
from maelstrom_core.model.left_running import left_words
from maelstrom_core.model.views import Summary

STYLES = {
    CaseStatus.PASSED: "green",
    CaseStatus.FLAKY: "yellow",
    CaseStatus.SKIPPED: "yellow",
    CaseStatus.XFAILED: "yellow",
    CaseStatus.XPASSED: "yellow",
}
"""Colours of what is no failure."""
_ORDER = (
    CaseStatus.FAILED,
    CaseStatus.TIMED_OUT,
    CaseStatus.CRASHED,
    CaseStatus.ERROR,
    CaseStatus.PASSED,
    CaseStatus.FLAKY,
    CaseStatus.SKIPPED,
    CaseStatus.XFAILED,
    CaseStatus.XPASSED,
)


def style_of(status: CaseStatus) -> str:
    """The colour of a status."""
    return STYLES.get(status, "red")


def marks(report: CaseReport) -> list[str]:
    """What else there is to say of a case, a few words each."""
    found = []
    if report.attempts:
        found.append(f"attempt {len(report.attempts) + 1}")
    if report.is_slow:
        found.append("slow")
    if report.left_running:
        found.append(f"leaky: {left_words(report.left_running, report.left_commands)}")
    found += [str(mark) for mark in report.details.get("marks", ())]
    return found


def line_of(report: CaseReport) -> str:
    """One line on a case that has ended, without its status."""
    more = ", ".join(marks(report))
    return f"{report.duration:8.2f}s  {report.id}" + (f"  ({more})" if more else "")


def slow_line_of(case: Case, seconds: float) -> str:
    """One line on a case that has run for so long and goes on, without the word for it."""
    return f"> {seconds:6.1f}s  {case.id}"


def block_of(report: CaseReport) -> list[str]:
    """Lines of why a case failed; of its attempts before, too; of any case, if its runner wants that.

    A report's details say so by ``shown``: the user has asked what passing tests print.
    """
    lines = []
    for number, attempt in enumerate(report.attempts, start=1):
        if attempt.told:
            lines += [f"attempt {number}:", *_indented(attempt.told)]
    wanted = report.status.is_failure or report.attempts or report.details.get("shown")
    if report.told and wanted:
        lines += _indented(report.told)
    return lines


def _indented(text: str) -> list[str]:
    return [f"    {line}".rstrip() for line in text.rstrip("\n").splitlines()]


def counts(reports: Iterable[CaseReport]) -> list[tuple[CaseStatus, int]]:
    """How many cases ended how; what went wrong first."""
    found: dict[CaseStatus, int] = {}
    for report in reports:
        found[report.status] = found.get(report.status, 0) + 1
    return [(status, found[status]) for status in _ORDER if status in found]


def rest(
    summary: Summary, *, ignored: Sequence[Case], unwanted: int, faults: int
) -> list[tuple[str, int]]:
    """What else there is to count, for whatever there is of it."""
    wrong = faults + len(summary.errors)
    reports = summary.reports
    found = [
        ("slow", sum(report.is_slow for report in reports)),
        ("leaky", sum(bool(report.left_running) for report in reports)),
        ("fault" if wrong == 1 else "faults", wrong),
        ("not run", summary.not_run),
        ("ignored", len(ignored)),
        ("not chosen", unwanted),
    ]
    return [(words, number) for words, number in found if number]


def remarks(summary: Summary) -> list[str]:
    """What people should know of a run that is over, beside its cases; one line each."""
    lines = [f"stopped: {summary.stopped}"] if summary.stopped else []
    lines += [f"leaky: {told}" for told in summary.leaky_groups]
    return [*lines, *(f"this host could not give all: {what}" for what in summary.degraded)]
