"""Containers as they travel, and which jobs can run on another machine than their client's. Pure."""

import attrs

from maelstrom_core.errors import InputError
from maelstrom_core.model.container import Bind, Container, ContainerSpec, Network
from maelstrom_core.model.digest import Digest
from maelstrom_core.model.job import JobSpec
from maelstrom_core.model.layers import StoredLayer
from maelstrom_core.model.plain import decode, encode, from_plain


def container_bytes(container: Container) -> bytes:
    """What travels; its digest is the container's name."""
    return encode(container)


def container_of(name: bytes, data: bytes) -> Container:
    """The container again, out of bytes that a peer has sent.

    :param name: the digest that the peer has called it by
    :raises InputError: if the bytes are not what that digest names, or are no container of ours
    """
    if bytes.fromhex(Digest.of(data).hex) != name:
        raise InputError("bad container", ["its bytes are not those that its digest names"])
    container = from_plain(Container, decode(data), what="container")
    # What was read as something else than it says would be another container.
    if encode(container) != data:
        raise InputError("bad container", ["its bytes are not as they are made"])
    return container


def spec_of(container: Container, origin: str) -> ContainerSpec:
    """The same for a machine in whose store its layers are.

    :param origin: where those come from, for people
    """
    fields = attrs.asdict(container, recurse=False)
    layers = tuple(StoredLayer(digest=one, origin=origin) for one in container.layers)
    return ContainerSpec(**(fields | {"layers": layers}))


def other(container: ContainerSpec, origin: str) -> ContainerSpec:
    """The same with layers that come from elsewhere: to an engine another one."""
    layers = tuple(
        attrs.evolve(layer, origin=origin) if isinstance(layer, StoredLayer) else layer
        for layer in container.layers
    )
    return attrs.evolve(container, layers=layers)


def why_not_elsewhere(container: ContainerSpec | Container) -> str:
    """Why only its client's machine can run jobs in it; empty if others can."""
    if container.network is Network.LOCAL:
        return "it uses the network of its client's machine"
    binds = [one.source for one in container.mounts if isinstance(one, Bind)]
    if binds:
        return f"it shows {binds[0]} of its client's machine"
    return ""


def why_local(job: JobSpec) -> str:
    """Why a job has to run on its client's machine; empty if it need not.

    A warm-up stays here: what it tells, a run waits for before all else, and each worker warms its own
    template when the first fork of it comes. A job that has a terminal runs anywhere.
    """
    if job.fault:
        return "it cannot be run at all"
    if job.warm_up:
        return "it warms up a template"
    return why_not_elsewhere(job.container)
