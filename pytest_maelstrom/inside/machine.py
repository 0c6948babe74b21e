"""Performs the engine's script of system calls in a template. The one door to ctypes in containers.

The layout of a script is described in ``maelstrom_core/container/script.py``.
"""

import array
import ctypes
import mmap
import os
from typing import Any, Dict, List, Tuple

from pytest_maelstrom.inside.at_fork import AtFork

_PR_GET_TID_ADDRESS = 40
_CLONE_VM, _CLONE_PIDFD, _CLONE_VFORK = 0x100, 0x1000, 0x4000
_CLONE_CHILD_CLEARTID, _CLONE_CHILD_SETTID = 0x200000, 0x1000000
_SIGCHLD = 17
_CLONE_ARGUMENTS_BYTES = 88
_RECORD_WORDS, _CONTEXT_WORDS, _MAY_FAIL, _RETURNS = 10, 4, 0x100, 0x200
_NO_FAILURE = 0xFFFFFFFFFFFFFFFF


class _Interpreter:
    """Tells of a fork as the interpreter itself does."""

    before = ctypes.pythonapi.PyOS_BeforeFork
    in_child = ctypes.pythonapi.PyOS_AfterFork_Child
    in_parent = ctypes.pythonapi.PyOS_AfterFork_Parent


class Machine:
    """The engine's script in this process's memory, and whatever performs it.

    :param at_fork: tells of forks, where it knows all who wait for that
    """

    def __init__(
        self, script: Dict[str, Any], descriptors: List[int], at_fork: "AtFork | None" = None
    ) -> None:
        self._at_fork: Any = at_fork if at_fork is not None and at_fork.knows_all else _Interpreter
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

    def fork(self) -> int:
        """Perform the script: 0 in a fork; here the pid of its pid 1, or ``-errno``.

        Those who asked to be told of an ``os.fork`` are told.
        """
        self._at_fork.before()
        pid = self._run()
        if pid == 0:
            self._at_fork.in_child()
        else:
            self._at_fork.in_parent()
        return pid

    def _run(self) -> int:
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
