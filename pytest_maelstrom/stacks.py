"""Stacks of a test that hung, out of what its container reported. Pure.

They are lines of `faulthandler` between messages (`pytest_maelstrom.inside.stacks`).
"""

import re

from maelstrom_core.model.outcome import JobResult

SIGNAL = 63
"""Makes the inside write down its stacks (`pytest_maelstrom.inside.stacks.SIGNAL`)."""
_THREAD = re.compile(r"(?:Current thread|Thread) 0x[0-9a-f]+.*$")
_FRAME = re.compile(r'  File "(?P<file>.*)"(?:, line \d+)?(?: in .*)?$')
_INTERNAL = re.compile(r"/(?:_pytest|pluggy|pytest_maelstrom/inside)/|^<frozen runpy>")


def where_it_was(result: JobResult) -> list[str]:
    """Lines about where a test was when its time was up."""
    stacks = stacks_in(result.report)
    if not stacks:
        stacks = "its Python stack is not known: it blocks all signals, or had not begun"
    lines = ["--- where it was, most recent call first ---", stacks]
    return [*lines, *(["--- its processes ---", result.seen] if result.seen else [])]


def stacks_in(report: bytes) -> str:
    """The last stacks that were written, most recent call first; nothing if there are none.

    Frames of pytest itself, by which each test is called, are left out at the bottom of a stack.
    """
    threads: list[list[str]] = []
    inside = False
    for line in report.decode("utf-8", "replace").splitlines():
        found = _THREAD.search(line)
        if found is not None:
            # A message may have been cut in the middle of its line.
            threads.append([found[0]])
            inside = True
        elif inside and (_FRAME.match(line) or line.startswith("  ...")):
            threads[-1].append(line)
        else:
            inside = False
    return "\n".join(line for thread in threads for line in _shortened(thread))


def _shortened(thread: list[str]) -> list[str]:
    kept = list(thread)
    while len(kept) > 1 and _is_internal(kept[-1]):
        kept.pop()
    if len(kept) == 1:
        return thread  # it hung in pytest itself
    left_out = len(thread) - len(kept)
    return [*kept, *([f"  … {left_out} frames of pytest"] if left_out else [])]


def _is_internal(line: str) -> bool:
    frame = _FRAME.match(line)
    return frame is None or _INTERNAL.search(frame["file"]) is not None
