"""The default container: the environment you have, as layers and mounts. Pure."""

from pathlib import PurePosixPath

import attrs

from maelstrom_core.layers.here_plan import NOT_INSIDE, around_image, snapshot
from maelstrom_core.model.container import (
    USUAL_PATH,
    ContainerSpec,
    Devices,
    Limits,
    Network,
    Proc,
    Root,
    Sys,
    Template,
)
from maelstrom_core.model.layers import (
    HostTreeLayer,
    LayerSpec,
    PathsLayer,
    StubsLayer,
    Symlink,
    SymlinksLayer,
    braced,
)
from maelstrom_core.settings import Settings

INSIDE = "/.maelstrom/python"
"""Where containers find our part that runs in them."""


@attrs.frozen(kw_only=True)
class Surroundings:
    """Facts of the host and of the run.

    :param trees: host paths that are needed as they are, in place
    :param links: top-level symbolic links of the host and what they point at
    :param etc: files of /etc, absolute
    :param files: others of which there are copies as well, absolute
    :param project: directory of which a snapshot is made
    :param inside: our part that runs in containers, as a host path
    """

    trees: tuple[str, ...]
    links: tuple[tuple[str, str], ...]
    etc: tuple[str, ...]
    project: str
    directory: str
    home: str
    user: int
    group: int
    environment: tuple[tuple[str, str], ...]
    inside: str
    files: tuple[str, ...] = ()


def default_container(
    around: Surroundings, settings: Settings, template: Template | None = None
) -> ContainerSpec:
    """The container in which tests run when nothing else is said.

    Lowest layer first: the host's /etc as far as it is nobody's secret, a snapshot of the project,
    links and empty directories as the host has them. Interpreter, site-packages and system are the
    host's, in place and read-only. All else that tests write ends with the container.
    """
    links = tuple(
        Symlink(link, target)
        for link, target in around.links
        if not _is_below(link, (*around.trees, around.project))
    )
    layers: list[LayerSpec] = [
        PathsLayer(paths=(*around.etc, *around.files), optional=True),
        snapshot(around.project, around.trees, settings.leave_out),
        SymlinksLayer(symlinks=links),
        StubsLayer(stubs=("/run/", "/var/", "/root/", *_own_directories(around))),
        StubsLayer(stubs=("/tmp/", "/var/tmp/"), directory_mode=0o1777),
    ]
    layers += [HostTreeLayer(path=tree) for tree in around.trees]
    layers.append(_ours(around))
    environment = [pair for pair in around.environment if pair[0] not in NOT_INSIDE]
    return ContainerSpec(
        layers=tuple(layers),
        mounts=(Proc(), Sys(), Devices()),
        root=Root(writable=True, size_bytes=settings.root_size),
        network=Network(settings.network),
        environment=tuple(environment),
        working_directory=around.directory,
        user=around.user,
        group=around.group,
        limits=Limits(),
        template=template if settings.isolation == "template" else None,
    )


def image_frame(
    around: Surroundings, settings: Settings, template: Template | None = None
) -> ContainerSpec:
    """What goes with every image: the project, with interpreter and packages that are the image's.

    The image's own variables come before those here.
    """
    copies = [snapshot(around.project, around.trees, settings.leave_out)]
    layers = (*around_image(copies, around.directory), _ours(around))
    return ContainerSpec(
        layers=layers,
        mounts=(Proc(), Sys(), Devices()),
        root=Root(writable=True, size_bytes=settings.root_size),
        network=Network(settings.network),
        environment=(("HOME", "/root"), ("PATH", USUAL_PATH)),
        working_directory=around.directory,
        template=template if settings.isolation == "template" else None,
    )


def _ours(around: Surroundings) -> LayerSpec:
    """Our part that runs in containers."""
    return HostTreeLayer(path=around.inside, target=f"{INSIDE}/pytest_maelstrom")


def _own_directories(around: Surroundings) -> tuple[str, ...]:
    """Directories that must be there though nothing may be in them."""
    own = (around.home, around.directory)
    return tuple(f"{braced(path)}/" for path in own if PurePosixPath(path) != PurePosixPath("/"))


def _is_below(path: str, directories: tuple[str, ...]) -> bool:
    return any(path == one or path.startswith(one + "/") for one in directories)
