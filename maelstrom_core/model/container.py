"""What a container is: as runners ask for it, and as it travels. Pure."""

import enum
from typing import TypeAlias

import attrs

from maelstrom_core.model.digest import Digest
from maelstrom_core.model.layers import CommandLayer, LayerSpec
from maelstrom_core.model.plain import digest_of, tagged_union

MEBIBYTE = 1 << 20
USUAL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where programs are looked for if nobody says otherwise; Docker's."""
MOST_GROUPS = 32
"""Supplementary groups that a container can have."""
LEAST_CPU = 0.01
"""The kernel's smallest share: a thousandth of a second in each tenth of one."""


class Network(enum.Enum):
    """What a container sees of the network."""

    DISABLED = "disabled"
    """An empty network namespace; not even loopback is up."""
    LOOPBACK = "loopback"
    """A network namespace of its own with loopback up."""
    LOCAL = "local"
    """The host's own network; only on the client's machine."""


@attrs.frozen(kw_only=True)
class Bind:
    """A directory or file of the host, shown in the container.

    :param source: absolute host path
    :param read_only: and locked so: the job cannot make it writable
    """

    source: str
    target: str
    read_only: bool = True


@attrs.frozen(kw_only=True)
class Tmp:
    """A fresh, empty, private tmpfs.

    :param size_bytes: writes past it fail with ENOSPC
    :param mode: permission bits of its root
    """

    target: str
    size_bytes: int = 256 * MEBIBYTE
    mode: int = 0o1777


@attrs.frozen(kw_only=True)
class Proc:
    """The container's own /proc; what could reach the host in it is masked or read-only."""

    target: str = "/proc"


@attrs.frozen(kw_only=True)
class Sys:
    """A read-only sysfs."""

    target: str = "/sys"


DEVICES = ("full", "fuse", "null", "random", "tty", "urandom", "zero")
"""Nodes that a /dev can have."""


@attrs.frozen(kw_only=True)
class Devices:
    """A /dev of harmless nodes and links, with a private ``shm``, ``pts`` and ``mqueue``.

    :param names: of nodes, each one of `DEVICES`; those that this host lacks are left out, and the
        report says so
    :param shm_bytes: size of the private /dev/shm
    """

    target: str = "/dev"
    names: tuple[str, ...] = ("full", "null", "random", "tty", "urandom", "zero")
    shm_bytes: int = 256 * MEBIBYTE


@attrs.frozen(kw_only=True)
class Devpts:
    """Terminals of the container's own, which nobody else sees."""

    target: str = "/dev/pts"


@attrs.frozen(kw_only=True)
class Mqueue:
    """POSIX message queues of the container's own."""

    target: str = "/dev/mqueue"


Mount: TypeAlias = Bind | Tmp | Proc | Sys | Devices | Devpts | Mqueue
"""Every kind of mount there is; they are made in the order given."""

tagged_union(Mount)


@attrs.frozen(kw_only=True)
class Root:
    """What writing to the container's root means.

    :param writable: writes go to a tmpfs that ends with the container; otherwise they fail (EROFS)
    :param captured: what was written comes back when the job has ended, as a layer of the store
    :param size_bytes: how much may be written before ENOSPC
    :param max_files: how many files may be made before ENOSPC
    """

    writable: bool = False
    captured: bool = False
    size_bytes: int = 1024 * MEBIBYTE
    max_files: int = 1_000_000


@attrs.frozen(kw_only=True)
class Limits:
    """What one job may use; ``None`` means as much as the host gives.

    By what each is kept, and how exactly, is the host's matter: `container.limits_plan`, and
    ``docs/guide/limits.md``.

    :param pids: processes and threads alive at once
    :param cpu: how many CPUs may be busy for it at once, as a share: 1.5
    :param cpu_seconds: CPU time of one process
    :param file_bytes: size of one file
    :param open_files: descriptors of one process
    :param memory_bytes: of the whole job where there are control groups; otherwise the address space
        of one process
    :param core_bytes: size of a core dump
    :param output_bytes: what may be written to each of stdout and stderr; then the job is ended
    """

    pids: int | None = 4096
    cpu: float | None = None
    cpu_seconds: int | None = None
    file_bytes: int | None = None
    open_files: int | None = None
    memory_bytes: int | None = None
    core_bytes: int | None = 0
    output_bytes: int | None = None


@attrs.frozen(kw_only=True)
class Template:
    """A program that prepares itself once and is then forked for each job.

    Each fork enters namespaces and a root of its own before any code of the job runs. How program
    and engine speak with each other: ``docs/templates.md``.

    :param program: a path, or a name looked up in the container's ``PATH``
    :param arguments: what follows the program's name in ``argv``
    :param stdin: bytes that it may read
    """

    program: str
    arguments: tuple[str, ...] = ()
    stdin: bytes = b""


@attrs.frozen(kw_only=True)
class _Common:
    """What a container has whether its layers are recipes or digests."""

    mounts: tuple[Mount, ...] = (Proc(), Sys(), Devices(), Tmp(target="/tmp"))
    root: Root = Root()
    network: Network = Network.DISABLED
    fresh_network: bool = False
    """A network namespace made for each job instead of the slot's own prepared one."""
    environment: tuple[tuple[str, str], ...] = ()
    """Names and values, sorted by name. Nothing of the host's environment is added."""
    working_directory: str = "/"
    user: int = 0
    group: int = 0
    supplementary_groups: tuple[int, ...] = ()
    """Groups that its processes are in besides; forks of a template are not."""
    hostname: str = "maelstrom"
    limits: Limits = Limits()
    capabilities: tuple[str, ...] = ()
    """Capabilities kept inside the container's own user namespace (``CAP_NET_ADMIN``)."""
    seccomp: bool = True
    """Refuse the system calls that no test needs and that widen the kernel's attack surface."""
    init: bool = True
    """A tiny pid 1 reaps orphans and passes signals on, so that the program sees an ordinary
    process's signals; otherwise the program is pid 1 itself."""
    template: Template | None = None
    """What jobs that ask for it are forks of."""
    labels: tuple[str, ...] = ()
    """What a machine must have to run jobs in it, sorted: words that its settings give it."""


@attrs.frozen(kw_only=True)
class ContainerSpec(_Common):
    """A container as a runner asks for it: layers by kind.

    :param layers: lowest first; a later one covers an earlier one
    """

    layers: tuple[LayerSpec, ...] = ()


# A layer may be what a program makes in a container, which has layers.
attrs.resolve_types(CommandLayer, globals())


@attrs.frozen(kw_only=True)
class Container(_Common):
    """A container as it travels: layers by digest. Its own digest names it everywhere.

    :param layers: digests of manifests, lowest first
    """

    layers: tuple[Digest, ...] = ()

    @property
    def digest(self) -> Digest:
        """The container's name: digest of its canonical bytes."""
        return digest_of(self)

    @property
    def must_be_run_locally(self) -> bool:
        """True if it refers to things of this host that no worker has."""
        return self.network is Network.LOCAL or any(isinstance(m, Bind) for m in self.mounts)
