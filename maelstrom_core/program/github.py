"""Annotations that GitHub Actions shows beside the code of a change.

Source: docs.github.com, "Workflow commands for GitHub Actions".
"""

from maelstrom_core.hooks import hookimpl
from maelstrom_core.model.cases import Case, CaseReport, CaseStatus


class Annotations:
    """Prints one for each failure, and a warning for each flaky case.

    :param program: whose they are
    """

    def __init__(self, program: str) -> None:
        self._program = program
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
        text = report.message or (report.attempts[-1].message if report.attempts else "")
        print(f"::{kind} {','.join(properties)}::{_data(text or report.status.value)}", flush=True)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
