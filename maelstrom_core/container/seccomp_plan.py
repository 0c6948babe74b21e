"""The seccomp filter of jobs, as a classic BPF program. Pure; standard library only.

It refuses what no test needs and what widens the kernel's attack surface: key rings (not
namespaced), BPF and performance counters, kernel modules and kexec, file handles (which open files
behind mounts), io_uring (its operations pass by every filter; libraries fall back on ENOSYS), swap
and clock settings. Namespaces stay allowed: tests of programs that use them must work.

Layout of an instruction: ``struct sock_filter`` (u16 code, u8 jump if true, u8 jump if false, u32
operand); of what is filtered: ``struct seccomp_data`` (nr at 0, arch at 4, arguments from 16).
Source: Documentation/userspace-api/seccomp_filter.rst.
"""

from collections.abc import Sequence
from struct import pack

LOAD, JUMP_EQUAL, JUMP_AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
ALLOW, ERRNO, KILL = 0x7FFF0000, 0x00050000, 0x80000000
EPERM, ENOSYS = 1, 38
AUDIT_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
X32_BIT = 0x40000000
TIOCSTI, TIOCLINUX = 0x5412, 0x541C

REFUSED = {
    "x86_64": {
        "EPERM": {
            "acct": 163,
            "add_key": 248,
            "bpf": 321,
            "delete_module": 176,
            "finit_module": 313,
            "init_module": 175,
            "ioperm": 173,
            "iopl": 172,
            "kexec_file_load": 320,
            "kexec_load": 246,
            "keyctl": 250,
            "lookup_dcookie": 212,
            "open_by_handle_at": 304,
            "perf_event_open": 298,
            "quotactl": 179,
            "quotactl_fd": 443,
            "reboot": 169,
            "request_key": 249,
            "swapoff": 168,
            "swapon": 167,
            "userfaultfd": 323,
        },
        "ENOSYS": {"io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427},
    },
    "aarch64": {
        "EPERM": {
            "acct": 89,
            "add_key": 217,
            "bpf": 280,
            "delete_module": 106,
            "finit_module": 273,
            "init_module": 105,
            "kexec_file_load": 294,
            "kexec_load": 104,
            "keyctl": 219,
            "lookup_dcookie": 18,
            "open_by_handle_at": 265,
            "perf_event_open": 241,
            "quotactl": 60,
            "quotactl_fd": 443,
            "reboot": 142,
            "request_key": 218,
            "swapoff": 225,
            "swapon": 224,
            "userfaultfd": 282,
        },
        "ENOSYS": {"io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427},
    },
}
"""Numbers of the refused calls, by machine and by what they answer."""

_IOCTL = {"x86_64": 16, "aarch64": 29}


def instruction(code: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """One ``struct sock_filter``."""
    return pack("<HBBI", code, if_true, if_false, operand)


def filter_for(machine: str) -> bytes:
    """The filter's instructions for ``os.uname().machine``.

    A balanced search over the refused numbers: an allowed call costs a handful of comparisons.

    :raises KeyError: for a machine that it does not know
    """
    answers = dict.fromkeys(REFUSED[machine]["EPERM"].values(), ERRNO | EPERM)
    answers |= dict.fromkeys(REFUSED[machine]["ENOSYS"].values(), ERRNO | ENOSYS)
    head = [
        instruction(LOAD, 4),
        instruction(JUMP_EQUAL, AUDIT_ARCHITECTURES[machine], 1, 0),
        instruction(RETURN, KILL),
        instruction(LOAD, 0),
    ]
    if machine == "x86_64":
        head += [instruction(JUMP_AT_LEAST, X32_BIT, 0, 1), instruction(RETURN, ERRNO | ENOSYS)]
    # ioctl is refused by its request: the two that put characters into a terminal's input.
    terminal = [
        instruction(JUMP_EQUAL, _IOCTL[machine], 0, 5),
        instruction(LOAD, 16 + 8),
        instruction(JUMP_EQUAL, TIOCSTI, 1, 0),
        instruction(JUMP_EQUAL, TIOCLINUX, 0, 1),
        instruction(RETURN, ERRNO | EPERM),
        instruction(RETURN, ALLOW),
    ]
    return b"".join([*head, *terminal, *_search(sorted(answers.items()))])


def _search(answers: Sequence[tuple[int, int]]) -> list[bytes]:
    """Instructions that look the number up among sorted (number, answer)."""
    if len(answers) <= 2:
        tests: list[bytes] = []
        for number, answer in answers:
            tests += [instruction(JUMP_EQUAL, number, 0, 1), instruction(RETURN, answer)]
        return [*tests, instruction(RETURN, ALLOW)]
    middle = len(answers) // 2
    low, high = _search(answers[:middle]), _search(answers[middle:])
    return [instruction(JUMP_AT_LEAST, answers[middle][0], len(low), 0), *low, *high]
