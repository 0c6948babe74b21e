"""The scripts with which a slot process makes namespaces of its own. Pure; standard library only."""

from struct import pack

from maelstrom_core.container import flags as k
from maelstrom_core.container.script import Parameter, Program, Result, Step

PRIVILEGES_OF_A_NETWORK = (
    # A container's programs may bind low ports and send pings, as they may with a root of theirs.
    ("net/ipv4/ip_unprivileged_port_start", "0"),
    ("net/ipv4/ping_group_range", "0 0"),
)
SYSCTLS = (
    # No connection of one job is left in TIME_WAIT for the next one to meet.
    ("net/ipv4/tcp_max_tw_buckets", "0"),
    *PRIVILEGES_OF_A_NETWORK,
)


def outer_steps(
    euid: int, egid: int, *, own_network: bool, groups_are_mapped: bool = False
) -> list[Step]:
    """What the started process does before it forks the slot: new namespaces, one id in each map.

    Unprivileged since a single id, our own, is mapped (user_namespaces(7)).

    :param groups_are_mapped: somebody else maps the group ids, after the first step
    """
    flags = k.CLONE_NEWUSER | k.CLONE_NEWPID | k.CLONE_NEWNS | k.CLONE_NEWIPC
    flags |= k.CLONE_NEWNET if own_network else 0
    steps = [Step("unshare", (flags,), "make namespaces for the slot")]
    for name, text in (
        ("uid_map", f"0 {euid} 1\n"),
        ("setgroups", "deny"),
        ("gid_map", f"0 {egid} 1\n"),
    ):
        if groups_are_mapped and name != "uid_map":
            continue
        steps += _write(k.AT_FDCWD, f"/proc/self/{name}", text, f"write {name} of the slot")
    private = k.MS_REC | k.MS_PRIVATE
    why = "keep our mounts from the host"
    steps.append(Step("mount", ("none", "/", 0, private, 0), why))
    steps.append(Step("prctl", (k.PR_SET_PDEATHSIG, k.SIGKILL), "end with the engine"))
    return steps


def filter_steps(seccomp: bytes) -> list[Step]:
    """What the slot does last before it serves: jobs inherit the filter from it.

    A filter is compiled by the kernel each time that it is set, which costs a job of a millisecond
    a tenth of it; and it refuses nothing that the scripts of jobs and slots need themselves.

    :param seccomp: the filter, as the kernel takes it
    """
    arguments = (k.SECCOMP_SET_MODE_FILTER, 0, Program(seccomp))
    return [Step("seccomp", arguments, "refuse system calls that no test needs")]


def loopback_steps() -> list[Step]:
    """Bring loopback up in the network namespace that one is in (netdevice(7))."""
    request = pack("<16sH22x", b"lo", k.IFF_UP)
    datagram = (k.AF_INET, k.SOCK_DGRAM | k.O_CLOEXEC, 0)
    return [
        Step("socket", datagram, "reach loopback", "socket"),
        Step("ioctl", (Result("socket"), k.SIOCSIFFLAGS, request), "bring loopback up"),
        Step("close", (Result("socket"),), "let go of loopback"),
    ]


def network_steps(*, loopback: bool) -> list[Step]:
    """Make a network namespace that one job after the other uses, and none can alter.

    It belongs to the slot's user namespace, in which no job has a capability. Parameter ``proc``:
    descriptor of /proc.
    """
    steps = [Step("unshare", (k.CLONE_NEWNET,), "make a network namespace")]
    if loopback:
        steps += loopback_steps()
    for name, text in SYSCTLS:
        # A host may show /proc/sys read-only; jobs then live with its defaults.
        steps += _write(Parameter("proc"), f"sys/{name}", text, f"set {name}", may_fail=True)
    return steps


def _write(
    at: int | Parameter, path: str, text: str, why: str, *, may_fail: bool = False
) -> list[Step]:
    name = f"file {path}"
    opened = (at, path, k.O_WRONLY | k.O_CLOEXEC, 0)
    return [
        Step("openat", opened, why, name, may_fail),
        Step("write", (Result(name), text, len(text)), why, may_fail=may_fail),
        Step("close", (Result(name),), why, may_fail=may_fail),
    ]
