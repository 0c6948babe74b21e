"""Messages to the controlling process: one JSON object a line, over a descriptor of their own.

Nothing that a test prints can get in between, and one odd value costs that value alone: what JSON
does not know becomes its ``repr``.
"""

import fcntl
import json
import os
import resource
from typing import Any, Dict

REPORT_DESCRIPTOR = 3
_OUT_OF_THE_WAY = 500
"""Tests close and count low descriptors; ours is not among them."""
SUBTESTS = "_maelstrom_failed_subtests"
"""Added to a report: how many subtests of its test have failed."""


class Sender:
    """Sends messages; the descriptor is not inherited by what tests start."""

    def __init__(self) -> None:
        most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        lowest = min(_OUT_OF_THE_WAY, most - 1) if most > 0 else _OUT_OF_THE_WAY
        self._descriptor = fcntl.fcntl(REPORT_DESCRIPTOR, fcntl.F_DUPFD_CLOEXEC, lowest)
        os.close(REPORT_DESCRIPTOR)
        self._owner = os.getpid()

    @property
    def descriptor(self) -> int:
        """Where messages go."""
        return self._descriptor

    def send(self, kind: str, **fields: Any) -> None:
        """Send one message; does nothing in a process that a test has forked."""
        if os.getpid() != self._owner:
            return
        line = json.dumps({"kind": kind, **fields}, default=repr, skipkeys=True) + "\n"
        data = line.encode("utf-8", "surrogateescape") if line.isascii() else line.encode()
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]


def read_request() -> Dict[str, Any]:
    """What the controlling process wants, from standard input, which is empty afterwards."""
    with os.fdopen(os.dup(0), "rb") as file:
        request = json.loads(file.read())
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    assert isinstance(request, dict)
    return request
