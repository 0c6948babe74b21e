"""Runs of pytest one after the other: ``--maelstrom-watch`` and ``--maelstrom-until-fail``.

Each is a process of its own, started by the command with which this one was: what ``conftest.py`` files,
plugins and settings say is read anew, and nothing of one run is left in the next.
"""

import contextlib
import json
import os
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable, Collection
from pathlib import Path

import pytest
import trio

from maelstrom_core.hooks.manager import Plugins
from maelstrom_core.layers.walk import Ignores
from maelstrom_core.model.cases import CaseStatus
from maelstrom_core.program.keys import Keyboard
from maelstrom_core.program.live import LiveScreen
from maelstrom_core.program.watching import MARKERS, Changes, in_words, watching
from maelstrom_core.settings import Settings
from maelstrom_core.testrun.history import History
from pytest_maelstrom.ending import as_usage_errors
from pytest_maelstrom.environment import project_directory
from pytest_maelstrom.imports_plan import Imports, affected, imports_of
from pytest_maelstrom.names import RUNNER
from pytest_maelstrom.round import VARIABLE, written_by
from pytest_maelstrom.settings import read_settings

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run_rounds(config: pytest.Config) -> int:
    """Run, again and again; the exit status of the last run.

    :raises pytest.UsageError: for bad settings, and if what watches is not installed
    """
    capturing = config.pluginmanager.getplugin("capturemanager")
    if capturing is not None:
        # Of what it has taken at pytest's start, runs need standard input, too.
        capturing.suspend_global_capture(in_=True)
    with as_usage_errors():
        settings = read_settings(config, Plugins())
        rounds = Rounds(project_directory(config), settings)
        with contextlib.closing(rounds):
            wanted = rounds.watch if config.option.maelstrom_watch else rounds.until_one_fails
            try:
                return trio.run(rounds.hearing, wanted)
            except BaseExceptionGroup as group:
                raise _first_of(group) from None


def is_one_of_several() -> bool:
    """Whether this process is one of those runs."""
    return VARIABLE in os.environ


class Rounds:
    """Starts one run after the other.

    :param project: what is watched
    """

    def __init__(self, project: Path, settings: Settings) -> None:
        self._project = project
        self._settings = settings
        self._look = LiveScreen()
        self._sources = Sources(project)
        self._directory = tempfile.TemporaryDirectory(prefix="maelstrom-rounds-")
        self._file = Path(self._directory.name, "round.json")
        self._child: trio.Process | None = None
        self._is_over = False

    def close(self) -> None:
        """Remove what was written for the runs."""
        self._directory.cleanup()

    async def hearing(self, rounds: Callable[[], Awaitable[int]]) -> int:
        """Run rounds until they end, or Ctrl-C ends them."""
        status = int(pytest.ExitCode.INTERRUPTED)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._hear, nursery.cancel_scope)
            status = await rounds()
            nursery.cancel_scope.cancel()
        return status

    async def watch(self) -> int:
        """Run, and again whenever something changes, until somebody has had enough."""
        settings = self._settings
        own = [Path(settings.state), Path(settings.store)]
        own += [Path(settings.output)] if settings.output else []
        changed: frozenset[str] = frozenset()
        async with watching(self._project, own) as changes:
            while True:
                reached: Collection[str] = ()
                if changed:
                    reached = await trio.to_thread.run_sync(self._sources.affected, changed)
                status = await self._run(reached)
                changes.leave_out(written_by(self._file))
                if self._is_over:
                    return status
                changed = await self._wait(changes)
                if self._look.had_enough:
                    return status
                self._look.say(in_words(changed))

    async def until_one_fails(self) -> int:
        """Run until a run does not pass."""
        while True:
            status = await self._run(())
            if status or self._is_over:
                return status

    async def _wait(self, changes: Changes) -> frozenset[str]:
        file = Path(self._settings.state) / "history.sqlite"
        with History(file, runner=RUNNER, project=self._project) as history:
            for case in sorted(history.failed()):
                self._look.failures[case] = CaseStatus.FAILED.value
        return await self._look.waiting(changes.next)

    async def _run(self, reached: Collection[str]) -> int:
        self._file.write_text(json.dumps({"reached": sorted(reached)}), encoding="utf-8")
        command = [sys.executable, *sys.orig_argv[1:]]
        variables = {**os.environ, VARIABLE: os.fspath(self._file)}
        self._child = await trio.lowlevel.open_process(command, env=variables)
        try:
            status = await self._child.wait()
        finally:
            if self._child.returncode is None:
                self._child.terminate()
            self._child = None
        return status if status >= 0 else 128 - status

    async def _hear(self, scope: trio.CancelScope) -> None:
        wanted = [one for one in _SIGNALS if signal.getsignal(one) is not signal.SIG_IGN]
        with trio.open_signal_receiver(*wanted) as signals:
            async for number in signals:
                self._is_over = True
                if self._child is None:
                    scope.cancel()
                elif number != signal.SIGINT or not Keyboard(0).is_ours():
                    # Ctrl-C has gone to all programs of the terminal anyway.
                    self._child.send_signal(number)


class Sources:
    """What the Python files of a project import, read again when they have changed.

    :param project: its directory
    """

    def __init__(self, project: Path) -> None:
        self._project = os.fspath(project)
        self._read: dict[str, tuple[tuple[int, int], Imports]] = {}

    def affected(self, changed: Collection[str]) -> Collection[str]:
        """Files that a change of others may affect, themselves included."""
        self._look_again()
        return affected({path: imports for path, (_, imports) in self._read.items()}, changed)

    def _look_again(self) -> None:
        before, self._read = self._read, {}
        ignores = Ignores(self._project)
        for directory, names, files in os.walk(self._project):
            below = os.path.relpath(directory, self._project)
            names[:] = [
                name
                for name in names
                if not name.startswith(".")
                and name != "__pycache__"
                and not any(os.path.exists(os.path.join(directory, name, m)) for m in MARKERS)
                and not ignores.ignores(os.path.normpath(os.path.join(below, name)))
            ]
            for name in files:
                if name.endswith(".py"):
                    self._take(os.path.normpath(os.path.join(below, name)), before)

    def _take(self, path: str, before: dict[str, tuple[tuple[int, int], Imports]]) -> None:
        file = Path(self._project, path)
        try:
            status = file.stat()
            mark = (status.st_mtime_ns, status.st_size)
            known = before.get(path)
            if known is None or known[0] != mark:
                source = file.read_text(encoding="utf-8", errors="replace")
                known = (mark, imports_of(path, source))
        except OSError:
            return  # it has gone meanwhile
        self._read[path] = known


def _first_of(group: BaseExceptionGroup[BaseException]) -> BaseException:
    inner: BaseException = group
    while isinstance(inner, BaseExceptionGroup) and len(inner.exceptions) == 1:
        inner = inner.exceptions[0]
    return inner
