"""Adjusts containers: tests find the name of the house in a variable."""

from typing import Any

import attrs

from maelstrom_core.hooks import hookimpl
from maelstrom_core.model.cases import Case
from maelstrom_core.model.container import ContainerSpec
from maelstrom_core.model.views import RunView
from maelstrom_core.settings import Field
from maelstrom_core.settings.schema import text


@hookimpl
def maelstrom_options(settings: Any) -> None:
    """A setting of our own: ``house = "…"`` in a file, or a variable."""
    settings.add(Field(name="house", read=text, default="", help="what HOUSE is in containers"))


@hookimpl
def maelstrom_adjust_container(
    run: RunView, case: Case, container: ContainerSpec
) -> ContainerSpec | None:
    """Add the variable, if there is one. The same for all cases, so that they share a container."""
    house = run.options["settings"].house
    if not house:
        return None
    variables = dict(container.environment) | {"HOUSE": house}
    return attrs.evolve(container, environment=tuple(sorted(variables.items())))
