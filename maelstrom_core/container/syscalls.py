"""The one door to the kernel: raw system calls and executable memory through ctypes.

Everything here returns what the kernel returned, a failure as ``-errno``; what a failure means is
for the callers to say. Numbers: ``arch/x86/entry/syscalls/syscall_64.tbl`` and
``include/uapi/asm-generic/unistd.h`` of Linux; both tables agree from number 403 on.
"""

import ctypes
import mmap
import os
from array import array
from collections.abc import Callable

_libc = ctypes.CDLL(None, use_errno=True)
_syscall = _libc.syscall
_syscall.restype = ctypes.c_long
_syscall.argtypes = [ctypes.c_long] + [ctypes.c_ulong] * 6

_BOTH = {
    "pidfd_send_signal": 424,
    "open_tree": 428,
    "move_mount": 429,
    "fsopen": 430,
    "fsconfig": 431,
    "fsmount": 432,
    "clone3": 435,
    "close_range": 436,
    "mount_setattr": 442,
}

_X86_64 = {
    "read": 0,
    "clone": 56,
    "setgroups": 116,
    "write": 1,
    "close": 3,
    "ioctl": 16,
    "dup3": 292,
    "socket": 41,
    "sendmsg": 46,
    "execve": 59,
    "chdir": 80,
    "fchdir": 81,
    "mkdirat": 258,
    "umask": 95,
    "setsid": 112,
    "capset": 126,
    "pivot_root": 155,
    "prctl": 157,
    "mount": 165,
    "umount2": 166,
    "sethostname": 170,
    "openat": 257,
    "symlinkat": 266,
    "unshare": 272,
    "setns": 308,
    "prlimit64": 302,
    "seccomp": 317,
    "execveat": 322,
    "rt_sigaction": 13,
    "rt_sigprocmask": 14,
    "exit_group": 231,
    "fchmodat": 268,
    "getpid": 39,
}

_AARCH64 = {
    "read": 63,
    "clone": 220,
    "setgroups": 159,
    "write": 64,
    "close": 57,
    "ioctl": 29,
    "dup3": 24,
    "socket": 198,
    "sendmsg": 211,
    "execve": 221,
    "chdir": 49,
    "fchdir": 50,
    "mkdirat": 34,
    "umask": 166,
    "setsid": 157,
    "capset": 91,
    "pivot_root": 41,
    "prctl": 167,
    "mount": 40,
    "umount2": 39,
    "sethostname": 161,
    "openat": 56,
    "symlinkat": 36,
    "unshare": 97,
    "setns": 268,
    "prlimit64": 261,
    "seccomp": 277,
    "execveat": 281,
    "rt_sigaction": 134,
    "rt_sigprocmask": 135,
    "exit_group": 94,
    "fchmodat": 53,
    "getpid": 172,
}

NUMBERS: dict[str, dict[str, int]] = {
    "x86_64": {**_BOTH, **_X86_64},
    "aarch64": {**_BOTH, **_AARCH64},
}
"""System call numbers by machine (``os.uname().machine``) and name."""


def call(number: int, *arguments: int) -> int:
    """Make one system call.

    :param arguments: up to six integers, addresses among them; the rest are 0
    :return: the kernel's result, or ``-errno``
    """
    padded = [value & 0xFFFF_FFFF_FFFF_FFFF for value in arguments] + [0] * (6 - len(arguments))
    result: int = _syscall(number, *padded)
    return -ctypes.get_errno() if result == -1 else result


def address_of(buffer: "array[int]") -> int:
    """Address of an array's memory; valid until the array is resized or dropped."""
    return buffer.buffer_info()[0]


Stub = Callable[[int, int, int], int]
"""Machine code as a function: addresses of a context and of ``clone_args``, size of the latter."""


def map_executable(code: bytes) -> Stub:
    """Map machine code read-only and executable; a C function of three words.

    Never writable and executable at once: the bytes are written to a memfd, which is then mapped.

    :raises OSError: where the host forbids executable mappings of memory
    """
    descriptor = os.memfd_create("maelstrom-stub", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, code.ljust(mmap.PAGESIZE, b"\0"))
        mapping = mmap.mmap(
            descriptor, mmap.PAGESIZE, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_EXEC
        )
    finally:
        os.close(descriptor)
    prototype = ctypes.CFUNCTYPE(ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
    # ctypes can take the address only of a writable buffer; of this mapping it is asked directly.
    address = _address_of_mapping(mapping)
    function = prototype(address)
    _kept.append(mapping)
    return function


_kept: list[mmap.mmap] = []
"""Mappings that must live as long as the process: functions point into them."""


class _PyBuffer(ctypes.Structure):
    """``Py_buffer`` of the C API, as far as its first field."""

    _fields_ = (("buf", ctypes.c_void_p), ("rest", ctypes.c_byte * 256))


def _address_of_mapping(mapping: mmap.mmap) -> int:
    view = _PyBuffer()
    get_buffer = ctypes.pythonapi.PyObject_GetBuffer
    get_buffer.argtypes = [ctypes.py_object, ctypes.POINTER(_PyBuffer), ctypes.c_int]
    get_buffer(mapping, ctypes.byref(view), 0)
    address = view.buf
    assert address is not None
    return int(address)
