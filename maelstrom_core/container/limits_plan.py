"""By what each limit of a job is kept on this host, and which ones it has run into.

Pure; standard library only. Three things keep limits. *Control groups* (version 2) know a job as a
whole, count exactly and say what they have refused, but somebody must have given us some.
*Resource limits* (setrlimit(2)) are there for everybody, and know one process only. What is *counted*
by the slot, or is the size of a file system, needs neither.
"""

from signal import SIGKILL, SIGXCPU, SIGXFSZ
from typing import NamedTuple

from maelstrom_core.container.blueprint import Blueprint
from maelstrom_core.container.facts import SlotFacts

GROUP = "control group"
PROCESS = "limit of each process"
NAMESPACE = "pid namespace"
MOUNT = "size of the file system"
SLOT = "maelstrom"
HOST = "memory of this host"
LOWEST_PID_LIMIT = 301
"""The kernel keeps 300 pids for itself and refuses a smaller ``pid_max``."""
HIGHEST_PID_LIMIT = 1 << 22
"""``PID_MAX_LIMIT`` of the kernel."""
FORKS_AT_ONCE = 16
"""As many forks of one template may each start all the processes that they may have."""
CPU_GRACE_SECONDS = 1
"""Between SIGXCPU, which a program may see, and SIGKILL. Were they the same, SIGKILL would come first,
and nobody would know why."""
PERIOD_MICROSECONDS = 100_000
"""In which a share of the CPUs is counted: what the kernel takes if nothing is said."""


class Kept(NamedTuple):
    """One limit.

    :param name: as in a container's ``limits``; ``disk`` for a file system of a size
    :param allowed: how much: bytes, seconds, processes, CPUs
    :param by: what keeps it; empty if nothing does
    :param where: of a disk: where it is mounted
    """

    name: str
    allowed: float
    by: str
    where: str = ""


class Hit(NamedTuple):
    """A limit that a job has run into.

    :param ended: whether it was ended by that
    :param certain: whether that was seen, and is not only likely
    """

    name: str
    allowed: float
    by: str
    where: str = ""
    ended: bool = False
    certain: bool = True

    def packed(self) -> tuple[object, ...]:
        """As it travels to the engine."""
        return (self.name, self.allowed, self.by, self.where, self.ended, self.certain)


class Ending(NamedTuple):
    """What is known of a job that has ended.

    :param status: wait status of its program
    :param cpu_seconds: what all of its processes took
    :param peak_bytes: largest resident set of one process
    :param flooded: whether it was ended for what it had written
    :param started: how many processes and threads it has started, as far as that is known
    :param oom_kills: how many of its processes were killed for its group's limit of memory
    :param forks_refused: how often its group's limit of pids has refused one
    :param host_kills: how many processes the kernel has killed meanwhile for want of memory
    :param full: file systems that were full at its end
    """

    status: int
    cpu_seconds: float = 0.0
    peak_bytes: int = 0
    flooded: bool = False
    started: int = 0
    oom_kills: int = 0
    forks_refused: int = 0
    host_kills: int = 0
    full: tuple[str, ...] = ()


def wants_groups(blueprint: Blueprint, facts: SlotFacts) -> bool:
    """Whether a container's limits cannot be kept as they are meant without control groups.

    Others do without: a group costs each job some system calls.
    """
    if blueprint.memory_bytes is not None or blueprint.cpu is not None:
        return True
    pids = blueprint.pids
    return pids is not None and (pids < LOWEST_PID_LIMIT or not _limits_pids(facts))


def controllers_for(blueprint: Blueprint) -> tuple[str, ...]:
    """What controls the limits of a container that wants groups; nothing else is to be shared out."""
    wanted = {
        "memory": blueprint.memory_bytes,
        "pids": blueprint.pids,  # free where there is a group, and exact
        "cpu": blueprint.cpu,
    }
    return tuple(name for name, limit in wanted.items() if limit is not None)


def _limits_pids(facts: SlotFacts) -> bool:
    """Whether a job has a limit of pids that is its own; nothing but a group limits the real root."""
    return facts.pid_max_per_namespace or facts.euid != 0


def kept(blueprint: Blueprint, facts: SlotFacts) -> tuple[Kept, ...]:
    """Every limit of a container's jobs."""
    found = []
    grouped = blueprint.controllers if blueprint.groups else ()
    if blueprint.memory_bytes is not None:
        by = GROUP if "memory" in grouped else PROCESS
        found.append(Kept("memory", blueprint.memory_bytes, by))
    if blueprint.pids is not None:
        found.append(Kept("pids", *_pids(blueprint.pids, facts, grouped)))
    if blueprint.cpu is not None:
        found.append(Kept("cpu", blueprint.cpu, GROUP if "cpu" in grouped else ""))
    if blueprint.cpu_seconds is not None:
        found.append(Kept("cpu_seconds", blueprint.cpu_seconds, PROCESS))
    if blueprint.file_bytes is not None:
        found.append(Kept("file_size", blueprint.file_bytes, PROCESS))
    if blueprint.open_files is not None:
        found.append(Kept("open_files", blueprint.open_files, PROCESS))
    if blueprint.core_bytes is not None:
        found.append(Kept("core_size", blueprint.core_bytes, PROCESS))
    if blueprint.output_bytes is not None:
        found.append(Kept("output", blueprint.output_bytes, SLOT))
    if blueprint.writable:
        found.append(Kept("disk", blueprint.size_bytes, MOUNT, "/"))
    for mount in blueprint.mounts:
        if mount.kind == "tmp":
            found.append(Kept("disk", mount.size_bytes, MOUNT, mount.target))
        elif mount.kind == "devices" and "shm" in blueprint.own_of_devices(mount):
            found.append(Kept("disk", mount.size_bytes, MOUNT, f"{mount.target}/shm"))
    return tuple(_possible(one, facts) for one in found)


def _possible(one: Kept, facts: SlotFacts) -> Kept:
    """A limit that we have ourselves cannot be raised."""
    if one.by == PROCESS and one.allowed > facts.hardest(one.name):
        return Kept(one.name, facts.hardest(one.name), one.by, one.where)
    return one


def for_template(limits: tuple[Kept, ...]) -> tuple[Kept, ...]:
    """Limits of a template, so that those of its forks are their own."""
    found = []
    for one in limits:
        if one.name == "cpu_seconds":
            continue  # what it takes to get ready is not what a job may take; forks begin at 0
        if one.name == "pids" and one.by == PROCESS:
            continue  # our own holds, which it could not raise
        if one.name == "pids":
            # All forks of it lie in its own pid and user namespace, and count there as well: one that
            # starts as many as it may must leave the others theirs.
            most = min(one.allowed * FORKS_AT_ONCE, HIGHEST_PID_LIMIT)
            one = Kept(one.name, most, one.by, one.where)
        found.append(one)
    return tuple(found)


def _pids(pids: int, facts: SlotFacts, grouped: tuple[str, ...]) -> tuple[int, str]:
    if "pids" in grouped:
        return pids, GROUP
    if facts.pid_max_per_namespace and (pids >= LOWEST_PID_LIMIT or facts.euid == 0):
        return max(pids, LOWEST_PID_LIMIT), NAMESPACE
    return pids, PROCESS if facts.euid != 0 else ""


def degraded(blueprint: Blueprint, facts: SlotFacts) -> tuple[str, ...]:
    """What of a container's limits this host keeps less well than it is meant, one phrase each."""
    found = []
    why = f" ({blueprint.no_groups})" if blueprint.no_groups else ""
    for one in kept(blueprint, facts):
        if one.name == "memory" and one.by == PROCESS:
            found.append(f"limit of memory: of each process by itself, not of the whole job{why}")
        elif one.by == PROCESS and one.allowed == facts.hardest(one.name) < _asked(one, blueprint):
            found.append(f"limit of {one.name}: {one.allowed:.15g}, which is that of this host")
        elif one.name == "cpu" and not one.by:
            found.append(f"limit of cpu: not kept{why}")
        elif one.name == "pids" and not one.by:
            found.append(f"limit of pids: not kept for the real root before Linux 6.14{why}")
        elif one.name == "pids" and one.by == NAMESPACE and one.allowed != blueprint.pids:
            found.append(
                f"limit of pids: {LOWEST_PID_LIMIT:g} instead of {blueprint.pids}, "
                f"the smallest that a pid namespace has{why}"
            )
    return tuple(found)


def _asked(one: Kept, blueprint: Blueprint) -> float:
    """What a limit of each process was to be."""
    asked = {
        "cpu_seconds": blueprint.cpu_seconds,
        "file_size": blueprint.file_bytes,
        "core_size": blueprint.core_bytes,
        "open_files": blueprint.open_files,
        "pids": blueprint.pids,
    }
    return asked.get(one.name) or 0


def group_files(blueprint: Blueprint) -> tuple[tuple[str, str], ...]:
    """Names and contents of the files that limit a job's control group."""
    files = []
    if blueprint.memory_bytes is not None and "memory" in blueprint.controllers:
        # What cannot be swapped out counts; where nothing counts swap, the second file is missing.
        files += [("memory.max", str(blueprint.memory_bytes)), ("memory.swap.max", "0")]
    if blueprint.pids is not None and "pids" in blueprint.controllers:
        files.append(("pids.max", str(blueprint.pids)))
    if blueprint.cpu is not None and "cpu" in blueprint.controllers:
        quota = round(blueprint.cpu * PERIOD_MICROSECONDS)
        files.append(("cpu.max", f"{quota} {PERIOD_MICROSECONDS}"))
    return tuple(files)


def hits(limits: tuple[Kept, ...], ending: Ending) -> tuple[Hit, ...]:
    """Which limits a job has run into; first the one that has ended it, if one has."""
    found = []
    for one in limits:
        verdict = _verdict(one, ending)
        if verdict is not None:
            ended, certain = verdict
            found.append(Hit(one.name, one.allowed, one.by, one.where, ended, certain))
    if ending.host_kills and ending.status & 0x7F == SIGKILL and not ending.oom_kills:
        found.append(Hit("memory", 0, HOST, certain=False))
    return tuple(sorted(found, key=lambda hit: (not hit.ended, not hit.certain)))


def _verdict(limit: Kept, ending: Ending) -> "tuple[bool, bool] | None":
    """Whether it has ended the job, and whether that is certain; ``None`` if it was not met."""
    signal, failed = ending.status & 0x7F, ending.status != 0
    match limit.name, limit.by:
        case "output", _ if ending.flooded:
            return True, True
        case "memory", "control group" if ending.oom_kills:
            return signal == SIGKILL, True
        case "memory", "limit of each process" if failed:
            # An allocation was refused, perhaps: nobody sees that but the process itself. One that
            # asks for little at a time comes near the limit before.
            near = ending.peak_bytes >= limit.allowed / 2
            return (False, False) if near else None
        case "pids", "control group" if ending.forks_refused:
            return False, True
        case "pids", ("pid namespace" | "limit of each process") if failed:
            return (False, False) if ending.started >= limit.allowed - 1 else None
        case "cpu_seconds", _ if signal == SIGXCPU:
            return True, True
        case "cpu_seconds", _ if signal == SIGKILL:
            # By the kernel, if it has not ended on SIGXCPU; but anybody may have sent that.
            return (False, False) if ending.cpu_seconds >= limit.allowed else None
        case "file_size", _ if signal == SIGXFSZ:
            return True, True
        case "disk", _ if limit.where in ending.full:
            return False, True
    return None
