"""Runs every job that is read, as it is read."""

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable

import attrs
import trio

from maelstrom_core.api import (
    AsyncRunner,
    Exited,
    InputError,
    JobSpec,
    PlannedJob,
    UsageError,
)
from maelstrom_run.endings_plan import Ending, of_many
from maelstrom_run.files import Files
from maelstrom_run.job_stream import BadStream
from maelstrom_run.present import Presenter
from maelstrom_run.screen import Screen
from maelstrom_run.sending import Sending
from maelstrom_run.source import Document

STATUS_SECONDS = 0.2
_WELL = Exited(0)


@attrs.define
class _Counts:
    read: int = 0
    ended: int = 0
    failed: int = 0
    faults: int = 0
    all_read: bool = False

    def line(self, slots: int) -> str:
        """How far it has come."""
        known = f"{self.ended} of {self.read} jobs" if self.all_read else f"{self.ended} jobs"
        running = min(slots, self.read - self.ended)
        failed = f", {self.failed} failed" if self.failed else ""
        more = "" if self.all_read else f", {self.read} read so far"
        return f"{known} ended{failed}; {running} running{more}"


class ManyJobs:
    """One run over everything that a source gives.

    :param read_ahead: how many jobs are known before the first of them has ended
    :param files: where files go that jobs leave
    :param sending: what is being sent to a cluster
    """

    def __init__(
        self,
        runner: AsyncRunner,
        presenter: Presenter,
        screen: Screen,
        files: Files,
        *,
        read_ahead: int,
        sending: Sending,
    ) -> None:
        self._runner = runner
        self._presenter = presenter
        self._screen = screen
        self._files = files
        self._sending = sending
        self._most = max(read_ahead, runner.slots)
        self._counts = _Counts()
        self._degraded: dict[str, None] = {}

    async def run(self, documents: AsyncIterator[Document]) -> Ending:
        """Run all jobs of all documents; how the program ends."""
        counts = self._counts
        source = _Jobs(self._runner, documents, self._given, self._fault)
        async with trio.open_nursery() as helpers:
            helpers.start_soon(self._presenter.flow)
            helpers.start_soon(self._show_progress)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._run_one_after_the_other, source, nursery, self._most - 1)
            helpers.cancel_scope.cancel()
        await self._screen.close()
        for what in self._degraded:
            await self._presenter.note(f"this host could not give all: {what}")
        await self._presenter.over(jobs=counts.read, failed=counts.failed, faults=counts.faults)
        return of_many(failed=counts.failed, faults=counts.faults)

    async def _run_one_after_the_other(
        self, source: "_Jobs", nursery: trio.Nursery, more: int
    ) -> None:
        """Run jobs while there are any: as many tasks do so as jobs may be known at once.

        A task for each job would cost as much as all else that is done for one here.

        :param more: how many tasks may still be started
        """
        while (job := await source.next()) is not None:
            if more:
                # Only when there is something to do, for most runs are short.
                nursery.start_soon(self._run_one_after_the_other, source, nursery, more - 1)
                more = 0
            await self._run(*job)
        self._counts.all_read = True

    async def _given(self, number: int, job: JobSpec) -> None:
        """All is known of a job."""
        self._counts.read += 1
        await self._presenter.given(number, job)

    async def _run(self, number: int, planned: PlannedJob) -> None:
        job = planned.job
        if planned.wants is not None:
            try:
                job = await self._runner.finished(planned)
            except InputError as error:
                await self._fault(str(error))
                return
            await self._given(number, job)
        on_output = self._presenter.on_output(number, job)
        result = await self._runner.run(job, on_output=on_output)
        if result.degraded:
            self._degraded.update(dict.fromkeys(result.degraded))
        kept = await self._files.keep(self._runner, number, job, result)
        counts = self._counts
        counts.ended += 1
        counts.failed += result.outcome != _WELL or bool(kept.faults)
        # No other job is read before that is done: what waits to be shown is memory, too.
        await self._presenter.ended(number, job, result, kept)

    async def _fault(self, text: str) -> None:
        self._counts.faults += 1
        await self._presenter.fault(text)

    async def _show_progress(self) -> None:
        while True:
            await trio.sleep(STATUS_SECONDS)
            line = self._counts.line(self._runner.slots) + self._sending.status
            await self._screen.status(line)
            notes, self._sending.notes = self._sending.notes, []
            if not self._screen.has_progress:
                for note in notes:
                    await self._presenter.note(note)


class _Jobs:
    """Jobs as they are read, for many tasks that take them.

    :param given: told of each, in order, but of those that wait for an image
    :param fault: told of what is no job
    """

    def __init__(
        self,
        runner: AsyncRunner,
        documents: AsyncIterator[Document],
        given: Callable[[int, JobSpec], Awaitable[None]],
        fault: Callable[[str], Awaitable[None]],
    ) -> None:
        self._runner = runner
        self._documents = documents
        self._given = given
        self._fault = fault
        self._reading = trio.Lock()
        self._jobs: deque[PlannedJob] = deque()
        self._number = 0
        self._all_read = False

    async def next(self) -> tuple[int, PlannedJob] | None:
        """The next one, and its number; ``None`` if there will be no more."""
        try:
            # Mostly nobody else reads, and then nobody else's turn need come first.
            self._reading.acquire_nowait()
        except trio.WouldBlock:
            await self._reading.acquire()
        try:
            while not self._jobs and not self._all_read:
                await self._read()
            if not self._jobs:
                return None
            planned = self._jobs.popleft()
            self._number = number = self._number + 1
            if planned.wants is None:
                await self._given(number, planned.job)
            return number, planned
        finally:
            self._reading.release()

    async def _read(self) -> None:
        """Read one document."""
        try:
            document = await anext(self._documents)
            for planned in self._runner.take(document.table, what=document.what):
                if planned.job.terminal is None:
                    self._jobs.append(planned)
                else:
                    words = "wants a terminal: run it by itself, --one"
                    await self._fault(f"{document.what} {words}")
        except StopAsyncIteration:
            self._all_read = True
        except InputError as error:
            # Somebody else's mistake, perhaps: all others are run.
            await self._fault(str(error))
        except BadStream as bad:
            self._all_read = True
            await self._fault(f"{bad}; nothing after it was read")
        except UsageError as error:
            self._all_read = True
            await self._fault(str(error))
