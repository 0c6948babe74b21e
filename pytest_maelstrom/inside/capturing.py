"""What forks print is captured in files of their own, behind the streams that collecting has seen.

Modules keep ``sys.stdout`` when they are imported: handlers of logs do, consoles, parameters of
tests. While pytest captures, that is an object in front of a temporary file, and pytest has the same
one until it ends. So it must live on in forks, where that file would be shared by all of them: it is
replaced below the object, which does not notice.
"""

import os
from typing import Any, List


def suspend(capture: Any) -> None:
    """In a template: capture nothing until a fork begins, whose hooks resume.

    :param capture: pytest's plugin for this; None if there is none
    """
    if capture is not None:
        capture.suspend_global_capture(in_=True)


def captured_files(capture: Any) -> List[int]:
    """Descriptors of the files that captured output goes to.

    There are none where Python's streams alone are captured: those keep it in memory.
    """
    streams: Any = getattr(capture, "_global_capturing", None)
    found = []
    for name in ("out", "err"):
        try:
            found.append(getattr(streams, name).tmpfile.fileno())
        except (AttributeError, OSError, ValueError):
            continue  # not captured, or in memory
    return found


def renew(capture: Any) -> None:
    """In a fork: capture into empty files that nobody else has."""
    import tempfile

    for descriptor in captured_files(capture):
        with tempfile.TemporaryFile(buffering=0) as file:
            os.dup2(file.fileno(), descriptor, inheritable=False)
