"""One running job, as its slot process sees it: its pipes, its end. Standard library only."""

import contextlib
import fcntl
import os

# os.wait4 imports it when first called: too late, for a slot no longer sees the host's files.
import resource as resource
import select
import signal
import socket
import time
from collections.abc import Callable, Iterator
from struct import unpack_from
from typing import Any

from maelstrom_core.container.bounded import Bounded
from maelstrom_core.container.collecting import Left, mounts_of
from maelstrom_core.container.limited import JobLimits
from maelstrom_core.container.looking import look
from maelstrom_core.container.packets import receive, send
from maelstrom_core.container.terminals import (
    ASKS,
    GRANTED,
    LEAVES,
    REFUSED,
    SOCKET,
    STAYS,
    TERMINAL,
    WANTS_LINE,
    Line,
    Link,
    open_sockets,
    open_terminal,
)

CHUNK_BYTES = 32 * 1024
REPORT_BYTES = 64 << 20
"""A report that grows past this is cut: a runaway job must not fill the engine's memory."""
NEXT_PART = b"\x1e"
"""In a report: what follows is a part of its own, and the engine has done with what came before
(`maelstrom_core.model.job.NEXT_PART`)."""
RECORD_BYTES = 8 + 8 + 144
LINE_BYTES = 256
"""Behind the record: room of one command line (`LINE` in the init's source)."""
_PEAK_OFFSET = 32
"""Of ``ru_maxrss``, in KiB, behind two times of two words each (getrusage(2))."""
STDOUT, STDERR, REPORT, STATUS = 1, 2, 3, 4
LINK, LINE = 5, 6
"""What a job says over its link, and what it writes to its terminal."""
_SAID = {ASKS: "asks", WANTS_LINE: "wants line", LEAVES: "leaves", STAYS: "stays"}
PIDFD_GET_MNT_NAMESPACE = 0xFF03
"""``_IO(0xFF, 3)`` of linux/pidfd.h; since Linux 6.11."""
QUIET_SECONDS = 0.02
"""A job that is quiet and alive for this long is told of as started; a shorter one all at once."""


class RunningJob:
    """Watches a job from its start to its end."""

    def __init__(
        self,
        control: socket.socket,
        job: int,
        *,
        pid: int,
        pidfd: int,
        pipes: dict[int, int],
        output_bytes: int,
        began: float,
        degraded: tuple[str, ...],
        proc: int,
        limits: JobLimits,
        link: Link | None = None,
        line: Line | None = None,
        terminals: str = "",
        collect: "Callable[[int], Iterator[Left]] | None" = None,
        changes: int = -1,
        mounts: int = -1,
    ) -> None:
        self.limits = limits
        self.link = link
        self.line = line
        self.terminals = terminals
        self.control = control
        self.job = job
        self.pid = pid
        self.pidfd = pidfd
        self.pipes = pipes
        self.began = began
        self.degraded = degraded
        self.proc = proc
        self.collect = collect
        self.changes = changes
        self.seen = ""
        self.streams = {
            STDOUT: Bounded(output_bytes, keep_tail=True),
            STDERR: Bounded(output_bytes, keep_tail=True),
            REPORT: Bounded(REPORT_BYTES, keep_tail=False),
        }
        self.record = b""
        self.unsent: list[tuple[Any, ...]] = [("started", job)]
        self.later: list[Any] = []
        """What the engine said in the meantime that is not about this job."""
        # The last one to leave a mount namespace waits for the kernel to take it down. Let that be
        # us, when the end has been told of, instead of the job before it has ended.
        self._mounts = mounts
        if pidfd >= 0 and mounts < 0:
            self.hold_mounts()

    def watch(self) -> bool:
        """Pass on what it writes until it has ended.

        :return: whether the engine is still there; if not, the job has been killed
        """
        by_descriptor = {descriptor: stream for stream, descriptor in self.pipes.items()}
        # Read when all is over: waking up for it would only hold up pid 1, which is about to end.
        by_descriptor.pop(self.pipes.get(STATUS, -1), None)
        by_descriptor |= self.beside_pipes()
        poll = select.poll()
        for descriptor in (*by_descriptor, self.pidfd, self.control.fileno()):
            poll.register(descriptor, select.POLLIN)
        ended = False
        while not ended:
            ready = poll.poll(QUIET_SECONDS * 1000 if self.is_pressed else None)
            if not ready:
                self.flush()
            ended = any(descriptor == self.pidfd for descriptor, _ in ready)
            for descriptor, _ in ready:
                if descriptor == self.pidfd:
                    continue
                if descriptor in by_descriptor:
                    if not ended and not self.read(by_descriptor[descriptor], descriptor):
                        poll.unregister(descriptor)
                        del by_descriptor[descriptor]
                elif not self._obey(receive(self.control)):
                    # All of the container goes with pid 1.
                    self.signal(signal.SIGKILL)
                    self._end()
                    return False
                elif self.line is not None and self.line.descriptor not in by_descriptor:
                    by_descriptor[self.line.descriptor] = LINE
                    poll.register(self.line.descriptor, select.POLLIN)
        self.finish()
        return True

    def finish(self) -> None:
        """Read the rest and say how the job ended; its pid 1 has."""
        for stream, descriptor in self.pipes.items():
            # Nobody is left to write: what is there now is all.
            while self.read(stream, descriptor):
                pass
        while self.line is not None and self._see(self.line):
            pass
        if self.collect is not None:
            self.flush()
            for left in self.collect(self._mounts):
                send(self.control, [("left", self.job, *left)])
        self._end()

    def hold_mounts(self) -> None:
        """Keep the container's mounts until `let_go`, so that its end does not wait for theirs."""
        with contextlib.suppress(OSError):  # an older kernel, or the job has ended already
            self._mounts = fcntl.ioctl(self.pidfd, PIDFD_GET_MNT_NAMESPACE)
        if self._mounts < 0:
            with contextlib.suppress(OSError):
                self._mounts = mounts_of(self.proc, self.pidfd)

    def let_go(self) -> None:
        """Let the kernel take the container's mounts down; nobody need wait for it."""
        if self._mounts >= 0:
            os.close(self._mounts)
            self._mounts = -1

    def beside_pipes(self) -> dict[int, int]:
        """Descriptors to be read that are no pipes, and what each is."""
        link, line = self.link, self.line
        found = {} if link is None else {link.descriptor: LINK}
        return found if line is None else {**found, line.descriptor: LINE}

    @property
    def is_pressed(self) -> bool:
        """Whether something is to be passed on that cannot wait for ever."""
        return bool(self.unsent) or (self.line is not None and self.line.waits)

    def flush(self) -> None:
        """Tell the engine what it has not been told, and the job what was typed."""
        if self.line is not None:
            self.line.write()
        if self.unsent:
            send(self.control, self.unsent)
            self.unsent = []

    def read(self, stream: int, descriptor: int) -> bool:
        """Read what is there; false at the end of the stream or if nothing is."""
        if stream == LINE:
            if self.line is None or self._see(self.line) is None:
                self._end_line()
                return False
            return True
        if stream == LINK:
            assert self.link is not None
            return self._hear(self.link)
        try:
            data = os.read(descriptor, CHUNK_BYTES)
        except BlockingIOError:
            return False
        if not data:
            return False
        if stream == STATUS:
            self.record += data
            return True
        if stream == REPORT and NEXT_PART in data:
            self._next_part()
        bounded = self.streams[stream]
        if bounded.total + len(data) > self.limits.most_output and stream != REPORT:
            self.limits.flooded = True
            self.signal(signal.SIGKILL)
        if passed := bounded.take(data):
            self.unsent.append(("output", self.job, stream, passed))
            if len(passed) > 1024 or len(self.unsent) > 8:
                self.flush()
        return True

    def _next_part(self) -> None:
        """What may be kept of a job's streams may be kept of each of its parts."""
        for stream, bounded in self.streams.items():
            if stream != REPORT and (rest := bounded.rest()):
                self.unsent.append(("output", self.job, stream, rest))
            self.streams[stream] = bounded.renewed()

    def _see(self, line: Line) -> bytes | None:
        """Pass on what it has written to its terminal; ``None`` if it will write no more."""
        shown = line.read()
        if shown:
            self.unsent.append(("shown", self.job, shown))
            self.flush()
        return shown

    def _hear(self, link: Link) -> bool:
        """Pass on what it says over its link; false if it will say no more."""
        word = link.hear()
        if word is None:
            return False
        first, _, status = word.partition(b" ")
        if first in _SAID:
            if first == LEAVES and self.line is not None:
                while self._see(self.line):
                    pass  # it was written before
            number = int(status) if status.isdigit() else -1
            self.unsent.append((_SAID[first], self.job, number))
            self.flush()
        return True

    def answer(self, message: Any) -> None:
        """Do what the engine says about its terminal."""
        match message:
            case ("attach", _, rows, columns):
                self._attach(rows, columns)
            case ("type", _, data) if self.line is not None:
                self.line.type(data)
            case ("resize", _, rows, columns) if self.line is not None:
                self.line.resize(rows, columns)
            case ("refuse", _) if self.link is not None:
                self.link.answer(REFUSED)

    def _attach(self, rows: int, columns: int) -> None:
        """Let it have a terminal of that size; sockets if that is nothing."""
        if self.link is None:
            return
        if self.line is not None:
            self.line.resize(rows, columns)
            self.link.answer(GRANTED)
            return
        try:
            if rows and columns:
                self.line, theirs = open_terminal(self.proc, self.pidfd, self.terminals)
            else:
                self.line, theirs = open_sockets()
        except OSError:
            self.link.answer(REFUSED)
            self.unsent.append(("leaves", self.job, -1))
            return
        self.line.resize(rows, columns)
        self.link.answer(TERMINAL if self.line.is_terminal else SOCKET, theirs)
        os.close(theirs)

    def _obey(self, message: Any) -> bool:
        """Do what the engine says; false if it is gone."""
        if message is None:
            return False
        if message[0] == "signal":
            if message[1] == self.job:
                self.ask(message[2])
        elif message[0] in ("attach", "type", "resize", "refuse"):
            if message[1] == self.job:
                self.answer(message)
        else:
            self.later.append(message)
        return True

    def ask(self, number: int) -> None:
        """Send a signal that the engine wants sent."""
        if number != signal.SIGKILL and not self.seen and self.pidfd >= 0:
            # Its time is up: now it hangs, afterwards it will not.
            self.seen = look(self.proc, self.pidfd)
        self.signal(number)

    def signal(self, number: int) -> None:
        """Send a signal to pid 1, which passes it on unless it is SIGKILL."""
        with contextlib.suppress(ProcessLookupError):  # it may just have ended
            signal.pidfd_send_signal(self.pidfd, number)

    def _end_line(self) -> None:
        if self.line is not None:
            self.line.close()
            self.line = None

    def hang_up(self) -> None:
        """Let go of its terminal and its link."""
        self._end_line()
        if self.link is not None:
            self.link.close()
            self.link = None

    def _wait(self) -> tuple[int, float, float, int]:
        """Wait status of pid 1, seconds in user mode and in the kernel, peak memory in KiB."""
        _, status, usage = os.wait4(self.pid, 0)
        return status, usage.ru_utime, usage.ru_stime, usage.ru_maxrss

    def _end(self) -> None:
        """Wait for pid 1 and say how the job ended."""
        status, user, system, peak = self._wait()
        wall, left_running, left_lines = time.monotonic() - self.began, 0, b""
        if self.changes >= 0:
            send(self.control, [("changed", self.job)], self.changes)
            os.close(self.changes)
        os.close(self.pidfd)
        for descriptor in self.pipes.values():
            os.close(descriptor)
        self.hang_up()
        if len(self.record) >= RECORD_BYTES:
            kind, value = unpack_from("<qq", self.record)
            if kind == 1:
                self.limits.end()
                self.unsent = [("not started", self.job, "start the program", "execve", value)]
                return
            status = value
            left_running = max(0, kind - 1)
            if left_running:
                left_lines = self.record[RECORD_BYTES:]
                # One that was killed may yet have reaped another one, which the init never saw end.
                left_running = max(left_running, len(left_lines) // LINE_BYTES)
            # pid 1 was the slot itself before it became the init: its peak is the slot's.
            peak = unpack_from("<q", self.record, 16 + _PEAK_OFFSET)[0]
        hits = self.limits.hits(status, user + system, peak * 1024, self._mounts)
        self.limits.end()
        if self.unsent and self.unsent[0] == ("started", self.job):
            del self.unsent[0]  # told of as ended, it needs no such words
        for stream in (STDOUT, STDERR):
            if last := self.streams[stream].last():
                self.flush()
                self.unsent.append(("output", self.job, stream, last))
        written = (self.streams[STDOUT].total, self.streams[STDERR].total)
        self.unsent.append(
            (
                "ended",
                self.job,
                status,
                wall,
                user,
                system,
                peak * 1024,
                written,
                self.degraded,
                self.seen,
                hits,
                left_running,
                left_lines,
            )
        )
