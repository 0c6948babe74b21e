"""What coverage measures in containers, put into the measurement of this process.

That is pytest-cov's, which then reports on it as ever, or the one of ``coverage run``. This process
itself measures what it runs of the project (``conftest.py`` files, hooks that are told of reports),
and not our own work.
"""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from maelstrom_core.hooks import hookimpl
from maelstrom_core.model.cases import Case
from maelstrom_core.model.outcome import JobResult
from maelstrom_core.model.views import RunView
from pytest_maelstrom.hookimpls import messages_of
from pytest_maelstrom.measured_plan import Gathered, Refused, checked

KIND = "measured"
SETTINGS = "COVERAGE_PROCESS_CONFIG"
"""By this variable an interpreter is told to start coverage, with what settings."""
_MOST_CONTEXTS = 200
"""Kept in memory; a suite of many tests has many."""


def measured_of(config: pytest.Config) -> "Measured | None":
    """What gathers the measurements of a run, if this process is being measured."""
    module = sys.modules.get("coverage")
    coverage = None if module is None else module.Coverage.current()
    if coverage is None:
        return None
    plugin = config.pluginmanager.getplugin("_cov")
    by_plugin = getattr(getattr(plugin, "cov_controller", None), "cov", None) is coverage
    return Measured(config, coverage, by_plugin=by_plugin)


class Measured:
    """A plugin of ours that observes jobs.

    :param coverage: coverage's own object, which measures this process
    :param by_plugin: pytest-cov has made it, and will in containers

    ``environment`` and ``files`` are what containers need so that they are measured.
    """

    def __init__(self, config: pytest.Config, coverage: Any, *, by_plugin: bool) -> None:
        self._coverage = coverage
        self._branch = bool(coverage.get_option("run:branch"))
        self._gathered = Gathered()
        self._refused: list[str] = []
        self._has_some = False
        self.environment: dict[str, str] = {}
        settings: str | None = coverage.config.config_file
        self.files = [settings] if by_plugin and settings else []
        self._is_understood = by_plugin or hasattr(coverage.config, "serialize")
        if by_plugin or SETTINGS in os.environ:
            return
        if not self._is_understood:
            config.issue_config_time_warning(
                pytest.PytestWarning(
                    "maelstrom: this coverage measures nothing in containers when it is started by "
                    "`coverage run`: use pytest-cov and --cov, or coverage 7.10 or later"
                ),
                2,
            )
            return
        self.environment[SETTINGS] = coverage.config.serialize()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Measure nothing meanwhile, but within `resumed`."""
        self._coverage._collector.stop()
        try:
            yield
        finally:
            self._coverage._collector.start()

    @contextmanager
    def resumed(self) -> Iterator[None]:
        """Measure meanwhile."""
        self._coverage._collector.start()
        try:
            yield
        finally:
            self._coverage._collector.stop()

    @hookimpl
    def maelstrom_job_ended(self, run: RunView, case: Case, result: JobResult) -> None:
        """Take what a case's job has measured."""
        del run
        if b'"kind": "measured"' in result.report:
            self.take(messages_of(result.report), str(case.id))

    def take_collecting(self, messages: Iterable[Mapping[str, Any]]) -> None:
        """Take what was measured while tests were collected."""
        if self._is_understood and all(message["kind"] != KIND for message in messages):
            self._refused.append(
                "in the container nothing is measured: is coverage installed there?"
            )
        self.take(messages, "collecting")

    def take(self, messages: Iterable[Mapping[str, Any]], who: str) -> None:
        """Take what was measured, of all messages of a container."""
        for message in messages:
            if message["kind"] != KIND:
                continue
            try:
                self._gathered.add(checked(message, branch=self._branch))
            except Refused as refused:
                self._refused.append(f"{who}: {refused}")
        if len(self._gathered.contexts) > _MOST_CONTEXTS:
            self._write()

    def finish(self) -> list[str]:
        """Put all that was taken into this process's data; lines about what was refused."""
        self._write()
        data, gathered = self._coverage._data, self._gathered
        if self._has_some or gathered.touched:
            self._add({})  # without which data takes nothing else
            data.add_file_tracers(gathered.tracers)
            by_plugin: dict[str, list[str]] = {}
            for file, plugin in gathered.touched.items():
                by_plugin.setdefault(plugin, []).append(file)
            for plugin, files in by_plugin.items():
                data.touch_files(files, plugin or None)
            # What the project consists of was imported in containers, and not here.
            self._coverage._warn_unimported_source = False
        return self._refused

    def _write(self) -> None:
        contexts = self._gathered.take_contexts()
        if not contexts:
            return
        self._has_some = True
        # Not by coverage's own method, which would warn of what is missing so far.
        data = self._coverage._data
        for context, files in contexts.items():
            data.set_context(context)
            self._add(files)
        data.set_context(self._coverage.config.context)

    def _add(self, files: Mapping[str, set[Any]]) -> None:
        data = self._coverage._data
        if self._branch:
            data.add_arcs(files)
        else:
            data.add_lines(files)
