"""The part of a job's script that takes things away: limits, signals, privileges. Pure.

Standard library only. Capabilities go after the last privileged call, no_new_privs after them, the
parent-death signal after every change of credentials, which clears it (prctl(2)).
"""

from enum import Enum
from struct import pack

from maelstrom_core.container import flags as k
from maelstrom_core.container.blueprint import Blueprint
from maelstrom_core.container.facts import SlotFacts
from maelstrom_core.container.limits_plan import (
    CPU_GRACE_SECONDS,
    PROCESS,
    Kept,
    for_template,
    kept,
)
from maelstrom_core.container.script import Argument, Result, Step


class Role(Enum):
    """Whose script it is."""

    JOB = "job"
    TEMPLATE = "template"
    FORK = "fork"


class JobSteps:
    """Steps with the shorthands of a job's script."""

    def __init__(self) -> None:
        self.all: list[Step] = []

    def add(
        self, call: str, *arguments: Argument, why: str, saves: str = "", may_fail: bool = False
    ) -> None:
        """One system call."""
        self.all.append(Step(call, arguments, why, saves, may_fail))

    def add_clone(self, *arguments: Argument, why: str) -> None:
        """A clone whose child returns from the interpreter."""
        self.all.append(Step("clone3", arguments, why, returns=True))

    def write(
        self, at: Argument, path: str, text: str, *, why: str, may_fail: bool = False
    ) -> None:
        """Write a short text to a file of /proc."""
        name, how = f"file {path}", k.O_WRONLY | k.O_CLOEXEC
        self.add("openat", at, path, how, 0, why=why, saves=name, may_fail=may_fail)
        self.add("write", Result(name), text, len(text), why=why, may_fail=may_fail)
        self.add("close", Result(name), why=why, may_fail=may_fail)

    def mount(self, kind: str, target: str, options: str, attributes: int, *, why: str) -> None:
        """mount(2) of a file system that has no source."""
        self.add("mount", kind, target, kind, attributes, options, why=why)

    def bind(self, source: str, target: str, *, why: str) -> None:
        """Show a tree at another place, too."""
        self.add("mount", source, target, "", k.MS_BIND | k.MS_REC, 0, why=why)


_RESOURCES = {
    "cpu_seconds": (k.RLIMIT_CPU, "CPU time"),
    "file_size": (k.RLIMIT_FSIZE, "the size of files"),
    "core_size": (k.RLIMIT_CORE, "the size of core dumps"),
    "open_files": (k.RLIMIT_NOFILE, "open files"),
    "memory": (k.RLIMIT_AS, "memory"),
    "pids": (k.RLIMIT_NPROC, "the number of pids"),
}


def limits_of(blueprint: Blueprint, facts: SlotFacts, role: Role) -> tuple[Kept, ...]:
    """The limits that hold for whoever performs the script."""
    limits = kept(blueprint, facts)
    return for_template(limits) if role is Role.TEMPLATE else limits


def limits(s: JobSteps, blueprint: Blueprint, facts: SlotFacts, role: Role) -> None:
    """What one process may use."""
    for limit in limits_of(blueprint, facts, role):
        if limit.by != PROCESS:
            continue
        resource, what = _RESOURCES[limit.name]
        soft = hard = int(limit.allowed)
        if limit.name == "cpu_seconds" and hard < facts.hardest(limit.name):
            hard += CPU_GRACE_SECONDS
        both = pack("<QQ", soft, hard)
        s.add("prlimit64", 0, resource, both, 0, why=f"limit {what}")


def signals(s: JobSteps) -> None:
    """Signals as a fresh process has them."""
    # Python ignores these two, and exec keeps ignored signals ignored.
    default = pack("<QQQQ", 0, 0, 0, 0)
    for number, name in ((13, "SIGPIPE"), (25, "SIGXFSZ")):
        s.add("rt_sigaction", number, default, 0, 8, why=f"restore {name}")
    empty = pack("<Q", 0)
    s.add("rt_sigprocmask", k.SIG_SETMASK, empty, 0, 8, why="unblock all signals")


def privileges(s: JobSteps, blueprint: Blueprint, role: Role) -> None:
    """Keep no capability but those that were asked for, and get none back."""
    kept = blueprint.capabilities
    if role is Role.TEMPLATE and blueprint.user == 0:
        # Whoever makes a user namespace that maps his own 0 must have this one (user_namespaces(7)).
        # Under no_new_privs the capabilities of files, which it may set, give nothing to anybody.
        kept |= 1 << k.CAPABILITIES.index("CAP_SETFCAP")
    noroot = k.SECBIT_NOROOT | k.SECBIT_NOROOT_LOCKED
    s.add("prctl", k.PR_SET_SECUREBITS, noroot, why="give user 0 no capabilities on exec")
    for number in range(len(k.CAPABILITIES)):
        if kept and not kept >> number & 1:
            s.add("prctl", k.PR_CAPBSET_DROP, number, why="bound capabilities", may_fail=True)
    header = pack("<II", k.CAPABILITY_VERSION_3, 0)
    low, high = kept & 0xFFFFFFFF, kept >> 32
    data = pack("<IIIIII", low, low, low, high, high, high)
    s.add("capset", header, data, why="drop capabilities")
    for number in range(len(k.CAPABILITIES)):
        if kept >> number & 1:
            raised = (k.PR_CAP_AMBIENT, k.PR_CAP_AMBIENT_RAISE, number)
            s.add("prctl", *raised, why=f"keep {k.CAPABILITIES[number]}")
    s.add("prctl", k.PR_SET_NO_NEW_PRIVS, 1, why="allow no new privileges")
    s.add("prctl", k.PR_SET_PDEATHSIG, k.SIGKILL, why="end with the slot")
