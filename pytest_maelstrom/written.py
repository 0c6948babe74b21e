"""Which files a run of pytest writes on this machine: reports, caches, data of coverage.

Tests write in their containers; what this process writes is nobody's edit, and must not wake
``--maelstrom-watch``. Plugins have reports under any name, so the interpreter's own events say what is
opened for writing (Python's documentation: "Audit events table").
"""

import os
import sys
from collections.abc import Callable, Collection

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_ONE_PATH = ("os.mkdir", "os.remove", "os.rmdir", "os.chmod", "os.utime", "os.truncate")
_TWO_PATHS = ("os.rename", "os.link", "os.symlink")
_BESIDE_A_DATABASE = ("", "-journal", "-wal", "-shm")


def note_writes() -> Callable[[], Collection[str]]:
    """Note from now on, until this process ends, what it writes; what is returned tells it so far."""
    noted: set[str] = set()

    def note(path: object) -> None:
        if isinstance(path, str | bytes | os.PathLike):
            noted.add(os.path.abspath(os.fsdecode(path)))

    def hear(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & _WRITES:
                note(path)
        elif event in _ONE_PATH:
            note(arguments[0])
        elif event in _TWO_PATHS:
            note(arguments[0])
            note(arguments[1])
        elif event == "sqlite3.connect" and isinstance(arguments[0], str | bytes):
            database = os.fsdecode(arguments[0])
            for more in _BESIDE_A_DATABASE:
                note(database + more)

    sys.addaudithook(hear)
    return lambda: frozenset(noted)
