"""Containers → blueprints and messages for slots. Pure."""

import os
from collections.abc import Sequence
from functools import lru_cache

from maelstrom_core.container.blueprint import MOST_SUPPLEMENTARY, Blueprint, MountPlan
from maelstrom_core.container.flags import CAPABILITIES
from maelstrom_core.container.messages import Launch, Prepare
from maelstrom_core.errors import InputError
from maelstrom_core.model.container import (
    LEAST_CPU,
    Bind,
    Container,
    Devices,
    Devpts,
    Mount,
    Mqueue,
    Proc,
    Sys,
    Tmp,
)
from maelstrom_core.model.plain import digest_of

DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"
MAX_LAYERS = 499
"""The kernel stacks 500 (OVL_MAX_STACK in fs/overlayfs/params.h); one may hold mount points."""


def blueprint_of(
    container: Container, *, lowers: Sequence[str], host_trees: Sequence[tuple[str, str]] = ()
) -> Blueprint:
    """What slots need to know of a container.

    :param lowers: host directories of its layers, lowest first
    :param host_trees: host path and container path of trees that are used in place
    :raises InputError: for paths that are not absolute and normal, for unknown capabilities,
        for sizes below 1 and for more than `MAX_LAYERS` layers
    """
    # Shallow ones first: a tree may be shown inside another one.
    trees = sorted(host_trees, key=lambda tree: tree[1].count("/"))
    mounts = [MountPlan("bind", target, source) for source, target in trees]
    mounts += [_mount_plan(mount) for mount in container.mounts]
    faults = [
        f"mounts: {path!r} must be absolute, without '.', '..' and doubled or trailing slashes"
        for mount in mounts
        for path in (mount.target, mount.source or "/ok")
        if not path.startswith("/") or os.path.normpath(path) != path or path == "//"
    ]
    if len(lowers) > MAX_LAYERS:
        faults.append(f"layers: {len(lowers)} of them; {MAX_LAYERS} at most can be stacked")
    faults += [f"mounts: {m.kind} cannot cover the root" for m in mounts if m.target == "/"]
    if container.template is not None:
        if not any(mount.kind == "proc" and mount.target == "/proc" for mount in mounts):
            faults.append("template: it needs a /proc")
        if not container.init:
            faults.append("template: it needs an init")
    faults += [
        f"capabilities: unknown {name!r}"
        for name in container.capabilities
        if name not in CAPABILITIES
    ]
    sizes = [(f"mounts: {m.target}", m.size_bytes) for m in mounts if m.kind in ("tmp", "devices")]
    if container.root.writable:
        sizes += [("root", container.root.size_bytes), ("root: files", container.root.max_files)]
    if container.root.captured and not container.root.writable:
        faults.append("root: what cannot be written to has no changes to be captured")
    if len(container.supplementary_groups) > MOST_SUPPLEMENTARY:
        faults.append(f"supplementary_groups: {MOST_SUPPLEMENTARY} at most")
    # The kernel takes 0 for a tmpfs without any limit.
    faults += [f"{what}: {size} is no size; at least 1 is" for what, size in sizes if size < 1]
    limits = container.limits
    faults += [
        f"limits: {name}: {value} is no limit; at least {least} is"
        for name, value, least in (
            ("memory", limits.memory_bytes, 1),
            ("pids", limits.pids, 1),
            ("cpu", limits.cpu, LEAST_CPU),
            ("cpu_seconds", limits.cpu_seconds, 1),
            ("output", limits.output_bytes, 1),
        )
        if value is not None and value < least
    ]
    if faults:
        raise InputError("bad container", faults)
    return Blueprint(
        lowers=tuple(lowers),
        mounts=tuple(mounts),
        writable=container.root.writable,
        size_bytes=container.root.size_bytes,
        max_files=container.root.max_files,
        network=container.network.value,
        fresh_network=container.fresh_network,
        user=container.user,
        group=container.group,
        hostname=container.hostname,
        pids=limits.pids,
        cpu=limits.cpu,
        cpu_seconds=limits.cpu_seconds,
        file_bytes=limits.file_bytes,
        open_files=limits.open_files,
        memory_bytes=limits.memory_bytes,
        core_bytes=limits.core_bytes,
        output_bytes=limits.output_bytes,
        capabilities=sum(1 << CAPABILITIES.index(name) for name in container.capabilities),
        seccomp=container.seccomp,
        init=container.init,
        template=container.template is not None,
        captured=container.root.captured,
        supplementary=tuple(dict.fromkeys(container.supplementary_groups)),
    )


def _mount_plan(mount: Mount) -> MountPlan:
    match mount:
        case Bind(source=source, target=target, read_only=read_only):
            return MountPlan("bind", target, source, read_only)
        case Tmp(target=target, size_bytes=size, mode=mode):
            return MountPlan("tmp", target, size_bytes=size, mode=mode)
        case Proc(target=target):
            return MountPlan("proc", target)
        case Sys(target=target):
            return MountPlan("sys", target)
        case Devices(target=target, names=names, shm_bytes=size):
            return MountPlan("devices", target, size_bytes=size, names=names)
        case Devpts(target=target):
            return MountPlan("devpts", target)
        case Mqueue(target=target):
            return MountPlan("mqueue", target)


def prepare_message(
    container: Container, *, lowers: Sequence[str], host_trees: Sequence[tuple[str, str]] = ()
) -> Prepare:
    """What a slot must be told before it can launch jobs in a container.

    :raises InputError: as `blueprint_of`
    """
    spec = blueprint_of(container, lowers=lowers, host_trees=host_trees).to_plain()
    return Prepare(key=digest_of(spec).hex, spec=spec)


def candidate_paths(program: str, environment: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Paths to be tried for a program, as execvp(3) would with the job's own ``PATH``."""
    if "/" in program:
        return (program,)
    path = dict(environment).get("PATH", DEFAULT_PATH)
    return tuple(f"{directory}/{program}" for directory in path.split(":") if directory)


def launch_arguments(launch: Launch) -> tuple[bytes, ...]:
    """``argv`` for the init: its name, the paths to try, an empty text, the program's ``argv``."""
    before = _before_arguments(launch.program, launch.environment)
    return (*before, *map(os.fsencode, launch.arguments)) if launch.arguments else before


@lru_cache(maxsize=256)
def _before_arguments(program: str, environment: tuple[tuple[str, str], ...]) -> tuple[bytes, ...]:
    """What stands before the arguments: the same for many jobs of a run."""
    candidates = candidate_paths(program, environment) or (program,)
    return tuple(map(os.fsencode, ("maelstrom-init", *candidates, "", program)))
