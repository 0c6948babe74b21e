"""What this host allows, found out by trying; nothing of the caller is changed.

Each finding is tried for real in a forked child, the essential ones with the very scripts that slots
and jobs run. A host that refuses everything gets a list of refusals, never a traceback.
"""

import os
import resource
import signal
from array import array
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import attrs

from maelstrom_core.container import child, syscalls
from maelstrom_core.container import flags as k
from maelstrom_core.container.control_groups import offered, try_groups
from maelstrom_core.container.facts import slot_facts
from maelstrom_core.container.groups_plan import CONTROLLERS
from maelstrom_core.container.remedies import explain
from maelstrom_core.container.script import Step, Table
from maelstrom_core.container.seccomp_plan import filter_for
from maelstrom_core.container.slot_plan import network_steps, outer_steps
from maelstrom_core.container.stub import init_elf_for, stub_for

_ANSWER = "<qq"


@attrs.frozen(kw_only=True)
class Finding:
    """One thing that was tried.

    :param name: what, in words
    :param ok: whether the host allows it
    :param essential: whether containers are impossible without it
    :param detail: what was seen, or why it was refused
    :param remedy: what would change that
    """

    name: str
    ok: bool
    essential: bool
    detail: str = ""
    remedy: str = ""


def probe(directory: Path | None = None) -> tuple[Finding, ...]:
    """Try everything; takes well under a second.

    :param directory: where overlays are tried, say the store's; a temporary one by default
    """
    facts = slot_facts()
    if facts.machine not in syscalls.NUMBERS:
        known = ", ".join(syscalls.NUMBERS)
        detail = f"{facts.machine} is not among {known}"
        return (Finding(name="a machine that is known", ok=False, essential=True, detail=detail),)
    with TemporaryDirectory(dir=directory, prefix="maelstrom-probe-") as scratch:
        enter = outer_steps(facts.euid, facts.egid, own_network=False)
        own_network = outer_steps(facts.euid, facts.egid, own_network=True)
        tried = [
            _try("user, pid, mount and ipc namespaces with mapped ids", enter),
            _try("a network namespace with loopback", own_network, _loopback_steps(), forks=True),
            _try("a /proc of one's own", own_network, _proc_steps(), forks=True),
            _try("a /sys of one's own", own_network, _sys_steps(), forks=True),
            _try("a tmpfs", own_network, [_tmpfs(scratch)], forks=True),
            _try("a writable overlay", own_network, _overlay_steps(scratch), forks=True),
            _try("copies of mounted trees", own_network, _tree_steps(scratch), forks=True),
            _try("namespaces within namespaces", own_network, _nested_steps(), forks=True),
            _try("a host name of one's own", own_network, _name_steps(), forks=True),
        ]
    return (
        *tried,
        _filter(facts.machine),
        _stub(facts.machine),
        _pids(facts.pid_max_per_namespace, facts.euid),
        _control_groups(),
        _open_files(),
    )


def _loopback_steps() -> list[Step]:
    # The sysctls that follow are no must; parameters of theirs are not known here.
    return [step for step in network_steps(loopback=True) if not step.may_fail]


def _proc_steps() -> list[Step]:
    flags = k.MS_NOSUID | k.MS_NODEV | k.MS_NOEXEC
    return [Step("mount", ("proc", "/proc", "proc", flags, ""), "mount /proc")]


def _sys_steps() -> list[Step]:
    flags = k.MS_NOSUID | k.MS_NODEV | k.MS_NOEXEC | k.MS_RDONLY
    return [Step("mount", ("sysfs", "/sys", "sysfs", flags, ""), "mount /sys")]


def _tmpfs(scratch: str) -> Step:
    return Step("mount", ("tmpfs", scratch, "tmpfs", k.MS_NOSUID, "size=1m"), "mount a tmpfs")


def _overlay_steps(scratch: str) -> list[Step]:
    made = [f"{scratch}/{name}" for name in ("lower", "room", "root")]
    for path in made:
        Path(path).mkdir()
    lower, room, root = made
    mkdirs = [
        Step("mkdirat", (k.AT_FDCWD, f"{room}/{name}", 0o755), "make room for what jobs write")
        for name in ("upper", "work")
    ]
    options = f"lowerdir={lower},upperdir={room}/upper,workdir={room}/work,userxattr"
    overlay = ("overlay", root, "overlay", k.MS_NODEV, options)
    return [_tmpfs(room), *mkdirs, Step("mount", overlay, "mount the writable root")]


def _tree_steps(scratch: str) -> list[Step]:
    how = k.OPEN_TREE_CLONE | k.OPEN_TREE_CLOEXEC | k.AT_RECURSIVE
    attributes = array("Q", [k.MOUNT_ATTR_RDONLY, 0, 0, 0]).tobytes()
    return [
        Step("open_tree", (k.AT_FDCWD, "/usr", how), "open /usr", "tree"),
        Step("mount", ("/usr", scratch, "", k.MS_BIND | k.MS_REC, 0), "show /usr elsewhere"),
        Step(
            "mount_setattr",
            (k.AT_FDCWD, scratch, k.AT_RECURSIVE, attributes, len(attributes)),
            "make it read-only",
        ),
    ]


def _nested_steps() -> list[Step]:
    flags = k.CLONE_NEWUSER | k.CLONE_NEWNS | k.CLONE_NEWUTS | k.CLONE_NEWCGROUP | k.CLONE_NEWIPC
    return [Step("unshare", (flags,), "make namespaces within namespaces")]


def _name_steps() -> list[Step]:
    # Podman's filter of system calls lets everything else pass.
    name = "maelstrom"
    return [*_nested_steps(), Step("sethostname", (name, len(name)), "set the host name")]


def _try(
    name: str, enter: list[Step], steps: list[Step] | None = None, *, forks: bool = False
) -> Finding:
    """Perform scripts in a child, in its child where pid 1 of a pid namespace is needed."""

    def run() -> tuple[int, int]:
        table = Table(enter, numbers)
        failure = child.perform(table)
        if failure is not None:
            return failure.index, failure.errno
        if steps is None:
            return -1, 0

        def inner() -> tuple[int, int]:
            failed = child.perform(Table(steps, numbers))
            return (-1, 0) if failed is None else (len(enter) + failed.index, failed.errno)

        return _in_child(inner) if forks else inner()

    numbers = syscalls.NUMBERS[os.uname().machine]
    index, number = _in_child(run)
    if index == -1:
        return Finding(name=name, ok=True, essential=True)
    step = [*enter, *(steps or [])][index]
    why = explain(step.call, number, step.purpose)
    detail = f"{step.purpose}: {step.call}: {os.strerror(number)} ({why.cause})"
    return Finding(name=name, ok=False, essential=True, detail=detail, remedy=why.remedy)


def _in_child(run: Callable[[], tuple[int, int]]) -> tuple[int, int]:
    """Two numbers from a forked child; those of a failed exit if it dies."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(writing, array("q", run()).tobytes())
        finally:
            os._exit(0)
    os.close(writing)
    answer = array("q")
    data = os.read(reading, 16)
    os.close(reading)
    os.waitpid(pid, 0)
    answer.frombytes(data)
    return (answer[0], answer[1]) if len(answer) == 2 else (0, 5)


def _filter(machine: str) -> Finding:
    from maelstrom_core.container.script import Program

    steps = [
        Step("prctl", (k.PR_SET_NO_NEW_PRIVS, 1), "allow no new privileges"),
        Step("seccomp", (k.SECCOMP_SET_MODE_FILTER, 0, Program(filter_for(machine))), "filter"),
    ]
    numbers = syscalls.NUMBERS[machine]

    def run() -> tuple[int, int]:
        failure = child.perform(Table(steps, numbers))
        return (-1, 0) if failure is None else (failure.index, failure.errno)

    index, number = _in_child(run)
    detail = "" if index == -1 else os.strerror(number)
    return Finding(name="a filter of system calls", ok=index == -1, essential=True, detail=detail)


def _stub(machine: str) -> Finding:
    """Whether the machine code runs: mapped, and asked to clone a child that exits at once."""

    def run() -> tuple[int, int]:
        code = stub_for(machine)
        if code is None or init_elf_for(machine) is None:
            return 0, 38
        try:
            stub = syscalls.map_executable(code)
        except OSError as error:
            return 0, error.errno or 1
        table = Table([], syscalls.NUMBERS[machine])
        arguments = array("Q", [k.CLONE_VM | k.CLONE_VFORK, 0, 0, 0, signal.SIGCHLD, *[0] * 6])
        context = table.address
        pid = stub(context, arguments.buffer_info()[0], 88)
        if pid < 0:
            return 0, -pid
        _, status = os.waitpid(pid, 0)
        return (-1, 0) if os.waitstatus_to_exitcode(status) == 126 else (0, 5)

    index, number = _in_child(run)
    return Finding(
        name="machine code that starts jobs",
        ok=index == -1,
        essential=False,
        detail="" if index == -1 else f"{os.strerror(number)}; jobs are started by Python, slower",
    )


def _pids(per_namespace: bool, euid: int) -> Finding:
    if per_namespace:
        detail = "each container has a limit of its own"
        return Finding(name="a limit of processes", ok=True, essential=False, detail=detail)
    if euid != 0:
        detail = "by RLIMIT_NPROC"
        return Finding(name="a limit of processes", ok=True, essential=False, detail=detail)
    if "pids" in offered().controllers:
        detail = "by control groups"
        return Finding(name="a limit of processes", ok=True, essential=False, detail=detail)
    return Finding(
        name="a limit of processes",
        ok=False,
        essential=False,
        detail="the real root has none before Linux 6.14",
        remedy="run as an ordinary user",
    )


def _control_groups() -> Finding:
    """Whether there are some that are ours to divide, tried by making one."""
    name = "control groups of one's own"
    found = offered()
    why = found.why
    if found.directory:
        try:
            try_groups(found)
        except OSError as error:
            why = f"{found.directory}: {os.strerror(error.errno or 0)}"
    if why:
        detail = f"{why}; memory is limited for single processes, shares of CPUs are not"
        return Finding(name=name, ok=False, essential=False, detail=detail, remedy=found.remedy)
    detail = f"{', '.join(found.controllers)}, below {found.directory}"
    lacking = [name for name in CONTROLLERS if name not in found.controllers]
    if lacking:
        detail += f"; not {', '.join(lacking)}"
    return Finding(name=name, ok=not lacking, essential=False, detail=detail, remedy=found.remedy)


def _open_files() -> Finding:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    ok = soft == resource.RLIM_INFINITY or soft >= 512
    remedy = "" if ok else "ulimit -n 4096"
    return Finding(
        name="enough open files", ok=ok, essential=False, detail=f"{soft} allowed", remedy=remedy
    )
