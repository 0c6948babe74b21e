"""Shared libraries of a test's program that its container does not have."""

import os
from collections.abc import Iterable, Iterator
from functools import cache

from maelstrom_core.errors import InputError
from maelstrom_core.model.container import ContainerSpec
from maelstrom_core.model.layers import HostTreeLayer, LayerSpec, PathsLayer, Prefix, StoredLayer
from maelstrom_core.testrun.directives_plan import CasePlan


def is_of_image(container: ContainerSpec) -> bool:
    """Whether a container was made from an image."""
    return any(isinstance(layer, StoredLayer) for layer in container.layers)


def trees_of(container: ContainerSpec) -> list[str]:
    """Where a container has directories of this machine in place."""
    return [
        layer.target or layer.path for layer in container.layers if isinstance(layer, HostTreeLayer)
    ]


def has_system(container: ContainerSpec) -> bool:
    """Whether a container has the libraries of this machine in place."""
    return is_within("/usr", trees_of(container))


def library_layers(
    plan: CasePlan, binary: str, *, path: tuple[str, ...] = (), always: Iterable[str] = ()
) -> Iterator[LayerSpec]:
    """A layer with the libraries that a program needs, if any are missing and wanted.

    Where nobody says anything, they are wanted but for images, which have their own: of two C libraries
    at one place the image's programs would get the wrong one.

    :param path: directories in which the loader looks first
    :param always: directories of which libraries are there in any case
    """
    shown = trees_of(plan.container)
    is_wanted = plan.include_shared_libraries
    if is_wanted is None:
        is_wanted = not is_of_image(plan.container)
    libraries = tuple(
        one
        for one in _needed(binary, path)
        if is_within(one, always) or (is_wanted and not is_within(one, shown))
    )
    if libraries:
        yield PathsLayer(paths=libraries, prefix=Prefix(follow_symlinks=True))


@cache
def _needed(binary: str, path: tuple[str, ...]) -> tuple[str, ...]:
    """Shared libraries of a program, its interpreter included."""
    # Loads an ELF reader, which few runs need.
    from maelstrom_core.layers.elf import closure

    try:
        return tuple(closure([binary], path))
    except InputError:
        # The loader will say in the container what it misses, and this may be no ELF file at all.
        return ()


def is_within(path: str, directories: Iterable[str]) -> bool:
    """Whether a path is one of some directories, or is in one; links are followed."""
    real = os.path.realpath(path)
    return any(
        real == os.path.realpath(one) or real.startswith(os.path.realpath(one) + "/")
        for one in directories
    )
