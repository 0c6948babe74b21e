"""A JUnit XML report; attempts as Maven Surefire writes them (``flakyFailure``, ``rerunFailure``)."""

import re
import xml.etree.ElementTree as ElementTree
from datetime import UTC, datetime
from pathlib import Path

from maelstrom_core.errors import UsageError
from maelstrom_core.hooks import hookimpl
from maelstrom_core.model.cases import Case, CaseReport, CaseStatus
from maelstrom_core.model.views import Summary

_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
LEAKY = "maelstrom_leaky"
"""Property of a test case: how many processes it has left running."""
LEFT = "maelstrom_left"
"""Another: the command line of one of these."""
_SKIPPED = (CaseStatus.SKIPPED, CaseStatus.XFAILED)
_ERRORS = (CaseStatus.ERROR, CaseStatus.CRASHED, CaseStatus.TIMED_OUT)


class JUnit:
    """Writes the report when the run is over.

    :param path: of the file
    :param suite: name of the one suite in it
    """

    def __init__(self, path: Path, suite: str) -> None:
        self._path = path
        self._suite = suite
        self._cases: dict[str, Case] = {}
        self._begun = datetime.now(UTC)

    @hookimpl
    def maelstrom_case_found(self, case: Case) -> None:
        """Names of package and file are not in reports."""
        self._cases[case.id] = case

    @hookimpl
    def maelstrom_run_ended(self, summary: Summary) -> None:
        """Write.

        :raises UsageError: if it cannot be written
        """
        cases = [self._element(report) for report in summary.reports]
        count = [
            sum(report.status in kinds for report in summary.reports)
            for kinds in (_SKIPPED, _ERRORS)
        ]
        failures = sum(report.status is CaseStatus.FAILED for report in summary.reports)
        suite = ElementTree.Element(
            "testsuite",
            name=self._suite,
            tests=str(len(cases)),
            failures=str(failures),
            errors=str(count[1] + len(summary.errors)),
            skipped=str(count[0]),
            time=f"{sum(report.duration for report in summary.reports):.6f}",
            timestamp=self._begun.isoformat(timespec="seconds"),
        )
        suite.extend(cases)
        for text in summary.errors:
            _add(suite, "system-err", text)
        root = ElementTree.Element("testsuites")
        root.append(suite)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            ElementTree.ElementTree(root).write(self._path, encoding="utf-8", xml_declaration=True)
        except OSError as error:
            raise UsageError(f"{self._path} cannot be written: {error.strerror}") from None

    def _element(self, report: CaseReport) -> ElementTree.Element:
        case = self._cases.get(report.original)
        element = ElementTree.Element(
            "testcase",
            classname=_clean((case.binary or case.package) if case is not None else ""),
            name=_clean((case.name if case is not None else report.id) + report.mark),
            time=f"{report.duration:.6f}",
        )
        if case is not None and case.file:
            element.set("file", _clean(case.file))
        if report.left_running:
            properties = ElementTree.SubElement(element, "properties")
            told = [
                (LEAKY, str(report.left_running)),
                *((LEFT, one) for one in report.left_commands),
            ]
            for name, value in told:
                ElementTree.SubElement(properties, "property", name=name, value=_clean(value))
        for attempt in report.attempts:
            kind = "flakyFailure" if report.status is CaseStatus.FLAKY else "rerunFailure"
            _fault(element, kind, attempt)
        if report.status in _SKIPPED:
            ElementTree.SubElement(element, "skipped", message=_clean(report.told))
        elif report.status.is_failure:
            _fault(element, "error" if report.status in _ERRORS else "failure", report)
        if report.result is not None:
            for name, stream in (
                ("system-out", report.result.stdout),
                ("system-err", report.result.stderr),
            ):
                if stream.total_bytes and report.status.is_failure:
                    _add(element, name, stream.text())
        return element


def _fault(element: ElementTree.Element, kind: str, report: CaseReport) -> None:
    first = next(iter(report.told.splitlines()), "")
    fault = ElementTree.SubElement(element, kind, message=_clean(first), type=report.status.value)
    fault.text = _clean(report.told)


def _add(element: ElementTree.Element, name: str, text: str) -> None:
    ElementTree.SubElement(element, name).text = _clean(text)


def _clean(text: str) -> str:
    """Without characters that no XML may have (XML 1.0, 2.2)."""
    return _NOT_IN_XML.sub("\ufffd", text)
