"""Makes the layers of containers; those that programs make by running them, once for equal inputs.

A program's layer is known by its *key*: a digest of the container that it is run in, with the digests
of all layers, of the program, its arguments and variables, and of what trees in place look like at a
glance. Whoever wants a layer that is being made by another process waits for it, as does whoever wants
it in the same process.
"""

import os
import shlex
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import attrs
import trio

from maelstrom_core.errors import HostError, InputError
from maelstrom_core.layers import MadeLayers, make_layers
from maelstrom_core.layers.changes import Times
from maelstrom_core.layers.copied import OnCopied
from maelstrom_core.layers.known import KnownLayers
from maelstrom_core.layers.make import STUB_MTIME_NS
from maelstrom_core.layers.surface import surface_of
from maelstrom_core.model.container import Bind, Container
from maelstrom_core.model.digest import Digest
from maelstrom_core.model.job import JobSpec
from maelstrom_core.model.layers import CommandLayer, LayerSpec, StoredLayer
from maelstrom_core.model.outcome import (
    Captured,
    Exited,
    HostFailed,
    InputFailed,
    JobResult,
    describe,
)
from maelstrom_core.model.plain import digest_of
from maelstrom_core.store import Store
from maelstrom_core.store.leases import Lease

RunCommand = Callable[[JobSpec, Times], Awaitable[JobResult]]
"""Runs a job whose root is captured; times of what it has written are made the same in every run."""
VERSION = 1
"""Of keys: what made layers otherwise has made other layers."""
_CLOCK_REALTIME_COARSE = 5
"""What the kernel takes for times of files (clock_gettime(2))."""
_OUTPUT_BYTES = 64 * 1024
_PATIENCE_SECONDS = 0.05
_SHOWN_LINES = 20


class LayerMaker:
    """Makes layers on one machine.

    :param run: runs programs
    :param cancelled: asked now and then; true ends what is being made
    :param on_copied: told, in trio's thread, of files that take long
    """

    def __init__(
        self,
        store: Store,
        project_directory: Path,
        run: RunCommand,
        cancelled: Callable[[], bool],
        on_copied: OnCopied,
    ) -> None:
        self._on_copied = on_copied
        self._store = store
        self._project_directory = project_directory
        self._run = run
        self._cancelled = cancelled
        self._leases: list[Lease] = []
        self._known_layers = KnownLayers()
        self._running: set[trio.CancelScope] = set()
        self._ended = trio.Event()

    async def make(self, layers: Sequence[LayerSpec]) -> MadeLayers:
        """Put layers into the store; they stay there until `release`.

        :raises InputError: all faults of layers of files; or that of a program
        :raises HostError: where this machine fails
        """
        specs = [
            await self._made(index, one) if isinstance(one, CommandLayer) else one
            for index, one in enumerate(layers)
        ]

        def tell(lacking: int, copied: int) -> None:
            trio.from_thread.run_sync(self._on_copied, lacking, copied)

        def make() -> MadeLayers:
            made = make_layers(
                specs,
                project_directory=self._project_directory,
                store=self._store,
                cancelled=self._cancelled,
                known=self._known_layers,
                on_copied=tell,
            )
            self._leases.append(made.lease)
            return made

        return await trio.to_thread.run_sync(make)

    async def close(self) -> None:
        """End the programs that run, and return when nothing of them is left."""
        for scope in self._running:
            scope.cancel()
        with trio.CancelScope(shield=True):
            while self._running:
                self._ended = trio.Event()
                await self._ended.wait()

    def release(self) -> None:
        """Let the store evict what was made here."""
        self._known_layers.clear()
        for lease in self._leases:
            lease.release()
        self._leases.clear()

    async def _made(self, index: int, layer: CommandLayer) -> StoredLayer:
        """The layer that a program makes, made by now."""
        what = f"layers[{index}].command"
        below = await self.make(layer.container.layers)
        key = await trio.to_thread.run_sync(key_of, layer, below)
        digest = await trio.to_thread.run_sync(self._known, key)
        if digest is None:
            with trio.CancelScope() as scope:
                self._running.add(scope)
                try:
                    digest = await self._make_alone(what, layer, below, key)
                finally:
                    self._running.discard(scope)
                    self._ended.set()
        if digest is None:
            raise InputError("cancelled", [f"{what}: nobody wants it any more"])
        return StoredLayer(digest=digest, origin=f"the command {shlex.join(layer.command)}")

    def _known(self, key: Digest) -> Digest | None:
        """A layer that was made before, kept from now on."""
        digest = self._store.commands.layer(key)
        if digest is None:
            return None
        with self._store.making() as lease:
            if self._store.has_layer(digest):
                lease.add([digest])
                self._leases.append(lease)
                return digest
            lease.release()
        return None

    async def _make_alone(
        self, what: str, layer: CommandLayer, below: MadeLayers, key: Digest
    ) -> Digest | None:
        """Make it, or wait for whoever does."""
        while not self._cancelled():
            with self._store.commands.alone_if_free(key) as free:
                if free:
                    digest = await trio.to_thread.run_sync(self._known, key)
                    if digest is None:
                        digest = await self._make_it(what, layer, below)
                        self._store.commands.add(key, digest)
                    return digest
            await trio.sleep(_PATIENCE_SECONDS)
        return None

    async def _make_it(self, what: str, layer: CommandLayer, below: MadeLayers) -> Digest:
        instead_ns = await trio.to_thread.run_sync(self._latest, below.digests)
        times = Times(time.clock_gettime_ns(_CLOCK_REALTIME_COARSE), instead_ns)
        container, (program, *arguments) = layer.container, layer.command
        # What is known already, and not what files are by now: it was the key.
        known = tuple(StoredLayer(digest=one, origin=what) for one in below.digests)
        variables = {"SOURCE_DATE_EPOCH": str(instead_ns // 1_000_000_000)}
        job = JobSpec(
            container=attrs.evolve(container, layers=(*known, *below.host_trees), environment=()),
            program=program,
            arguments=tuple(arguments),
            environment=tuple(sorted((variables | dict(container.environment)).items())),
            working_directory=container.working_directory,
            timeout=layer.timeout,
            output_bytes=_OUTPUT_BYTES,
            label=what,
        )
        result = await self._run(job, times)
        shown = f"{what}: {shlex.join(layer.command)}"
        match result.outcome:
            case Exited(0) if result.changes is not None:
                return result.changes.layer
            case Exited(0):
                raise InputError("a layer cannot be made", [f"{shown}: {result.changes_missing}"])
            case HostFailed(reason, remedy):
                raise HostError(f"{shown}: {reason}", remedy=remedy)
            case InputFailed(faults):
                raise InputError("a layer cannot be made", [f"{shown}: {one}" for one in faults])
            case outcome:
                told = f"{shown}: {describe(outcome)}{_end_of(result)}"
                raise InputError("a layer cannot be made", [told])

    def _latest(self, digests: Sequence[Digest]) -> int:
        """The time of what a program writes: the same in every run, and not before what it read.

        So `make` finds what it has made before newer than its sources, or as new.
        """
        times = [STUB_MTIME_NS]
        for digest in digests:
            times += [entry.mtime_ns for entry in self._store.manifest(digest)]
        return max(times)


def key_of(layer: CommandLayer, below: MadeLayers) -> Digest:
    """Equal for equal inputs.

    :param below: the layers of its container
    """
    fields = attrs.asdict(layer.container, recurse=False) | {"layers": below.digests}
    trees = [(tree.path, tree.target or tree.path) for tree in below.host_trees]
    trees += [(one.source, one.target) for one in layer.container.mounts if isinstance(one, Bind)]
    plain = {
        "version": VERSION,
        "machine": os.uname().machine,
        "container": Container(**fields).digest.hex,
        "command": list(layer.command),
        "trees": [[target, source, surface_of(source).hex] for source, target in sorted(trees)],
    }
    return digest_of(plain)


def _end_of(result: JobResult) -> str:
    """The last that a program has written, for people."""
    told = ""
    for name, captured in (("standard output", result.stdout), ("standard error", result.stderr)):
        lines = _text(captured).rstrip().splitlines()[-_SHOWN_LINES:]
        if lines:
            told += f"; the end of its {name}:" + "".join(f"\n    {line}" for line in lines)
    return told


def _text(captured: Captured) -> str:
    return (captured.tail or captured.head).decode("utf-8", "replace")
