"""A backend on a cluster, with the slots of this machine beside it.

Where a job runs: here, if only this machine can run it (`containers.why_local`), if it begins on a
terminal and this machine can run it at all, or if a slot here is
free while another job of ours still waits for a slot of the cluster; on the cluster otherwise. And what
waits there for longer than `WAIT_SECONDS` comes back when a slot here is free. So neither stands idle
while the other has a queue, and no number of the cluster's has to be known or guessed for that.
"""

import getpass
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeAlias

import trio

from maelstrom_core.cluster.blobs import Uploads
from maelstrom_core.cluster.client import FROM_BROKERS, ClusterClient
from maelstrom_core.cluster.containers import why_local
from maelstrom_core.cluster.handed_in import GivenBack
from maelstrom_core.cluster.link import Connection, Link
from maelstrom_core.cluster.local import LocalBackend
from maelstrom_core.layers.in_place import layers_in_place
from maelstrom_core.model.container import ContainerSpec
from maelstrom_core.model.histories import KnownCase
from maelstrom_core.model.in_place import InPlaceLayer
from maelstrom_core.model.job import JobSpec
from maelstrom_core.model.outcome import HostFailed, JobResult, RootChanges
from maelstrom_core.model.ports import OnOutput, Viewer
from maelstrom_core.transfer.upload import Layer

WAIT_SECONDS = 0.5
_LOOK_SECONDS = 0.25
SOFTWARE = "maelstrom"
_OLD_BROKER = "the broker is of a version that passes no terminals on, and the job is to have yours"

Follow: TypeAlias = Callable[[Callable[[], bool]], Awaitable[None]]


class RemoteBackend:
    """Runs jobs on a cluster and here; see `maelstrom_core.model.ports`: `Backend`, `SharesHistory`,
    `TellsBeginnings`.

    :param cluster_only: nothing runs here that others can run
    """

    def __init__(
        self, client: ClusterClient, local: LocalBackend, *, cluster_only: bool = False
    ) -> None:
        self._client = client
        self._local = local
        self._cluster_only = cluster_only
        self._taken = 0
        """Slots of jobs that run or wait here."""

    @property
    def tells_beginnings(self) -> bool:
        """Since there may be others who want the same machines."""
        return True

    @property
    def slots(self) -> int:
        """How many one-slot jobs can run at once, here and there."""
        return self._client.slots + (0 if self._cluster_only else self._local.slots)

    @property
    def _free(self) -> int:
        return max(0, self._local.slots - self._taken)

    async def run(
        self,
        job: JobSpec,
        *,
        on_output: OnOutput | None = None,
        viewer: Viewer | None = None,
    ) -> JobResult:
        """Run a job to its one ending."""
        if why_local(job) or self._belongs_here(job) or self._is_free_for(job):
            return await self._run_here(job, on_output, viewer)
        if job.terminal is not None and not self._client.passes_terminals:
            return JobResult(outcome=HostFailed(_OLD_BROKER, "use a newer broker"))
        if job.terminal is not None and viewer is not None:
            viewer.is_placed(None)
        result = await self._client.run(job, on_output, viewer)
        while isinstance(result, GivenBack) and result.outcome is None and not self._may_run(job):
            # It was taken back while its layers were on their way; it is not for this machine.
            result = await self._client.run(job, on_output, viewer)
        if not isinstance(result, GivenBack):
            return result
        if result.outcome is not None and self._cluster_only:
            return JobResult(outcome=result.outcome)
        # What is wrong with its container is found out here as well, and told in the words of here.
        return await self._run_here(job, on_output, viewer)

    async def write_changes(self, changes: RootChanges, path: Path, form: str) -> tuple[str, ...]:
        """Write down what a job has changed, wherever it ran; see `LocalBackend.write_changes`."""
        return await self._local.write_changes(changes, path, form)

    def let_go(self, changes: RootChanges) -> None:
        """See `maelstrom_core.model.ports.KeepsChanges`."""
        self._local.let_go(changes)

    def _is_free_for(self, job: JobSpec) -> bool:
        wanted = not self._cluster_only and self._client.has_idle_jobs
        return wanted and self._free >= job.slots and self._may_run(job)

    def _belongs_here(self, job: JobSpec) -> bool:
        """Whoever is at a terminal notices a network between."""
        return job.terminal is not None and not self._cluster_only and self._may_run(job)

    def _may_run(self, job: JobSpec) -> bool:
        has_labels = self._local.labels.issuperset(job.container.labels)
        return has_labels and job.slots <= self._local.slots

    async def _run_here(
        self, job: JobSpec, on_output: OnOutput | None, viewer: Viewer | None
    ) -> JobResult:
        if job.terminal is not None and viewer is not None:
            viewer.is_placed("")
        began: Callable[[], None] | None = getattr(on_output, "began", None)
        if began is not None:
            began()
        self._taken += job.slots
        try:
            return await self._local.run(job, on_output=on_output, viewer=viewer)
        finally:
            self._taken -= job.slots

    async def recall(self, project: bytes, plan: bytes = b"") -> Sequence[KnownCase] | None:
        """What the broker knows of a project's cases."""
        return await self._client.histories.recall(project, plan)

    def learned(self, project: bytes, cases: Iterable[KnownCase]) -> None:
        """Tell the broker how cases went, wherever they were run."""
        self._client.histories.learned(project, cases)

    async def take_back(self) -> None:
        """Take jobs back that wait for the cluster while slots here are free; for ever."""
        while not self._cluster_only:
            await trio.sleep(_LOOK_SECONDS)
            if self._free and self._client.has_idle_jobs:
                self._client.take_back(
                    self._free, waited_seconds=WAIT_SECONDS, labels=self._local.labels
                )


@asynccontextmanager
async def open_remote_backend(
    local: LocalBackend,
    connection: Connection,
    uploads: Uploads,
    *,
    cluster_only: bool = False,
    follow: Follow | None = None,
) -> AsyncIterator[RemoteBackend]:
    """A backend on a cluster for as long as the context lasts; no job is left in it after it.

    :param connection: to the broker
    :param uploads: to the broker's blobs
    :param follow: goes after the broker when it moves; asks whether it is heard
    :raises maelstrom_core.errors.PeerError: if the broker does not let us in, with what is in the way
    """

    async def make(spec: ContainerSpec) -> Sequence[Layer]:
        made = await local.make_layers(spec.layers)

        def hash_trees() -> list[InPlaceLayer]:
            return layers_in_place(
                made.host_trees,
                index=local.store.index,
                below=map(local.store.manifest, made.digests),
                cancelled=lambda: local.is_closing,
            )

        if not made.host_trees:
            return made.digests
        return (*made.digests, *await trio.to_thread.run_sync(hash_trees))

    client = ClusterClient(uploads, make, name=_user(), software=SOFTWARE)
    link = Link(connection, client, allowed=FROM_BROKERS, is_worker=False)
    client.say = link.say
    backend = RemoteBackend(client, local, cluster_only=cluster_only)
    fault: Exception | None = None
    async with trio.open_nursery() as nursery:
        client.containers.nursery = nursery
        # Whoever has cancelled a job waits to hear that it has ended: these outlive the caller.
        scope = trio.CancelScope(shield=True)
        for_long = (
            *(link.run, client.hand_in, client.answer, client.lose_patience),
            *(client.terminals.show, client.terminals.say_again),
        )
        nursery.start_soon(_within, scope, for_long)
        nursery.start_soon(client.containers.keep)
        nursery.start_soon(backend.take_back)
        if follow is not None:
            nursery.start_soon(follow, lambda: link.is_up)
        try:
            await client.wait_for_welcome()
            yield backend
        except Exception as error:
            fault = error  # as it is, not within a group of the nursery's
        finally:
            with trio.CancelScope(shield=True):
                client.flush()
                client.terminals.let_go()
                await link.leave("all is done")
            scope.cancel()
            nursery.cancel_scope.cancel()
            client.release()
    if fault is not None:
        raise fault


async def _within(scope: trio.CancelScope, tasks: Sequence[Callable[[], Awaitable[None]]]) -> None:
    with scope:
        async with trio.open_nursery() as nursery:
            for task in tasks:
                nursery.start_soon(task)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "somebody"
