"""The next container, made while a job runs: its init waits to be told what to start.

Standard library only. Making a container takes longer than most of what follows, and nothing of it
depends on the program. A job cannot tell that its container was made ahead, but by the age of its
pid 1: nothing else has run in it, and it sees no other one.
"""

import contextlib
import os
import signal
from typing import NamedTuple

from maelstrom_core.container.limited import Group
from maelstrom_core.container.stub import letter
from maelstrom_core.container.terminals import Line


class Shape(NamedTuple):
    """What a container must be made for; the program, its arguments and environment need not be known.

    :param key: which container
    :param directory: the job's working directory
    :param report: whether it writes a report
    :param held: whether its mounts are needed when it has ended
    """

    key: str
    directory: bytes
    report: bool
    held: bool = False


class Child(NamedTuple):
    """A process that was made in a container: its pid 1.

    :param pipes: the ends that are read, by stream
    :param line: our end of the terminal that it begins on
    :param group: its control group, if its limits need one
    :param changes: descriptor of what it writes to its root, if that is captured
    :param mounts: descriptor of its mount namespace, if that is needed when it has ended
    """

    pid: int
    pidfd: int
    pipes: dict[int, int]
    line: Line | None = None
    group: Group | None = None
    changes: int = -1
    mounts: int = -1


class Ahead(NamedTuple):
    """A container whose init waits.

    :param gate: the end of a pipe over which it is told what to start
    """

    shape: Shape
    child: Child
    gate: int

    def begin(self, arguments: tuple[bytes, ...], environment: tuple[tuple[str, str], ...]) -> bool:
        """Have the program started.

        :return: false if that cannot be done here; the container is gone then
        """
        texts = [os.fsencode(f"{name}={value}") for name, value in environment]
        told = letter(arguments, texts)
        if told is not None:
            with contextlib.suppress(BrokenPipeError):  # something has killed it
                while told:
                    told = told[os.write(self.gate, told) :]
                os.close(self.gate)
                return True
        self.discard()
        return False

    def discard(self) -> None:
        """End it, unused."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.child.pidfd, signal.SIGKILL)
        os.waitpid(self.child.pid, 0)
        for descriptor in (self.gate, self.child.pidfd, *self.child.pipes.values()):
            os.close(descriptor)
        if self.child.mounts >= 0:
            os.close(self.child.mounts)
        if self.child.group is not None:
            self.child.group.remove()


class Anticipation:
    """Guesses what the next job will need: what the last two needed alike."""

    def __init__(self) -> None:
        self.made: Ahead | None = None
        self._last: Shape | None = None
        self._twice = False

    def take(self, shape: Shape) -> Ahead | None:
        """The container that was made ahead, if it is such a one; note that one is needed."""
        self._twice = shape == self._last
        self._last = shape
        if self.made is None or self.made.shape != shape:
            return None
        made, self.made = self.made, None
        return made

    def wanted(self) -> Shape | None:
        """What to make ahead now, if anything; another one made ahead has been discarded."""
        if not self._twice or self._last is None:
            return None
        if self.made is not None:
            if self.made.shape == self._last:
                return None
            self.drop()
        return self._last

    def forget(self, key: str) -> None:
        """A container is not to be used again."""
        if self.made is not None and self.made.shape.key == key:
            self.drop()
        if self._last is not None and self._last.key == key:
            self._last, self._twice = None, False

    def drop(self) -> None:
        """Discard what was made ahead."""
        if self.made is not None:
            self.made.discard()
            self.made = None
