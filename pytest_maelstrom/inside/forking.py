"""A template's side of forking: does what the engine asks over a socket, returns only in forks.

A fork is made by a script of system calls that the engine has written. It is performed by a child
that shares this process's memory (and by the engine's machine code, where memory may be mapped
executable); the script makes namespaces and a root, gives up all privileges, and clones once more:
that child, with a memory of its own, comes back here as the fork. Not by ``os.fork``, since a fork
would have to copy this process's page tables twice then.

What stands in this file is what any template of any framework would need; pytest is not known here.
"""

import array
import json
import os
import signal
import socket
from typing import Any, Callable, Dict, List, Optional, Tuple

from pytest_maelstrom.inside.at_fork import AtFork
from pytest_maelstrom.inside.frozen import copy_layer
from pytest_maelstrom.inside.machine import Machine
from pytest_maelstrom.inside.safety import copies_of_standard_streams, threads_alive
from pytest_maelstrom.inside.wire import read_standard_input

STATUS_DESCRIPTOR, CONTROL_DESCRIPTOR, PARTS_DESCRIPTOR = 4, 6, 7
_ROOT, _UPPER, _FROZEN = "r", "u", "f"
"""Below the parts: where this process's root has its writable layer, and forks look for a copy."""
_PACKET = 64 * 1024
_WALL, _WNOHANG = 0x40000000, 1


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

    def serve(self, unfit: List[str], prepare: Callable[[], None]) -> bytes:
        """Be forked until the engine is gone; returns in each fork.

        :param unfit: why this process cannot be forked safely, in words; empty if it can
        :param prepare: called before each fork
        :return: what the fork is to do
        """
        _, script = self._receive()
        descriptors = script.pop("descriptors")
        machine = Machine(script, descriptors, self._at_fork)
        self._own += machine.descriptors
        self._copies = copies_of_standard_streams(self.descriptors)
        self._say({"kind": "ready", "unfit": unfit, "memory": memory_bytes()})
        while True:
            kind, message = self._receive()
            prepare()
            if kind == "fork" and self._fork(machine, message):
                return _request()

    def _fork(self, machine: "Machine", message: Dict[str, Any]) -> bool:
        """Make one fork; true in it."""
        given, number = message["descriptors"], message["fork"]
        self._reap()
        alive = threads_alive()
        if alive:
            for descriptor in given:
                os.close(descriptor)
            self._say({"kind": "unfit", "fork": number, "why": alive})
            return False
        stdin, stdout, stderr, report, status, link = given
        machine.set({"stdin": stdin, "stdout": stdout, "stderr": stderr, "report": report})
        machine.set({"status": status, "parts": self._parts})
        # Until the init is started, the child of the script has our handlers, and our memory.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        pid = machine.fork()
        if pid == 0:
            os.setsid()
            self._mask = mask
            self._settle(given[:-1])
            self.link = link
            return True
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for descriptor in given:
            os.close(descriptor)
        if pid < 0:
            self._say({"kind": "failed", "fork": number, "index": 1 << 30, "errno": -pid})
            return False
        pidfd = machine.pidfd
        failure = machine.failure()
        if failure is None:
            self._children.append(pid)
            self._say({"kind": "forked", "fork": number, "pid": pid}, [pidfd])
        else:
            os.waitpid(pid, _WALL)
            self._say({"kind": "failed", "fork": number, "index": failure[0], "errno": failure[1]})
        os.close(pidfd)
        return False

    def _settle(self, given: List[int]) -> None:
        """In a fork: let go of what is the template's, and connect what was the template's."""
        for descriptor in (*given, STATUS_DESCRIPTOR, *self._own):
            os.close(descriptor)
        self._control.detach()
        for copy, original in self._copies:
            os.dup2(original, copy, inheritable=False)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)

    def _reap(self) -> None:
        """Let go of children that have ended; they send no signal when they do."""
        self._children = [
            pid for pid in self._children if os.waitpid(pid, _WALL | _WNOHANG)[0] == 0
        ]

    def _receive(self) -> Tuple[str, Dict[str, Any]]:
        space = socket.CMSG_SPACE(16 * 4)
        data, ancillary, _, _ = self._control.recvmsg(_PACKET, space, socket.MSG_CMSG_CLOEXEC)
        if not data:
            os._exit(0)  # the engine is gone: nobody is left to clean up for
        message = json.loads(data)
        descriptors = array.array("i")
        for level, kind, content in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                descriptors.frombytes(content[: len(content) - len(content) % 4])
        message["descriptors"] = list(descriptors)
        return message["kind"], message

    def _say(
        self, message: Dict[str, Any], descriptors: "List[int] | Tuple[int, ...]" = ()
    ) -> None:
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
        self._control.sendmsg([json.dumps(message).encode()], rights if descriptors else [])


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
