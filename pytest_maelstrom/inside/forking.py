"""A template's side of forking: does what the engine asks over a socket, returns only in forks.

A fork is made by a script of system calls that the engine has written. It is performed by a child
that shares this process's memory (and by the engine's machine code, where memory may be mapped
executable); the script makes namespaces and a root, gives up all privileges, and clones once more:
that child, with a memory of its own, comes back here as the fork. Not by ``os.fork``, since a fork
would have to copy this process's page tables twice then.

The one door to ctypes in containers. What stands in this file is what any template of any framework
would need; pytest is not known here.
"""

import array
import ctypes
import json
import mmap
import os
import signal
import socket
from typing import Any, Dict, List, Tuple

from pytest_maelstrom.inside.frozen import copy_layer
from pytest_maelstrom.inside.safety import copies_of_standard_streams, threads_alive

STATUS_DESCRIPTOR, CONTROL_DESCRIPTOR, PARTS_DESCRIPTOR = 4, 6, 7
_ROOT, _UPPER, _FROZEN = "r", "u", "f"
"""Below the parts: where this process's root has its writable layer, and forks look for a copy."""
_PACKET = 64 * 1024
_WALL, _WNOHANG = 0x40000000, 1
_PR_GET_TID_ADDRESS = 40
_CLONE_VM, _CLONE_PIDFD, _CLONE_VFORK = 0x100, 0x1000, 0x4000
_CLONE_CHILD_CLEARTID, _CLONE_CHILD_SETTID = 0x200000, 0x1000000
_SIGCHLD = 17
_CLONE_ARGUMENTS_BYTES = 88
_RECORD_WORDS, _CONTEXT_WORDS, _MAY_FAIL, _RETURNS = 10, 4, 0x100, 0x200
_NO_FAILURE = 0xFFFFFFFFFFFFFFFF


class ForkServer:
    """Speaks with the engine for a template."""

    def __init__(self, lowest: int) -> None:
        """Take over the descriptors that the engine has given.

        :param lowest: where descriptors are moved to, out of the way of tests
        """
        import fcntl

        control = fcntl.fcntl(CONTROL_DESCRIPTOR, fcntl.F_DUPFD_CLOEXEC, lowest)
        self._parts = fcntl.fcntl(PARTS_DESCRIPTOR, fcntl.F_DUPFD_CLOEXEC, lowest)
        self._control = socket.socket(fileno=control)
        self._lowest = lowest
        self._own: List[int] = [control, self._parts]
        self._children: List[int] = []
        self._copies: List[Tuple[int, int]] = []
        self._mask: Any = None
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

    def serve(self, unfit: List[str]) -> None:
        """Be forked until the engine is gone; returns in each fork.

        :param unfit: why this process cannot be forked safely, in words; empty if it can
        """
        _, script = self._receive()
        descriptors = script.pop("descriptors")
        machine = _Machine(script, descriptors)
        self._own += machine.descriptors
        self._copies = copies_of_standard_streams(self.descriptors)
        self._say({"kind": "ready", "unfit": unfit, "memory": memory_bytes()})
        while True:
            kind, message = self._receive()
            if kind == "fork" and self._fork(machine, message):
                return

    def _fork(self, machine: "_Machine", message: Dict[str, Any]) -> bool:
        """Make one fork; true in it."""
        given, number = message["descriptors"], message["fork"]
        self._reap()
        alive = threads_alive()
        if alive:
            for descriptor in given:
                os.close(descriptor)
            self._say({"kind": "unfit", "fork": number, "why": alive})
            return False
        stdin, stdout, stderr, report, status = given
        machine.set({"stdin": stdin, "stdout": stdout, "stderr": stderr, "report": report})
        machine.set({"status": status, "parts": self._parts})
        # Until the init is started, the child of the script has our handlers, and our memory.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        ctypes.pythonapi.PyOS_BeforeFork()
        pid = machine.run()
        if pid == 0:
            ctypes.pythonapi.PyOS_AfterFork_Child()
            os.setsid()
            self._mask = mask
            self._settle(given)
            return True
        ctypes.pythonapi.PyOS_AfterFork_Parent()
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


def memory_bytes() -> int:
    """What this process takes of memory, shared with others or not."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * mmap.PAGESIZE


class _Machine:
    """The engine's script in this process's memory, and whatever performs it."""

    def __init__(self, script: Dict[str, Any], descriptors: List[int]) -> None:
        init, blob, *code = descriptors
        size = os.fstat(blob).st_size
        # Anonymous, so that a fork's copy is its own.
        self._memory = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self._memory.write(os.pread(blob, size, 0))
        self._words = (ctypes.c_uint64 * (size // 8)).from_buffer(self._memory)
        self._address = ctypes.addressof(self._words)
        for word in script["relocations"]:
            self._words[word] += self._address
        self._parameters = script["parameters"]
        self._clone3 = script["clone3"]
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._call = ctypes.PyDLL(None, use_errno=True).syscall
        self._call.restype = ctypes.c_long
        self._pidfd = ctypes.c_int(-1)
        self._outer = (ctypes.c_uint64 * 11)()
        self._outer[0] = script["namespaces"] | _CLONE_PIDFD
        self._outer[1] = ctypes.addressof(self._pidfd)
        self._inner = (ctypes.c_uint64 * 11)()
        self._inner[4] = _SIGCHLD
        address = ctypes.c_uint64(0)
        if self._libc.prctl(_PR_GET_TID_ADDRESS, ctypes.byref(address), 0, 0, 0) == 0:
            # The C library keeps its thread's number there, as its own fork has the kernel do.
            self._inner[0] = _CLONE_CHILD_SETTID | _CLONE_CHILD_CLEARTID
            self._inner[2] = address.value
        self._stub = self._map(code[0]) if code else None
        if self._stub is not None:
            self._outer[0] |= _CLONE_VM | _CLONE_VFORK
        for descriptor in (blob, *code):
            os.close(descriptor)
        self.descriptors = [init]
        self.set({"init": init, "fork arguments": ctypes.addressof(self._inner)})

    def set(self, values: Dict[str, int]) -> None:
        """Give parameters their values."""
        for name, value in values.items():
            for word in self._parameters.get(name, ()):
                self._words[word] = value

    def run(self) -> int:
        """Perform the script: 0 in a fork; here the pid of its pid 1, or ``-errno``."""
        self._words[0], self._words[1] = _NO_FAILURE, 0
        if self._stub is not None:
            outer = ctypes.addressof(self._outer)
            return int(self._stub(self._address, outer, _CLONE_ARGUMENTS_BYTES))
        return self._run_without_machine_code()

    @property
    def pidfd(self) -> int:
        """Descriptor of the pid 1 that was made last."""
        return self._pidfd.value

    def failure(self) -> "Tuple[int, int] | None":
        """Which step failed, and why; ``None`` if none did."""
        index = self._words[0]
        return None if index == _NO_FAILURE else (index, self._words[1])

    def _map(self, code: int) -> Any:
        """Machine code as a function; ``None`` where mapping memory executable is refused."""
        size = os.fstat(code).st_size
        map_memory = self._libc.mmap
        map_memory.restype = ctypes.c_void_p
        protection = mmap.PROT_READ | mmap.PROT_EXEC
        address = map_memory(None, ctypes.c_size_t(size), protection, mmap.MAP_PRIVATE, code, 0)
        if address in (None, ctypes.c_void_p(-1).value):
            return None
        # Called with the interpreter's lock held, for the fork that returns must hold it too.
        prototype = ctypes.PYFUNCTYPE(
            ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t
        )
        return prototype(address)

    def _syscall(self, number: int, *arguments: int) -> int:
        words = [ctypes.c_ulong(value & _NO_FAILURE) for value in arguments]
        words += [ctypes.c_ulong(0)] * (6 - len(words))
        result = int(self._call(ctypes.c_long(number), *words))
        return -ctypes.get_errno() if result == -1 else result

    def _run_without_machine_code(self) -> int:
        """The same in Python, in a child with a memory of its own, which tells of failures."""
        reading, writing = os.pipe()
        size = _CLONE_ARGUMENTS_BYTES
        pid = self._syscall(self._clone3, ctypes.addressof(self._outer), size)
        if pid == 0:
            failure = self._perform()
            if failure is None:
                os.close(reading)
                os.close(writing)
                return 0
            os.write(writing, array.array("Q", failure).tobytes())
            os._exit(127)
        os.close(writing)
        answer = os.read(reading, 16)
        os.close(reading)
        if len(answer) == 16:
            self._words[0], self._words[1] = array.array("Q", answer)
        return pid

    def _perform(self) -> "Tuple[int, int] | None":
        """Make the calls of the script; ``None`` in the fork, else which failed and why."""
        words, base = self._words, self._address
        for index in range(words[2]):
            at = _CONTEXT_WORDS + index * _RECORD_WORDS
            arguments = list(words[at + 1 : at + 7])
            flags = words[at + 8]
            for position in range(6):
                if flags >> position & 1:
                    arguments[position] = words[(arguments[position] - base) // 8]
            result = self._syscall(words[at], *arguments)
            if -4095 <= result < 0 and not flags & _MAY_FAIL:
                return index, -result
            if flags & _RETURNS and result == 0:
                return None
            if words[at + 7]:
                words[(words[at + 7] - base) // 8] = result & _NO_FAILURE
        return words[2], 0
