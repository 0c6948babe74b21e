"""What one command line wants of a workspace's tests."""

import os
from collections.abc import Iterable, Iterator
from functools import cache

import attrs

from maelstrom_cargo.doctests import INSIDE, Compiled
from maelstrom_cargo.doctests_plan import alone
from maelstrom_cargo.messages_plan import DOCTESTS
from maelstrom_cargo.targets import Target
from maelstrom_cargo.toolchain import Toolchain
from maelstrom_core.errors import InputError
from maelstrom_core.layers.system import without_nested
from maelstrom_core.model.container import ContainerSpec
from maelstrom_core.model.layers import (
    GlobLayer,
    HostTreeLayer,
    LayerSpec,
    PathsLayer,
    Prefix,
    StubsLayer,
    braced,
)
from maelstrom_core.testrun.directives_plan import CasePlan


@attrs.define(kw_only=True)
class CargoRun:
    """One invocation.

    :param arguments: of ``cargo test``: a part of tests' names, and what follows ``--``
    :param shows: whether what passing tests print is wanted
    :param only_lists: whether tests are listed, and none is run
    :param compiled: doctests
    :param programs: binaries and examples that tests may start; known when all is built
    """

    toolchain: Toolchain
    arguments: tuple[str, ...] = ()
    shows: bool = False
    only_lists: bool = False
    programs: tuple[str, ...] = ()
    compiled: Compiled = attrs.field(
        default=attrs.Factory(
            lambda run: Compiled(run.toolchain.workspace.kept[-1]), takes_self=True
        )
    )
    _containers: dict[tuple[int, str], tuple[CasePlan, ContainerSpec]] = attrs.field(factory=dict)
    _doctests: dict[str, tuple[str, ...]] = attrs.field(factory=dict)

    def container_of(self, plan: CasePlan, target: Target) -> ContainerSpec:
        """A container with what a target needs, in its directory; one for each."""
        key = (id(plan), target.id)
        if key not in self._containers:
            container = plan.container
            own = attrs.evolve(
                container,
                layers=(*container.layers, *self._layers(plan, target)),
                environment=tuple(
                    sorted({**dict(container.environment), **target.environment}.items())
                ),
                working_directory=target.directory,
            )
            # The plan is kept: its id must not be another's.
            self._containers[key] = (plan, own)
        return self._containers[key][1]

    def _layers(self, plan: CasePlan, target: Target) -> Iterator[LayerSpec]:
        kept = self.toolchain.workspace.kept
        kept += tuple(f"{path}/{triple}" for path in kept for triple in self.toolchain.triples)
        # CARGO_TARGET_TMPDIR, which Cargo makes before it runs anything; and in a container that has no
        # copy of the project, a directory to be in.
        places = [*(f"{path}/tmp" for path in kept if os.path.isdir(path)), target.directory]
        yield StubsLayer(stubs=tuple(f"{braced(path)}/" for path in places))
        if target.out:
            yield StubsLayer(stubs=(f"{braced(target.out)}/",))
            yield GlobLayer(globs=("**",), root=target.out)
        if target.kind == DOCTESTS:
            shown = _trees(plan.container)
            for tree in without_nested(target.trees):
                if not _is_within(tree, shown):
                    yield HostTreeLayer(path=tree)
            yield HostTreeLayer(path=self.compiled.directory, target=INSIDE)
            return
        libraries = tuple(self._libraries(plan, target))
        for paths in (self.programs, (target.binary,), libraries):
            if paths:
                yield PathsLayer(paths=paths, prefix=Prefix(follow_symlinks=paths is libraries))

    def _libraries(self, plan: CasePlan, target: Target) -> Iterator[str]:
        """Those that the container does not have: what was built, and what else directives want."""
        shown = _trees(plan.container)
        if target.uses_built or not _is_within("/usr", shown):
            is_wanted = plan.include_shared_libraries is not False
            for path in _needed(target.binary, target.library_path):
                is_built = _is_within(path, self.toolchain.workspace.kept)
                if is_built or (is_wanted and not _is_within(path, shown)):
                    yield path

    def to_list(self, target: Target) -> tuple[str, ...]:
        """Arguments with which a target's program lists its tests."""
        return self._arguments(target, target.harness.to_list())

    def to_run(self, target: Target, name: str) -> tuple[str, ...]:
        """Arguments with which a target's program runs one of them."""
        if not target.has_harness:
            return target.arguments
        harness = target.harness
        if target.kind != DOCTESTS:
            return self._arguments(target, harness.to_run(name))
        others = self._doctests.get(target.id, ())
        return self._arguments(target, (*harness.mode, *harness.rest, *alone(name, others)))

    def has_listed(self, target: Target, names: Iterable[str]) -> None:
        """Take down which doctests a library has: one is run apart from others by their names."""
        self._doctests[target.id] = tuple(names)

    @staticmethod
    def _arguments(target: Target, harness: tuple[str, ...]) -> tuple[str, ...]:
        if target.kind != DOCTESTS:
            return (*target.arguments, *harness)
        passed = [word for argument in harness for word in ("--test-args", argument)]
        return (*target.arguments, *passed)


@cache
def _needed(binary: str, library_path: tuple[str, ...]) -> tuple[str, ...]:
    """Shared libraries of a program, its interpreter included."""
    # Loads an ELF reader, which few runs need.
    from maelstrom_core.layers.elf import closure

    try:
        return tuple(closure([binary], library_path))
    except InputError:
        # The loader will say in the container what it misses, and this may be no ELF file at all.
        return ()


def _trees(container: ContainerSpec) -> list[str]:
    return [
        layer.target or layer.path for layer in container.layers if isinstance(layer, HostTreeLayer)
    ]


def _is_within(path: str, directories: Iterable[str]) -> bool:
    real = os.path.realpath(path)
    return any(
        real == os.path.realpath(one) or real.startswith(os.path.realpath(one) + "/")
        for one in directories
    )
