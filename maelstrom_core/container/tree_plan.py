"""What jobs cannot observe, prepared once per container in a mount namespace of the slot's own.

Pure; standard library only. Two shapes:

*Whole*: the namespace's root *is* the container's root. A job's CLONE_NEWNS copies it, and nothing
is pivoted per job. For read-only roots of jobs without capabilities.

*Staged*: the namespace's root holds the parts (``/l/0`` … the layers, ``/k`` the mount points,
``/m/0`` … the mounts, ``/r`` where each job mounts its own root), out of which a job builds its root
before it pivots. For writable roots, for jobs that keep capabilities, and for templates, whose forks
build roots of their own out of the same parts (``/q``).

Order: everything of the host is opened while the host's tree is still in view; then a new
namespace, a tmpfs, the parts on it, and the pivot, after which the host's tree is gone. What a job
inherits from here is locked, for its user namespace is a lesser one: it can be neither unmounted
nor made writable (mount_namespaces(7)).
"""

from collections.abc import Mapping
from struct import pack

from maelstrom_core.container import flags as k
from maelstrom_core.container.blueprint import OF_DEVICES, Blueprint, MountPlan, lies_below
from maelstrom_core.container.facts import SlotFacts
from maelstrom_core.container.script import Argument, Parameter, Result, Step

STAGING = "/tmp"
"""A directory that every Linux has; covered in the new namespace only."""
LOWERS, SKELETON, MOUNTS, ROOT, HIDDEN, GUARDED = "l", "k", "m", "r", "p", "g"
FORK_ROOT, FROZEN = "q", "f"
"""Where a fork mounts its root; and where a template leaves the files that it has made (in `ROOT`)."""
PARTS = ".maelstrom/parts"
"""Where a template's root has the parts, covered."""
_DEVICE_LINKS = (
    ("/proc/self/fd", "fd"),
    ("/proc/self/fd/0", "stdin"),
    ("/proc/self/fd/1", "stdout"),
    ("/proc/self/fd/2", "stderr"),
    ("pts/ptmx", "ptmx"),
)


def overlay_options(blueprint: Blueprint, *, base: str, frozen: bool = False) -> str:
    """The ``lowerdir`` option: uppermost first, the mount points lowest of all.

    Short names, since mount(2) takes one page of options: hundreds of layers fit.

    :param frozen: above all layers, what a template has written before it was forked
    """
    names = [f"{base}{ROOT}/{FROZEN}"] if frozen else []
    names += [f"{base}{LOWERS}/{index}" for index in reversed(range(len(blueprint.lowers)))]
    # An overlay without an upper needs two lowers; an empty directory does for the second.
    alone = not names and not blueprint.writable
    names += [f"{base}{SKELETON}", f"{base}{MOUNTS}"] if alone else [f"{base}{SKELETON}"]
    return "lowerdir=" + ":".join(names)


class _Steps:
    """Steps with the shorthands of this module."""

    def __init__(self) -> None:
        self.all: list[Step] = []
        self._made: set[str] = set()

    def add(self, call: str, *arguments: Argument, why: str, saves: str = "") -> None:
        self.all.append(Step(call, arguments, why, saves))

    def is_there(self, path: str) -> None:
        """Say that a directory need not be made."""
        self._made.add(path)

    def directory(self, path: str, mode: int = 0o755) -> None:
        """Make a directory and its parents, each once."""
        parent = path.rpartition("/")[0]
        if parent and parent not in self._made:
            self.directory(parent)
        if path not in self._made:
            self._made.add(path)
            self.add("mkdirat", k.AT_FDCWD, path, mode, why=f"make the directory {path}")

    def file(self, path: str) -> None:
        """Make an empty file and its parents."""
        parent = path.rpartition("/")[0]
        if parent:
            self.directory(parent)
        if path in self._made:
            return
        self._made.add(path)
        name = f"file {path}"
        opened = k.O_WRONLY | k.O_CREAT | k.O_CLOEXEC
        self.add("openat", k.AT_FDCWD, path, opened, 0o644, why=f"make {path}", saves=name)
        self.add("close", Result(name), why=f"close {path}")

    def open_tree(self, source: str, *, saves: str, why: str, recursive: bool = True) -> None:
        """Take a private copy of a mounted tree of the host."""
        how = k.OPEN_TREE_CLONE | k.OPEN_TREE_CLOEXEC | (k.AT_RECURSIVE if recursive else 0)
        self.add("open_tree", k.AT_FDCWD, source, how, why=why, saves=saves)

    def attach(self, name: str, target: str, attributes: int, *, why: str) -> None:
        """Mount what `open_tree` took, with attributes for all of it."""
        fd = Result(name)
        self.add("move_mount", fd, "", k.AT_FDCWD, target, k.MOVE_MOUNT_F_EMPTY_PATH, why=why)
        self.add("close", fd, why=f"close {target}")
        if attributes:
            self.restrict(target, attributes, recursive=True)

    def restrict(self, target: str, attributes: int, *, recursive: bool = False) -> None:
        """Set mount attributes (mount_setattr(2))."""
        attr = pack("<QQQQ", attributes, 0, 0, 0)
        depth = k.AT_RECURSIVE if recursive else 0
        self.add(
            "mount_setattr", k.AT_FDCWD, target, depth, attr, len(attr), why=f"restrict {target}"
        )

    def mount(self, kind: str, target: str, options: str, attributes: int, *, why: str) -> None:
        """mount(2) of a file system that has no source."""
        self.add("mount", kind, target, kind, attributes, options, why=why)


def tree_steps(
    blueprint: Blueprint, facts: SlotFacts, is_directory: Mapping[str, bool], *, own_network: bool
) -> list[Step]:
    """The script that a slot performs in its own process, once per container.

    Parameter ``host_view``: descriptor of the mount namespace in which the host's tree is seen.

    :param is_directory: for each host path to be shown whether it is a directory
    :param own_network: whether the slot owns its network namespace (else sysfs cannot be mounted,
        and the host's is shown)
    """
    s = _Steps()
    whole = not blueprint.staged
    s.add("setns", Parameter("host_view"), k.CLONE_NEWNS, why="look at the host's files again")
    for index, lower in enumerate(blueprint.lowers):
        s.open_tree(lower, saves=f"lower {index}", why=f"open the layer {lower}", recursive=False)
    for index, mount in enumerate(blueprint.mounts):
        _open_sources(s, index, mount, own_network=own_network)
    s.add("unshare", k.CLONE_NEWNS, why="make a mount namespace for the container's parts")
    s.mount("tmpfs", STAGING, "mode=0755", k.MS_NOSUID | k.MS_NODEV, why="make room for the parts")
    s.add("chdir", STAGING, why="go where the parts are put")
    for directory in (LOWERS, SKELETON, MOUNTS, ROOT):
        s.directory(directory)
    if blueprint.template:
        s.directory(FORK_ROOT)
        s.directory(f"{SKELETON}/{PARTS}")
    for index in range(len(blueprint.lowers)):
        s.directory(f"{LOWERS}/{index}")
        attributes = k.MOUNT_ATTR_RDONLY | k.MOUNT_ATTR_NODEV
        s.attach(f"lower {index}", f"{LOWERS}/{index}", attributes, why=f"show layer {index}")
    for mount in blueprint.mounts:
        _mount_point(s, SKELETON + mount.target, mount, is_directory)
    if whole or not blueprint.writable:
        options = overlay_options(blueprint, base="") + ",userxattr"
        attributes = k.MS_RDONLY | k.MS_NODEV
        s.mount("overlay", ROOT, options, attributes, why="stack the layers")
    for index, mount in enumerate(blueprint.mounts):
        place = ROOT + mount.target if whole else f"{MOUNTS}/{index}"
        if not whole:
            _mount_point(s, place, mount, is_directory)
        _prepare(s, index, mount, place, facts, own_network=own_network)
        if mount.kind == "devices":
            for later in blueprint.mounts[index + 1 :]:
                _mount_point_in_devices(s, mount, place, later, is_directory)
            s.restrict(place, k.MOUNT_ATTR_RDONLY)
    if whole:
        s.add("chdir", ROOT, why="go to the container's root")
    s.add("pivot_root", ".", ".", why="make it the root")
    s.add("umount2", ".", k.MNT_DETACH, why="let go of the host's files")
    s.add("chdir", "/", why="go to the root")
    return s.all


def _open_sources(s: _Steps, index: int, mount: MountPlan, *, own_network: bool) -> None:
    match mount.kind:
        case "bind":
            s.open_tree(mount.source, saves=f"mount {index}", why=f"open {mount.source}")
        case "sys" if not own_network:
            s.open_tree("/sys", saves=f"mount {index}", why="open the host's /sys")
        case "devices":
            for name in mount.names:
                s.open_tree(f"/dev/{name}", saves=f"device {name}", why=f"open /dev/{name}")


def _mount_point(s: _Steps, path: str, mount: MountPlan, is_directory: Mapping[str, bool]) -> None:
    if mount.kind == "bind" and not is_directory[mount.source]:
        s.file(path)
    else:
        s.directory(path)


def _prepare(
    s: _Steps, index: int, mount: MountPlan, place: str, facts: SlotFacts, *, own_network: bool
) -> None:
    s.is_there(place)
    match mount.kind:
        case "bind":
            read_only = k.MOUNT_ATTR_RDONLY if mount.read_only else 0
            attributes = read_only | k.MOUNT_ATTR_NOSUID | k.MOUNT_ATTR_NODEV
            what = f"show {mount.source} as {mount.target}"
            s.attach(f"mount {index}", place, attributes, why=what)
        case "proc":
            # The kernel allows a new proc only where one is visible already; this one is out of
            # reach for jobs, below a directory that nobody may enter.
            s.mount("tmpfs", place, "mode=0000", k.MS_NOSUID | k.MS_NODEV, why="hide a /proc")
            s.directory(f"{place}/{HIDDEN}")
            guarded = k.MS_NOSUID | k.MS_NODEV | k.MS_NOEXEC
            s.mount("proc", f"{place}/{HIDDEN}", "", guarded, why="mount a /proc for the slot")
            if facts.read_only or facts.masked:
                # Not in that one: jobs may mount a proc only if a whole one is there.
                s.directory(f"{place}/{GUARDED}")
                s.mount("proc", f"{place}/{GUARDED}", "", guarded, why="mount one to be guarded")
                _guard_proc(s, f"{place}/{GUARDED}", facts)
            s.restrict(place, k.MOUNT_ATTR_RDONLY)
        case "sys" if own_network:
            guarded = k.MS_RDONLY | k.MS_NOSUID | k.MS_NODEV | k.MS_NOEXEC
            s.mount("sysfs", place, "", guarded, why=f"mount {mount.target}")
        case "sys":
            guarded = (
                k.MOUNT_ATTR_RDONLY | k.MOUNT_ATTR_NOSUID | k.MOUNT_ATTR_NODEV | k.MOUNT_ATTR_NOEXEC
            )
            s.attach(f"mount {index}", place, guarded, why=f"show the host's {mount.target}")
        case "devices":
            _prepare_devices(s, mount, place)


def _guard_proc(s: _Steps, proc: str, facts: SlotFacts) -> None:
    """Make what is dangerous in a /proc read-only or empty; jobs bind it over their own."""
    for name in facts.read_only:
        path = f"{proc}/{name}"
        s.add("mount", path, path, "", k.MS_BIND, 0, why=f"take {path} by itself")
        s.restrict(path, k.MOUNT_ATTR_RDONLY)
    for name in facts.masked:
        path = f"{proc}/{name}"
        s.add("mount", "/dev/null", path, "", k.MS_BIND, 0, why=f"mask {path}")
        s.restrict(path, k.MOUNT_ATTR_RDONLY | k.MOUNT_ATTR_NOSUID | k.MOUNT_ATTR_NOEXEC)


def _prepare_devices(s: _Steps, mount: MountPlan, place: str) -> None:
    s.mount("tmpfs", place, "mode=0755", k.MS_NOSUID, why=f"mount {mount.target}")
    for name in mount.names:
        s.file(f"{place}/{name}")
        attributes = k.MOUNT_ATTR_NOSUID | k.MOUNT_ATTR_NOEXEC
        s.attach(f"device {name}", f"{place}/{name}", attributes, why=f"show /dev/{name}")
    for target, name in _DEVICE_LINKS:
        s.add("symlinkat", target, k.AT_FDCWD, f"{place}/{name}", why=f"link /dev/{name}")
    for name in OF_DEVICES:
        s.directory(f"{place}/{name}")


def _mount_point_in_devices(
    s: _Steps, devices: MountPlan, place: str, mount: MountPlan, is_directory: Mapping[str, bool]
) -> None:
    """Make room for what is mounted within a /dev, which nothing can be made in later."""
    name = mount.target[len(devices.target) + 1 :]
    there = {*OF_DEVICES, *devices.names, *(link for _, link in _DEVICE_LINKS)}
    if lies_below(mount.target, devices.target) and name and name.split("/")[0] not in there:
        _mount_point(s, f"{place}/{name}", mount, is_directory)
