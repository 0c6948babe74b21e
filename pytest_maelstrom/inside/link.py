"""The user's terminal, for a process in a container: asked for over a socket, and used for a while.

Each of these processes has a *link*, a socket to the engine (``docs/terminals.md``). Who asks over it
waits for his turn, and is given a terminal of the container's own, which is attached to the user's;
or, where the user has none, a stream that ends where the user's input ends.
"""

import array
import contextlib
import fcntl
import os
import socket
import sys
import termios
import threading
from typing import Any, List, Optional, Tuple

LINK_DESCRIPTOR = 5
"""Where a process that was started afresh finds it; a fork is given it by its template."""
_GRANTED = (b"terminal", b"socket", b"granted")
_LONGEST_WORD = 64


class Link:
    """One process's link, and what it has been given over it.

    :param descriptor: is owned
    :param lowest: where descriptors are put, out of the way of tests
    """

    def __init__(self, descriptor: int, lowest: int) -> None:
        self._lowest = lowest
        self._socket = socket.socket(fileno=self._out_of_the_way(descriptor))
        self._owner = os.getpid()
        self._given: Optional[int] = None
        self._is_stream = False
        self._saved: List[Tuple[int, int]] = []
        self._stdin: Any = None

    @property
    def is_attached(self) -> bool:
        """Whether the standard streams are the user's."""
        return bool(self._saved)

    def attach(self) -> bool:
        """Let the standard streams be the user's; waits for that. False if nobody is there."""
        if self.is_attached:
            return True
        if os.getpid() != self._owner:
            return False  # a child of the test's
        self._say(b"ask")
        if not self.hear():
            return False
        self._use()
        return True

    def detach(self, status: Optional[int] = None) -> None:
        """Let them be what they were.

        :param status: how a program ended that had them
        """
        if not self.is_attached or os.getpid() != self._owner:
            return
        _flush()
        for original, saved in self._saved:
            # pytest may have begun to capture again meanwhile: then it is not ours to restore.
            if _same(original, self._given):
                os.dup2(saved, original)
            os.close(saved)
        self._saved = []
        if self._stdin is not None:
            if isinstance(sys.stdin, _Lines):
                sys.stdin = self._stdin
            self._stdin = None
        self._say(b"leave" if status is None else b"leave %d" % status)

    def stay(self) -> None:
        """Say that this process has done all it was to do, and can be looked at."""
        if self._given is not None:
            if not self._is_stream:
                _give_up_session_terminal(self._given)
            os.close(self._given)
            self._given = None
        self._say(b"stay")

    def hear(self) -> bool:
        """Wait for an answer; whether something was given."""
        while True:
            word, descriptor = self._receive()
            if descriptor is not None:
                if self._given is not None:
                    os.close(self._given)
                self._given = self._out_of_the_way(descriptor)
                self._is_stream = word == b"socket"
            if word in _GRANTED:
                return self._given is not None
            if word in (b"", b"refused"):
                return False

    @property
    def given(self) -> int:
        """The terminal that was given last."""
        assert self._given is not None
        return self._given

    def left(self, status: int) -> None:
        """Say that a program that had the terminal has ended; its hang-up has ended that too."""
        os.close(self.given)
        self._given = None
        self._say(b"leave %d" % status)

    def want_line(self) -> None:
        """Ask for a line of the user's input."""
        self._say(b"line")

    def _use(self) -> None:
        _flush()
        given = self.given
        if not self._is_stream and threading.current_thread() is threading.main_thread():
            # So that Ctrl-C interrupts. It is so already, or this is not the first of its session.
            with contextlib.suppress(OSError):
                fcntl.ioctl(given, termios.TIOCSCTTY, 0)
        for number in (0, 1, 2):
            self._saved.append((number, fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, self._lowest)))
            os.dup2(given, number)
        if self._is_stream:
            self._stdin, sys.stdin = sys.stdin, _Lines(self)

    def _out_of_the_way(self, descriptor: int) -> int:
        moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, self._lowest)
        os.close(descriptor)
        return moved

    def _say(self, word: bytes) -> None:
        try:
            self._socket.send(word)
        except OSError:
            return  # the engine is gone, and this process with it soon

    def _receive(self) -> Tuple[bytes, Optional[int]]:
        space, how = socket.CMSG_SPACE(4), socket.MSG_CMSG_CLOEXEC
        try:
            word, ancillary, _, _ = self._socket.recvmsg(_LONGEST_WORD, space, how)
        except OSError:
            return b"", None
        for level, kind, content in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                return word, array.array("i", content[:4])[0]
        return word, None


class _Lines:
    """Standard input where the user has no terminal: a line is fetched when it is wanted.

    So lines that are not read now are left for whoever asks next.
    """

    encoding = "utf-8"
    errors = "replace"

    def __init__(self, link: Link) -> None:
        self._link = link

    def readline(self, size: int = -1) -> str:
        """The next line; empty at the end of the input."""
        del size
        self._link.want_line()
        line = b""
        while not line.endswith(b"\n"):
            byte = os.read(0, 1)
            if not byte:
                break
            line += byte
        return line.decode("utf-8", "replace")

    def read(self, size: int = -1) -> str:
        """All that is left."""
        del size
        return "".join(iter(self.readline, ""))

    def __iter__(self) -> Any:
        return iter(self.readline, "")

    def isatty(self) -> bool:
        """It is none."""
        return False

    def fileno(self) -> int:
        """It has none, or Python would read it by itself."""
        raise OSError("lines of the user's input are fetched one by one")


def _give_up_session_terminal(terminal: int) -> None:
    """Let another session have a terminal that was this one's."""
    import signal

    # The kernel tells of it as of a hang-up.
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        fcntl.ioctl(terminal, termios.TIOCNOTTY)
    except OSError:
        pass  # it was not
    finally:
        signal.signal(signal.SIGHUP, before)


def _same(one: int, two: Optional[int]) -> bool:
    if two is None:
        return False
    first, second = os.fstat(one), os.fstat(two)
    return (first.st_dev, first.st_ino) == (second.st_dev, second.st_ino)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        try:
            stream.flush()  # type: ignore[union-attr]
        except (OSError, ValueError, AttributeError):
            continue  # closed, or replaced by a test
