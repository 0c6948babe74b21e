"""Reports and warnings that came as plain data, told to pytest's own hooks as if they were local."""

import sys
import warnings
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import pytest
from _pytest._code.code import TerminalRepr
from _pytest._io import TerminalWriter

from maelstrom_core.model.cases import CaseReport
from pytest_maelstrom.carried import hand_over, say_aloud
from pytest_maelstrom.hookimpls import SHOWN

SUBTESTS = "_maelstrom_failed_subtests"
LEAKY, LEFT = "maelstrom_leaky", "maelstrom_left"
"""Properties of a test in JUnit XML, as all runners write them: how many processes it has left running,
and the command line of each of a few."""
NOT_A_TRACEBACK = "_maelstrom_no_traceback"
"""What the inside calls what it adds to reports (`pytest_maelstrom.inside.wire`)."""


def replay_case(
    config: pytest.Config, report: CaseReport, reports: list[Any], *, live: bool
) -> None:
    """Tell pytest of a case, from its start to its end.

    :param reports: what `reports_of` made of it
    :param live: whether what it wrote was shown when it was written
    """
    node_id, location = _named(report)
    hook = config.hook
    hook.pytest_runtest_logstart(nodeid=node_id, location=location)
    hand_over(config, report.details.get("carried", ()), node_id)
    aloud = next((one for one in reports if one.when == "call"), reports[-1] if reports else None)
    for one in reports:
        _note_subtests(config, one)
        _show_fixtures(config, one)
        if one is aloud and not live:
            say_aloud(config, report)
        hook.pytest_runtest_logreport(report=one)
    for warning in report.details.get("warnings", ()):
        replay_warning(config, warning)
    hook.pytest_runtest_logfinish(nodeid=node_id, location=location)


def reports_of(config: pytest.Config, report: CaseReport) -> list[Any]:
    """pytest's reports of the phases of a case; one of our own if it ended otherwise."""
    node_id, location = _named(report)
    reports: list[Any] = []
    called: Any = None
    for data in report.details.get("reports", ()):
        if report.mark and data.get("nodeid") == report.details["node id"]:
            data = {**data, "nodeid": node_id, "location": list(location)}
        one = unserialized(config, data)
        if report.message and one.when == "call" and isinstance(one, pytest.TestReport):
            # Something went wrong later, or at the same time: a case ends in one way only.
            called = one
            continue
        reports.append(one)
    if report.message:
        made_up = _made_up(node_id, location, report)
        if called is not None:
            made_up.sections = called.sections
            if called.failed:
                made_up.longrepr = f"{report.message}\n{called.longreprtext}"
        reports.append(made_up)
    if report.left_running:
        told = [(LEAKY, str(report.left_running)), *((LEFT, one) for one in report.left_commands)]
        for one in reports:
            # JUnit's writer takes those of the last report.
            one.user_properties = [*one.user_properties, *told]
    return reports


def _named(report: CaseReport) -> tuple[str, tuple[str, int | None, str]]:
    """Node id and location of a case, which tell its repetitions apart."""
    # A plugin's fault comes without what the runner would have said.
    original = str(report.details.get("node id", report.original))
    default = (original.partition("::")[0], None, original.rpartition("::")[2])
    file, line, name = _location(report.details.get("location", default))
    return original + report.mark, (file, line, name + report.mark)


def unserialized(config: pytest.Config, data: Mapping[str, Any]) -> Any:
    """One of pytest's reports out of plain data; what JSON made lists of are tuples again."""
    data = dict(data)
    if isinstance(data.get("location"), list):
        data["location"] = _location(data["location"])
    longrepr = data.get("longrepr")
    # pytest makes its objects in place, and a report may be made more than once.
    data["longrepr"] = tuple(longrepr) if isinstance(longrepr, list) else deepcopy(longrepr)
    for name in ("sections", "user_properties"):
        if isinstance(data.get(name), list):
            data[name] = [tuple(one) if isinstance(one, list) else one for one in data[name]]
    as_shown = data.pop(NOT_A_TRACEBACK, None)
    subtest = data.get("_subtest.context")
    report = config.hook.pytest_report_from_serializable(config=config, data=data)
    if as_shown is not None:
        report.longrepr = _Told(str(longrepr), str(as_shown))
    if subtest is not None:
        # pytest takes the repr of these values twice: where they are made, and where they arrive.
        object.__setattr__(report.context, "kwargs", subtest["kwargs"])
    return report


class _Told(TerminalRepr):
    """The words of something that pytest can show, and that is no traceback."""

    def __init__(self, text: str, as_shown: str) -> None:
        self._text = text
        self._as_shown = as_shown

    def __str__(self) -> str:
        return self._text

    def toterminal(self, tw: TerminalWriter) -> None:
        """Write them."""
        tw.line(self._as_shown)


def _note_subtests(config: pytest.Config, report: Any) -> None:
    """Note failed subtests where pytest's own plugin notes them, so that their test fails too."""
    failed = getattr(report, SUBTESTS, 0)
    if failed:
        from _pytest.subtests import failed_subtests_key

        # The key was the node id as text before pytest made it a value of its own.
        noted: Any = config.stash[failed_subtests_key]
        noted[getattr(report, "id", report.nodeid)] = failed


def _show_fixtures(config: pytest.Config, report: Any) -> None:
    """Write what was written to the terminal in a container, as ``--setup-show`` does."""
    reporter: Any = config.pluginmanager.getplugin("terminalreporter")
    shown = getattr(report, SHOWN, "")
    if reporter is not None and shown:
        reporter._tw.write(shown, flush=True)


def _made_up(
    node_id: str, location: tuple[str, int | None, str], report: CaseReport
) -> pytest.TestReport:
    """A report for a case that could not make one itself."""
    return pytest.TestReport(
        nodeid=node_id,
        location=location,
        keywords={},
        outcome="failed",
        longrepr=report.message,
        when="call",
        duration=report.result.usage.wall_seconds if report.result else 0.0,
    )


def replay_warning(config: pytest.Config, message: Mapping[str, Any]) -> None:
    """Tell pytest of a warning."""
    category = _category(message["module"], message["category"])
    recorded = warnings.WarningMessage(
        message=message["text"],
        category=category,
        filename=message["filename"],
        lineno=message["lineno"],
        # Anything: pytest tells how it could be known where something like that was made.
        source=object() if message.get("source") else None,
    )
    where = message["location"]
    config.hook.pytest_warning_recorded.call_historic(
        kwargs={
            "warning_message": recorded,
            "when": message["when"],
            "nodeid": message["nodeid"],
            "location": tuple(where) if where else None,
        }
    )


def _category(module: str, name: str) -> type[Warning]:
    """The warning's class, if this process has it; the nearest otherwise."""
    found = getattr(sys.modules.get(module, pytest), name, None)
    return found if isinstance(found, type) and issubclass(found, Warning) else UserWarning


def _location(location: Sequence[Any]) -> tuple[str, int | None, str]:
    file, line, name = location
    return file, line, name
