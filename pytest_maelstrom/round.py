"""One of several runs of pytest in a row: what it is told by whoever starts it, and tells at its end."""

import atexit
import json
import os
from collections.abc import Collection
from pathlib import Path

import pytest

from pytest_maelstrom.environment import project_directory

VARIABLE = "_MAELSTROM_ROUND"
"""Names the file; taken out of the environment at once, so that no test sees it."""


class Round:
    """What one run is told.

    :param path: of a JSON file, written for this run
    """

    def __init__(self, path: Path) -> None:
        told = json.loads(path.read_text(encoding="utf-8"))
        self._path = path
        self._reached = frozenset(told["reached"])

    @classmethod
    def of(cls, config: pytest.Config) -> "Round | None":
        """That of this run, if it is one of several; notes from now on what is written."""
        named = os.environ.pop(VARIABLE, "")
        if not named:
            return None
        this = cls(Path(named))
        this._tell_at_the_end(project_directory(config))
        return this

    def touches(self, file: str, *, root: Path, project: Path) -> bool:
        """Whether a case is to be run before others, since something it needs has changed.

        :param file: of the case, relative to the root
        :param root: pytest's root directory
        """
        if not self._reached:
            return False
        from pytest_maelstrom.imports_plan import is_touched

        path = os.path.normpath(os.path.join(os.path.realpath(root), file))
        return is_touched(os.path.relpath(path, project), self._reached)

    def _tell_at_the_end(self, project: Path) -> None:
        from pytest_maelstrom.written import note_writes

        written, ours = note_writes(), os.getpid()

        def tell() -> None:
            if os.getpid() != ours:
                return  # a fork of this process
            below = os.path.join(project, "")
            real = {_real(path) for path in written()}
            text = json.dumps({"written": sorted(one for one in real if one.startswith(below))})
            self._path.write_text(text, encoding="utf-8")

        # The last of all that is done at the end: others write their reports before.
        atexit.register(tell)


def written_by(path: Path) -> Collection[str]:
    """What a run has told at its end; nothing if it was killed.

    :param path: of the file that it was given
    """
    told = json.loads(path.read_text(encoding="utf-8"))
    return tuple(told.get("written", ()))


def _real(path: str) -> str:
    directory, name = os.path.split(path)
    return os.path.join(os.path.realpath(directory), name)
