"""The environment you have, for tests that are programs: what runners' containers are made of.

The system, the tools and what they have fetched in place and read-only; the project as a private copy;
all at the same paths as here, since tests may call the tools, and read files of other packages.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from maelstrom_core.errors import UsageError
from maelstrom_core.layers.here_plan import NOT_INSIDE, around_image, snapshot
from maelstrom_core.layers.system import apart_from, etc_files, top_level, without_nested
from maelstrom_core.model.container import (
    USUAL_PATH,
    ContainerSpec,
    Devices,
    Network,
    Proc,
    Root,
    Sys,
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


def project_around(root: Path, *, what: str) -> Path:
    """The directory of which tests have a copy: the top of the repository, or what is to be tested.

    :param root: directory of what is to be tested
    :param what: as people call that (``module``)
    :raises UsageError: if that would be the home directory or the whole file system
    """
    root = Path(os.path.realpath(root))
    project = next((one for one in (root, *root.parents) if (one / ".git").exists()), root)
    home = Path(os.path.realpath(os.path.expanduser("~")))
    if home.is_relative_to(project) or len(project.parts) < 2:
        project = root
    if home.is_relative_to(project) or len(project.parts) < 2:
        raise UsageError(
            f"the project directory would be {project}, all of which would be copied",
            remedy=f"give the {what} a directory of its own",
        )
    return project


def variables_here() -> dict[str, str]:
    """The variables of this process, but for those that name what containers do not have."""
    return {name: value for name, value in os.environ.items() if name not in NOT_INSIDE}


def container_here(
    project: Path,
    settings: Settings,
    *,
    in_place: Iterable[str],
    environment: Mapping[str, str],
    snapshots: Iterable[LayerSpec] | None = None,
) -> ContainerSpec:
    """The container of tests of which no directive says anything.

    :param project: of which there is a copy, and the working directory
    :param settings: with `maelstrom_core.program.here_options.HERE_FIELDS`
    :param in_place: absolute paths of tools and of what they have fetched; links are followed
    :param snapshots: layers of the copy; all of the project by default
    """
    links, trees = top_level()
    for path in in_place:
        real = os.path.realpath(path)
        trees.append(real)
        if real != path:
            links.append((path, real))
    own = os.fspath(project)
    trees = list(apart_from(own, without_nested(trees)))
    home = os.path.expanduser("~")
    if snapshots is None:
        snapshots = [snapshot(own, trees, settings.leave_out)]
    layers: list[LayerSpec] = [
        PathsLayer(paths=tuple(etc_files()), optional=True),
        *snapshots,
        SymlinksLayer(
            symlinks=tuple(
                Symlink(link, target)
                for link, target in dict(links).items()
                if not any(link.startswith(f"{tree}/") for tree in (*trees, own))
            )
        ),
        StubsLayer(stubs=("/run/", "/var/", "/root/", f"{braced(home)}/")),
        StubsLayer(stubs=("/tmp/", "/var/tmp/"), directory_mode=0o1777),
        *(HostTreeLayer(path=tree) for tree in trees),
    ]
    return ContainerSpec(
        layers=tuple(layers),
        mounts=(Proc(), Sys(), Devices()),
        root=Root(writable=True, size_bytes=settings.root_size),
        network=Network(settings.network),
        environment=tuple(sorted(environment.items())),
        working_directory=own,
        user=os.geteuid(),
        group=os.getegid(),
    )


def frame_here(
    project: Path, settings: Settings, *, snapshots: Iterable[LayerSpec] | None = None
) -> ContainerSpec:
    """What goes with every image in which tests run (`maelstrom_core.program.Prepared.frame`).

    The tools are the image's, if tests need any; so are the variables, of which there are few here.

    :param project: of which there is a copy, at its own path
    :param settings: with `maelstrom_core.program.here_options.HERE_FIELDS`
    :param snapshots: layers of the copy; all of the project by default
    """
    own = os.fspath(project)
    if snapshots is None:
        snapshots = [snapshot(own, (), settings.leave_out)]
    return ContainerSpec(
        layers=around_image(snapshots, own),
        mounts=(Proc(), Sys(), Devices()),
        root=Root(writable=True, size_bytes=settings.root_size),
        network=Network(settings.network),
        environment=(("HOME", "/root"), ("PATH", USUAL_PATH)),
        working_directory=own,
    )
