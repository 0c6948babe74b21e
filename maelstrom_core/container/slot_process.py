"""Slot processes: how one is started, and some that are started before anybody needs them.

With the standard library alone, so that they start while the rest of us is still being imported:
the one takes as long as the other.
"""

import atexit
import os
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple, Protocol

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


class Process(Protocol):
    """A child of this process, as `subprocess.Popen` has it."""

    @property
    def returncode(self) -> int | None:
        """How it has ended, once that is known."""

    def poll(self) -> int | None:
        """How it has ended, if it has."""

    def kill(self) -> None:
        """End it."""

    def wait(self) -> int:
        """Wait until it has ended; how."""


class SlotProcess(NamedTuple):
    """One slot process.

    :param control: the socket to it
    """

    control: socket.socket
    process: Process

    def end(self) -> None:
        """End it, and with it whatever it runs."""
        self.control.close()
        self.process.kill()
        self.process.wait()


class _Siblings:
    """Knows the pids of processes that one process forks, which then ends.

    :param pids: end of the pipe over which it tells them
    """

    def __init__(self, starter: "subprocess.Popen[bytes]", pids: int) -> None:
        self._starter = starter
        self._pipe = pids
        self._pids: list[int] | None = None

    def known(self) -> list[int] | None:
        """The pids, of as many as could be made; ``None`` if they are not told yet."""
        if self._pids is None and self._starter.poll() is not None:
            with open(self._pipe, "rb") as pipe:
                self._pids = [int(line) for line in pipe]
        return self._pids

    def wait(self) -> list[int]:
        """The pids, when they are told."""
        self._starter.wait()
        return self.known() or []


class _Sibling:
    """One of them."""

    def __init__(self, siblings: _Siblings, index: int) -> None:
        self._siblings = siblings
        self._index = index
        self.returncode: int | None = None

    def _reap(self, pids: list[int], flags: int) -> int | None:
        if self.returncode is None:
            if self._index >= len(pids):
                self.returncode = 1  # it could not be made
            else:
                try:
                    pid, status = os.waitpid(pids[self._index], flags)
                except ChildProcessError:
                    # Whoever started us ignores how children end, and we with him.
                    pid, status = pids[self._index], 0
                self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def poll(self) -> int | None:
        """See `Process`."""
        pids = self._siblings.known()
        return None if pids is None else self._reap(pids, os.WNOHANG)

    def kill(self) -> None:
        """See `Process`."""
        pids = self._siblings.wait()
        if self._reap(pids, os.WNOHANG) is None:
            os.kill(pids[self._index], signal.SIGKILL)

    def wait(self) -> int:
        """See `Process`."""
        code = self._reap(self._siblings.wait(), 0)
        assert code is not None  # it was waited for
        return code


def _started(kind: Kind, interpreter: str, count: int) -> list[SlotProcess]:
    """Start some: what they need is loaded by one process, which forks them all.

    :raises OSError: if no process can be started
    """
    with ExitStack() as theirs, ExitStack() as ours:
        pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(count)]
        for ends in pairs:
            theirs.enter_context(ends[1])
            for end in ends:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
        passed = [ends[1].fileno() for ends in pairs]
        command = [sys.executable, "-I", "-S", _PROGRAM, ",".join(map(str, passed))]
        reading = writing = -1
        if count > 1:
            reading, writing = os.pipe()
            theirs.callback(os.close, writing)
            ours.callback(os.close, reading)
            passed.append(writing)
        # Its standard error stays ours: a slot process that raises has a fault of its own.
        process = subprocess.Popen(
            [*command, str(writing), *kind, interpreter],
            pass_fds=passed,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env={},
            # A Ctrl-C is the engine's to answer; slots end with it.
            start_new_session=True,
        )
        ours.pop_all()
    if count == 1:
        return [SlotProcess(pairs[0][0], process)]
    siblings = _Siblings(process, reading)
    return [SlotProcess(pair[0], _Sibling(siblings, at)) for at, pair in enumerate(pairs)]


_spares: list[tuple[Kind, str, SlotProcess]] = []


def start_early(count: int, interpreter: str = "auto") -> None:
    """Have so many of those that most jobs need; whoever needs one takes one of these.

    :raises OSError: if no process can be started
    """
    if not _spares:
        atexit.register(end_spares)
    alike = (MOST, interpreter)
    missing = count - sum((kind, its_own) == alike for kind, its_own, _ in _spares)
    if missing > 0:
        _spares.extend((*alike, process) for process in _started(*alike, missing))


def take(kind: Kind, interpreter: str) -> SlotProcess:
    """A slot process: one that was started early, or else a new one.

    :raises OSError: if no process can be started
    """
    for index, (its_kind, its_interpreter, process) in enumerate(_spares):
        if (its_kind, its_interpreter) == (kind, interpreter) and process.process.poll() is None:
            del _spares[index]
            return process
    return _started(kind, interpreter, 1)[0]


def end_spares() -> None:
    """End those that nobody has taken."""
    while _spares:
        _spares.pop()[2].end()
