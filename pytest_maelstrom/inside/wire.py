"""Messages to the controlling process: one JSON object a line, over a descriptor of their own.

Nothing that a test prints can get in between, and one odd value costs that value alone: what JSON
does not know becomes its ``repr``.
"""

import array
import fcntl
import json
import os
import resource
import stat
import termios
import time
from typing import Any, Dict

REPORT_DESCRIPTOR = 3
NEXT_PART = b"\x1e"
"""Ends what is reported of one case, where others follow in the same container."""
OUT_OF_THE_WAY = 500
"""Tests close and count low descriptors; ours are not among them."""
_PATIENCE_SECONDS, _SHORTEST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 5.0, 20e-6, 2e-3
SUBTESTS = "_maelstrom_failed_subtests"
"""Added to a report: how many subtests of its test have failed."""
NOT_A_TRACEBACK = "_maelstrom_no_traceback"
"""Added to a report whose ``longrepr`` becomes plain text on its way: how a terminal would show it."""


def out_of_the_way() -> int:
    """Lowest number for a descriptor of ours."""
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return min(OUT_OF_THE_WAY, most - 10) if most > 0 else OUT_OF_THE_WAY


class Sender:
    """Sends messages; the descriptor is not inherited by what tests start."""

    def __init__(self) -> None:
        self.descriptor = fcntl.fcntl(REPORT_DESCRIPTOR, fcntl.F_DUPFD_CLOEXEC, out_of_the_way())
        os.close(REPORT_DESCRIPTOR)
        self._owner = os.getpid()

    def close(self) -> None:
        """Say nothing more."""
        os.close(self.descriptor)
        self._owner = -1

    def send(self, kind: str, **fields: Any) -> None:
        """Send one message; does nothing in a process that a test has forked."""
        if os.getpid() != self._owner:
            return
        line = json.dumps({"kind": kind, **fields}, default=repr, skipkeys=True) + "\n"
        data = line.encode("utf-8", "surrogateescape") if line.isascii() else line.encode()
        self._write(data)

    def next_part(self) -> None:
        """Say that one case has ended and the next one begins.

        Output comes over other pipes: what one case has written must be read before this is, and this
        before the next one writes.
        """
        if os.getpid() == self._owner:
            _wait_until_read(1, 2)
            self._write(NEXT_PART)
            _wait_until_read(self.descriptor)

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self.descriptor, view) :]


def _wait_until_read(*descriptors: int) -> None:
    """Wait until nothing is left in some pipes. Whoever never reads is not waited for."""
    give_up = time.monotonic() + _PATIENCE_SECONDS
    for descriptor in descriptors:
        pause = _SHORTEST_PAUSE_SECONDS
        while _unread(descriptor) and time.monotonic() < give_up:
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


def _unread(descriptor: int) -> int:
    """How many bytes a pipe holds; none if it is no pipe, as a test may have made of it."""
    answer = array.array("i", [0])
    try:
        if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            return 0
        fcntl.ioctl(descriptor, termios.FIONREAD, answer)
    except OSError:
        return 0
    return answer[0]


def read_request() -> Dict[str, Any]:
    """What the controlling process wants, from standard input, which is empty afterwards."""
    request = json.loads(read_standard_input())
    assert isinstance(request, dict)
    return request


def read_standard_input() -> bytes:
    """All of standard input, which is empty afterwards."""
    with os.fdopen(os.dup(0), "rb") as file:
        data = file.read()
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    return data
