"""Slot processes: how one is started, and some that are started before anybody needs them.

With the standard library alone, so that they start while the rest of us is still being imported:
the one takes as long as the other.
"""

import atexit
import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from maelstrom_core.container.messages import Prepare

_PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "slot.py")
_BUFFER_BYTES = 1 << 20


class Kind(NamedTuple):
    """What a slot process has once and for all, and jobs inherit.

    :param network: ``own``, or ``host`` for jobs that see the host's network
    :param calls: ``filtered`` by seccomp, or ``all``
    :param groups: ``one`` group id, or ``several`` as far as this host allows
    """

    network: str
    calls: str
    groups: str


MOST = Kind("own", "filtered", "one")
"""What most jobs need."""


def kind_of(message: "Prepare") -> Kind:
    """Which slot process a container needs."""
    network = "host" if message.spec["network"] == "local" else "own"
    groups = "several" if message.spec["supplementary"] else "one"
    return Kind(network, "filtered" if message.spec["seccomp"] else "all", groups)


class SlotProcess:
    """One slot process and the socket to it.

    :param interpreter: of scripts: ``auto``, ``stub`` or ``python``
    """

    def __init__(self, kind: Kind, interpreter: str) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
        command = [sys.executable, "-I", "-S", _PROGRAM, str(theirs.fileno()), *kind]
        with theirs:
            # Its standard error stays ours: a slot process that raises has a fault of its own.
            self.process = subprocess.Popen(
                [*command, interpreter],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env={},
                # A Ctrl-C is the engine's to answer; slots end with it.
                start_new_session=True,
            )
        self.control = ours

    def end(self) -> None:
        """End it, and with it whatever it runs."""
        self.control.close()
        self.process.kill()
        self.process.wait()


_spares: list[tuple[Kind, str, SlotProcess]] = []


def start_early(count: int) -> None:
    """Start some of those that most jobs need; whoever needs one takes one of these.

    :raises OSError: if no process can be started
    """
    if not _spares:
        atexit.register(end_spares)
    for _ in range(count):
        _spares.append((MOST, "auto", SlotProcess(MOST, "auto")))


def take(kind: Kind, interpreter: str) -> SlotProcess:
    """A slot process: one that was started early, or else a new one.

    :raises OSError: if no process can be started
    """
    for index, (its_kind, its_interpreter, process) in enumerate(_spares):
        if (its_kind, its_interpreter) == (kind, interpreter) and process.process.poll() is None:
            del _spares[index]
            return process
    return SlotProcess(kind, interpreter)


def end_spares() -> None:
    """End those that nobody has taken."""
    while _spares:
        _spares.pop()[2].end()
