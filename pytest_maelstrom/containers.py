"""The containers that there are without a word from anybody: here, and in images."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import attrs

from maelstrom_core.model.container import ContainerSpec
from maelstrom_core.model.layers import StoredLayer
from maelstrom_core.settings import Settings
from pytest_maelstrom.environment import surroundings
from pytest_maelstrom.environment_plan import default_container, image_frame
from pytest_maelstrom.request import PytestRun


@attrs.frozen
class Containers:
    """What directives change.

    :param default: the environment you have
    :param frame: what goes with every image
    :param here: the run, as an interpreter of this machine is told of it
    :param in_images: the same for the interpreter of an image
    """

    default: ContainerSpec
    frame: ContainerSpec
    here: PytestRun
    in_images: PytestRun

    def run_in(self, container: ContainerSpec) -> PytestRun:
        """The run, as the interpreter of a container is told of it."""
        of_image = any(isinstance(layer, StoredLayer) for layer in container.layers)
        return self.in_images if of_image else self.here


def containers_of(
    run: PytestRun,
    project: Path,
    settings: Settings,
    environment: Mapping[str, str] | None = None,
    files: Iterable[str] = (),
) -> Containers:
    """Look around, and plan.

    :param environment: variables of the default container, over those that are there
    :param files: of this host that it needs too
    """
    around = surroundings(run, project, environment or {}, files)
    in_images = run.in_images(around.project, around.trees)
    return Containers(
        default=default_container(around, settings, run.template),
        frame=image_frame(around, settings, in_images.template),
        here=run,
        in_images=in_images,
    )
