"""The container that tests of Go have of themselves: the environment you have."""

import os
from pathlib import Path

from maelstrom_core.model.container import ContainerSpec
from maelstrom_core.program.here import (
    container_here,
    project_around,
    variables_here,
)
from maelstrom_core.settings import Settings
from maelstrom_go.toolchain import Toolchain


def project_directory(toolchain: Toolchain) -> Path:
    """The directory of which tests have a copy: the top of the repository, or the module.

    :raises maelstrom_core.errors.UsageError: if that would be the home directory or all there is
    """
    return project_around(toolchain.root, what="module")


def container_of_go(toolchain: Toolchain, project: Path, settings: Settings) -> ContainerSpec:
    """Go and its modules in place, and a copy of the project."""
    variables = toolchain.variables
    environment = variables_here()
    # As `go test` does it: the go that tests find is the one that has built them.
    path = environment.get("PATH", "/usr/bin:/bin")
    environment["PATH"] = f"{variables['GOROOT']}/bin:{path}"
    in_place = [variables[name] for name in ("GOROOT", "GOMODCACHE")]
    if not settings.broker:
        # For tests that call go, which only reads it then. It is too much to be sent to a cluster.
        in_place.append(variables["GOCACHE"])
    return container_here(
        project,
        settings,
        in_place=[path for path in in_place if os.path.isdir(path)],
        environment=environment,
    )
