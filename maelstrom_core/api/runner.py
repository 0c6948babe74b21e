"""Runs jobs, written or made, one by one or thousands of them. For trio."""

import itertools
import os
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeVar

import attrs
import trio

from maelstrom_core.api.arrivals import Arrivals
from maelstrom_core.api.images import ImagesOfJobs
from maelstrom_core.api.jobs import Jobs
from maelstrom_core.cluster.choose import open_backend
from maelstrom_core.errors import InputError, UsageError
from maelstrom_core.hooks.manager import Plugins, other_runners
from maelstrom_core.model.job import JobSpec
from maelstrom_core.model.outcome import JobResult
from maelstrom_core.model.ports import Backend, KeepsChanges, OnOutput, Viewer
from maelstrom_core.settings import COMMON, Schema, load
from maelstrom_core.settings.host import state_directory, store_directory, usable_cpus
from maelstrom_core.spec.jobs_plan import PlannedJob

AnyJob: TypeAlias = JobSpec | Mapping[str, Any]
"""A job: made, or as it is written in JSON or TOML."""
ChangesForm: TypeAlias = Literal["tar", "directory"]
READ_AHEAD = 100
"""Jobs that are known before the first of them has ended; twice the slots, if that is more."""


@attrs.frozen(kw_only=True)
class Ended:
    """A job of many that has ended.

    :param number: from 1, in the order in which jobs were given
    """

    number: int
    job: JobSpec
    result: JobResult


class AsyncRunner:
    """Runs jobs on a backend; see `open_runner`.

    :param jobs: makes them of what is written
    """

    def __init__(self, backend: Backend, jobs: Jobs) -> None:
        self._backend = backend
        self._jobs = jobs
        self._arrivals = Arrivals(jobs)

    @property
    def slots(self) -> int:
        """How many one-slot jobs run at once."""
        return self._backend.slots

    @property
    def read_ahead(self) -> int:
        """How many jobs `run_all` takes before the first of them has ended."""
        return max(READ_AHEAD, 2 * self.slots)

    def jobs(
        self, document: Mapping[str, Any], *, what: str = "the job", command: tuple[str, ...] = ()
    ) -> list[JobSpec]:
        """The jobs of a document: one, those of its list ``jobs``, or none.

        :param document: as in JSON or TOML; its containers can be parents from now on
        :param what: the document, in words, for errors
        :param command: program and arguments that take the place of those that are written
        :raises InputError: all its faults, each with its path; nothing of it is taken then
        """
        return self._jobs.of(document, what=what, command=command)

    async def jobs_of(
        self, document: Mapping[str, Any], *, what: str = "the job", command: tuple[str, ...] = ()
    ) -> list[JobSpec]:
        """As `jobs`, and jobs that run go on while an image is brought.

        Cancelling the call ends that soon, unless somebody else waits for the image.
        """
        found: list[JobSpec] = []
        faults: list[str] = []
        for planned in self._jobs.take(document, what=what, command=command):
            try:
                found.append(await self.finished(planned))
            except InputError as error:
                faults += error.faults
        if faults:
            raise InputError(f"{what} cannot be used", faults)
        return found

    def take(self, document: Mapping[str, Any], *, what: str = "the job") -> list[PlannedJob]:
        """As `jobs`, and waits for no image: `finished` does, for each job by itself.

        :raises InputError: all its faults, but for those that only an image can tell
        """
        return self._jobs.take(document, what=what)

    async def finished(self, planned: PlannedJob) -> JobSpec:
        """A job of which all is known, its image, if it has one, brought.

        :raises InputError: for what only the image can tell to be a fault
        """
        return await self._arrivals.finished(planned)

    def job(self, job: AnyJob) -> JobSpec:
        """One job; waits for its image, if that has to be brought.

        :raises InputError: all its faults, or that it is not one
        """
        return job if isinstance(job, JobSpec) else _only(self.jobs(job))

    def taken(self, job: AnyJob) -> PlannedJob:
        """One job; its image may still have to be brought, which `run` waits for.

        :raises InputError: all its faults, or that it is not one
        """
        if isinstance(job, JobSpec):
            return PlannedJob(job=job)
        return _only(self._jobs.take(job))

    async def run(
        self,
        job: AnyJob | PlannedJob,
        *,
        on_output: OnOutput | None = None,
        viewer: Viewer | None = None,
    ) -> JobResult:
        """Run a job to its one ending.

        Never raises for what a job does: that is in the result. Cancelling the call ends the job.

        :param on_output: called with 1 (stdout) or 2 (stderr) and bytes as they come
        :param viewer: attends to its terminal, if it has one
        :raises InputError: if the job is not written as it must be
        """
        if not isinstance(job, JobSpec):
            job = await self.finished(job if isinstance(job, PlannedJob) else self.taken(job))
        return await self._backend.run(job, on_output=on_output, viewer=viewer)

    async def write_changes(
        self, result: JobResult, path: str | os.PathLike[str], *, form: ChangesForm | None = None
    ) -> tuple[str, ...]:
        """Write down what a job has changed in its root, which must be captured.

        As a tar archive it is a layer of an image (``.wh.NAME`` stands for what was removed); as a
        directory, what was written is below ``root`` there, and ``changes.json`` tells of the rest.

        :param path: of an archive, which replaces a file that is there; or of a directory, which must
            not be there, or be empty
        :param form: by default that of an archive, if the path ends in ``.tar``
        :return: what was left out, one line each
        :raises UsageError: if there are no changes, or they cannot be written there
        """
        path = Path(path)
        changes, backend = result.changes, self._backend
        if changes is None:
            why = result.changes_missing or "its root is not captured (capture_changes)"
            raise UsageError(f"the job has no changes that could be written: {why}")
        if not isinstance(backend, KeepsChanges):
            raise UsageError("where the job ran, changes cannot be had from")
        form = form or ("tar" if path.suffix == ".tar" else "directory")
        return await backend.write_changes(changes, path, form)

    @asynccontextmanager
    async def run_all(
        self, jobs: Iterable[AnyJob] | AsyncIterable[AnyJob]
    ) -> AsyncIterator[trio.MemoryReceiveChannel[Ended]]:
        """Run many jobs; what is yielded gives them in the order in which they end.

        No more than `read_ahead` jobs are known at once, so there may be any number of them, and
        whoever does not take what has ended holds up the rest. Those that wait for an image do not
        hold up others. Leaving the context ends all jobs.

        :raises InputError: for a job that is not written as it must be; all others are ended
        """
        free = trio.Semaphore(self.read_ahead)
        give, take = trio.open_memory_channel[Ended](0)
        numbers = itertools.count(1)
        faults: list[InputError] = []

        async def one(
            number: int,
            planned: PlannedJob,
            mine: trio.MemorySendChannel[Ended],
            nursery: trio.Nursery,
        ) -> None:
            async with mine:
                try:
                    job = await self.finished(planned)
                except InputError as error:
                    faults.append(error)
                    nursery.cancel_scope.cancel()
                    return
                result = await self._backend.run(job)
                await mine.send(Ended(number=number, job=job, result=result))
                free.release()

        async def start(job: AnyJob, nursery: trio.Nursery) -> None:
            await free.acquire()
            planned = self.taken(job)
            nursery.start_soon(one, next(numbers), planned, give.clone(), nursery)

        async def all_of_them(nursery: trio.Nursery) -> None:
            async with give:
                try:
                    if isinstance(jobs, AsyncIterable):
                        async for job in jobs:
                            await start(job, nursery)
                    else:
                        for job in jobs:
                            await start(job, nursery)
                except InputError as error:
                    # Raised by itself below: whoever asked need not know of nurseries.
                    faults.append(error)
                    nursery.cancel_scope.cancel()

        async with take, trio.open_nursery() as nursery:
            nursery.start_soon(all_of_them, nursery)
            yield take
            nursery.cancel_scope.cancel()
        if faults:
            raise faults[0]


_Any = TypeVar("_Any", JobSpec, PlannedJob)


def _only(found: list[_Any]) -> _Any:
    if len(found) != 1:
        raise InputError("the job cannot be used", [f"it is {len(found)} jobs, not one"])
    return found[0]


@asynccontextmanager
async def open_runner(
    *,
    project_directory: str | os.PathLike[str] = ".",
    slots: int | None = None,
    store: str | os.PathLike[str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[AsyncRunner]:
    """A runner for as long as the context lasts; no process or file of its jobs is left after it.

    What is not given here is taken from the variables ``MAELSTROM_…`` and the settings' files of the
    program ``maelstrom``.

    :param project_directory: what relative paths in layers, binds and ``stdin`` are relative to
    :param slots: how many jobs run at once
    :param store: directory in which layers are kept
    :param environment: what ``$env{…}`` looks up; this process's variables by default
    :raises HostError: if this host refuses containers; with the remedy
    :raises InputError: for bad settings
    """
    fields = COMMON(slots=usable_cpus(), store=store_directory(), state=state_directory())
    given: dict[str, object] = {}
    if slots is not None:
        given["slots"] = slots
    if store is not None:
        given["store"] = os.fspath(store)
    settings = load(Schema("maelstrom", "MAELSTROM", fields), given, environment=os.environ)
    project = Path(project_directory).resolve()
    with closing(ImagesOfJobs(settings, project)) as images:
        jobs = Jobs(project, client=environment, timeout=settings.timeout, bringer=images)
        plugins = Plugins(block=other_runners())
        async with open_backend(settings, plugins, project_directory=project) as backend:
            yield AsyncRunner(backend, jobs)
