"""What may be asked instead of a run: which settings hold, and how a test's container is made."""

import shlex
from typing import assert_never

import attrs
import pytest

from maelstrom_core.container.control_groups import as_offered
from maelstrom_core.container.explain import explain
from maelstrom_core.container.facts import slot_facts
from maelstrom_core.container.plan import blueprint_of
from maelstrom_core.hooks.manager import Plugins
from maelstrom_core.model.container import Container
from maelstrom_core.model.layers import (
    CommandLayer,
    GlobLayer,
    HostTreeLayer,
    LayerSpec,
    PathsLayer,
    SharedLibrariesLayer,
    StoredLayer,
    StubsLayer,
    SymlinksLayer,
    TarLayer,
)
from pytest_maelstrom.choices import choices_of
from pytest_maelstrom.containers import containers_of
from pytest_maelstrom.environment import project_directory
from pytest_maelstrom.request import PytestRun
from pytest_maelstrom.session import as_usage_errors
from pytest_maelstrom.settings import read_settings

_SHOWN = 3
"""Names of a layer that are shown; of the others, how many there are."""


def print_config(config: pytest.Config) -> None:
    """Show every setting and where its value comes from."""
    with as_usage_errors():
        print(read_settings(config, Plugins()).described())


def print_explanation(config: pytest.Config) -> None:
    """Show the container in which a test would run, with every step that would make it."""
    with as_usage_errors():
        settings = read_settings(config, Plugins())
        run = PytestRun.of(config)
        project = project_directory(config)
        containers = containers_of(run, project, settings)
        container = choices_of(config, settings, project, containers).container
        trees = [layer for layer in container.layers if isinstance(layer, HostTreeLayer)]
        fields = attrs.asdict(container, recurse=False) | {"layers": ()}
        blueprint = blueprint_of(
            Container(**fields),
            lowers=[in_words(layer) for layer in container.layers if layer not in trees],
            host_trees=[(tree.path, tree.target or tree.path) for tree in trees],
        )
        print(*explain(as_offered(blueprint), slot_facts()), sep="\n")


def in_words(layer: LayerSpec) -> str:
    """A layer in one line, for people."""
    match layer:
        case PathsLayer(paths=paths):
            return f"files: {_some(paths)}"
        case GlobLayer(globs=globs, root=root, exclude=exclude):
            without = f" without {_some(exclude)}" if exclude else ""
            return f"a snapshot of {root}: {_some(globs)}{without}"
        case StubsLayer(stubs=stubs):
            return f"empty: {_some(stubs)}"
        case SymlinksLayer(symlinks=links):
            return f"links: {_some([f'{one.link} → {one.target}' for one in links])}"
        case TarLayer(tar=tar):
            return f"the archive {tar}"
        case SharedLibrariesLayer(binaries=binaries):
            return f"libraries of {_some(binaries)}"
        case HostTreeLayer(path=path):
            return f"{path}, in place"
        case StoredLayer(digest=digest, origin=origin):
            return f"{digest.short} of {origin}"
        case CommandLayer(command=command):
            return f"made by {shlex.join(command)}"
        case _:
            assert_never(layer)


def _some(names: tuple[str, ...] | list[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return f"{shown} and {len(names) - _SHOWN} more" if len(names) > _SHOWN else shown
