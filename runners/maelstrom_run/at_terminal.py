"""``--tty``: the user's terminal is that of one job, from its start to its end."""

import signal
import sys

import attrs

from maelstrom_core.api import AsyncRunner, Exited, JobSpec, Signaled, UsageError, describe
from maelstrom_core.terminal.seat import Seat
from maelstrom_core.terminal.users import UsersTerminal
from maelstrom_run.endings_plan import Ending, of_one
from maelstrom_run.files import Files
from maelstrom_run.present import said
from maelstrom_run.stopping import Stopper

SHELL = ("sh", "-c", "command -v bash >/dev/null && exec bash; exec sh")
"""Which shells a container has is known there."""


def seated(job: JobSpec) -> JobSpec:
    """A job on a terminal as large as the user's.

    :raises UsageError: if there is no terminal
    """
    size = UsersTerminal().size()
    if size is None:
        raise UsageError(
            "standard input and output are no terminal, and the job is to have yours",
            remedy="run it from a terminal, or use --one",
        )
    return attrs.evolve(job, terminal=size)


def where(worker: str | None) -> str:
    """Where the job runs, said to the user; see `Viewer.is_placed`."""
    if worker is None:
        return "waiting for a worker of the cluster"
    return (
        f"on worker {worker}"
        if worker
        else "on this machine; --cluster-only true has a worker run it"
    )


async def run_at_terminal(
    runner: AsyncRunner, job: JobSpec, files: Files, escape: bytes, stopper: Stopper
) -> Ending:
    """Run a job at the user's terminal; how the program ends.

    :param escape: the key that leads back, one byte; nothing for none
    """

    def interrupt() -> None:
        # Not by a signal: whoever has started us may have had us ignore that.
        stopper.stop(signal.SIGINT)

    def placed(worker: str | None) -> None:
        # Nothing ends a line at a terminal in raw mode but both.
        sys.stderr.buffer.write(said([where(worker)]).replace(b"\n", b"\r\n"))
        sys.stderr.flush()

    seat = Seat(
        UsersTerminal(), begins_on_one=True, escape=escape, placed=placed, interrupt=interrupt
    )
    result = await seat.attend_to(runner.run(job, viewer=seat))
    kept = await files.keep(runner, 1, job, result)
    lines = [] if isinstance(result.outcome, Exited | Signaled) else [describe(result.outcome)]
    lines += [f"this host could not give all: {what}" for what in result.degraded]
    sys.stderr.buffer.write(said([*lines, *kept.faults]))
    sys.stderr.flush()
    ending = of_one(result.outcome)
    return Ending(1) if kept.faults and ending == Ending() else ending
