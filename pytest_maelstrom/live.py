"""What cases write, shown as it comes: ``-s``, ``--capture=tee-sys`` and ``log_cli``.

Cases run side by side, so what they write is shown in whole lines, each with the name of its case in
front. A line of pytest's own that is not finished, of dots, say, is ended first.
"""

import os
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TextIO

import attrs
import pytest
import trio
from _pytest._io import TerminalWriter
from _pytest.config import create_terminal_writer

from maelstrom_core.hooks import hookimpl
from maelstrom_core.model.cases import Case
from maelstrom_core.model.ids import CaseId
from maelstrom_core.model.job import JobSpec
from maelstrom_core.model.outcome import Captured, JobResult
from maelstrom_core.model.views import RunView
from pytest_maelstrom.lines_plan import PATIENCE_SECONDS, Lines

STDOUT, STDERR = 1, 2
_COLOURS = ("cyan", "yellow", "purple", "green", "blue")
"""Of prefixes; red is that of failures."""
_RESET = "\x1b[0m"
_LONGEST_NAME = 72


def is_wanted(config: pytest.Config) -> bool:
    """Whether plain pytest would show what tests write, or log, while they run."""
    option = config.option
    if getattr(option, "capture", "") in ("no", "tee-sys"):
        return True
    if not config.pluginmanager.hasplugin("logging"):
        return False
    return option.log_cli_level is not None or bool(config.getini("log_cli"))


@attrs.define
class _Shown:
    """One job's output so far."""

    prefix: str
    colour: str
    lines: dict[int, Lines] = attrs.field(factory=lambda: {STDOUT: Lines(), STDERR: Lines()})


class Live:
    """A plugin of ours that observes jobs, and shows what they write."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._shown: dict[CaseId, _Shown] = {}
        self._files: dict[str, set[str]] = defaultdict(set)
        self._number = 0
        self.when_free: Callable[[Callable[[], None]], None] = lambda show: show()
        """Calls what prints, now or when nothing else has the terminal."""

    @asynccontextmanager
    async def until_the_end(self) -> AsyncIterator[None]:
        """Show unfinished lines too, when they have been so for a while."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._watch_the_clock)
            try:
                yield
            finally:
                nursery.cancel_scope.cancel()
                for case in list(self._shown):
                    self._end(case)

    async def _watch_the_clock(self) -> None:
        while True:
            await trio.sleep(PATIENCE_SECONDS / 4)
            now = time.monotonic()
            for shown in self._shown.values():
                for stream, lines in shown.lines.items():
                    self._show(shown, stream, lines.due(now=now))

    def show_collecting(self, result: JobResult) -> None:
        """Show what was written while cases were collected."""
        for stream, captured in ((STDOUT, result.stdout), (STDERR, result.stderr)):
            shown, lines = _Shown("collecting | ", _COLOURS[0]), Lines()
            whole = lines.take(captured.text().encode(), now=0.0)
            self._show(shown, stream, [*whole, *lines.end()])

    @hookimpl
    def maelstrom_case_found(self, run: RunView, case: Case) -> None:
        """Note which files have the same name."""
        del run
        self._files[os.path.basename(case.file)].add(case.file)

    @hookimpl
    def maelstrom_job_started(self, run: RunView, case: Case, job: JobSpec) -> None:
        """Choose a prefix."""
        del run
        attempt = dict(job.environment).get("MAELSTROM_ATTEMPT", "1")
        again = f" (attempt {attempt})" if attempt != "1" else ""
        name = short(case.id, case.file, alone=len(self._files[os.path.basename(case.file)]) < 2)
        colour = _COLOURS[self._number % len(_COLOURS)]
        self._number += 1
        self._shown[case.id] = _Shown(f"{name}{again} | ", colour)

    @hookimpl
    def maelstrom_job_output(self, run: RunView, case: Case, stream: int, data: bytes) -> None:
        """Show the lines that are whole by now."""
        del run
        shown = self._shown.get(case.id)
        if shown is not None:
            self._show(shown, stream, shown.lines[stream].take(data, now=time.monotonic()))

    @hookimpl
    def maelstrom_job_ended(self, run: RunView, case: Case, result: JobResult) -> None:
        """Show what is left, and say what could not be shown."""
        del run
        shown = self._shown.get(case.id)
        self._end(case.id)
        for stream, captured in ((STDOUT, result.stdout), (STDERR, result.stderr)):
            if shown is not None and captured.omitted_bytes:
                self._show(shown, stream, [_omitted(captured)])

    def _end(self, case: CaseId) -> None:
        shown = self._shown.pop(case, None)
        if shown is not None:
            for stream, lines in shown.lines.items():
                self._show(shown, stream, lines.end())

    def _show(self, shown: _Shown, stream: int, lines: list[str]) -> None:
        if lines:
            self.when_free(lambda: self._write(shown, stream, lines))

    def _write(self, shown: _Shown, stream: int, lines: list[str]) -> None:
        writer = self._begin_line(stream)
        for line in lines:
            writer.write(shown.prefix, **{shown.colour: True})
            # A colour that the case has left on is its own affair.
            reset = _RESET if writer.hasmarkup and "\x1b" in line else ""
            writer.write(f"{line}{reset}\n")
        writer.flush()

    def _begin_line(self, stream: int) -> Any:
        """The writer of a stream, at the beginning of a line."""
        reporter = self._config.pluginmanager.getplugin("terminalreporter")
        if reporter is None:
            return TerminalWriter(sys.stdout if stream == STDOUT else sys.stderr)
        if stream == STDOUT or _same(sys.stdout, sys.stderr):
            begin_line(reporter)
        if stream == STDOUT:
            return reporter._tw
        return create_terminal_writer(self._config, sys.stderr)


def begin_line(reporter: Any) -> None:
    """End a line of pytest's terminal that is not finished, of dots, say."""
    writer = reporter._tw
    if writer.width_of_current_line:
        writer.line()
        # Else it would end the line of which it believes to be the last that has written.
        reporter.currentfspath = None
        writer.flush()


def short(node_id: str, file: str, *, alone: bool) -> str:
    """A node id as a prefix: without its directory, and with its middle left out if it is long.

    :param alone: whether no other file has the same name
    """
    if alone:
        node_id = node_id.removeprefix(os.path.dirname(file)).lstrip("/")
    name = node_id if node_id.isprintable() else ascii(node_id)[1:-1]
    if len(name) <= _LONGEST_NAME:
        return name
    half = _LONGEST_NAME // 2 - 1
    return f"{name[:half]}..{name[-half:]}"


def _omitted(captured: Captured) -> str:
    return f"[{captured.omitted_bytes} bytes before the last {len(captured.tail)} were not shown]"


def _same(one: TextIO, other: TextIO) -> bool:
    """Whether two streams go to the same place."""
    try:
        return os.path.sameopenfile(one.fileno(), other.fileno())
    except (OSError, ValueError, AttributeError):
        return True
