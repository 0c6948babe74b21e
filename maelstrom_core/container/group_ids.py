"""Several group ids: for processes that are in supplementary groups. Standard library only.

Whoever makes a user namespace may map one id in it, his own, and must give up setgroups(2) for that
(user_namespaces(7)). More are mapped by a process outside of it that has CAP_SETGID there: for a slot
by a child that was forked before, which is the real root or calls newgidmap(1), as far as /etc/subgid
allows; for a job by its slot. What these ids are outside, nobody else is, or another container of the
same user at most: they give no access to anything of the host.

A slot that is refused goes on with one id, and its jobs with supplementary groups fail where they
would join them: one place at which that is explained.
"""

import os
import pwd
from array import array
from contextlib import suppress

from maelstrom_core.container.blueprint import MOST_SUPPLEMENTARY, Blueprint
from maelstrom_core.container.child import clone_and_perform, perform_steps
from maelstrom_core.container.facts import SlotFacts
from maelstrom_core.container.job_plan import GATE
from maelstrom_core.container.looking import pid_of
from maelstrom_core.container.script import Step, Table
from maelstrom_core.container.slot_plan import outer_steps
from maelstrom_core.container.syscalls import NUMBERS

_NEWGIDMAP = ("/usr/bin/newgidmap", "/bin/newgidmap", "/usr/local/bin/newgidmap")
_LARGEST = 1 << 16
"""How much is read of /etc/subgid at most."""


def root_range(gid_map: str) -> tuple[int, int]:
    """Ids that the real root of a user namespace can map: first and count.

    :param gid_map: of that namespace, as in /proc
    """
    extents = [tuple(map(int, line.split())) for line in gid_map.splitlines() if line]
    first, _, count = max(extents, key=lambda extent: extent[2])
    # The first id of all is in use: it is the root's own.
    return _upper(first + 1, count - 1)


def range_of(user: str, uid: int, subgid: str) -> tuple[int, int]:
    """What /etc/subgid gives to a user: first and count; 0 and 0 for nothing (subgid(5))."""
    for line in subgid.splitlines():
        name, _, rest = line.strip().partition(":")
        first, _, count = rest.partition(":")
        if name in (user, str(uid)) and first.isdigit() and count.isdigit() and int(count):
            return _upper(int(first), int(count))
    return 0, 0


def _upper(first: int, count: int) -> tuple[int, int]:
    """Of some ids those that other containers of the same user most probably do not use.

    They take them from below, and one near the end of 65536 stands for nobody.
    """
    number = min(MOST_SUPPLEMENTARY, count)
    above = MOST_SUPPLEMENTARY if count >= 2 * MOST_SUPPLEMENTARY else 0
    return first + count - above - number, number


def spare() -> tuple[int, int]:
    """Group ids that this process may have mapped besides its own: first and count; 0 and 0 for none."""
    try:
        if os.geteuid() == 0:
            with open("/proc/self/gid_map", encoding="ascii") as file:
                return root_range(file.read())
        uid = os.getuid()
        with open("/etc/subgid", encoding="utf-8", errors="replace") as file:
            found = range_of(pwd.getpwuid(uid).pw_name, uid, file.read(_LARGEST))
        return found if _newgidmap() else (0, 0)
    except (OSError, KeyError):
        return 0, 0


def _newgidmap() -> str:
    return next((path for path in _NEWGIDMAP if os.access(path, os.X_OK)), "")


class Mapper:
    """A child of this process that maps group ids in the user namespace that is about to be made."""

    def __init__(self, egid: int) -> None:
        """Fork it, before the namespace is made.

        :param egid: effective group of this process
        """
        theirs, self._begin = os.pipe()
        self._pid = os.fork()
        if self._pid:
            os.close(theirs)
            return
        code = 1
        with suppress(BaseException):
            os.close(self._begin)
            if os.read(theirs, 1):
                code = _map_for(os.getppid(), egid)
        os._exit(code)

    def map(self) -> bool:
        """Let it map, now that the namespace is made; whether it could."""
        os.write(self._begin, b"m")
        os.close(self._begin)
        _, status = os.waitpid(self._pid, 0)
        return status == 0


def _map_for(pid: int, egid: int) -> int:
    """Map for a process, or become the program that does; 0 if that is done."""
    first, count = spare()
    if count and os.geteuid() == 0:
        with open(f"/proc/{pid}/gid_map", "w", encoding="ascii") as file:
            file.write(f"0 {egid} 1\n1 {first} {count}\n")
        return 0
    if count:
        # What it has to say would stand beside a job's error, which says what to do.
        os.dup2(os.open("/dev/null", os.O_RDWR), 2)
        numbers = (pid, 0, egid, 1, 1, first, count)
        os.execve(_newgidmap(), ["newgidmap", *map(str, numbers)], {})
    return 1


def gid_map(group: int, supplementary: tuple[int, ...]) -> str:
    """The map of a job's user namespace; the slot's ids are 0 and those from 1 on."""
    others = (other for other in supplementary if other != group)
    lines = [f"{group} 0 1", *(f"{other} {at} 1" for at, other in enumerate(others, start=1))]
    return "".join(f"{line}\n" for line in lines)


def clone_and_let_in(
    table: Table,
    clone_arguments: "array[int]",
    pidfd: "array[int]",
    proc: int,
    blueprint: Blueprint,
) -> int:
    """`clone_and_perform` for a job that waits until its group ids are mapped, as it does here.

    :param pidfd: where the kernel puts a descriptor of the child
    :param proc: descriptor of a /proc that shows it
    """
    text = gid_map(blueprint.group, blueprint.supplementary).encode()
    reading, writing = os.pipe2(os.O_CLOEXEC)
    table.set(GATE, reading)

    def let_in() -> None:
        with suppress(OSError):
            path = f"{pid_of(proc, pidfd[0])}/gid_map"
            descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC, dir_fd=proc)
            try:
                os.write(descriptor, text)
            finally:
                os.close(descriptor)
        # In any case: without a map it can join no group, and says so.
        os.write(writing, b"g")

    try:
        clone3 = NUMBERS[os.uname().machine]["clone3"]
        return clone_and_perform(table, clone_arguments, clone3, let_in)
    finally:
        os.close(reading)
        os.close(writing)


def enter(facts: SlotFacts, filtering: list[Step], *, own_network: bool, several: bool) -> None:
    """Make the namespaces of a slot, in its own process.

    :param filtering: what is done last
    :param several: map several group ids in them, if this host allows
    :raises StepFailed: where the host refuses
    """
    numbers = NUMBERS[facts.machine]
    mapper = Mapper(facts.egid) if several else None
    steps = outer_steps(facts.euid, facts.egid, own_network=own_network)
    if mapper is not None:
        perform_steps(steps[:1], numbers)
        mapped = mapper.map()
        steps = outer_steps(
            facts.euid, facts.egid, own_network=own_network, groups_are_mapped=mapped
        )[1:]
    perform_steps(steps + filtering, numbers)
