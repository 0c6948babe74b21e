"""All that happens, as JSON, one event a line: all other reports can be made of it."""

import json
import time
from collections.abc import Sequence
from typing import Any, TextIO

import attrs

from maelstrom_core.hooks import hookimpl
from maelstrom_core.model.cases import Case, CaseReport
from maelstrom_core.model.job import JobSpec
from maelstrom_core.model.outcome import JobResult, describe
from maelstrom_core.model.uploads import Uploading, UploadLines
from maelstrom_core.model.views import Summary
from maelstrom_core.program.look import Look
from maelstrom_core.program.words_plan import counts, rest

VERSION = 1
"""Of what is written; raised when what there was means something else."""


class EventLog(Look):
    """Writes events to a file.

    :param file: open, of text; flushed after each event, so that a reader may follow
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._begun: dict[str, Any] = {}
        self._upload_lines = UploadLines()

    def _write(self, event: str, **fields: Any) -> None:
        line = {"event": event, "time": round(time.time(), 6), **fields}
        print(json.dumps(line, ensure_ascii=False), file=self._file, flush=True)

    def begin(self, program: str, slots: int) -> None:
        """What `maelstrom_run_started` says then."""
        self._begun = {"program": program, "slots": slots}

    @hookimpl
    def maelstrom_run_started(self, run: Any) -> None:
        """The first event."""
        self._write("run started", version=VERSION, runner=run.runner, **self._begun)

    def say(self, text: str) -> None:
        """For people."""
        self._write("said", text=text)

    def fault(self, text: str) -> None:
        """Of the run."""
        self._write("fault", text=text)

    def busy_with(self, what: str, *, ended: bool = False) -> None:
        """Builds are events too."""
        self._write("built" if ended else "building", what=what)

    def uploading(self, upload: Uploading) -> None:
        """Now and then, and its end, however soon that is."""
        is_end = upload.is_over and upload.total_bytes > 0
        if self._upload_lines.line(upload) or is_end:
            self._write("uploading", **attrs.asdict(upload))

    @hookimpl
    def maelstrom_case_found(self, case: Case) -> None:
        """A case there is."""
        self._write("case found", id=case.id, name=case.name, package=case.package, file=case.file)

    @hookimpl
    def maelstrom_job_started(self, case: Case, job: JobSpec) -> None:
        """An attempt begins."""
        attempt = dict(job.environment).get("MAELSTROM_ATTEMPT", "1")
        self._write("case started", id=case.id, attempt=int(attempt))

    @hookimpl
    def maelstrom_job_output(self, case: Case, stream: int, data: bytes) -> None:
        """As it comes; a character that is torn apart is lost in it, and whole in the report."""
        name = {1: "stdout", 2: "stderr"}.get(stream, str(stream))
        self._write("output", id=case.id, stream=name, text=data.decode("utf-8", "replace"))

    @hookimpl
    def maelstrom_job_slow(self, case: Case, seconds: float) -> None:
        """An attempt has run for so long, and goes on."""
        self._write("case slow", id=case.id, seconds=seconds)

    @hookimpl
    def maelstrom_job_ended(self, case: Case, result: JobResult) -> None:
        """An attempt has ended."""
        usage = result.usage
        self._write(
            "case ended",
            id=case.id,
            outcome=describe(result.outcome),
            wall_seconds=round(usage.wall_seconds, 6),
            cpu_seconds=round(usage.user_seconds + usage.system_seconds, 6),
            peak_memory_bytes=usage.peak_memory_bytes,
        )

    @hookimpl
    def maelstrom_case_reported(self, report: CaseReport) -> None:
        """What came of a case."""
        self._write("case reported", **plain(report))

    def over(
        self, summary: Summary, *, ignored: Sequence[Case], unwanted: int, faults: int
    ) -> None:
        """The last event."""
        numbers = {status.value: number for status, number in counts(summary.reports)}
        more = rest(summary, ignored=ignored, unwanted=unwanted, faults=faults)
        self._write(
            "run ended",
            counts={**numbers, **dict(more)},
            stopped=summary.stopped,
            degraded=list(summary.degraded),
            leaky_groups=list(summary.leaky_groups),
        )

    @hookimpl
    def maelstrom_run_ended(self, summary: Summary) -> None:
        """Faults that nobody told of yet."""
        for text in summary.errors:
            self.fault(text)


def plain(report: CaseReport) -> dict[str, Any]:
    """A report as JSON can have it."""
    result = report.result if report.status.is_failure else None
    streams = {"stdout": result.stdout, "stderr": result.stderr} if result is not None else {}
    return {
        "id": report.id,
        "case": report.original,
        "status": report.status.value,
        "seconds": round(report.duration, 6),
        "message": report.told,
        "attempts": [
            {"status": one.status.value, "seconds": round(one.duration, 6), "message": one.told}
            for one in report.attempts
        ],
        "parts": list(report.details.get("parts", ())),
        "marks": [str(mark) for mark in report.details.get("marks", ())],
        "shown": bool(report.details.get("shown")),
        "slow": report.is_slow,
        "left_running": report.left_running,
        "left_commands": list(report.left_commands),
        **{name: stream.text() for name, stream in streams.items() if stream.total_bytes},
    }
