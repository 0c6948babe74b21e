"""Runs one job: its output as it comes, and all of it; ends as it ends."""

import os
import select
import sys
from collections.abc import AsyncIterator

import attrs

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

    What the job writes is passed on here and now, before anything else is done: a reader who is slow
    holds up the job, as he would without us.

    """

    def pass_on(stream: int, data: bytes) -> None:
        try:
            _write(stream, data, stopper)
        except OSError as error:
            stopper.cannot_write(error)

    job = attrs.evolve(job, keep_output=False)
    result = await runner.run(job, on_output=pass_on)
    kept = await files.keep(runner, 1, job, result)
    lines = [] if isinstance(result.outcome, Exited | Signaled) else [describe(result.outcome)]
    lines += limits_met(result)
    lines += [f"this host could not give all: {what}" for what in result.degraded]
    lines += kept.faults
    sys.stderr.buffer.write(said(lines))
    sys.stderr.flush()
    ending = of_one(result.outcome)
    return Ending(1) if kept.faults and ending == Ending() else ending


def _write(stream: int, data: bytes, stopper: Stopper) -> None:
    """Write all of it, unless the program is to end meanwhile."""
    poll = select.poll()
    poll.register(stream, select.POLLOUT)
    view = memoryview(data)
    while view and not stopper.stopped:
        if poll.poll(LOOK_UP_SECONDS * 1000):
            view = view[os.write(stream, view[:ENOUGH_ROOM]) :]
