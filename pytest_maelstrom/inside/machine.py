"""Performs the engine's script of system calls in a template. The one door to ctypes in containers.

The layout of a script is described in ``maelstrom_core/container/script.py``.
"""

import array
import ctypes
import mmap
import os
import struct
from typing import Any, Dict, List, Optional, Tuple

from pytest_maelstrom.inside.at_fork import AtFork

_PR_GET_TID_ADDRESS = 40
_CLONE_VM, _CLONE_PIDFD, _CLONE_VFORK = 0x100, 0x1000, 0x4000
_CLONE_CHILD_CLEARTID, _CLONE_CHILD_SETTID = 0x200000, 0x1000000
_SIGCHLD = 17
_CLONE_ARGUMENTS_BYTES = 88
_RECORD_WORDS, _CONTEXT_WORDS, _MAY_FAIL, _RETURNS = 10, 4, 0x100, 0x200
_NO_FAILURE = 0xFFFFFFFFFFFFFFFF
GIVEN = ("stdin", "stdout", "stderr", "report", "status", "link")
"""What the descriptors are that come with a request for a fork; scripts have no use for the last."""
REQUEST, ANSWER = struct.Struct("=2Q"), struct.Struct("=2Q2qQ")
"""Packets between engine and template: 1 and a number; 2, a number, a pid or ``-errno``, which step of
the script has failed or -1, and its ``errno``."""
ASKED, ANSWERED = 1, 2
FORKED, TOLD, READABLE = 0, 1, 2
"""What `Machine.serve` returns: in a fork; after any other packet; when a descriptor can be read."""
_PACKET, _CONTROL_BYTES, _HEADER_BYTES, _SIGNALS_BYTES = 64 * 1024, 40, 16, 8
_POLLIN = 1
_HIGHEST = 1 << 47
"""Where the memory ends that a process has if it does not ask for more."""


def all_memory() -> memoryview:
    """This process's memory, as words of 8 bytes. What is not mapped must not be touched."""
    words = (ctypes.c_uint64 * (_HIGHEST // 8)).from_address(0)
    return memoryview(words).cast("B").cast("Q")


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
        place = self._map(code[0]) if code else None
        # Called with the interpreter's lock held, for the fork that returns must hold it too.
        prototype = ctypes.PYFUNCTYPE(
            ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t
        )
        self._stub = None if place is None else prototype(place)
        self._serve: Any = None
        if place is not None and script.get("serve"):
            prototype = ctypes.PYFUNCTYPE(ctypes.c_long, ctypes.c_void_p)
            self._serve = prototype(place + script["serve"])
        if self._stub is not None:
            self._outer[0] |= _CLONE_VM | _CLONE_VFORK
        for descriptor in (blob, *code):
            os.close(descriptor)
        self.descriptors = [init]
        self._kept: List[Any] = []
        self._given: Any = None
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
        return self._told(self._run())

    def _told(self, result: int) -> int:
        if result == 0:
            self._at_fork.in_child()
        else:
            self._at_fork.in_parent()
        return result

    @property
    def serves(self) -> bool:
        """Whether it can serve without Python."""
        return self._serve is not None

    def prepare_to_serve(self, control: int, readable: Optional[int]) -> None:
        """Lay out what machine code needs to be asked for forks, and to answer.

        :param control: the socket to the engine
        :param readable: a descriptor beside it that is waited for
        """
        new = self._new
        descriptors = [control] if readable is None else [control, readable]
        polled = new(
            struct.pack("=4i", *[n for one in (*descriptors, 0)[:2] for n in (one, _POLLIN)])
        )
        self._data = new(bytes(_PACKET))
        self._control = new(bytes(_CONTROL_BYTES))
        self._given = (ctypes.c_uint64 * len(GIVEN))()
        self._answer = new(bytes(ANSWER.size))
        rights = new(struct.pack("=Q3i", 20, 1, 1, 0) + bytes(4))  # SOL_SOCKET, SCM_RIGHTS
        words = [
            control,
            ctypes.addressof(polled),
            len(descriptors),
            ctypes.addressof(self._message(self._data, self._control)),
            ctypes.addressof(self._data),
            ctypes.addressof(self._control) + _HEADER_BYTES,
            ctypes.addressof(self._given),
            ctypes.addressof(self._outer),
            _CLONE_ARGUMENTS_BYTES,
            self._address,
            ctypes.addressof(self._pidfd),
            ctypes.addressof(self._message(self._answer, rights)),
            ctypes.addressof(self._answer),
            ctypes.addressof(rights) + _HEADER_BYTES,
            ctypes.addressof(new(b"\xff" * _SIGNALS_BYTES)),
            ctypes.addressof(new(bytes(_SIGNALS_BYTES))),
            0,
        ]
        self._server = (ctypes.c_uint64 * len(words))(*words)
        self._kept += [polled, rights, self._given]
        for position, name in enumerate(GIVEN):
            self._load(name, ctypes.addressof(self._given) + 8 * position)

    def _new(self, content: bytes) -> Any:
        """Memory that stays, with that in it."""
        made = ctypes.create_string_buffer(content, len(content))
        self._kept.append(made)
        return made

    def _message(self, data: Any, control: Any) -> Any:
        """A ``struct msghdr``."""
        vector = self._new(struct.pack("=2Q", ctypes.addressof(data), len(data)))
        place, room = ctypes.addressof(control), len(control)
        return self._new(struct.pack("=7Q", 0, 0, ctypes.addressof(vector), 1, place, room, 0))

    def give(self, descriptors: List[int]) -> None:
        """Let the next fork have these, as in `GIVEN`."""
        if self._given is not None:
            ctypes.memmove(self._given, array.array("Q", descriptors).tobytes(), 8 * len(GIVEN))
        else:
            self.set({name: descriptors[index] for index, name in enumerate(GIVEN)})

    def _load(self, name: str, address: int) -> None:
        """Have the script load a parameter from where it lies."""
        for word in self._parameters.get(name, ()):
            record, position = divmod(word - _CONTEXT_WORDS, _RECORD_WORDS)
            self._words[word] = address
            self._words[_CONTEXT_WORDS + record * _RECORD_WORDS + 8] |= 1 << (position - 1)

    def serve(self) -> int:
        """Be forked whenever the engine asks for it, by machine code alone.

        :return: `FORKED` in each fork, and `given` is what it has; in the template `TOLD`, with what
            was told in `received`, `READABLE`, or ``-errno``: ``-EINTR`` at a signal
        """
        self._at_fork.before()
        return self._told(int(self._serve(ctypes.addressof(self._server))))

    @property
    def given(self) -> List[int]:
        """In a fork: the descriptors that came with the request for it, as in `GIVEN`."""
        return list(self._given)

    def received(self) -> Tuple[bytes, bytes]:
        """The packet that made `serve` return, and what of descriptors came with it (cmsg(3))."""
        header = ctypes.string_at(self._server[3] + 40, 8)
        (length,) = struct.unpack("=Q", header)
        return self._data.raw[: self._server[16]], self._control.raw[_HEADER_BYTES:length]

    def advise(self, address: int, size: int, advice: int) -> bool:
        """madvise(2); whether it was taken."""
        madvise = self._libc.madvise
        return bool(madvise(ctypes.c_void_p(address), ctypes.c_size_t(size), advice) == 0)

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
        """Address of machine code; ``None`` where mapping memory executable is refused."""
        size = os.fstat(code).st_size
        map_memory = self._libc.mmap
        map_memory.restype = ctypes.c_void_p
        protection = mmap.PROT_READ | mmap.PROT_EXEC
        address = map_memory(None, ctypes.c_size_t(size), protection, mmap.MAP_PRIVATE, code, 0)
        if address in (None, ctypes.c_void_p(-1).value):
            return None
        return address

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
