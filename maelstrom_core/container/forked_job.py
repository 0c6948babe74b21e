"""A fork of a template, as the slot process of that template sees it. Standard library only."""

import contextlib
import os
import signal
import socket
import time
from struct import unpack_from
from typing import Any

from maelstrom_core.container.bounded import Bounded
from maelstrom_core.container.running import RECORD_BYTES, STATUS, STDERR, STDOUT, RunningJob


class ForkedJob(RunningJob):
    """A fork of a template: not a child of this process, but known by a descriptor all the same."""

    def __init__(self, control: socket.socket, number: int, request: int, **fields: Any) -> None:
        super().__init__(control, -number, pid=0, pidfd=-1, output_bytes=0, began=0.0, **fields)
        self._told = b""
        self.number = number
        self.request = request
        self.signals: list[int] = []
        self.answers: list[Any] = []
        self.killed = False
        self.unsent = []

    def give(self, job: int, request: bytes, output_bytes: int) -> None:
        """Let it be a job."""
        self.job = job
        self.began = time.monotonic()
        for stream in (STDOUT, STDERR):
            # It may have written something while it waited, and did not: it only reads.
            self.streams[stream] = Bounded(output_bytes, keep_tail=True)
        self.unsent.insert(0, ("started", job))
        self.limits.begin()
        self._told = request
        self._tell()

    def _tell(self) -> None:
        """Tell it what to do, when it is where its limits hold."""
        if self.request >= 0 and not (self.waits or self.limits.wait_for_group):
            with contextlib.suppress(BrokenPipeError):  # it has just ended, which is told of next
                os.write(self.request, self._told)
            os.close(self.request)
            self.request = -1

    def found(self, pidfd: int) -> None:
        """It is known where it runs.

        :raises StepFailed: if it cannot be shut in there
        """
        self.pidfd = pidfd
        self.hold_mounts()
        self.limits.shut_in(self.proc, pidfd)
        self._tell()
        for number in self.signals:
            self.signal(number)
        for answer in self.answers:
            self.answer(answer)

    @property
    def waits(self) -> bool:
        """Whether it has nothing to do yet."""
        return self.job < 0

    def explains_its_end(self) -> bool:
        """Whether it is known why it has ended: the end of its template kills its program, too, and its
        pid 1 may have a moment to tell."""
        self.read(STATUS, self.pipes[STATUS])
        if self.killed or len(self.record) < RECORD_BYTES:
            return self.killed
        return not _says_killed(self.record)

    def signal(self, number: int) -> None:
        """Send a signal, as soon as it is known where to."""
        self.killed |= number == signal.SIGKILL
        if self.pidfd < 0:
            self.signals.append(number)
        else:
            super().signal(number)

    def answer(self, message: Any) -> None:
        """Do what the engine says about its terminal, as soon as it is known where it runs."""
        if self.pidfd < 0:
            self.answers.append(message)
        else:
            super().answer(message)

    def abandon(self) -> None:
        """Let go of one that was never given anything to do, or never came to be."""
        for descriptor in (*self.pipes.values(), self.request, self.pidfd):
            if descriptor >= 0:
                os.close(descriptor)
        self.hang_up()
        self.limits.end()
        self.let_go()

    def _wait(self) -> tuple[int, float, float, int]:
        if len(self.record) < RECORD_BYTES:
            return int(signal.SIGKILL), 0.0, 0.0, 0
        seconds, micro, system_seconds, system_micro = unpack_from("<4q", self.record, 16)
        return 0, seconds + micro / 1e6, system_seconds + system_micro / 1e6, 0


def _says_killed(record: bytes) -> bool:
    kind, status = unpack_from("<qq", record)
    return kind != 1 and os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
