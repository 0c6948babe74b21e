"""The containers that tests of crates have of themselves: the environment you have, or in an image."""

import os
from pathlib import Path

import attrs

from maelstrom_cargo.toolchain import Toolchain, cargo_home
from maelstrom_core.layers.here_plan import snapshot
from maelstrom_core.layers.system import without_nested
from maelstrom_core.model.container import ContainerSpec
from maelstrom_core.model.layers import LayerSpec
from maelstrom_core.program.here import (
    container_here,
    frame_here,
    project_around,
    variables_here,
)
from maelstrom_core.settings import Settings

_OF_CARGO = ("bin", "registry", "git", "config", "config.toml")
"""Of Cargo's home: not ``credentials.toml``."""
_BUILT = "CACHEDIR.TAG"
"""A file in every directory in which Cargo keeps what it builds."""


def containers_of_rust(
    toolchain: Toolchain, settings: Settings
) -> tuple[ContainerSpec, ContainerSpec]:
    """Rust and fetched crates in place, and a copy of the workspace without what was built.

    :return: that, and what goes with an image instead
    :raises maelstrom_core.errors.UsageError: if the copy would be of the home directory
    """
    project = project_around(toolchain.root, what="workspace")
    home = cargo_home()
    rustup = os.environ.get("RUSTUP_HOME") or os.path.expanduser("~/.rustup")
    in_place = [toolchain.sysroot, rustup, *(f"{home}/{name}" for name in _OF_CARGO)]
    in_place = [path for path in in_place if os.path.exists(path)]
    copies = _snapshots(toolchain, project, in_place, settings.leave_out)
    here = container_here(
        project, settings, in_place=in_place, environment=variables_here(), snapshots=copies
    )
    root = os.fspath(toolchain.root)
    return (
        attrs.evolve(here, working_directory=root),
        attrs.evolve(frame_here(project, settings, snapshots=copies), working_directory=root),
    )


def _snapshots(
    toolchain: Toolchain, project: Path, in_place: list[str], leave_out: tuple[str, ...]
) -> list[LayerSpec]:
    """Copies of the project, and of packages of the workspace that lie elsewhere."""
    members = [os.path.realpath(path) for path in toolchain.workspace.members]
    apart = [os.path.realpath(path) for path in (*in_place, *toolchain.workspace.kept)]
    layers: list[LayerSpec] = []
    for root in without_nested([os.fspath(project), *members]):
        layer = snapshot(root, apart, leave_out)
        layers.append(attrs.evolve(layer, exclude_marked=(*layer.exclude_marked, _BUILT)))
    return layers
