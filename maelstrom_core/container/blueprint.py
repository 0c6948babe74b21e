"""A container as slot processes know it: directories of this host instead of digests.

Pure; standard library only, and of that nothing that is slow to load. The engine makes blueprints
(`maelstrom_core.container.plan`); slot processes plan from them.
"""

from typing import Any, NamedTuple

MOST_SUPPLEMENTARY = 32
"""Supplementary groups of one container: so many ids a slot asks for."""
OF_DEVICES = ("shm", "pts", "mqueue")
"""Directories of a /dev in which each job mounts something of its own."""


class MountPlan(NamedTuple):
    """One mount, in the order in which it is to be made.

    :param kind: ``bind``, ``tmp``, ``proc``, ``sys``, ``devices``, ``devpts`` or ``mqueue``
    :param target: absolute path in the container
    :param source: host path of a bind
    :param read_only: of a bind
    :param size_bytes: of a tmpfs; of /dev/shm for devices
    :param mode: of a tmpfs
    :param names: device nodes
    """

    kind: str
    target: str
    source: str = ""
    read_only: bool = True
    size_bytes: int = 0
    mode: int = 0o755
    names: tuple[str, ...] = ()

    def with_names(self, names: tuple[str, ...]) -> "MountPlan":
        """The same with these device nodes."""
        return self._replace(names=names)


class Blueprint(NamedTuple):
    """All that is needed to make a container, but for the job in it.

    :param lowers: host directories, lowest first
    :param mounts: host trees first, then all others
    :param capabilities: mask of those that are kept
    :param captured: whether what is written to its root is handed to the slot
    :param template: whether its first program stays and is forked for each job
    :param groups: directory in which jobs get control groups of their own; empty for none
    :param controllers: what can be limited there
    :param no_groups: why there is none, though its limits would need it
    :param supplementary: ids of the groups that its processes are in besides their own
    """

    lowers: tuple[str, ...]
    mounts: tuple[MountPlan, ...]
    writable: bool
    size_bytes: int
    max_files: int
    network: str
    fresh_network: bool
    user: int
    group: int
    hostname: str
    pids: int | None
    cpu: float | None
    cpu_seconds: int | None
    file_bytes: int | None
    open_files: int | None
    memory_bytes: int | None
    core_bytes: int | None
    output_bytes: int | None
    capabilities: int
    seccomp: bool
    init: bool
    template: bool = False
    groups: str = ""
    controllers: tuple[str, ...] = ()
    no_groups: str = ""
    captured: bool = False
    supplementary: tuple[int, ...] = ()

    def to_plain(self) -> dict[str, Any]:
        """As dicts and tuples of plain values."""
        return {**self._asdict(), "mounts": tuple(mount._asdict() for mount in self.mounts)}

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> "Blueprint":
        """The opposite of `to_plain`."""
        values = {name: plain[name] for name in cls._fields}
        mounts = tuple(MountPlan(**{**m, "names": tuple(m["names"])}) for m in plain["mounts"])
        return cls(**{**values, "lowers": tuple(plain["lowers"]), "mounts": mounts})

    def with_mounts(self, mounts: tuple[MountPlan, ...]) -> "Blueprint":
        """The same with these mounts."""
        return self._replace(mounts=mounts)

    def own_of_devices(self, devices: MountPlan) -> tuple[str, ...]:
        """Of `OF_DEVICES`, those in whose place no later mount comes."""
        # The kernel refuses to mount the queues of a namespace twice at one place.
        later = {mount.target for mount in self.mounts[self.mounts.index(devices) + 1 :]}
        return tuple(name for name in OF_DEVICES if f"{devices.target}/{name}" not in later)

    @property
    def terminals(self) -> str:
        """Where the container has its terminals, ``/dev/pts`` if it may be; nothing if it has none."""
        found = [m.target + "/pts" for m in self.mounts if m.kind == "devices"]
        found += [mount.target for mount in self.mounts if mount.kind == "devpts"]
        return "/dev/pts" if "/dev/pts" in found else next(iter(found), "")

    @property
    def staged(self) -> bool:
        """Whether each job must build its root and pivot into it.

        A read-only root without capabilities can be the slot's own prepared mount namespace, of
        which the job gets a copy; unless a bind lies below a mount that each job makes anew, or
        anything below a tmpfs, which is empty until the job has made the mount point.
        """
        if self.writable or self.capabilities or self.template:
            return True
        fresh: list[MountPlan] = []
        for mount in self.mounts:
            covering = [other.kind for other in fresh if lies_below(mount.target, other.target)]
            if "tmp" in covering or (covering and mount.kind == "bind"):
                return True
            if mount.kind != "bind":
                fresh.append(mount)
        return False


def lies_below(path: str, directory: str) -> bool:
    """Whether ``path`` is ``directory`` or below it; both absolute and normal."""
    return path == directory or path.startswith(directory.rstrip("/") + "/")
