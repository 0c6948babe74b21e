"""A template's side of forking: does what the engine asks over a socket, returns only in forks.

A fork is made by a script of system calls that the engine has written. It is performed by a child
that shares this process's memory (and by the engine's machine code, where memory may be mapped
executable); the script makes namespaces and a root, gives up all privileges, and clones once more:
that child, with a memory of its own, comes back here as the fork. Not by ``os.fork``, since a fork
would have to copy this process's page tables twice then.

What stands in this file is what any template of any framework would need; pytest is not known here.
"""

import array
import errno
import json
import os
import signal
import socket
from typing import Any, Callable, Dict, List, Optional, Tuple

from pytest_maelstrom.inside.at_fork import AtFork
from pytest_maelstrom.inside.frozen import copy_layer
from pytest_maelstrom.inside.machine import (
    ANSWER,
    ANSWERED,
    ASKED,
    FORKED,
    GIVEN,
    READABLE,
    REQUEST,
    Machine,
)
from pytest_maelstrom.inside.pages import in_large_pages
from pytest_maelstrom.inside.safety import copies_of_standard_streams, threads_alive
from pytest_maelstrom.inside.wire import read_standard_input

STATUS_DESCRIPTOR, CONTROL_DESCRIPTOR, PARTS_DESCRIPTOR = 4, 6, 7
_ROOT, _UPPER, _FROZEN = "r", "u", "f"
"""Below the parts: where this process's root has its writable layer, and forks look for a copy."""
_PACKET = 64 * 1024
_WALL, _WNOHANG = 0x40000000, 1
_RIGHTS = (socket.SOL_SOCKET, socket.SCM_RIGHTS)


class ForkServer:
    """Speaks with the engine for a template."""

    def __init__(self, lowest: int, at_fork: Optional[AtFork] = None) -> None:
        """Take over the descriptors that the engine has given.

        :param lowest: where descriptors are moved to, out of the way of tests
        :param at_fork: tells of forks; by default the interpreter does
        """
        import fcntl

        control = fcntl.fcntl(CONTROL_DESCRIPTOR, fcntl.F_DUPFD_CLOEXEC, lowest)
        self._parts = fcntl.fcntl(PARTS_DESCRIPTOR, fcntl.F_DUPFD_CLOEXEC, lowest)
        self._control = socket.socket(fileno=control)
        self._at_fork = at_fork
        self._own: List[int] = [control, self._parts]
        self._children: List[int] = []
        self._copies: List[Tuple[int, int]] = []
        self._mask: Any = None
        self.link: Optional[int] = None
        """In a fork: descriptor of the socket over which it may ask for a terminal."""
        null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        # Forks are given descriptors of these numbers: nobody else's may be in the way.
        for number in (3, STATUS_DESCRIPTOR):
            if number != null:
                os.dup2(null, number, inheritable=False)
        if null not in (3, STATUS_DESCRIPTOR):
            os.close(null)
        os.close(CONTROL_DESCRIPTOR)
        os.close(PARTS_DESCRIPTOR)

    @property
    def descriptors(self) -> List[int]:
        """Those that are the engine's and not the program's."""
        return [3, STATUS_DESCRIPTOR, *self._own]

    def freeze(self) -> None:
        """Let forks begin with the files that this process has made so far."""
        writable = f"/proc/self/fd/{self._parts}/{_ROOT}"
        if os.path.isdir(f"{writable}/{_UPPER}"):
            copy_layer(f"{writable}/{_UPPER}", f"{writable}/{_FROZEN}")

    def serve(
        self,
        unfit: List[str],
        prepare: Optional[Callable[[], None]] = None,
        wakes: Optional[int] = None,
        *,
        many: bool = False,
    ) -> bytes:
        """Be forked until the engine is gone; returns in each fork.

        :param unfit: why this process cannot be forked safely, in words; empty if it can
        :param prepare: called before each fork
        :param wakes: a descriptor; once it is given, ``prepare`` is called at first, and then before a
            fork when that can be read. Between other forks nothing of Python runs, where that is
            possible.
        :param many: whether so many forks are to come that it pays to get ready for them
        :return: what the fork is to do
        """
        script = self._hear(*self._receive())
        machine = Machine(script, script.pop("descriptors"), self._at_fork)
        self._own += machine.descriptors
        self._copies = copies_of_standard_streams(self.descriptors)
        machine.set({"parts": self._parts})
        serves = machine.serves and (prepare is None or wakes is not None)
        if serves:
            machine.prepare_to_serve(self._control.fileno(), wakes)
        self._say({"kind": "ready", "unfit": unfit, "memory": memory_bytes(), "packed": True})
        while True:
            if prepare is not None:
                prepare()
            if serves and not threads_alive():
                if many:
                    in_large_pages(machine.advise)
                self._mask = _signal_mask()
                result = machine.serve()
                if result == FORKED:
                    self._settle(machine.given)
                    return _request()
                if result in (READABLE, -errno.EINTR):
                    continue
                if result < 0:
                    raise OSError(-result, "the engine cannot be heard any more")
                packet = machine.received()
            else:
                packet = self._receive()
            message = self._hear(*packet)
            if message["kind"] == "fork" and self._fork(machine, message):
                return _request()

    def _fork(self, machine: "Machine", message: Dict[str, Any]) -> bool:
        """Make one fork; true in it."""
        given, number = message["descriptors"], message["fork"]
        self._reap()
        alive = threads_alive()
        if alive or len(given) != len(GIVEN):
            for descriptor in given:
                os.close(descriptor)
            if alive:
                self._say({"kind": "unfit", "fork": number, "why": alive})
            else:  # the kernel has dropped those for which there was no room
                self._answer(message, -errno.EMFILE)
            return False
        machine.give(given)
        # Until the init is started, the child of the script has our handlers, and our memory.
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        pid = machine.fork()
        if pid == 0:
            self._settle(given)
            return True
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
        for descriptor in given:
            os.close(descriptor)
        if pid < 0:
            self._answer(message, pid)
            return False
        pidfd = machine.pidfd
        failure = machine.failure()
        if failure is None:
            self._children.append(pid)
            self._answer(message, pid, pidfd=pidfd)
        else:
            os.waitpid(pid, _WALL)
            self._answer(message, pid, *failure)
        os.close(pidfd)
        return False

    def _answer(
        self,
        message: Dict[str, Any],
        pid: int,
        index: int = -1,
        error: int = 0,
        pidfd: int = -1,
    ) -> None:
        """Say what has become of a request, in the form in which it came."""
        number, descriptors = message["fork"], [pidfd] if pidfd >= 0 else []
        if message.get("packed"):
            self._send(ANSWER.pack(ANSWERED, number, pid, index, error), descriptors)
        elif descriptors:
            self._say({"kind": "forked", "fork": number, "pid": pid}, descriptors)
        else:
            index, error = (1 << 30, -pid) if pid < 0 else (index, error)
            self._say({"kind": "failed", "fork": number, "index": index, "errno": error})

    def _settle(self, given: List[int]) -> None:
        """In a fork: let go of what is the template's, and connect what was the template's."""
        os.setsid()
        *streams, self.link = given
        for descriptor in (*streams, STATUS_DESCRIPTOR, *self._own):
            os.close(descriptor)
        self._control.detach()
        for copy, original in self._copies:
            os.dup2(original, copy, inheritable=False)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)

    def _reap(self) -> None:
        """Let go of children that have ended; they send no signal when they do."""
        self._children = [pid for pid in self._children if not _has_ended(pid)]

    def _receive(self) -> Tuple[bytes, bytes]:
        space = socket.CMSG_SPACE(16 * 4)
        data, ancillary, _, _ = self._control.recvmsg(_PACKET, space, socket.MSG_CMSG_CLOEXEC)
        rights = [content for level, kind, content in ancillary if (level, kind) == _RIGHTS]
        return data, b"".join(rights)

    def _hear(self, data: bytes, rights: bytes) -> Dict[str, Any]:
        """What the engine says."""
        if not data:
            os._exit(0)  # the engine is gone: nobody is left to clean up for
        descriptors = array.array("i", rights[: len(rights) - len(rights) % 4]).tolist()
        if len(data) == REQUEST.size and data[0] == ASKED:
            number = REQUEST.unpack(data)[1]
            return {"kind": "fork", "fork": number, "descriptors": descriptors, "packed": True}
        return {**json.loads(data), "descriptors": descriptors}

    def _say(
        self, message: Dict[str, Any], descriptors: "List[int] | Tuple[int, ...]" = ()
    ) -> None:
        self._send(json.dumps(message).encode(), descriptors)

    def _send(self, data: bytes, descriptors: "List[int] | Tuple[int, ...]") -> None:
        rights = [(*_RIGHTS, array.array("i", descriptors))]
        self._control.sendmsg([data], rights if descriptors else [])


def _has_ended(pid: int) -> bool:
    try:
        return os.waitpid(pid, _WALL | _WNOHANG)[0] != 0
    except ChildProcessError:  # machine code has let go of it
        return True


def _signal_mask() -> Any:
    return signal.pthread_sigmask(signal.SIG_BLOCK, [])


def _request() -> bytes:
    """What a fork is to do, from its standard input, which is empty afterwards.

    The first line is the engine's: variables that are added to the environment.
    """
    first, _, request = read_standard_input().partition(b"\n")
    os.environ.update(json.loads(first)["environment"])
    return request


def memory_bytes() -> int:
    """What this process takes of memory, shared with others or not."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")
