"""Tests that failed and were run again, as pytest's terminal and its JUnit XML show them.

*Flaky*, failed before it passed, is an outcome of its own: no failure to anything that counts
failures, and no success that hides what happened. What the earlier attempts of any test came to is
shown below the failures, and in its JUnit test case in elements as Maven Surefire has them:
``flakyFailure``, and ``rerunFailure`` for a test that never passed.
"""

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from typing import Any

import pytest
from _pytest.junitxml import bin_xml_escape, xml_key

from maelstrom_core.model.cases import CaseReport, CaseStatus
from maelstrom_core.model.views import Summary
from pytest_maelstrom.replay import reports_of

_MARK = "_maelstrom_flaky"
"""Set on the one report of a flaky case by which the terminal counts it."""


class Attempts:
    """A plugin of pytest.

    :param fail_on_flaky: a flaky test makes the run fail
    """

    def __init__(self, config: pytest.Config, *, fail_on_flaky: bool) -> None:
        self._config = config
        self._fail_on_flaky = fail_on_flaky
        self._told: list[CaseReport] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: Any) -> tuple[str, str, tuple[str, Any]] | None:
        """A category, a letter and a word of their own for flaky tests."""
        if getattr(report, _MARK, False):
            return "flaky", "~", ("FLAKY", {"yellow": True})
        return None

    def note(self, report: CaseReport, reports: list[Any]) -> None:
        """Note a case that was run more than once, before pytest is told of it.

        :param reports: those that pytest will be told
        """
        if not report.attempts or not reports:
            return
        self._told.append(report)
        if report.status is CaseStatus.FLAKY:
            calls = [one for one in reports if one.when == "call" or one.skipped]
            setattr((calls or reports)[-1], _MARK, True)
        xml = self._config.stash.get(xml_key, None)
        if xml is not None:
            case = xml.node_reporter(reports[0])
            for element in self._elements(report):
                case.append(element)

    def count(self, report: CaseReport, session: pytest.Session) -> None:
        """Count a flaky test as pytest counts failures, if that was asked for."""
        if report.status is not CaseStatus.FLAKY or not self._fail_on_flaky:
            return
        session.testsfailed += 1
        most = session.config.option.maxfail
        if most and session.testsfailed >= most:
            session.shouldfail = f"stopping after {session.testsfailed} failures"

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Show what the earlier attempts came to, and name the flaky tests."""
        again = [one for one in self._told if self._config.option.tbstyle != "no"]
        shown = [(one, list(self._worth_showing(one))) for one in again]
        for title, flaky in (("FLAKY", True), ("EARLIER ATTEMPTS", False)):
            some = [
                (one, attempt, failures)
                for one, attempts in shown
                for attempt, failures in attempts
                if (one.status is CaseStatus.FLAKY) == flaky
            ]
            if some:
                terminalreporter.write_sep("=", title)
            for one, attempt, failures in some:
                for failure in failures:
                    name = terminalreporter._getfailureheadline(failure)
                    of = len(one.attempts) + 1
                    terminalreporter.write_sep("_", f"{name}, attempt {attempt} of {of}")
                    terminalreporter._outrep_summary(failure)
        for report in self._told:
            times = len(report.attempts)
            skipped = any(one.skipped for one in reports_of(self._config, report))
            how = "skipped" if skipped else "passed"
            word, how = "FLAKY", f"{how} after {times} failure{'s' if times != 1 else ''}"
            if report.status is not CaseStatus.FLAKY:
                word, how = "FAILED", f"failed in each of {times + 1} attempts"
            terminalreporter.write_line(f"{word} {_node_id(report)} - {how}")

    def _worth_showing(self, report: CaseReport) -> Iterator[tuple[int, list[Any]]]:
        """Earlier attempts by number, but for those that failed just as the last one did."""
        last = self._texts(report)
        for number, attempt in enumerate(report.attempts, start=1):
            if self._texts(attempt) != last:
                yield number, [one for one in reports_of(self._config, attempt) if one.failed]

    def _texts(self, report: CaseReport) -> list[str]:
        return [one.longreprtext for one in reports_of(self._config, report) if one.failed]

    def _elements(self, report: CaseReport) -> Iterator[ElementTree.Element]:
        kind = "flaky" if report.status is CaseStatus.FLAKY else "rerun"
        for attempt in report.attempts:
            for one in reports_of(self._config, attempt):
                if not one.failed:
                    continue
                crash = getattr(one.longrepr, "reprcrash", None)
                message = crash.message if crash is not None else one.longreprtext
                found = re.match(r"[\w.]+(?=:|$)", message)
                tag = f"{kind}{'Failure' if one.when == 'call' else 'Error'}"
                attributes = {"message": message, "type": found[0] if found else "Failure"}
                escaped = {name: bin_xml_escape(text) for name, text in attributes.items()}
                element = ElementTree.Element(tag, escaped)
                trace = ElementTree.SubElement(element, "stackTrace")
                trace.text = bin_xml_escape(one.longreprtext)
                yield element


def say_why_it_stopped(session: pytest.Session, summary: Summary, stop_after: int | None) -> None:
    """End pytest as ``--maxfail`` would if it was ours to stop after a number of failures."""
    if stop_after and summary.failures >= stop_after and summary.stopped:
        session.shouldfail = session.shouldfail or summary.stopped


def _node_id(report: CaseReport) -> str:
    return str(report.details.get("node id", report.original)) + report.mark
