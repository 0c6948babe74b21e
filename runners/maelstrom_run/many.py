"""Runs every job that is read, as it is read."""

from collections.abc import AsyncIterator

import attrs
import trio

from maelstrom_core.api import AsyncRunner, Cancelled, Exited, InputError, JobSpec, UsageError
from maelstrom_run.endings_plan import Ending, of_many
from maelstrom_run.files import Files
from maelstrom_run.job_stream import BadStream
from maelstrom_run.present import Presenter
from maelstrom_run.screen import Screen
from maelstrom_run.source import Document

STATUS_SECONDS = 0.2


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
    """

    def __init__(
        self,
        runner: AsyncRunner,
        presenter: Presenter,
        screen: Screen,
        files: Files,
        *,
        read_ahead: int,
    ) -> None:
        self._runner = runner
        self._presenter = presenter
        self._screen = screen
        self._files = files
        self._free = trio.Semaphore(max(read_ahead, runner.slots))
        self._counts = _Counts()
        self._degraded: dict[str, None] = {}

    async def run(self, documents: AsyncIterator[Document]) -> Ending:
        """Run all jobs of all documents; how the program ends."""
        counts = self._counts
        async with trio.open_nursery() as helpers:
            helpers.start_soon(self._presenter.flow)
            helpers.start_soon(self._show_progress)
            async with trio.open_nursery() as nursery:
                try:
                    await self._read(documents, nursery)
                except BadStream as bad:
                    await self._fault(f"{bad}; nothing after it was read")
                except UsageError as error:
                    await self._fault(str(error))
                counts.all_read = True
            helpers.cancel_scope.cancel()
        await self._screen.close()
        for what in self._degraded:
            await self._presenter.note(f"this host could not give all: {what}")
        await self._presenter.over(jobs=counts.read, failed=counts.failed, faults=counts.faults)
        return of_many(failed=counts.failed, faults=counts.faults)

    async def _read(self, documents: AsyncIterator[Document], nursery: trio.Nursery) -> None:
        async for document in documents:
            try:
                jobs = await self._runner.jobs_of(document.table, what=document.what)
            except InputError as error:
                # Somebody else's mistake, perhaps: all others are run.
                await self._fault(str(error))
                continue
            for job in jobs:
                if job.terminal is not None:
                    await self._fault(f"{document.what} wants a terminal: run it by itself, --one")
                    continue
                await self._free.acquire()
                self._counts.read += 1
                await self._presenter.given(self._counts.read, job)
                nursery.start_soon(self._run, self._counts.read, job)

    async def _run(self, number: int, job: JobSpec) -> None:
        on_output = self._presenter.on_output(number, job)
        result = await self._runner.run(job, on_output=on_output)
        self._degraded.update(dict.fromkeys(result.degraded))
        kept = self._files.keep(number, job, result)
        counts = self._counts
        counts.ended += 1
        counts.failed += result.outcome != Exited(0) or bool(kept.faults)
        if not isinstance(result.outcome, Cancelled):
            await self._presenter.ended(number, job, result, kept)
        # Only now: what waits to be shown is memory, too.
        self._free.release()

    async def _fault(self, text: str) -> None:
        self._counts.faults += 1
        await self._presenter.fault(text)

    async def _show_progress(self) -> None:
        if not self._screen.has_progress:
            return
        while True:
            await trio.sleep(STATUS_SECONDS)
            await self._screen.status(self._counts.line(self._runner.slots))
