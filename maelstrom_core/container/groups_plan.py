"""Where control groups of version 2 are, out of what the kernel says. Pure; standard library only.

Source: Documentation/admin-guide/cgroup-v2.rst of Linux, "Delegation" and "No Internal Process
Constraint": only a group without processes may share its controllers out to those below it, the root
of all excepted. So where our own group is ours to divide, all that is in it moves to one below first.
"""

import os
from collections.abc import Collection
from typing import NamedTuple

OURS = "maelstrom-"
"""What names of groups begin with that we have made."""
REST = "maelstrom-rest"
"""The group for what was in the divided one before: us ourselves among others."""
CONTROLLERS = ("memory", "pids", "cpu")
_DELEGATE = "start it in one of its own: systemd-run --user --scope -p Delegate=yes …"
_VERSION_2 = "boot with systemd.unified_cgroup_hierarchy=1"


class Offer(NamedTuple):
    """Whether there are control groups that are ours to divide.

    :param directory: the group that is; empty for none
    :param controllers: what can be limited below it
    :param crowded: whether what is in it must move out of the way first
    :param why: why there is none
    :param remedy: what would change that
    """

    directory: str = ""
    controllers: tuple[str, ...] = ()
    crowded: bool = False
    why: str = ""
    remedy: str = ""


class Mounted(NamedTuple):
    """The hierarchy, as it can be seen here.

    :param at: where it is mounted
    :param own: directory of our own group
    """

    at: str
    own: str


def mounted(mountinfo: str, own_groups: str) -> Mounted | None:
    """Where the hierarchy is mounted, and our group in it; ``None`` if it cannot be seen.

    :param mountinfo: ``/proc/self/mountinfo``
    :param own_groups: ``/proc/self/cgroup``
    """
    lines = own_groups.splitlines()
    own = next((line[3:] for line in lines if line.startswith("0::")), None)
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split()
        if own is None or not after.startswith("cgroup2 ") or len(fields) < 5:
            continue
        root, at = fields[3], fields[4]
        if own == root or own.startswith(root.rstrip("/") + "/"):
            below = own[len(root.rstrip("/")) :].strip("/")
            return Mounted(at, os.path.join(at, below) if below else at)
    return None


def candidate(where: Mounted, *, euid: int, whole: bool) -> str:
    """The group to divide, if that is allowed.

    :param euid: effective user
    :param whole: whether the root of all groups is what is mounted, and not a part that was given to
        somebody
    """
    if os.path.basename(where.own) == REST:
        return os.path.dirname(where.own)  # somebody has divided it before us
    return where.at if euid == 0 and whole else where.own


def offer(
    directory: str, *, writable: bool, controllers: Collection[str], is_root: bool, euid: int
) -> Offer:
    """What a group that was looked at comes to.

    :param writable: whether groups can be made in it and processes moved
    :param controllers: those that it has
    :param is_root: whether it is the root of all groups, which may be divided whatever is in it
    """
    if not writable:
        return Offer(why="none is delegated to this user", remedy=_DELEGATE)
    ours = tuple(name for name in CONTROLLERS if name in controllers)
    if not {"memory", "pids"} & set(ours):
        why = "those of version 2 control neither memory nor processes here: version 1 does"
        return Offer(why=why, remedy=_VERSION_2 if euid == 0 or is_root else _DELEGATE)
    return Offer(directory, ours, crowded=not is_root)


NOT_MOUNTED = Offer(why="no hierarchy of version 2 can be seen", remedy=_VERSION_2)
