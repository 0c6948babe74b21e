"""The container that tests of Go have of themselves: the environment you have."""

import os
from pathlib import Path

from maelstrom_core.errors import UsageError
from maelstrom_core.layers.here_plan import NOT_INSIDE, snapshot
from maelstrom_core.layers.system import apart_from, etc_files, top_level, without_nested
from maelstrom_core.model.container import ContainerSpec, Devices, Network, Proc, Root, Sys
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
from maelstrom_go.toolchain import Toolchain


def project_directory(toolchain: Toolchain) -> Path:
    """The directory of which tests have a copy: the top of the repository, or the module.

    :raises UsageError: if that would be the home directory or the whole file system
    """
    root = Path(os.path.realpath(toolchain.root))
    project = next(
        (one for one in (root, *root.parents) if (one / ".git").exists()),
        root,
    )
    home = Path(os.path.realpath(os.path.expanduser("~")))
    if home.is_relative_to(project) or len(project.parts) < 2:
        project = root
    if home.is_relative_to(project) or len(project.parts) < 2:
        raise UsageError(
            f"the project directory would be {project}, all of which would be copied",
            remedy="give the module a directory of its own",
        )
    return project


def container_here(toolchain: Toolchain, project: Path, settings: Settings) -> ContainerSpec:
    """Go, its modules and the system in place and read-only; the project as a private copy.

    All at the same paths as here, since tests may call ``go``, and read files of other packages.
    """
    links, trees = top_level()
    variables = toolchain.variables
    for name in ("GOROOT", "GOMODCACHE"):
        path = variables[name]
        if os.path.isdir(path):
            trees.append(os.path.realpath(path))
            if os.path.realpath(path) != path:
                links.append((path, os.path.realpath(path)))
    trees = list(apart_from(os.fspath(project), without_nested(trees)))
    home = os.path.expanduser("~")
    environment = {name: value for name, value in os.environ.items() if name not in NOT_INSIDE}
    # As `go test` does it: the go that tests find is the one that has built them.
    goroot = variables["GOROOT"]
    environment["PATH"] = f"{goroot}/bin:{environment.get('PATH', '/usr/bin:/bin')}"
    layers: list[LayerSpec] = [
        PathsLayer(paths=tuple(etc_files()), optional=True),
        snapshot(os.fspath(project), trees),
        SymlinksLayer(
            symlinks=tuple(
                Symlink(link, target)
                for link, target in dict(links).items()
                if not any(link.startswith(f"{tree}/") for tree in (*trees, os.fspath(project)))
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
        working_directory=os.fspath(project),
        user=os.geteuid(),
        group=os.getegid(),
    )
