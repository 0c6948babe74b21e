"""What all runners of Maelstrom show and write in the same words, for runs of pytest.

Without ``--maelstrom-ui`` pytest's own terminal shows the run. With it, that is left out, and one of
the looks that all runners share takes its place.
"""

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from maelstrom_core.hooks import hookimpl
from maelstrom_core.hooks.manager import Plugins
from maelstrom_core.model.cases import Case, CaseReport
from maelstrom_core.model.left_running import left_words
from maelstrom_core.model.uploads import Uploading, UploadLines
from maelstrom_core.model.views import Summary
from pytest_maelstrom.live import begin_line
from pytest_maelstrom.text_plan import lines_of

if TYPE_CHECKING:
    # Few runs need them, and each of a small run's milliseconds counts.
    from maelstrom_core.program.event_log import EventLog
    from maelstrom_core.program.look import Look

PROGRAM = "maelstrom-pytest"
COLLECTING = "a warm interpreter, which collects the tests"
_NEEDS_A_TERMINAL = ("usepdb", "trace", "maelstrom_keep", "maelstrom_shell")
_ANNOTATES_ITSELF = "pytest_github_actions_annotate_failures"


class Looks:
    """All that shows one run, or writes of it, beside pytest's own terminal.

    :raises pytest.UsageError: if a file cannot be written, or what was asked for does not go together
    """

    def __init__(self, config: pytest.Config, plugins: Plugins) -> None:
        self._config = config
        self._unwanted = 0
        self._ignored: list[Case] = []
        self._faults = 0
        self._not_run = 0
        self._annotations: list[str] = []
        self._upload_lines = UploadLines()
        self._slow = 0
        self._leaky: list[str] = []
        self._leaky_groups: list[str] = []
        self.when_free: Callable[[Callable[[], None]], None] = lambda show: show()
        """Calls what prints, now or when nothing else has the terminal."""
        self._looks: list[Look] = []
        # Before others: what is registered last is told first, and others tell of the beginning.
        plugins.register(self, "pytest-looks")
        wanted = config.option.maelstrom_ui
        self.shown = _look_of(wanted) if wanted not in (None, "auto") else None
        if self.shown is not None:
            self._add(self.shown, "pytest-look", plugins)
        if config.option.maelstrom_events:
            self._add(
                self._event_log(Path(config.option.maelstrom_events)), "pytest-events", plugins
            )
        annotated = config.pluginmanager.hasplugin(_ANNOTATES_ITSELF)
        if os.environ.get("GITHUB_ACTIONS") == "true" and not annotated and wanted != "json":
            write = None if self.shown is not None else self._annotations.append
            from maelstrom_core.program.github import Annotations

            plugins.register(Annotations(PROGRAM, write), "pytest-github")

    def _add(self, look: "Look", name: str, plugins: Plugins) -> None:
        self._looks.append(look)
        plugins.register(look, name)

    def _event_log(self, path: Path) -> "EventLog":
        from maelstrom_core.program.event_log import EventLog

        try:
            file = path.open("w", encoding="utf-8")
        except OSError as error:
            raise pytest.UsageError(
                f"maelstrom: events cannot be written: {path}: {error.strerror}"
            ) from None
        self._config.add_cleanup(file.close)
        return EventLog(file)

    def begin(self, slots: int, stop: Any) -> AbstractAsyncContextManager[None]:
        """The run begins; what changes on the screen does so within the context.

        :param stop: ends the run, for a reason
        """
        for look in self._looks:
            look.begin(PROGRAM, slots)
        if self.shown is None:
            return nullcontext()
        self.shown.stop = stop
        return self.shown.open()

    @hookimpl
    def maelstrom_run_started(self) -> None:
        """The first thing that takes a while."""
        for look in self._looks:
            look.busy_with(COLLECTING)

    def say(self, text: str) -> None:
        """Tell people."""
        for look in self._looks:
            look.say(text)
        reporter = self._config.pluginmanager.getplugin("terminalreporter")
        if reporter is not None:
            reporter.write_line(f"maelstrom: {text}")

    def uploading(self, upload: Uploading) -> None:
        """Something is being sent to a cluster, or has been."""
        for look in self._looks:
            look.uploading(upload)
        if line := self._upload_lines.line(upload):
            self.when_free(lambda: self._show(f"maelstrom: {line}"))

    def _show(self, line: str, **markup: bool) -> None:
        """A line on pytest's own terminal, if it is there, whatever stands on it."""
        reporter: Any = self._config.pluginmanager.getplugin("terminalreporter")
        if reporter is not None:
            begin_line(reporter)
            reporter.write_line(line, **markup)

    def collected(self, messages: Iterable[Mapping[str, Any]], ignored: Iterable[Case]) -> None:
        """Collecting is over.

        :param messages: what it has told
        :param ignored: what directives say not to run
        """
        for look in self._looks:
            look.busy_with(COLLECTING, ended=True)
        self._ignored += ignored
        for message in messages:
            report = message.get("report", {})
            if message["kind"] == "deselected":
                self._unwanted += len(message["ids"])
            elif message["kind"] == "collect report" and report.get("outcome") == "failed":
                self._faults += 1
                told = "\n".join([f"{report.get('nodeid')}:", *lines_of(report.get("longrepr"))])
                for look in self._looks:
                    look.fault(told)

    def over(self, summary: Summary) -> None:
        """The run is over."""
        option = self._config.option
        if not option.collectonly and not option.maelstrom_shell:
            self._not_run = summary.not_run
        self._leaky_groups = [f"LEAKY {told}" for told in summary.leaky_groups]
        for look in self._looks:
            look.over(summary, ignored=self._ignored, unwanted=self._unwanted, faults=self._faults)

    @hookimpl
    def maelstrom_job_slow(self, case: Case, seconds: float) -> None:
        """A test goes on that looks as if it hung."""
        self.when_free(lambda: self._show(f"SLOW > {seconds:g} s {case.id}", yellow=True))

    @hookimpl
    def maelstrom_case_reported(self, report: CaseReport) -> None:
        """Note its marks."""
        self._slow += report.is_slow
        if report.left_running:
            told = left_words(report.left_running, report.left_commands)
            self._leaky.append(f"LEAKY {report.id} - {told}")

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """What pytest does not count; and annotations, which dots were in the way of until now."""
        for line in (*self._leaky, *self._leaky_groups):
            terminalreporter.write_line(line)
        counted = [(self._slow, "slow"), (len(self._leaky), "leaky")]
        if words := ", ".join(f"{number} {word}" for number, word in counted if number):
            terminalreporter.write_line(f"maelstrom: {words}")
        if self._not_run:
            tests = f"{self._not_run} test{'s' if self._not_run != 1 else ''}"
            was = "were" if self._not_run != 1 else "was"
            terminalreporter.write_line(f"maelstrom: {tests} {was} not run")
        for line in self._annotations:
            terminalreporter.write_line(line)


def silence(config: pytest.Config) -> None:
    """Keep pytest's own terminal out of a run, before it is there: another look shows it.

    :raises pytest.UsageError: if it is needed
    """
    needed = [name for name in _NEEDS_A_TERMINAL if getattr(config.option, name, None)]
    if needed:
        names = {"usepdb": "--pdb", "trace": "--trace"}
        option = names.get(needed[0], f"--{needed[0].replace('_', '-')}")
        raise pytest.UsageError(
            f"maelstrom: {option} needs pytest's own terminal: leave --maelstrom-ui out"
        )
    for name in ("terminalreporter", "sugar"):
        config.pluginmanager.set_blocked(name)
    capturing: Any = config.pluginmanager.getplugin("capturemanager")
    if capturing is not None:
        # It has standard input still, and that is where keys come from.
        capturing.suspend_global_capture(in_=True)


def _look_of(wanted: str) -> "Look":
    if wanted == "json":
        from maelstrom_core.program.event_log import EventLog

        return EventLog(sys.stdout)
    # They bring rich along, which takes as long to import as all of a small run.
    if wanted == "live":
        from maelstrom_core.program.live import LiveScreen

        return LiveScreen()
    from maelstrom_core.program.lines import Lines

    return Lines(is_quiet=wanted == "quiet")
