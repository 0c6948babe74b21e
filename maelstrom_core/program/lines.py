"""A line for each case: for pipes, logs and CI."""

from collections.abc import Sequence

from maelstrom_core.hooks import hookimpl
from maelstrom_core.model.cases import Case, CaseReport
from maelstrom_core.model.uploads import Uploading, UploadLines
from maelstrom_core.model.views import Summary
from maelstrom_core.program.look import Look
from maelstrom_core.program.paper import Paper, paper
from maelstrom_core.program.words_plan import (
    block_of,
    counts,
    line_of,
    remarks,
    rest,
    slow_line_of,
    style_of,
)


class Lines(Look):
    """Shows a run in lines.

    :param is_quiet: only what went wrong, and how it all ended
    """

    def __init__(self, *, is_quiet: bool = False) -> None:
        self._is_quiet = is_quiet
        self._out: Paper = paper("stdout")
        self._error: Paper = paper("stderr")
        self._begun = ""
        self._upload_lines = UploadLines()

    def begin(self, program: str, slots: int) -> None:
        """Say how many cases run at once."""
        if not self._is_quiet:
            self.say(f"{program}: every test in its own container, {slots} at once")

    def say(self, text: str) -> None:
        """One line on standard error; it may have colours as terminals have them."""
        self._error.ready(text)

    def fault(self, text: str) -> None:
        """All of it on standard output, for it is what came of the run."""
        self._out.line((text.rstrip("\n"), "red"))

    def busy_with(self, what: str, *, ended: bool = False) -> None:
        """Nothing: lines tell of what has ended."""

    def uploading(self, upload: Uploading) -> None:
        """A line now and then."""
        line = self._upload_lines.line(upload)
        if line and not self._is_quiet:
            self.say(line)

    @hookimpl
    def maelstrom_job_slow(self, case: Case, seconds: float) -> None:
        """A line on a case that goes on: what looks as if nothing happened has a name."""
        if not self._is_quiet:
            self._out.line((f"{'slow':9} ", "yellow"), (slow_line_of(case, seconds), ""))

    @hookimpl
    def maelstrom_case_reported(self, report: CaseReport) -> None:
        """A line on the case, and why it failed."""
        if self._is_quiet and not report.status.is_failure:
            return
        style = style_of(report.status)
        self._out.line((f"{report.status.value:9} ", style), (line_of(report), ""))
        for line in block_of(report):
            self._out.line((line, ""))

    def over(
        self, summary: Summary, *, ignored: Sequence[Case], unwanted: int, faults: int
    ) -> None:
        """What failed, once more and together; and how many there were of all."""
        for line in remarks(summary):
            self._out.line((line, ""))
        for text in summary.errors:
            self.fault(text)
        failed = [report for report in summary.reports if report.status.is_failure]
        if len(failed) > 1 and not self._is_quiet:
            self._out.line()
            for report in failed:
                self._out.line((f"{report.status.value:9} ", "red"), (report.id, ""))
        said = [
            *(
                (f"{number} {status.value}", style_of(status))
                for status, number in counts(summary.reports)
            ),
            *(
                (f"{number} {words}", "")
                for words, number in rest(
                    summary, ignored=ignored, unwanted=unwanted, faults=faults
                )
            ),
        ]
        parts = [part for one in said for part in ((", ", ""), one)][1:]
        self._out.line(*(parts or [("no tests were run", "")]))
