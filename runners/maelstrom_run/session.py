"""One invocation: opens what is needed, reads, runs, ends. For trio."""

import argparse
import os
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, closing
from pathlib import Path

import attrs
import trio

from maelstrom_core.api import AsyncRunner, InputError, Jobs
from maelstrom_core.api.arrivals import Arrivals
from maelstrom_core.api.images import ImagesOfJobs
from maelstrom_core.cluster.choose import open_backend
from maelstrom_core.hooks.manager import Plugins, other_runners
from maelstrom_core.settings import Settings
from maelstrom_run.endings_plan import BY_SIGNAL, HOST_FAULT, Ending
from maelstrom_run.files import Files
from maelstrom_run.job_stream import BadStream
from maelstrom_run.many import ManyJobs
from maelstrom_run.one import first_job, run_one
from maelstrom_run.present import Events, Live, Presenter, Whole, said
from maelstrom_run.screen import Screen
from maelstrom_run.sending import Sending
from maelstrom_run.settings import NO_CHANGES
from maelstrom_run.source import Document, open_source
from maelstrom_run.stopping import Stopper


async def run(chosen: argparse.Namespace, settings: Settings) -> Ending:
    """Do what was asked for; nothing is left when it returns."""
    stopper = Stopper()
    ending = Ending()
    with stopper.listening(), stopper.scope:
        ending = await _run(chosen, settings, stopper)
    if stopper.error is not None:
        sys.stderr.buffer.write(said([f"output cannot be written: {stopper.error.strerror}"]))
        return Ending(HOST_FAULT)
    if stopper.signal:
        return Ending(BY_SIGNAL + stopper.signal, stopper.signal)
    return ending


async def _run(chosen: argparse.Namespace, settings: Settings, stopper: Stopper) -> Ending:
    project = Path.cwd()
    with closing(ImagesOfJobs(settings, project)) as images:
        jobs = Jobs(
            project,
            timeout=settings.timeout,
            output_bytes=settings.inline_limit,
            bringer=images,
            captures=settings.changes != NO_CHANGES,
        )
        return await _run_jobs(chosen, settings, stopper, jobs)


async def _run_jobs(
    chosen: argparse.Namespace, settings: Settings, stopper: Stopper, jobs: Jobs
) -> Ending:
    for path in chosen.containers:
        await _know_containers(jobs, path, chosen.format)
    alone = _needs_nothing(chosen)
    async with (
        open_source(chosen.file, chosen.format) as source,
        aclosing(_nothing() if alone else source.documents()) as documents,
    ):
        if source.is_terminal and not alone:
            # Else it would seem to hang.
            words = "reading jobs from the terminal; Ctrl-D ends them, --help tells of more"
            sys.stderr.buffer.write(said([words]))
            sys.stderr.flush()
        if chosen.explain:
            return await _explain(jobs, documents, chosen.command)
        if chosen.one:
            # Read before anything is opened: what cannot be used costs nothing.
            job = await first_job(jobs, documents, chosen.command or _shell(chosen))
            if chosen.stdin:
                own = await trio.to_thread.run_sync(sys.stdin.buffer.read, abandon_on_cancel=True)
                job = attrs.evolve(job, stdin=own)
            if chosen.tty or job.terminal is not None:
                from maelstrom_run.at_terminal import seated

                job = seated(job)
        files = Files(Path(settings.output_directory), settings.changes)
        plugins = Plugins(block=other_runners())
        sending = Sending()
        async with open_backend(
            settings, plugins, project_directory=Path.cwd(), on_upload=sending.hear
        ) as backend:
            runner = AsyncRunner(backend, jobs)
            if chosen.one and job.terminal is not None:
                from maelstrom_run.at_terminal import run_at_terminal

                return await run_at_terminal(runner, job, files, settings.escape_char, stopper)
            if chosen.one:
                return await run_one(runner, job, files, stopper)
            shows = sys.stderr.isatty() and not chosen.no_progress
            screen = Screen(stopper.cannot_write, has_progress=shows)
            many = ManyJobs(
                runner,
                _presenter(chosen, screen),
                screen,
                files,
                read_ahead=settings.read_ahead,
                sending=sending,
            )
            return await many.run(documents)


def _presenter(chosen: argparse.Namespace, screen: Screen) -> Presenter:
    if chosen.json:
        return Events(screen, live=chosen.live)
    return Live(screen) if chosen.live else Whole(screen)


def _needs_nothing(chosen: argparse.Namespace) -> bool:
    """Whether the command line says all: a program, and nobody would write a job by hand."""
    if chosen.tty:
        return chosen.file is None
    return bool(chosen.one and chosen.command and chosen.file is None) and (
        chosen.stdin or os.isatty(0)
    )


def _shell(chosen: argparse.Namespace) -> tuple[str, ...]:
    """What is run at a terminal if nobody says what."""
    if not chosen.tty or chosen.file is not None:
        return ()
    from maelstrom_run.at_terminal import SHELL  # few runs are at a terminal

    return SHELL


async def _nothing() -> AsyncGenerator[Document, None]:
    yield Document({}, "the job")


async def _know_containers(jobs: Jobs, path: str, kind: str) -> None:
    async with open_source(path, kind) as source, aclosing(source.documents()) as documents:
        try:
            async for document in documents:
                if jobs.take(document.table, what=document.what):
                    fault = "it has jobs: only containers are taken from it; see --file"
                    raise InputError(f"{path} cannot be used", [fault])
        except BadStream as bad:
            raise InputError(f"{path} cannot be used", [str(bad)]) from None


async def _explain(
    jobs: Jobs, documents: AsyncIterator[Document], command: tuple[str, ...]
) -> Ending:
    # What plans containers step by step is needed for nothing else here.
    from maelstrom_run.explaining import explained

    number, arrivals = 0, Arrivals(jobs)
    try:
        async for document in documents:
            for planned in jobs.take(document.table, what=document.what, command=command):
                job = await arrivals.finished(planned)
                number += 1
                title = f"job {number}" + (f" ({job.label})" if job.label else "")
                print(*([""] if number > 1 else []), title, *explained(job), sep="\n")
                if command:
                    return Ending()
    except BadStream as bad:
        raise InputError("the jobs cannot be used", [str(bad)]) from None
    return Ending()
