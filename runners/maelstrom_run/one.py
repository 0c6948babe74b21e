"""Runs one job: its output as it comes, and all of it; ends as it ends."""

import os
import select
import sys
from collections import deque
from collections.abc import AsyncIterator

import attrs
import trio

from maelstrom_core.api import (
    AsyncRunner,
    Exited,
    InputError,
    Jobs,
    JobSpec,
    Signaled,
    UsageError,
    describe,
)
from maelstrom_core.api.arrivals import Arrivals
from maelstrom_core.model.outcome import limits_met
from maelstrom_run.endings_plan import Ending, of_one
from maelstrom_run.files import Files
from maelstrom_run.job_stream import BadStream
from maelstrom_run.present import said
from maelstrom_run.screen import ENOUGH_ROOM
from maelstrom_run.source import Document
from maelstrom_run.stopping import Stopper

LOOK_UP_SECONDS = 0.1


async def first_job(
    jobs: Jobs, documents: AsyncIterator[Document], command: tuple[str, ...]
) -> JobSpec:
    """The first job that is read; nothing more than that is.

    :param command: program and arguments that take the place of those that are written
    :raises UsageError: if there is none, or what is read is none
    """
    try:
        async for document in documents:
            found = jobs.take(document.table, what=document.what, command=command)
            if found:
                return await Arrivals(jobs).finished(found[0])
    except BadStream as bad:
        raise InputError("the job cannot be used", [str(bad)]) from None
    raise UsageError("there is no job", remedy='write one: {"program": "echo"}')


async def run_one(runner: AsyncRunner, job: JobSpec, files: Files, stopper: Stopper) -> Ending:
    """Run a job; how the program ends.

    What the job writes is passed on before it may write more: a reader who is slow holds up the job, as
    he would without us.
    """
    passed_on = PassedOn(stopper)
    job = attrs.evolve(job, keep_output=False)
    result = await runner.run(job, on_output=passed_on)
    await passed_on.room()
    kept = await files.keep(runner, 1, job, result)
    lines = [] if isinstance(result.outcome, Exited | Signaled) else [describe(result.outcome)]
    lines += limits_met(result)
    lines += [f"this host could not give all: {what}" for what in result.degraded]
    lines += kept.faults
    sys.stderr.buffer.write(said(lines))
    sys.stderr.flush()
    ending = of_one(result.outcome)
    return Ending(1) if kept.faults and ending == Ending() else ending


class PassedOn:
    """Standard output and error of the job, written to ours; the job is held up meanwhile.

    :param stopper: told if that cannot be
    """

    def __init__(self, stopper: Stopper) -> None:
        self._stopper = stopper
        self._waiting: deque[tuple[int, memoryview]] = deque()

    def __call__(self, stream: int, data: bytes) -> None:
        """The job has written this."""
        self._waiting.append((stream, memoryview(data)))
        while self._write_some():
            pass

    async def room(self) -> None:
        """Wait until all has been written, unless the program is to end meanwhile."""
        while self._waiting and not self._stopper.stopped:
            if not self._write_some():
                await _writable(self._waiting[0][0])

    def _write_some(self) -> bool:
        """Write a bit, if there is room for it now."""
        if not self._waiting or self._stopper.stopped:
            return False
        stream, data = self._waiting[0]
        poll = select.poll()
        poll.register(stream, select.POLLOUT)
        if not poll.poll(0):
            return False
        try:
            written = os.write(stream, data[:ENOUGH_ROOM]) if data else 0
        except OSError as error:
            self._stopper.cannot_write(error)
            return False
        if written < len(data):
            self._waiting[0] = (stream, data[written:])
        else:
            self._waiting.popleft()
        return True


async def _writable(descriptor: int) -> None:
    try:
        await trio.lowlevel.wait_writable(descriptor)
    except OSError:
        # What epoll does not watch is always ready for poll; but for what is neither.
        await trio.sleep(LOOK_UP_SECONDS)
