"""A backend on this machine alone: an engine inside the client."""

from collections import OrderedDict
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path

import attrs
import trio

from maelstrom_core.cluster.captured import CapturedRoot
from maelstrom_core.cluster.commands import LayerMaker
from maelstrom_core.cluster.early import prepared
from maelstrom_core.container.messages import Prepare
from maelstrom_core.container.ports import SlotPort
from maelstrom_core.container.runtime import Interpreter, open_slots
from maelstrom_core.container.template_runtime import TemplateSlot
from maelstrom_core.engine.shell import Engine, open_engine
from maelstrom_core.errors import InputError
from maelstrom_core.layers import MadeLayers
from maelstrom_core.layers.changes import Times
from maelstrom_core.model.container import ContainerSpec, Devices, Devpts
from maelstrom_core.model.digest import Digest
from maelstrom_core.model.job import JobSpec
from maelstrom_core.model.layers import LayerSpec
from maelstrom_core.model.outcome import InputFailed, JobResult, RootChanges
from maelstrom_core.model.ports import OnOutput, Viewer
from maelstrom_core.model.uploads import COPIED, OnUpload, UploadAccount
from maelstrom_core.store import Store
from maelstrom_core.store.leases import Lease

MOST_KNOWN = 1024
"""Containers that are remembered while there is no job in them."""


class LocalBackend:
    """Runs jobs in this process's engine; see `maelstrom_core.model.ports.Backend`.

    :param labels: those of this machine
    :param others_keep_layers: whoever gives jobs keeps their layers in the store for as long as need be;
        otherwise they are kept until the end, which in a daemon never comes
    :param on_upload: told of files that take long to be copied
    """

    def __init__(
        self,
        store: Store,
        project_directory: Path,
        labels: Collection[str] = (),
        *,
        others_keep_layers: bool = False,
        on_upload: OnUpload | None = None,
    ) -> None:
        self._on_upload = on_upload
        self._copying = UploadAccount(COPIED)
        self._store = store
        self.labels = frozenset(labels)
        """Those of this machine."""
        self._others_keep_layers = others_keep_layers
        self._specs: OrderedDict[str, ContainerSpec] = OrderedDict()
        """By name, least recently used first."""
        self._named = 0
        self._names: dict[ContainerSpec, str] = {}
        self._by_identity: dict[int, tuple[ContainerSpec, str]] = {}
        self._leases: list[Lease] = []
        self._leases_of_changes: dict[Digest, list[Lease]] = {}
        self._closing = False
        self._layers = LayerMaker(
            store, project_directory, self._run_command, lambda: self._closing, self._copied
        )
        self.engine: Engine | None = None

    @property
    def store(self) -> Store:
        """In which its layers are."""
        return self._store

    @property
    def slots(self) -> int:
        """How many one-slot jobs can run at once."""
        assert self.engine is not None
        return self.engine.slots

    async def run(
        self,
        job: JobSpec,
        *,
        on_output: OnOutput | None = None,
        viewer: Viewer | None = None,
    ) -> JobResult:
        """Run a job to its one ending."""
        return await self._run(job, on_output=on_output, viewer=viewer)

    def _copied(self, lacking: int, copied: int) -> None:
        if self._on_upload is not None:
            self._on_upload(self._copying.take(lacking, copied, now=trio.current_time()))

    async def _run_command(self, job: JobSpec, times: Times) -> JobResult:
        return await self._run(job, times=times)

    async def _run(
        self,
        job: JobSpec,
        *,
        on_output: OnOutput | None = None,
        viewer: Viewer | None = None,
        times: Times | None = None,
    ) -> JobResult:
        assert self.engine is not None
        container = job.container
        environment = _together(container.environment, job.environment)
        fault = _fault_of(job, environment) or _without(container.labels, self.labels)
        if fault:
            return JobResult(outcome=InputFailed((fault,)))
        directory = job.working_directory or container.working_directory
        name = self._name(container)
        if not container.root.captured:
            return await self.engine.run(
                job, name, environment, directory, on_output=on_output, viewer=viewer
            )
        with CapturedRoot() as captured:
            result = await self.engine.run(
                job,
                name,
                environment,
                directory,
                on_output=on_output,
                viewer=viewer,
                on_changes=captured.take,
            )
            # Whoever keeps layers for us lets go of each by itself; else there is one lease for all.
            leases = [] if self._others_keep_layers else self._leases
            changes, missing = await captured.keep(
                self._store,
                leases,
                most_bytes=container.root.size_bytes,
                times=times,
                cancelled=lambda: self._closing,
            )
        if self._others_keep_layers and changes is not None:
            self._leases_of_changes.setdefault(changes.layer, []).extend(leases)
        return attrs.evolve(result, changes=changes, changes_missing=missing)

    def let_go(self, changes: RootChanges) -> None:
        """See `maelstrom_core.model.ports.KeepsChanges`."""
        leases = self._leases_of_changes.get(changes.layer)
        if leases:
            leases.pop().release()
            if not leases:
                del self._leases_of_changes[changes.layer]

    async def write_changes(self, changes: RootChanges, path: Path, form: str) -> tuple[str, ...]:
        """Write down what a job has changed; see `maelstrom_core.model.ports.KeepsChanges`."""

        def write() -> tuple[str, ...]:
            from maelstrom_core.layers.written import write_layer  # few runs want that

            entries = self._store.manifest(changes.layer)
            return write_layer(
                entries, path, form, store=self._store, cancelled=lambda: self._closing
            )

        return await trio.to_thread.run_sync(write)

    def _name(self, spec: ContainerSpec) -> str:
        """A name for equal specs; hashing one is dear, so its object is remembered too."""
        known = self._by_identity.get(id(spec))
        name = known[1] if known is not None else self._names.get(spec)
        if name is None:
            self._forget_some()
            self._named += 1
            name = self._names[spec] = f"container {self._named}"
            self._specs[name] = spec
        self._specs.move_to_end(name)
        if known is None:
            if len(self._by_identity) >= MOST_KNOWN:
                self._by_identity.clear()
            self._by_identity[id(spec)] = (spec, name)
        return name

    def _forget_some(self) -> None:
        """Of very many containers keep those that were used last; another is made again."""
        assert self.engine is not None
        for name in list(islice(self._specs, max(0, len(self._specs) - MOST_KNOWN + 1))):
            if self.engine.forget(name):
                del self._names[self._specs.pop(name)]
                self._by_identity.clear()

    async def make_root(self, name: str) -> Prepare:
        """Make a container's layers, in a worker thread."""
        spec = self._specs[name]
        made = await self._layers.make(spec.layers)

        found = await trio.to_thread.run_sync(prepared, spec, made, self._store)
        if self._others_keep_layers:
            self._layers.release()
        return found

    @property
    def is_closing(self) -> bool:
        """Whether nobody wants any more layers."""
        return self._closing

    async def make_layers(self, layers: Sequence[LayerSpec]) -> MadeLayers:
        """Make layers that jobs elsewhere are to have; they stay in the store until the end.

        :raises maelstrom_core.errors.MaelstromError: if they cannot be made
        """
        return await self._layers.make(layers)

    async def close(self) -> None:
        """Let layers that are still being made end soon, and wait for programs that make some."""
        self._closing = True
        await self._layers.close()

    def release(self) -> None:
        """Let the store evict what was used here."""
        self._layers.release()
        of_changes = [lease for some in self._leases_of_changes.values() for lease in some]
        for lease in (*self._leases, *of_changes):
            lease.release()


def _fault_of(job: JobSpec, environment: tuple[tuple[str, str], ...]) -> str:
    """What the kernel would refuse or misread, and what is wrong with it otherwise."""
    if job.fault:
        return job.fault
    if (
        "\0" in job.program
        or any("\0" in text for text in job.arguments)
        or _holds_nul(environment)
    ):
        return "program, arguments and environment cannot hold NUL characters"
    if not job.program:
        return "program: empty"
    has_terminals = any(isinstance(m, Devices | Devpts) for m in job.container.mounts)
    if job.terminal is not None and not has_terminals:
        return "terminal: its container has neither devices nor devpts"
    if job.attachable and not job.container.init:
        return "attachable: its container has no init"
    if (job.fork is not None or job.warm_up) and job.container.template is None:
        return "fork: its container has no template"
    if job.container.root.captured and job.fork is not None:
        return "root: what forks of a template change is not captured"
    if job.container.supplementary_groups and job.fork is not None:
        return (
            "supplementary_groups: forks of a template are in no group but their own; "
            'isolation = "fresh" starts a program of its own'
        )
    if job.outputs and job.fork is not None:
        return "outputs: forks of a template bring no files back"
    return ""


def _without(wanted: Collection[str], own: Collection[str]) -> str:
    """Why a container with these labels is not for this machine; nothing if it is."""
    missing = [label for label in wanted if label not in own]
    if not missing:
        return ""
    has = f"which has {', '.join(sorted(own))}" if own else "which has none"
    remedy = "the setting labels says what it has, as MAELSTROM_LABELS or in a file"
    return f"labels: {', '.join(missing)} cannot be had on this machine, {has}; {remedy}"


# Most jobs of a run have the same variables as many others.
@lru_cache(maxsize=256)
def _together(
    around: tuple[tuple[str, str], ...], own: tuple[tuple[str, str], ...]
) -> tuple[tuple[str, str], ...]:
    """The container's variables with the job's own."""
    return tuple(sorted((dict(around) | dict(own)).items())) if own else around


@lru_cache(maxsize=256)
def _holds_nul(environment: tuple[tuple[str, str], ...]) -> bool:
    return any("\0" in name or "\0" in value for name, value in environment)


@asynccontextmanager
async def open_local_backend(
    *,
    store_directory: Path,
    project_directory: Path,
    slots: int,
    store_limit_bytes: int | None = None,
    interpreter: Interpreter = "auto",
    template_memory_bytes: int | None = None,
    labels: Collection[str] = (),
    others_keep_layers: bool = False,
    slots_at_once: bool = True,
    on_upload: OnUpload | None = None,
) -> AsyncIterator[LocalBackend]:
    """A backend on this machine for as long as the context lasts; nothing is left after it.

    :param project_directory: what relative paths in layers are relative to
    :param slots: how many jobs run at once
    :param template_memory_bytes: what warm templates may take together that no job uses
    :param labels: those of this machine; jobs that ask for others end at once
    :param others_keep_layers: see `LocalBackend`
    :param slots_at_once: see `open_slots`; false where most jobs are forks, which need none
    :param on_upload: told of files that take long to be copied into the store
    :raises maelstrom_core.errors.HostError: if this host refuses containers, or the store cannot
        be used
    """
    if slots < 1:
        raise InputError("bad settings", [f"slots: {slots}; at least one is needed"])
    limit = {} if store_limit_bytes is None else {"limit_bytes": store_limit_bytes}
    with Store.open(store_directory, **limit) as store:
        backend = LocalBackend(
            store,
            project_directory,
            labels,
            others_keep_layers=others_keep_layers,
            on_upload=on_upload,
        )
        try:
            async with open_slots(slots, interpreter=interpreter, at_once=slots_at_once) as opened:
                ports: list[SlotPort] = list(opened)
                templates = partial(TemplateSlot, interpreter=interpreter)
                async with open_engine(
                    ports,
                    backend.make_root,
                    templates,
                    template_memory_bytes=template_memory_bytes,
                ) as engine:
                    backend.engine = engine
                    try:
                        yield backend
                    finally:
                        await backend.close()
        finally:
            backend.release()
