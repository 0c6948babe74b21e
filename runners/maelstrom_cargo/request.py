"""What one command line wants of a workspace's tests."""

import os
from collections.abc import Iterable, Iterator

import attrs

from maelstrom_cargo.doctests import INSIDE, Compiled
from maelstrom_cargo.doctests_plan import alone
from maelstrom_cargo.messages_plan import DOCTESTS
from maelstrom_cargo.targets import Target
from maelstrom_cargo.toolchain import Toolchain
from maelstrom_core.layers.system import without_nested
from maelstrom_core.model.container import ContainerSpec
from maelstrom_core.model.layers import (
    GlobLayer,
    HostTreeLayer,
    LayerSpec,
    PathsLayer,
    StubsLayer,
    braced,
)
from maelstrom_core.program.libraries import (
    has_system,
    is_of_image,
    is_within,
    library_layers,
    trees_of,
)
from maelstrom_core.testrun.directives_plan import CasePlan


@attrs.define(kw_only=True)
class CargoRun:
    """One invocation.

    :param here: a container of this machine, where there is a shell
    :param arguments: of ``cargo test``: a part of tests' names, and what follows ``--``
    :param shows: whether what passing tests print is wanted
    :param only_lists: whether tests are listed, and none is run
    :param compiled: doctests
    :param programs: binaries and examples that tests may start; known when all is built
    """

    toolchain: Toolchain
    here: ContainerSpec
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
            variables = dict(target.environment)
            if is_of_image(container):
                # rustup adds to it; what is in an image, the image knows.
                variables.pop("PATH", None)
            own = attrs.evolve(
                container,
                layers=(*container.layers, *self._layers(plan, target)),
                environment=tuple(sorted({**dict(container.environment), **variables}.items())),
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
            shown = trees_of(plan.container)
            for tree in without_nested(target.trees):
                if not is_within(tree, shown):
                    yield HostTreeLayer(path=tree)
            yield HostTreeLayer(path=self.compiled.directory, target=INSIDE)
            if self.compiled.program and not has_system(plan.container):
                yield from library_layers(plan, self.compiled.program)
            return
        for paths in (self.programs, (target.binary,)):
            if paths:
                yield PathsLayer(paths=paths)
        if target.uses_built or not has_system(plan.container):
            built = self.toolchain.workspace.kept
            yield from library_layers(plan, target.binary, path=target.library_path, always=built)

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
