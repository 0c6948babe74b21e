"""The script of one job's child: from clone to exec. Pure; standard library only.

The child of a *job* becomes its program. That of a *template* does too, but keeps the parts of its
root within reach of a descriptor, so that *forks* of it can build roots of their own. A fork's
script is performed by a child of the template, which shares its memory; it ends with a clone, whose
child is the fork, as pid 2 within all that was made, and with the init that waits for it as pid 1.

Why this order:

- ids are mapped before anything is mounted: files made before would belong to nobody; setgroups
  is denied before gid_map, or an unprivileged writer is refused (user_namespaces(7));
- mounts come before the pivot, the pivot before what names paths of the job;
- the limit of pids is written while /proc/sys can still be written;
- capabilities go after the last privileged call, no_new_privs after them, the parent-death signal
  after every change of credentials (which clears it, prctl(2));
- the seccomp filter is the slot's, inherited (`slot_plan.filter_steps`);
- descriptors are marked close-on-exec instead of closed, since the script itself still uses some;
- a fork goes to the parts before it copies the mount namespace: the kernel then moves its working
  directory to the copy, and from there relative names lead to what it may mount from;
- a fork is cloned after the last privileged call: nothing of it ever runs with a capability.
"""

from collections.abc import Mapping
from struct import pack

from maelstrom_core.container import flags as k
from maelstrom_core.container.blueprint import Blueprint, MountPlan, lies_below
from maelstrom_core.container.facts import SlotFacts
from maelstrom_core.container.limits_plan import NAMESPACE
from maelstrom_core.container.restrict_plan import (
    JobSteps,
    Role,
    limits,
    limits_of,
    privileges,
    signals,
)
from maelstrom_core.container.script import Parameter, Result, Rights, Step, Texts
from maelstrom_core.container.slot_plan import PRIVILEGES_OF_A_NETWORK, loopback_steps
from maelstrom_core.container.tree_plan import (
    FORK_ROOT,
    FROZEN,
    GUARDED,
    HIDDEN,
    MOUNTS,
    PARTS,
    ROOT,
    overlay_options,
)

REPORT_DESCRIPTOR = 3
STATUS_DESCRIPTOR = 4
LETTER_DESCRIPTOR = 5
CONTROL_DESCRIPTOR = 6
PARTS_DESCRIPTOR = 7
"""A template's: the socket over which it is asked for forks, and the parts that their roots need."""
GATE = "gate"
"""The parameter of a descriptor that is read from until the job's group ids are mapped."""
NAMESPACES = (
    k.CLONE_NEWUSER
    | k.CLONE_NEWNS
    | k.CLONE_NEWPID
    | k.CLONE_NEWIPC
    | k.CLONE_NEWUTS
    | k.CLONE_NEWCGROUP
)
_GUARDED = k.MS_NOSUID | k.MS_NODEV | k.MS_NOEXEC


def namespaces_of(blueprint: Blueprint) -> int:
    """Flags of clone3 for the namespaces that are the job's own.

    The network namespace is the slot's, which a job cannot alter, unless a fresh one is asked for.
    """
    return NAMESPACES | (k.CLONE_NEWNET if blueprint.fresh_network else 0)


def fork_namespaces_of(blueprint: Blueprint) -> int:
    """The same for a fork of a template.

    Its mount namespace is made by its script. Its network is its own, since many forks run at once
    in one slot, of which the network is.
    """
    network = 0 if blueprint.network == "local" else k.CLONE_NEWNET
    return (namespaces_of(blueprint) & ~k.CLONE_NEWNS) | network


def job_steps(
    blueprint: Blueprint,
    facts: SlotFacts,
    is_directory: Mapping[str, bool],
    *,
    candidates: int = 1,
    role: Role = Role.JOB,
    terminal: bool = False,
    held: bool = False,
) -> list[Step]:
    """The script; performed in the child right after clone3.

    Parameters: ``proc`` (descriptor of a /proc that shows the child), ``stdin``, ``stdout``,
    ``stderr``, ``report``, ``status``, ``letter`` (descriptors of 10 and above), ``argv``,
    ``envp``, ``cwd`` (addresses), ``init`` (descriptor) or ``program 0`` … (addresses of paths to
    be tried); of a template also ``control`` (descriptor); on a terminal also ``line`` (descriptor
    of a socket over which the slot is sent its end) and ``window`` (address of its size); if its
    mounts are held, ``mounts`` (descriptor of a socket over which the slot is sent them).

    :param is_directory: for each host path to be shown whether it is a directory
    :param candidates: how many paths are tried for the program, if it is pid 1 itself
    :param role: for forks see `fork_steps`
    :param terminal: whether a terminal of the container's own is its standard streams
    :param held: whether the slot needs its mounts when it has ended, however soon that is
    """
    s = JobSteps()
    if not blueprint.init:
        # The init makes one for the program; one more costs more than most steps do.
        s.add("setsid", why="start a session of its own")
    _beginning(s, blueprint, facts, is_directory, role)
    if held:
        own = (Parameter("proc"), "self/ns/mnt", k.O_CLOEXEC, 0)
        s.add("openat", *own, why="keep its mounts", saves="mounts")
        s.add("sendmsg", Parameter("mounts"), Rights("mounts"), 0, why="hand its mounts over")
    if terminal:
        _terminal(s, blueprint)
    s.add("chdir", Parameter("cwd"), why="go to the working directory")
    s.add("umask", 0o022, why="set the usual umask")
    signals(s)
    privileges(s, blueprint, role)
    lowest = LETTER_DESCRIPTOR + 1 if blueprint.init else REPORT_DESCRIPTOR + 1
    if role is Role.TEMPLATE:
        lowest = PARTS_DESCRIPTOR + 1
    _keep_descriptors_from(s, lowest)
    argv, envp = Parameter("argv"), Parameter("envp")
    if blueprint.init:
        s.add("execveat", Parameter("init"), "", argv, envp, k.AT_EMPTY_PATH, why="start the init")
    for index in range(0 if blueprint.init else candidates):
        last = index == candidates - 1
        program = Parameter(f"program {index}")
        s.add("execve", program, argv, envp, why="start the program", may_fail=not last)
    return s.all


def fork_steps(
    blueprint: Blueprint,
    facts: SlotFacts,
    is_directory: Mapping[str, bool],
    *,
    working_directory: bytes,
) -> list[Step]:
    """The script of a template's child, right after a clone3 with `fork_namespaces_of`.

    Parameters: ``stdin``, ``stdout``, ``stderr``, ``report``, ``status``, ``parts``, ``init``
    (descriptors of 10 and above), ``fork arguments`` (address of ``struct clone_args``). Signals
    are blocked throughout, for until the init is started their handlers are the template's.
    """
    s = JobSteps()
    _beginning(s, blueprint, facts, is_directory, Role.FORK)
    s.add("chdir", working_directory, why="go to the working directory")
    s.add("umask", 0o022, why="set the usual umask")
    privileges(s, blueprint, Role.FORK)
    s.add_clone(Parameter("fork arguments"), 88, why="fork the template")
    _keep_descriptors_from(s, STATUS_DESCRIPTOR + 1)
    # Without a path to try, the init waits for who is there already.
    argv, envp = Texts((b"maelstrom-init", b"", b"fork")), Texts(())
    s.add("execveat", Parameter("init"), "", argv, envp, k.AT_EMPTY_PATH, why="start the init")
    return s.all


def _beginning(
    s: JobSteps,
    blueprint: Blueprint,
    facts: SlotFacts,
    is_directory: Mapping[str, bool],
    role: Role,
) -> None:
    """From the clone to a container in which only the program is missing."""
    _descriptors(s, blueprint, role)
    fork = role is Role.FORK
    # A fork's ids are the template's own; those of other jobs are the slot's, which is 0.
    user, group = (blueprint.user, blueprint.group) if fork else (0, 0)
    at, own = (k.AT_FDCWD, "/proc/self") if fork else (Parameter("proc"), "self")
    s.write(at, f"{own}/uid_map", f"{blueprint.user} {user} 1\n", why="map the user id")
    if blueprint.supplementary and role is Role.JOB:
        _join_groups(s, blueprint.supplementary)
    else:
        why = "give up setgroups, as mapping groups demands"
        s.write(at, f"{own}/setgroups", "deny", why=why)
        s.write(at, f"{own}/gid_map", f"{blueprint.group} {group} 1\n", why="map the group id")
    if blueprint.groups and role is Role.JOB:
        # That of the clone has the slot's group as its root; the job is in its own by now.
        s.add("unshare", k.CLONE_NEWCGROUP, why="see no control group but its own")
    if fork:
        s.add("fchdir", Parameter("parts"), why="go to the parts of the root")
        s.add("unshare", k.CLONE_NEWNS, why="make a mount namespace")
    if blueprint.network == "loopback" and (blueprint.fresh_network or fork):
        s.all += loopback_steps()
    if fork and blueprint.network != "local":
        # Through the slot's own /proc, which is within reach only here.
        hidden = next(i for i, mount in enumerate(blueprint.mounts) if mount.kind == "proc")
        for name, text in PRIVILEGES_OF_A_NETWORK:
            path = f"{MOUNTS}/{hidden}/{HIDDEN}/sys/{name}"
            s.write(k.AT_FDCWD, path, text, why=f"set {name}", may_fail=True)
    s.add("umask", 0, why="make modes exact")
    if blueprint.staged:
        _build_root(s, blueprint, facts, is_directory, role)
    else:
        for mount in blueprint.mounts:
            _mount_fresh(s, mount, mount.target, "", (blueprint, facts, role))
    limits(s, blueprint, facts, role)
    name = blueprint.hostname
    s.add("sethostname", name, len(name.encode()), why="set the host name")


def _join_groups(s: JobSteps, groups: tuple[int, ...]) -> None:
    """Join groups when their ids are mapped, which the slot does: nobody can map several himself."""
    s.add("read", Parameter(GATE), b"g", 1, why="wait until group ids are mapped")
    ids = pack(f"<{len(groups)}I", *groups)
    s.add("setgroups", len(groups), ids, why="join supplementary groups")


def _descriptors(s: JobSteps, blueprint: Blueprint, role: Role) -> None:
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        s.add("dup3", Parameter(name), number, 0, why=f"connect {name}")
    # Left out of jobs without a report: the slot then names a descriptor that is close-on-exec.
    s.add(
        "dup3", Parameter("report"), REPORT_DESCRIPTOR, Parameter("report flags"), why="connect it"
    )
    if blueprint.init:
        s.add("dup3", Parameter("status"), STATUS_DESCRIPTOR, 0, why="connect the init's status")
    if blueprint.init and role is not Role.FORK:
        kept = Parameter("letter flags")
        s.add("dup3", Parameter("letter"), LETTER_DESCRIPTOR, kept, why="connect the init")
    if role is Role.TEMPLATE:
        s.add("dup3", Parameter("control"), CONTROL_DESCRIPTOR, 0, why="connect the control socket")
        # Taken until the parts are there, for what is opened meanwhile gets a number above it.
        s.add("dup3", Parameter("stdin"), PARTS_DESCRIPTOR, 0, why="keep a place for the parts")


def _terminal(s: JobSteps, blueprint: Blueprint) -> None:
    """Open a terminal, connect it, and send the slot its end: nobody else keeps that."""
    path, how = f"{blueprint.terminals}/ptmx", k.O_RDWR | k.O_NOCTTY | k.O_CLOEXEC
    s.add("openat", k.AT_FDCWD, path, how, 0, why="make a terminal", saves="terminal")
    end = Result("terminal")
    s.add("ioctl", end, k.TIOCSPTLCK, pack("<i", 0), why="unlock the terminal")
    s.add("ioctl", end, k.TIOCSWINSZ, Parameter("window"), why="set the terminal's size")
    s.add("ioctl", end, k.TIOCGPTPEER, how, why="open the terminal", saves="program's side")
    for number in range(3):
        s.add("dup3", Result("program's side"), number, 0, why="connect the terminal")
    s.add("sendmsg", Parameter("line"), Rights("terminal"), 0, why="hand the terminal's end over")
    if not blueprint.init:
        # The init's program does so after it has begun a session.
        s.add("ioctl", 0, k.TIOCSCTTY, 0, why="make it the session's own terminal")


def _keep_descriptors_from(s: JobSteps, lowest: int) -> None:
    why = "keep descriptors from the job"
    s.add("close_range", lowest, 0xFFFFFFFF, k.CLOSE_RANGE_CLOEXEC, why=why)


def _build_root(
    s: JobSteps,
    blueprint: Blueprint,
    facts: SlotFacts,
    is_directory: Mapping[str, bool],
    role: Role,
) -> None:
    """Mount the job's own root out of the prepared parts, and pivot into it."""
    fork = role is Role.FORK
    base = "" if fork else "/"
    prepared, root = f"{base}{ROOT}", f"{base}{FORK_ROOT if fork else ROOT}"
    if blueprint.writable:
        options = f"mode=0755,size={blueprint.size_bytes},nr_inodes={blueprint.max_files}"
        attributes = k.MS_NOSUID | k.MS_NODEV
        s.mount("tmpfs", root, options, attributes, why="make room for what the job writes")
        for part in ("u", "w", "c", *([FROZEN] if role is Role.TEMPLATE else [])):
            s.add(
                "mkdirat", k.AT_FDCWD, f"{root}/{part}", 0o755, why="make room for what it writes"
            )
        lower = overlay_options(blueprint, base=base, frozen=fork)
        options = f"{lower},upperdir={root}/u,workdir={root}/w,userxattr"
        upper, root = root, f"{root}/c"
        s.mount("overlay", root, options, k.MS_NODEV, why="mount the writable root")
        if blueprint.captured and role is Role.JOB:
            _hand_over(s, f"{upper}/u")
    else:
        # The slot's own mount is locked here, and a locked one cannot be pivoted to.
        s.bind(prepared, root, why="take the root for the job's own")
    fresh: list[str] = []
    for index, mount in enumerate(blueprint.mounts):
        place = root + mount.target
        part = f"{base}{MOUNTS}/{index}"
        if any(lies_below(mount.target, other) for other in fresh):
            file = mount.kind == "bind" and not is_directory[mount.source]
            _make_mount_point(s, root, mount.target, fresh, file=file)
        if mount.kind in ("bind", "sys", "devices"):
            s.bind(part, place, why=f"mount {mount.target}")
        _mount_fresh(s, mount, place, part, (blueprint, facts, role))
        if mount.kind == "tmp":
            fresh.append(mount.target)
    s.add("chdir", root, why="go to the job's root")
    if role is Role.TEMPLATE:
        _keep_parts(s)
        return
    s.add("pivot_root", ".", ".", why="make it the root")
    s.add("umount2", ".", k.MNT_DETACH, why="let go of the parts")


def _hand_over(s: JobSteps, upper: str) -> None:
    """Send the slot what will have been written: no path leads there when the root is in place."""
    s.add("openat", k.AT_FDCWD, upper, k.O_CLOEXEC, 0, why="keep what is written", saves="changes")
    s.add("sendmsg", Parameter("changes"), Rights("changes"), 0, why="hand it over")


def _keep_parts(s: JobSteps) -> None:
    """Pivot, keep the parts within reach of a descriptor, and cover them for everybody else."""
    s.add("pivot_root", ".", PARTS, why="make it the root")
    how = k.O_PATH | k.O_CLOEXEC
    s.add("openat", k.AT_FDCWD, PARTS, how, 0, why="keep the parts", saves="parts")
    s.add("dup3", Result("parts"), PARTS_DESCRIPTOR, 0, why="keep the parts")
    attributes = k.MS_NOSUID | k.MS_NODEV | k.MS_RDONLY
    s.mount("tmpfs", PARTS, "mode=0000,size=4k", attributes, why="cover the parts")


def _make_mount_point(s: JobSteps, root: str, target: str, fresh: list[str], *, file: bool) -> None:
    """A mount point below an empty tmpfs that the job has just mounted, and its parents."""
    top = max((other for other in fresh if lies_below(target, other)), key=len)
    path = top.rstrip("/")
    parts = target[len(path) :].strip("/").split("/")
    for part in parts[:-1] if file else parts:
        path = f"{path}/{part}"
        s.add("mkdirat", k.AT_FDCWD, root + path, 0o755, why=f"make {path}", may_fail=True)
    if file:
        name, how = f"file {target}", k.O_WRONLY | k.O_CREAT | k.O_CLOEXEC
        s.add("openat", k.AT_FDCWD, root + target, how, 0o644, why=f"make {target}", saves=name)
        s.add("close", Result(name), why=f"close {target}")


def _mount_fresh(
    s: JobSteps,
    mount: MountPlan,
    place: str,
    prepared: str,
    whose: tuple[Blueprint, SlotFacts, Role],
) -> None:
    """What must be each job's own; the rest of the mounts is prepared already."""
    what = f"mount {mount.target}"
    match mount.kind:
        case "tmp":
            options = f"mode={mount.mode:o},size={mount.size_bytes}"
            s.mount("tmpfs", place, options, k.MS_NOSUID | k.MS_NODEV, why=what)
        case "proc":
            _mount_proc(s, place, prepared, *whose)
        case "devices":
            own = whose[0].own_of_devices(mount)
            if "shm" in own:
                options = f"mode=1777,size={mount.size_bytes}"
                shared = k.MS_NOSUID | k.MS_NODEV
                s.mount("tmpfs", f"{place}/shm", options, shared, why=f"{what}/shm")
            if "pts" in own:
                _mount_terminals(s, f"{place}/pts", why=f"{what}/pts")
            if "mqueue" in own:
                s.mount("mqueue", f"{place}/mqueue", "", _GUARDED, why=f"{what}/mqueue")
        case "devpts":
            _mount_terminals(s, place, why=what)
        case "mqueue":
            s.mount("mqueue", place, "", _GUARDED, why=what)


def _mount_terminals(s: JobSteps, place: str, *, why: str) -> None:
    options = "newinstance,ptmxmode=0666,mode=0620"
    s.mount("devpts", place, options, k.MS_NOSUID | k.MS_NOEXEC, why=why)


def _mount_proc(
    s: JobSteps, place: str, prepared: str, blueprint: Blueprint, facts: SlotFacts, role: Role
) -> None:
    """Mount a /proc, and over it what the slot has guarded in its own.

    :param prepared: where the slot's own is; empty if ``place`` covers it
    """
    what = f"mount {place}"
    guarded = f"{prepared}/{GUARDED}" if prepared else GUARDED
    if not prepared:
        # What is covered by the mount can still be reached from a working directory below it.
        s.add("chdir", place, why=f"stay below {place}")
    s.mount("proc", place, "", _GUARDED, why=what)
    for limit in limits_of(blueprint, facts, role):
        if (limit.name, limit.by) == ("pids", NAMESPACE):
            path, most = f"{place}/sys/kernel/pid_max", str(int(limit.allowed))
            s.write(k.AT_FDCWD, path, most, why="limit the number of pids")
    for name in (*facts.read_only, *facts.masked):
        source, target = f"{guarded}/{name}", f"{place}/{name}"
        s.add("mount", source, target, 0, k.MS_BIND, 0, why=f"guard {target}")
