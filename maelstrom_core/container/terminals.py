"""The engine's end of a job's terminal, in its slot process. Standard library only.

A terminal is a pair of the container's own /dev/pts, so that programs find it by its name; the job
has the side that is called the slave, and the slot alone the other one. A job that begins on a
terminal gets it by its script, which sends the slot its side. One that comes to want it while it
runs, a debugger say, asks over its *link*, a socket: then the slot opens one in the container, which
it reaches through its own /proc, and sends the job its side. So nobody in the container can meddle
with what the slot reads.

Where the client has no terminal, a pair of sockets stands for one: what is read there is what was
typed, nothing is echoed, and it ends where the client's input ends.
"""

import array
import contextlib
import fcntl
import os
import socket
import termios
from struct import pack

from maelstrom_core.container.flags import TIOCGPTPEER, TIOCSPTLCK
from maelstrom_core.container.looking import pid_of
from maelstrom_core.container.packets import received_descriptor
from maelstrom_core.container.script import Table

LINK_DESCRIPTOR = 5
"""Where a program that starts afresh finds its link; one that is a fork is given it with the rest."""
ASKS, WANTS_LINE, LEAVES, STAYS = b"ask", b"line", b"leave", b"stay"
"""What a job says over its link."""
TERMINAL, SOCKET, GRANTED, REFUSED = b"terminal", b"socket", b"granted", b"refused"
"""What it is answered: the first two come with a descriptor; `GRANTED` if it has that already."""
CHUNK_BYTES = 16 * 1024
MOST_TYPED = 1 << 20
"""What was typed and not read yet; more is dropped, as a terminal drops it."""
_OPEN = os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC
_LONGEST_WORD = 64


class Line:
    """One end of a terminal, or of the sockets that stand for one.

    :param descriptor: is owned, and made not to block
    """

    def __init__(self, descriptor: int, *, is_terminal: bool) -> None:
        self.descriptor = descriptor
        self.is_terminal = is_terminal
        os.set_blocking(descriptor, False)
        self._typed = bytearray()
        self._hung_up = False

    @property
    def waits(self) -> bool:
        """Whether something was typed that the job has no room for yet."""
        return bool(self._typed)

    def read(self) -> bytes | None:
        """What was written and not read; ``None`` if there will be nothing more."""
        try:
            return os.read(self.descriptor, CHUNK_BYTES) or None
        except BlockingIOError:
            return b""
        except OSError:  # EIO: nobody has the other side any more
            return None

    def type(self, data: bytes) -> None:
        """Let the job read this; nothing stands for the end of the input."""
        if data:
            self._typed += data[: MOST_TYPED - len(self._typed)]
        else:
            self._hung_up = True
        self.write()

    def write(self) -> None:
        """Pass on as much of what was typed as there is room for."""
        try:
            while self._typed:
                del self._typed[: os.write(self.descriptor, self._typed)]
        except BlockingIOError:
            return
        except OSError:
            self._typed.clear()
        if self._hung_up and not self.is_terminal:
            self._hung_up = False
            with contextlib.suppress(OSError), socket.socket(fileno=os.dup(self.descriptor)) as end:
                end.shutdown(socket.SHUT_WR)

    def resize(self, rows: int, columns: int) -> None:
        """Tell whoever looks that the window has another size."""
        if self.is_terminal:
            with contextlib.suppress(OSError):
                fcntl.ioctl(self.descriptor, termios.TIOCSWINSZ, window(rows, columns))

    def close(self) -> None:
        """Hang up."""
        os.close(self.descriptor)


def window(rows: int, columns: int) -> bytes:
    """A ``struct winsize``."""
    return pack("<4H", rows & 0xFFFF, columns & 0xFFFF, 0, 0)


def open_terminal(proc: int, pidfd: int, terminals: str) -> tuple[Line, int]:
    """Open a terminal in a container: our end, and a descriptor of the job's side.

    :param proc: descriptor of a /proc that shows the job
    :param pidfd: of its pid 1, whose root nobody in the container can change
    :param terminals: where its devpts is
    :raises OSError: if it cannot be had
    """
    path = f"{pid_of(proc, pidfd)}/root{terminals}/ptmx"
    ours = os.open(path, _OPEN, dir_fd=proc)
    try:
        fcntl.ioctl(ours, TIOCSPTLCK, pack("<i", 0))
        theirs = fcntl.ioctl(ours, TIOCGPTPEER, _OPEN)
    except OSError:
        os.close(ours)
        raise
    return Line(ours, is_terminal=True), theirs


def open_sockets() -> tuple[Line, int]:
    """What stands for a terminal where the client has none."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    return Line(ours.detach(), is_terminal=False), theirs.detach()


class HandedOver:
    """The terminal that a job's script makes, on its way to the slot."""

    def __init__(self, table: Table, rows: int, columns: int) -> None:
        """Give the script what it needs."""
        self._ours, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self._size = array.array("B", window(rows, columns))
        table.set("window", self._size.buffer_info()[0])
        table.set("line", self._theirs.fileno())

    def line(self) -> Line | None:
        """Our end, once the script has been performed; nothing if it did not get that far."""
        with self._ours, self._theirs:
            descriptor = received_descriptor(self._ours)
        return None if descriptor < 0 else Line(descriptor, is_terminal=True)


class Link:
    """The slot's end of the socket over which a job asks for a terminal."""

    def __init__(self) -> None:
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._theirs: int | None = theirs.detach()

    @property
    def descriptor(self) -> int:
        """Readable when the job says something."""
        return self._ours.fileno()

    @property
    def theirs(self) -> int:
        """The job's end, until `sent`."""
        assert self._theirs is not None
        return self._theirs

    def sent(self) -> None:
        """The job has its end."""
        if self._theirs is not None:
            os.close(self._theirs)
            self._theirs = None

    def hear(self) -> bytes | None:
        """What the job says; nothing if it says nothing, ``None`` if it never will again."""
        try:
            # Descriptors that come along are closed by the kernel: no room is made for them.
            return self._ours.recv(_LONGEST_WORD, socket.MSG_DONTWAIT) or None
        except BlockingIOError:
            return b""
        except OSError:
            return None

    def answer(self, word: bytes, descriptor: int | None = None) -> None:
        """Answer what the job has asked; one that does not listen, or has ended, misses it."""
        rights = []
        if descriptor is not None:
            content = array.array("i", [descriptor])
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, content)]
        with contextlib.suppress(OSError):
            self._ours.sendmsg([word], rights, socket.MSG_DONTWAIT)

    def close(self) -> None:
        """Say and hear nothing more."""
        self.sent()
        self._ours.close()
