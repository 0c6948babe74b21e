"""What plans must know of a host. Standard library only: slot processes load this module."""

import os
import re
import resource
from math import inf
from typing import NamedTuple

PROC_READ_ONLY = ("sys", "sysrq-trigger", "irq", "bus", "fs", "acpi", "scsi", "driver")
"""What in /proc the real root may write to without any capability."""
PROC_MASKED = ("keys", "timer_list", "latency_stats", "sched_debug")
"""What tells the real root of other people's affairs without any capability."""
_HARD = {
    "cpu_seconds": resource.RLIMIT_CPU,
    "file_size": resource.RLIMIT_FSIZE,
    "core_size": resource.RLIMIT_CORE,
    "open_files": resource.RLIMIT_NOFILE,
    "memory": resource.RLIMIT_AS,
    "pids": resource.RLIMIT_NPROC,
}


class SlotFacts(NamedTuple):
    """What plans must know of the host.

    :param machine: ``os.uname().machine``
    :param euid: effective user outside of all our namespaces
    :param egid: the same for the group
    :param read_only: what a job must not write in /proc; empty unless we are the real root, for
        the files belong to him, and to anybody else they are closed anyhow
    :param masked: what it must not read there
    :param hard: limits of processes that we have ourselves, by their names in a container's ``limits``:
        nobody may raise them
    :param pid_max_per_namespace: since Linux 6.14 a pid namespace has a limit of its own
    """

    machine: str
    euid: int
    egid: int
    pid_max_per_namespace: bool
    read_only: tuple[str, ...] = ()
    masked: tuple[str, ...] = ()
    hard: tuple[tuple[str, int], ...] = ()

    def hardest(self, name: str) -> float:
        """What a limit of each process can be at most."""
        return dict(self.hard).get(name, inf)


def _hard_limits() -> tuple[tuple[str, int], ...]:
    found = {name: resource.getrlimit(kind)[1] for name, kind in _HARD.items()}
    return tuple((name, most) for name, most in found.items() if most != resource.RLIM_INFINITY)


def slot_facts() -> SlotFacts:
    """Facts of the host that this process runs on."""
    uname = os.uname()
    release = tuple(int(part) for part in re.findall(r"\d+", uname.release)[:2])
    root = os.geteuid() == 0
    return SlotFacts(
        machine=uname.machine,
        euid=os.geteuid(),
        egid=os.getegid(),
        pid_max_per_namespace=release >= (6, 14),
        read_only=tuple(filter(_has_something, PROC_READ_ONLY)) if root else (),
        masked=tuple(filter(_has_something, PROC_MASKED)) if root else (),
        hard=_hard_limits(),
    )


def _has_something(name: str) -> bool:
    """Whether it is there; an empty directory of /proc has nothing to guard."""
    path = f"/proc/{name}"
    return bool(os.listdir(path)) if os.path.isdir(path) else os.path.exists(path)
