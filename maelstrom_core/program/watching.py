"""Waits until files of a project change, for ``--watch``.

What git ignores is not looked at, nor what build tools and virtual environments mark as theirs, nor
what a run itself writes: it must not wake itself. Changes that come while tests run are kept for the
next run.
"""

import os
import threading
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import trio

from maelstrom_core.errors import UsageError
from maelstrom_core.layers.walk import Ignores

MARKERS = ("CACHEDIR.TAG", "pyvenv.cfg")
"""Files by which a directory says that it holds nothing that anybody has written."""
_DEBOUNCE_MILLISECONDS, _STEP_MILLISECONDS = 300, 50
"""Editors and ``git checkout`` write many files: how long to gather them, and what pause ends that."""


class Changes:
    """Files that have changed since it was opened.

    :param project: what is watched
    :param own: files and directories that the run writes
    """

    def __init__(self, project: Path, own: Collection[Path]) -> None:
        self._project = project.resolve()
        self._own = tuple(os.fspath(path.resolve()) for path in own)
        self._changed: set[str] = set()
        self._heard = trio.Event()

    async def next(self) -> frozenset[str]:
        """Wait for changes, and take them: paths relative to the project."""
        while True:
            await self._heard.wait()
            self._heard = trio.Event()
            heard, self._changed = self._changed, set()
            # Since they were heard it may have become known who has written them.
            if changed := frozenset(path for path in heard if not self._is_own(path)):
                return changed

    def leave_out(self, paths: Collection[str]) -> None:
        """Take files and directories for what the run writes, from now on.

        :param paths: absolute, without links
        """
        self._own = tuple(dict.fromkeys((*self._own, *paths)))

    def _is_own(self, relative: str) -> bool:
        path = os.path.join(self._project, relative)
        return any(_is_below(path, own) for own in self._own)

    def hear(self, paths: Collection[str]) -> None:
        """Take note of changes, of which some may matter."""
        self._changed.update(paths)
        self._heard.set()

    def matters(self, path: str) -> str | None:
        """The path relative to the project, if a change of it can matter.

        :param path: absolute
        """
        relative = os.path.relpath(path, self._project)
        if relative.startswith("..") or self._is_own(relative):
            return None
        parts = relative.split(os.sep)
        if ".git" in parts or "__pycache__" in parts:
            return None
        directory = self._project
        for part in parts:
            directory = directory / part
            if any((directory / marker).exists() for marker in MARKERS):
                return None
        return None if Ignores(os.fspath(self._project)).ignores(relative) else relative


def in_words(changed: Collection[str]) -> str:
    """What has changed, for people."""
    first, *others = sorted(changed) or ["nothing"]
    more = f" and {len(others)} more" if others else ""
    return f"{first}{more} changed"


@asynccontextmanager
async def watching(project: Path, own: Collection[Path]) -> AsyncIterator[Changes]:
    """Watch a project for as long as the context lasts.

    :raises UsageError: if the library that watches is not installed
    """
    try:
        from watchfiles import watch
    except ImportError:
        raise UsageError(
            "--watch needs the package watchfiles",
            remedy="install it: pip install 'pytest-maelstrom[watch]'",
        ) from None
    changes = Changes(project, own)
    stop = threading.Event()

    def listen() -> None:
        for found in watch(
            project,
            watch_filter=None,
            debounce=_DEBOUNCE_MILLISECONDS,
            step=_STEP_MILLISECONDS,
            stop_event=stop,
            raise_interrupt=False,
        ):
            if mattering := {name for _, path in found if (name := changes.matters(path))}:
                trio.from_thread.run_sync(changes.hear, mattering)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(trio.to_thread.run_sync, listen))
        try:
            yield changes
        finally:
            # The thread looks at this a few times a second, and is waited for.
            stop.set()


def _is_below(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory + os.sep)
