"""Annotations that GitHub Actions shows beside the code of a change.

Source: docs.github.com, "Workflow commands for GitHub Actions".
"""

from collections.abc import Callable
from functools import partial

from maelstrom_core.hooks import hookimpl
from maelstrom_core.model.cases import Case, CaseReport, CaseStatus


class Annotations:
    """Prints one for each failure, and a warning for each flaky case.

    :param program: whose they are
    :param write: writes a line; prints it by default
    """

    def __init__(self, program: str, write: Callable[[str], None] | None = None) -> None:
        self._program = program
        self._write = write or partial(print, flush=True)
        self._files: dict[str, str] = {}

    @hookimpl
    def maelstrom_case_found(self, case: Case) -> None:
        """Where it is written."""
        if case.file:
            self._files[case.id] = case.file

    @hookimpl
    def maelstrom_case_reported(self, report: CaseReport) -> None:
        """Beside its file, if that is known."""
        if report.status.is_failure:
            kind = "error"
        elif report.status is CaseStatus.FLAKY:
            kind = "warning"
        else:
            return
        properties = [f"title={_property(f'{report.status.value}: {report.id}')}"]
        if file := self._files.get(report.original):
            properties.insert(0, f"file={_property(file)}")
        text = report.told or (report.attempts[-1].told if report.attempts else "")
        self._write(f"::{kind} {','.join(properties)}::{_data(text or report.status.value)}")


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
