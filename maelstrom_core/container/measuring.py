"""How much memory a template takes, as the kernel counts it. Standard library only.

The proportional set size: what several processes share is counted once, in parts. So what a template
takes is its own part and those of the forks that wait: all that would be free if it was stopped. To
ask is not free either (the kernel goes through all page tables), so it is asked seldom, and only when
something has happened.
"""

import os
import time
from collections.abc import Iterable

from maelstrom_core.container.looking import descendants, pid_of, read_text

PAUSE_SECONDS = 1.0
"""Between two measurements, and between what has happened and the first one."""
PAUSE_FACTOR = 50
"""As many times as long as measuring takes is the pause after it, at least."""
WORTH_TELLING = 1 / 16
"""Of what was told before; less is no news."""


class Measuring:
    """Measures one template.

    :param proc: descriptor of a /proc that shows it
    """

    def __init__(self, proc: int) -> None:
        self._proc = proc
        self._due = 0.0
        self._earliest = 0.0
        self._told = 0

    def soon(self) -> None:
        """Something has happened: measure it in a while."""
        if not self._due:
            self._due = max(time.monotonic() + PAUSE_SECONDS, self._earliest)

    def patience(self, seconds: float | None) -> float | None:
        """How long to wait for other things, in milliseconds; ``None`` for ever.

        :param seconds: how long it would be otherwise
        """
        if self._due:
            left = max(0.0, self._due - time.monotonic())
            seconds = left if seconds is None else min(seconds, left)
        return None if seconds is None else seconds * 1000

    def is_due(self) -> bool:
        """Whether it is time."""
        return bool(self._due) and time.monotonic() >= self._due

    def measure(self, template: int, forks: Iterable[int]) -> int | None:
        """What it takes, if that is news.

        :param template: descriptor of pid 1 of its container
        :param forks: the same of forks that wait
        """
        began = time.monotonic()
        try:
            # Whatever else is below that pid 1 is a fork, which counts if it waits.
            pids = descendants(self._proc, pid_of(self._proc, template))[:1]
            for fork in forks:
                pids += descendants(self._proc, pid_of(self._proc, fork))
            memory = sum(_memory_of(self._proc, pid) for pid in pids)
        except (OSError, KeyError, ValueError, IndexError):
            memory = 0  # it ends just now
        now = time.monotonic()
        self._due, self._earliest = 0.0, now + max(PAUSE_SECONDS, PAUSE_FACTOR * (now - began))
        if not memory or abs(memory - self._told) <= WORTH_TELLING * self._told:
            return None
        self._told = memory
        return memory


def _memory_of(proc: int, pid: str) -> int:
    try:
        for line in read_text(proc, f"{pid}/smaps_rollup").splitlines():
            name, _, value = line.partition(":")
            if name == "Pss":
                return int(value.split()[0]) * 1024
    except OSError:
        pass  # a kernel that does not count so, or does not say: what is shared counts for each
    return int(read_text(proc, f"{pid}/statm").split()[1]) * os.sysconf("SC_PAGESIZE")
