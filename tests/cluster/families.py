"""Processes with all that they have started, and whether any of them is still there."""

import threading
from contextlib import suppress
from pathlib import Path

Pids = set[tuple[str, str]]
"""Processes: their numbers, which are used again, and when they began."""


def stat(pid: str) -> list[str]:
    """What the kernel says of a process, from its state on; of one that is no more, nothing."""
    with suppress(OSError):
        found = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return [] if found[0] == "Z" else found
    return []


def family(pid: int | str) -> Pids:
    """A process and all that it has started: slots, containers, jobs."""
    found = {(str(pid), known[19])} if (known := stat(str(pid))) else set()
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found = found.union(*map(family, task.read_text().split()))
    return found


def alive(pids: Pids) -> Pids:
    return {(pid, began) for pid, began in pids if (known := stat(pid)) and known[19] == began}


def wait_until_gone(pids: Pids, *, seconds: float) -> None:
    """Until none of them is there."""
    for _ in range(int(seconds / 0.02)):
        if not alive(pids):
            return
        threading.Event().wait(0.02)
    left = [(pid, Path(f"/proc/{pid}/cmdline").read_bytes()) for pid, _ in alive(pids)]
    raise AssertionError(f"processes are left: {left}")
