"""What may be asked instead of a run: which settings hold, and how a test's container is made."""

import attrs
import pytest

from maelstrom_core.container.control_groups import as_offered
from maelstrom_core.container.explain import explain
from maelstrom_core.container.facts import slot_facts
from maelstrom_core.container.plan import blueprint_of
from maelstrom_core.hooks.manager import Plugins, other_runners
from maelstrom_core.layers.words_plan import in_words
from maelstrom_core.model.container import Container
from maelstrom_core.model.layers import HostTreeLayer
from pytest_maelstrom.choices import choices_of
from pytest_maelstrom.containers import containers_of
from pytest_maelstrom.ending import as_usage_errors
from pytest_maelstrom.environment import project_directory
from pytest_maelstrom.names import RUNNER
from pytest_maelstrom.request import PytestRun
from pytest_maelstrom.settings import read_settings


def print_config(config: pytest.Config) -> None:
    """Show every setting and where its value comes from."""
    with as_usage_errors():
        print(read_settings(config, Plugins(block=other_runners(RUNNER))).described())


def print_explanation(config: pytest.Config) -> None:
    """Show the container in which a test would run, with every step that would make it."""
    with as_usage_errors():
        settings = read_settings(config, Plugins(block=other_runners(RUNNER)))
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
        lines = explain(as_offered(blueprint), slot_facts(), labels=container.labels)
        print(*lines, sep="\n")
