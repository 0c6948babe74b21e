"""The user's own terminal: its size, its raw mode and the way back, what is typed and shown."""

import os
import select
import signal
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import trio

from maelstrom_core.model.job import TerminalSize

_CHUNK_BYTES = 4096
_ENOUGH_ROOM = 512
"""Bytes that a terminal with room takes at once."""
_LOOK_UP_SECONDS = 0.1
_ENDS = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
"""Signals that end this process, which must not leave the terminal behind in raw mode."""
_INPUT, _OUTPUT, _CONTROL, _LOCAL, _CHARACTERS = 0, 1, 2, 3, 6


class UsersTerminal:
    """Standard input and output, whatever they are.

    :param reading: descriptor of what is typed
    :param writing: descriptor of what is shown
    """

    def __init__(self, reading: int = 0, writing: int = 1) -> None:
        self._reading = reading
        self._writing = writing
        self._unread = b""
        self._attributes: list[object] | None = None

    @property
    def is_terminal(self) -> bool:
        """Whether there is a user at it: what is typed and what is shown are one terminal's."""
        return _is_terminal(self._reading) and _is_terminal(self._writing)

    def size(self) -> TerminalSize | None:
        """How large its window is; ``None`` if it has none."""
        if not self.is_terminal:
            return None
        try:
            columns, rows = os.get_terminal_size(self._writing)
        except OSError:
            columns, rows = 0, 0
        return TerminalSize(rows or 24, columns or 80)

    @contextmanager
    def raw(self) -> Iterator[None]:
        """Pass every key on as it is, while the context lasts; nothing where there is no terminal.

        What ends this process, and can be noticed, restores the terminal first.
        """
        if not self.is_terminal:
            yield
            return
        before = termios.tcgetattr(self._reading)
        handlers: list[tuple[signal.Signals, signal.Handlers | Callable[..., object] | int]] = []

        def end(number: int, frame: FrameType | None) -> None:
            del frame
            self._set(before)
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

        if threading.current_thread() is threading.main_thread():
            for number in _ENDS:
                if signal.getsignal(number) is signal.SIG_DFL:
                    signal.signal(number, end)
                    handlers.append((number, signal.SIG_DFL))
        try:
            self._attributes = before
            self._set(_raw(before))
            yield
        finally:
            self._set(before)
            self._attributes = None
            for number, handler in handlers:
                signal.signal(number, handler)

    def suspend(self) -> None:
        """Stop this process and its companions as Ctrl-Z would; returns when they go on."""
        if self._attributes is None:
            return
        self._set(self._attributes)
        os.killpg(os.getpgrp(), signal.SIGTSTP)
        self._set(_raw(self._attributes))

    def write(self, data: bytes) -> None:
        """Show something; waits while the terminal is slow, and whoever writes with it."""
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._writing, view) :]
            except BlockingIOError:  # some other program has left it so
                select.select([], [self._writing], [])
            except OSError:
                return  # nobody is there to see it

    def write_some(self, data: memoryview) -> int:
        """Show as much of it as there is room for now; how many bytes that were."""
        poll = select.poll()
        poll.register(self._writing, select.POLLOUT)
        if not poll.poll(0):
            return 0
        try:
            return os.write(self._writing, data[:_ENOUGH_ROOM])
        except BlockingIOError:
            return 0
        except OSError:
            return len(data)  # nobody is there to see it

    async def room(self) -> None:
        """Wait until there is room to show something."""
        try:
            await trio.lowlevel.wait_writable(self._writing)
        except OSError:
            # A file always has room; and what is neither is asked again.
            await trio.sleep(_LOOK_UP_SECONDS)

    async def read_keys(self) -> bytes:
        """What was typed; waits until something was. Nothing at the end."""
        if self._unread:
            unread, self._unread = self._unread, b""
            return unread
        with suppress(PermissionError):  # of a file it need not be waited for
            await trio.lowlevel.wait_readable(self._reading)
        try:
            return os.read(self._reading, _CHUNK_BYTES)
        except OSError:
            return b""

    async def read_line(self) -> bytes:
        """A line, and nothing of what comes after it; the rest at the end, then nothing."""
        read = b""
        while b"\n" not in read:
            more = await self.read_keys()
            if not more:
                return read
            read += more
        line, newline, self._unread = read.partition(b"\n")
        return line + newline

    def _set(self, attributes: list[object]) -> None:
        with suppress(termios.error):  # it has gone
            termios.tcsetattr(self._reading, termios.TCSANOW, attributes)  # type: ignore[arg-type]


def _is_terminal(descriptor: int) -> bool:
    try:
        return os.isatty(descriptor)
    except OSError:
        return False


def _raw(attributes: list[object]) -> list[object]:
    """Attributes of the same terminal that leave every byte alone (cfmakeraw(3))."""
    raw = list(attributes)
    for index, flags in (
        (
            _INPUT,
            termios.IGNBRK
            | termios.BRKINT
            | termios.PARMRK
            | termios.ISTRIP
            | termios.INLCR
            | termios.IGNCR
            | termios.ICRNL
            | termios.IXON,
        ),
        (_OUTPUT, termios.OPOST),
        (_LOCAL, termios.ECHO | termios.ECHONL | termios.ICANON | termios.ISIG | termios.IEXTEN),
        (_CONTROL, termios.CSIZE | termios.PARENB),
    ):
        value = raw[index]
        assert isinstance(value, int)
        raw[index] = value & ~flags
    control = raw[_CONTROL]
    assert isinstance(control, int)
    raw[_CONTROL] = control | termios.CS8
    characters = raw[_CHARACTERS]
    assert isinstance(characters, list)
    characters = list(characters)
    characters[termios.VMIN], characters[termios.VTIME] = 1, 0
    raw[_CHARACTERS] = characters
    return raw


def flush_standard_streams() -> None:
    """Let everything that was printed come before what is shown next."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
