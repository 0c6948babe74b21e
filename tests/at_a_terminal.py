"""A real terminal, with somebody at the keyboard."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest


def _as_at_a_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    # A shell without job control has what it starts in the background ignore these, tests too.
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)


class AtATerminal:
    """A program on a real terminal, with somebody at the keyboard who waits for what is shown."""

    def __init__(self, command: list[str], **how: Any) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("<4H", 30, 100, 0, 0))
        self.before = termios.tcgetattr(slave)
        self._slave = slave
        self.shown = ""
        self._read_until = 0
        self.process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=_as_at_a_terminal,
            **how,
        )

    def expect(self, pattern: str, *, seconds: float = 90) -> re.Match[str]:
        """Wait for something to be shown behind what was waited for before."""
        deadline = time.monotonic() + seconds
        while True:
            found = re.search(pattern, self.shown[self._read_until :], re.DOTALL)
            if found:
                self._read_until += found.end()
                return found
            ready = select.select([self.master], [], [], 0.2)[0]
            data = self._read() if ready else b""
            # A live screen never falls silent, so that data come is no reason to wait on.
            late = time.monotonic() > deadline
            ended = not data and self.process.poll() is not None
            not_shown = f"{pattern!r} was not shown: {self.shown[self._read_until :][-20_000:]}"
            assert not late and not ended, not_shown
            self.shown += data.decode("utf-8", "replace").replace("\r", "")

    def read_until(self, end: bytes, *, seconds: float = 120) -> bytes:
        """All that is shown, however much, until it ends so; not to be waited for by `expect`."""
        deadline, found = time.monotonic() + seconds, bytearray()
        while not found.endswith(end):
            assert time.monotonic() < deadline, f"{len(found)} bytes, and then {found[-200:]!r}"
            if select.select([self.master], [], [], 0.2)[0]:
                found += self._read()
        return bytes(found)

    def _read(self) -> bytes:
        try:
            return os.read(self.master, 65536)
        except OSError:
            return b""

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def type_all(self, data: bytes) -> None:
        """Type more than there is room for at once: what is shown is read meanwhile."""
        os.set_blocking(self.master, False)
        while data:
            readable, writable, _ = select.select([self.master], [self.master], [], 30)
            assert readable or writable, "nobody takes what is typed"
            if readable:
                self.shown += self._read().decode("utf-8", "replace").replace("\r", "")
            if writable:
                data = data[os.write(self.master, data[:1024]) :]
        os.set_blocking(self.master, True)

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("<4H", rows, columns, 0, 0))

    @property
    def attributes(self) -> list[Any]:
        return termios.tcgetattr(self._slave)

    def end(self, *, seconds: float = 120) -> int:
        """Wait for the program to end by itself."""
        deadline = time.monotonic() + seconds
        while True:
            assert time.monotonic() < deadline, f"it has not ended: {self.shown[-2000:]}"
            # Read all the while: nobody ends whose words nobody takes.
            ready = select.select([self.master], [], [], 0.05)[0]
            if ready:
                self.shown += self._read().decode("utf-8", "replace").replace("\r", "")
            elif self.process.poll() is not None:
                return self.process.returncode

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
        os.close(self._slave)


@pytest.fixture
def on_a_terminal() -> Iterator[Callable[..., AtATerminal]]:
    """Run a program on a terminal."""
    started = []

    def start(command: list[str], **how: Any) -> AtATerminal:
        started.append(AtATerminal(command, **how))
        return started[-1]

    yield start
    for one in started:
        one.close()
