"""Chooses workers: what is called ``…_gpu`` runs where the label ``gpu`` is, on whichever machine."""

import attrs

from maelstrom_core.hooks import hookimpl
from maelstrom_core.model.cases import Case
from maelstrom_core.model.container import ContainerSpec
from maelstrom_core.model.views import RunView


@hookimpl
def maelstrom_adjust_container(
    run: RunView, case: Case, container: ContainerSpec
) -> ContainerSpec | None:
    """Labels of a container are what a worker, or this machine, must have."""
    if not case.name.endswith("_gpu"):
        return None
    return attrs.evolve(container, labels=tuple(sorted({*container.labels, "gpu"})))
