"""For terminals: what runs right now, and for how long, below what has ended; and keys."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import trio
from rich.console import Group
from rich.live import Live
from rich.text import Text

from maelstrom_core.hooks import hookimpl
from maelstrom_core.model.cases import Case, CaseReport
from maelstrom_core.model.ids import CaseId
from maelstrom_core.model.uploads import Uploading
from maelstrom_core.model.views import RunView, Summary
from maelstrom_core.program.keys import hearing_keys
from maelstrom_core.program.lines import Lines
from maelstrom_core.program.paper import Coloured

REFRESH_SECONDS = 0.1
MOST_SHOWN = 8
"""Of those that run, the oldest."""
_KEYS = "keys: r what runs, f failures so far, q stop"
_KEYS_WAITING = "waiting for changes; keys: Enter runs all again, f failures, q ends"


class LiveScreen(Lines):
    """Lines of what has ended, and below them a few that change."""

    def __init__(self) -> None:
        super().__init__()
        self._screen = Coloured("stdout")
        self._out = self._screen
        self._running: dict[CaseId, float] = {}
        self._slow: set[CaseId] = set()
        self._upload: Uploading | None = None
        self._busy: dict[str, float] = {}
        self._found = self._ended = self._failed = 0
        self.failures: dict[CaseId, str] = {}
        """Cases that a key shows, with how they ended."""
        self._has_keys = False

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Show what changes, until the run is over."""
        async with hearing_keys(self._pressed) as self._has_keys:
            with Live(console=self._screen.console, auto_refresh=False, transient=True) as live:
                before = self._error
                if isinstance(self._error, Coloured) and self._error.console.is_terminal:
                    # What is said goes above what changes; by itself it would stand within.
                    self._error = self._out
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._refresh, live)
                    try:
                        yield
                    finally:
                        nursery.cancel_scope.cancel()
                        self._error = before

    def _pressed(self, key: str) -> None:
        """While tests run."""
        if key == "q" and self.stop is not None:
            self.stop("stopped by a key")
        elif key == "f":
            self._show_failures()
        elif key == "r":
            now = time.monotonic()
            for name, since in self._running.items():
                self._out.line((f"{'running':9} {now - since:8.1f}s  {name}", ""))
            if not self._running:
                self._out.line(("nothing runs", ""))

    def _show_failures(self) -> None:
        for name, status in self.failures.items():
            self._out.line((f"{status:9} ", "red"), (name, ""))
        if not self.failures:
            self._out.line(("no failures", ""))

    async def waiting(self, changes: Callable[[], Awaitable[frozenset[str]]]) -> frozenset[str]:
        """Until a file changes, or a key is pressed."""
        changed: frozenset[str] = frozenset()
        async with trio.open_nursery() as nursery:

            def pressed(key: str) -> None:
                if key == "f":
                    self._show_failures()
                elif key in "q\r\n":
                    self.had_enough = key == "q"
                    nursery.cancel_scope.cancel()

            async with hearing_keys(pressed) as has_keys:
                self.say(_KEYS_WAITING if has_keys else "waiting for changes; Ctrl-C ends it")
                changed = await changes()
        self.failures.clear()
        return changed

    async def _refresh(self, live: Live) -> None:
        while True:
            live.update(self._shown(time.monotonic()), refresh=True)
            await trio.sleep(REFRESH_SECONDS)

    def _shown(self, now: float) -> Group:
        lines = [
            Text(
                f"{'slow' if name in self._slow else 'running':9} {now - since:8.1f}s  {name}",
                style="yellow" if name in self._slow else "dim",
                no_wrap=True,
            )
            for name, since in list(self._running.items())[:MOST_SHOWN]
        ]
        if (more := len(self._running) - MOST_SHOWN) > 0:
            lines.append(Text(f"{'':9} and {more} more", style="dim"))
        lines += [
            Text(f"{'building':9} {now - since:8.1f}s  {what}", style="dim", no_wrap=True)
            for what, since in list(self._busy.items())[:MOST_SHOWN]
        ]
        if self._upload is not None:
            lines.append(Text(f"{'sending':9} {self._upload}", style="dim", no_wrap=True))
        failed = f", {self._failed} failed" if self._failed else ""
        lines.append(Text(f"{self._ended} of {self._found} found so far{failed}", style="bold"))
        if self._has_keys:
            lines.append(Text(_KEYS, style="dim"))
        return Group(*lines)

    def busy_with(self, what: str, *, ended: bool = False) -> None:
        """Shown among what runs."""
        if ended:
            self._busy.pop(what, None)
        else:
            self._busy[what] = time.monotonic()

    def uploading(self, upload: Uploading) -> None:
        """Shown among what runs, as long as it lasts."""
        self._upload = None if upload.is_over else upload

    @hookimpl
    def maelstrom_case_found(self, run: RunView) -> None:
        """One more, or as many as it is to be repeated."""
        self._found += run.options["settings"].repeat

    @hookimpl
    def maelstrom_job_started(self, case: Case) -> None:
        """It is among those that run."""
        self._running[case.id] = time.monotonic()

    @hookimpl
    def maelstrom_job_slow(self, case: Case) -> None:  # type: ignore[override]
        """It is marked among those that run, which are shown with their times."""
        self._slow.add(case.id)

    @hookimpl
    def maelstrom_job_ended(self, case: Case) -> None:
        """It is not any more."""
        self._running.pop(case.id, None)
        self._slow.discard(case.id)

    @hookimpl
    def maelstrom_case_reported(self, report: CaseReport) -> None:
        """Its line goes above what changes."""
        self._ended += 1
        self._failed += report.status.is_failure
        if report.status.is_failure:
            self.failures[report.id] = report.status.value
        super().maelstrom_case_reported(report)

    def over(
        self, summary: Summary, *, ignored: Sequence[Case], unwanted: int, faults: int
    ) -> None:
        """As in lines."""
        super().over(summary, ignored=ignored, unwanted=unwanted, faults=faults)
        self._running.clear()
        self._found = self._ended = self._failed = 0
