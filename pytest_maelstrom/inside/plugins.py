"""The two pytest plugins that speak with the controlling process: one collects, one runs a case."""

import importlib
import inspect
import io
import sys
import warnings
from typing import Any, Dict, Iterator, List, Optional, Tuple

import pytest
from _pytest._io import TerminalWriter

from pytest_maelstrom.inside import output
from pytest_maelstrom.inside.group import run_items
from pytest_maelstrom.inside.remembered import Remembered
from pytest_maelstrom.inside.wire import NOT_A_TRACEBACK, SUBTESTS, Sender

try:
    from _pytest.subtests import failed_subtests_key
except ImportError:  # before pytest 9
    failed_subtests_key = None  # type: ignore[assignment]

MOST_TOLD = 4096
"""Characters of a failure, for people who look at a cluster."""
_MOST_COMPARED = 100
"""Ids that each name is compared with; of more cases whole files are collected."""


class _Telling:
    """What both tell alike."""

    def __init__(self, config: pytest.Config, sender: Sender) -> None:
        self.config = config
        self.sender = sender

    def report(self, kind: str, report: Any) -> None:
        """Send one of pytest's reports as plain data."""
        data = self.config.hook.pytest_report_to_serializable(config=self.config, report=report)
        if isinstance(data.get("longrepr"), str) and not isinstance(report.longrepr, str):
            data[NOT_A_TRACEBACK] = as_shown(self.config, report.longrepr)
        self.sender.send(kind, report=data)

    def warning(
        self, message: warnings.WarningMessage, when: str, nodeid: str, location: Any
    ) -> None:
        """Send a warning as plain data."""
        category = message.category
        # Of what is traced it would be known where it was made, in here.
        tracemalloc = sys.modules.get("tracemalloc")
        tracing = tracemalloc is not None and tracemalloc.is_tracing()
        self.sender.send(
            "warning",
            text=str(message.message),
            module=category.__module__,
            category=category.__qualname__,
            filename=message.filename,
            lineno=message.lineno,
            source=message.source is not None and not tracing,
            when=when,
            nodeid=nodeid,
            location=list(location) if location else None,
        )

    def pytest_keyboard_interrupt(self, excinfo: Any) -> None:
        """Pass on that a test or a hook ended the whole run."""
        if isinstance(excinfo.value, pytest.exit.Exception):
            self.sender.send("exit", text=excinfo.value.msg, code=excinfo.value.returncode)
        else:
            self.sender.send("interrupt", text=str(excinfo.getrepr(style="short").reprcrash))

    def pytest_internalerror(self, excrepr: object) -> None:
        """Pass on a fault of pytest or of a plugin."""
        self.sender.send("internal error", text=str(excrepr))


class Collecting(_Telling):
    """Collects all cases and tells of them; runs none."""

    with_tree = False
    """Whether the collectors that a case is in are told of too."""

    def __init__(self, config: pytest.Config, sender: Sender) -> None:
        super().__init__(config, sender)
        self._deselected: List[str] = []

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Tell of what failed or was skipped; the rest is in the cases."""
        if not report.passed:
            self.report("collect report", report)

    def pytest_deselected(self, items: List[pytest.Item]) -> None:
        """Note what was deselected."""
        self._deselected += [item.nodeid for item in items]

    def pytest_warning_recorded(
        self, warning_message: warnings.WarningMessage, when: str, nodeid: str, location: Any
    ) -> None:
        """Tell of a warning."""
        self.warning(warning_message, when, nodeid, location)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Tell of all cases instead of running them."""
        self.tell_collected(session)
        return True

    def tell_collected(self, session: pytest.Session) -> None:
        """Tell of all cases."""
        for item, occurrence in numbered(session.items):
            more = {"tree": tree(item)} if self.with_tree else {}
            self.sender.send(
                "case",
                **more,
                id=item.nodeid,
                occurrence=occurrence,
                name=item.name,
                location=list(item.location),
                markers=sorted({mark.name for mark in item.iter_markers()}),
                wishes=wishes(item),
                groups=groups(item),
                own_markers=sorted({mark.name for mark in item.own_markers}),
            )
        self.sender.send("deselected", ids=self._deselected)
        said = self.config.hook.pytest_report_collectionfinish(
            config=self.config, start_path=self.config.invocation_params.dir, items=session.items
        )
        lines = [
            line for one in reversed(said) for line in ([one] if isinstance(one, str) else one)
        ]
        self.sender.send(
            "collected",
            lines=[str(line) for line in lines],
            submodules=submodules(session.items),
        )

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Tell why it ended early, if it did."""
        self.tell_why_stopped(session)

    def tell_why_stopped(self, session: pytest.Session) -> None:
        """Tell why the run is to end before its cases are run, if it is."""
        reason = session.shouldfail or session.shouldstop
        if reason:
            self.sender.send("stopped", reason=str(reason))


def numbered(items: List[pytest.Item]) -> Iterator[Tuple[pytest.Item, int]]:
    """Items with how many of the same node id came before: some suites have one id twice."""
    seen: Dict[str, int] = {}
    for item in items:
        occurrence = seen[item.nodeid] = seen.get(item.nodeid, -1) + 1
        yield item, occurrence


def as_shown(config: pytest.Config, longrepr: Any) -> str:
    """What pytest would write to the terminal, colours included."""
    text = io.StringIO()
    writer = TerminalWriter(text)
    reporter: Any = config.pluginmanager.getplugin("terminalreporter")
    writer.hasmarkup = reporter is not None and reporter.hasmarkup
    longrepr.toterminal(writer)
    return text.getvalue().rstrip("\n")


def tree(item: pytest.Item) -> List[Tuple[str, str]]:
    """An item and the collectors that it is in, outermost first, each with what documents it."""
    nodes = item.listchain()[1:]
    documented = [(node, getattr(node, "obj", None)) for node in nodes]
    return [(str(node), (inspect.getdoc(obj) or "") if obj else "") for node, obj in documented]


def wishes(item: pytest.Item) -> Dict[str, Any]:
    """What the nearest ``maelstrom`` markers of a case ask for."""
    wanted: Dict[str, Any] = {}
    for mark in item.iter_markers("maelstrom"):
        wanted = {**mark.kwargs, **wanted}
    return wanted


def groups(item: pytest.Item) -> Dict[str, str]:
    """What a case has in common with others that may share its container, by kind, but its module."""
    found = {}
    parent = item.getparent(pytest.Class)
    if parent is not None:
        found["class"] = parent.nodeid
    # As pytest-xdist names groups of several marks.
    named = {
        str(mark.args[0] if mark.args else mark.kwargs.get("name", "default"))
        for mark in item.iter_markers("xdist_group")
    }
    if named:
        found["xdist_group"] = "_".join(sorted(named))
    return found


def submodules(items: List[pytest.Item]) -> List[str]:
    """Names of all modules within packages that are loaded by now, but for those of tests."""
    tests = {str(item.path) for item in items}
    found = []
    for name, module in sorted(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if "." in name and file not in tests and not name.endswith("conftest"):
            found.append(name)
    return found


def load(names: List[str]) -> None:
    """Load those of some submodules whose packages are loaded.

    A module that uses ``package.module`` without importing it finds it where any other test has
    imported it, as plain pytest does; what has not been imported at all is not missed by anybody.
    """
    for name in names:
        if name not in sys.modules and name.rpartition(".")[0] in sys.modules:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    importlib.import_module(name)
                except Exception:  # it could be loaded there, but is not needed here
                    continue


class Running(_Telling):
    """Tells how a case goes, and what it leaves."""

    def __init__(self, config: pytest.Config, sender: Sender) -> None:
        super().__init__(config, sender)
        self._remembered: Optional[Remembered] = None
        self._temporary: Any = None
        self._item: Optional[pytest.Item] = None
        self._has_failed = False
        self.failed = False
        """Whether a phase of any case of this process has failed."""

    def begin(self) -> None:
        """Note what is there before a case: when pytest is configured, and nothing of it has run."""
        if self._remembered is None:
            self._remembered = Remembered()
        else:
            self._remembered.begin_again()
        # pytest takes it away again when it is no longer configured.
        self._temporary = getattr(self.config, "_tmp_path_factory", None)
        self._has_failed = False

    def send_left(self, directory: str, most_bytes: int) -> None:
        """Send what the case leaves, when it has ended.

        :param directory: that of ``$MAELSTROM_OUTPUT``
        :param most_bytes: of all its files
        """
        left = output.send_back(self.sender, directory, most_bytes)
        temporary = output.temporary_directory(self._temporary) if self._has_failed else None
        if temporary is not None:
            output.send_back(self.sender, temporary, left, below="tmp")
        if self._remembered is not None:
            self._remembered.send(self.sender, self._item)

    def pytest_runtest_teardown(self, item: pytest.Item) -> None:
        """Note which case it is."""
        self._item = item

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Tell of a phase's report, and of failed subtests, which pytest counts by itself."""
        if report.failed:
            self.failed = self._has_failed = True
        if failed_subtests_key is not None and report.when == "call":
            counted: Any = self.config.stash.get(failed_subtests_key, {})
            failed = counted.get(getattr(report, "id", report.nodeid), 0)
            if failed:
                setattr(report, SUBTESTS, failed)
        self.report("report", report)
        if report.failed:
            self.sender.send("told", text=_for_people(report))

    def pytest_warning_recorded(
        self, warning_message: warnings.WarningMessage, when: str, nodeid: str, location: Any
    ) -> None:
        """Tell of a warning of the case; the others were told when it was collected."""
        if when == "runtest":
            self.warning(warning_message, when, nodeid, location)


def _for_people(report: pytest.TestReport) -> str:
    """The end of why it failed, for those who look at a cluster and know nothing of pytest."""
    try:
        text = report.longreprtext
    except Exception as error:  # whatever a plugin has put there
        text = f"its failure cannot be shown: {error!r}"
    return f"{report.nodeid} ({report.when})\n{text}"[-MOST_TOLD:]


class SomeCases(Running):
    """Runs the cases with some node ids, found by these alone; nearly always it is one.

    pytest's own reading of ids on the command line stumbles over parameters that hold ``::`` or
    brackets, so the files are collected and everything else in them left out, what surely is not on
    the way to a case before its parameters are even expanded.
    """

    def __init__(
        self, config: pytest.Config, sender: Sender, request: Dict[str, Any], left_in: str
    ) -> None:
        super().__init__(config, sender)
        self._request = request
        self._left_in = left_in
        self._wanted = [(node_id, occurrence) for node_id, occurrence in request["cases"]]
        self._ids = tuple({node_id for node_id, _ in self._wanted})

    def pytest_sessionstart(self) -> None:
        """Begin."""
        self.begin()

    @pytest.hookimpl(tryfirst=True)
    def pytest_pycollect_makeitem(self, collector: Any, name: str) -> Optional[List[Any]]:
        """Leave out functions and classes that no case's id begins with."""
        if len(self._ids) > _MOST_COMPARED:
            return None
        beginning = f"{collector.nodeid}::{name}"
        return None if any(one.startswith(beginning) for one in self._ids) else []

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: List[pytest.Item]) -> None:
        """Keep the cases alone, in the order in which they were found before."""
        by_id: Dict[str, List[pytest.Item]] = {}
        for item in items:
            by_id.setdefault(item.nodeid, []).append(item)
        items[:] = [item for one in self._wanted for item in _of(by_id, *one)]
        load(self._request["submodules"])

    @property
    def stays(self) -> bool:
        """Whether this process is to stay, since a case has failed."""
        return bool(self._request["keep"]) and self.failed

    def ended(self) -> None:
        """Send what the last case has left."""
        self.send_left(self._left_in, self._request["output_bytes"])

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Optional[bool]:
        """Run them one after the other; a single one is left to pytest's own loop."""
        missing = len(self._wanted) - len(session.items)
        if len(self._wanted) == 1 or session.testsfailed:
            return None
        if missing:
            self.sender.send("internal error", text=f"{missing} cases of the group are not found")
            return True
        run_items(session, self, self._request, self._left_in)
        return True

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Tell of what failed: it may be why the case is not found."""
        if report.failed:
            self.report("collect report", report)


def _of(by_id: Dict[str, List[pytest.Item]], node_id: str, occurrence: int) -> List[pytest.Item]:
    found = by_id.get(node_id, [])
    return found[occurrence : occurrence + 1] or found[:1]
