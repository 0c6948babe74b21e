"""One job as the engine's shell knows it."""

from collections.abc import Callable

import attrs
import trio

from maelstrom_core.container.messages import Ended, Launch, TerminalCommand
from maelstrom_core.engine.output import STDERR, STDOUT, Capture
from maelstrom_core.engine.terminal_shell import JobTerminal
from maelstrom_core.model.job import JobSpec
from maelstrom_core.model.outcome import JobResult, LeftFile, Outcome, Usage
from maelstrom_core.model.ports import OnOutput


@attrs.define
class GivenJob:
    """A job that was given and has not ended, or has stayed.

    :param launch: what its slot is told, in the container of that key
    :param done: set when it has its result
    :param typed_ahead: for its terminal, before it has one
    """

    launch: Callable[[str], Launch]
    root: str
    job: JobSpec
    on_output: OnOutput | None
    capture: Capture
    done: trio.Event
    terminal: JobTerminal
    ended: Ended | None = None
    result: JobResult | None = None
    slot: int = -1
    forked: bool = False
    not_forked: str = ""
    typed_ahead: list[TerminalCommand] = attrs.field(factory=list)
    outputs: list[LeftFile] = attrs.field(factory=list)
    outputs_missing: list[str] = attrs.field(factory=list)


def result_of(
    outcome: Outcome, capture: Capture, ended: Ended | None, not_forked: str
) -> JobResult:
    """What whoever gave a job gets.

    :param ended: how its process has ended; ``None`` if none did
    :param not_forked: why it was started afresh
    """
    if ended is None:
        return JobResult(
            outcome=outcome,
            stdout=capture.unfinished(STDOUT),
            stderr=capture.unfinished(STDERR),
            report=capture.report,
            not_forked=not_forked,
        )
    return JobResult(
        outcome=outcome,
        stdout=capture.captured(STDOUT, ended),
        stderr=capture.captured(STDERR, ended),
        report=capture.report,
        usage=Usage(
            wall_seconds=ended.wall_seconds,
            user_seconds=ended.user_seconds,
            system_seconds=ended.system_seconds,
            peak_memory_bytes=ended.peak_memory_bytes,
        ),
        degraded=ended.degraded,
        not_forked=not_forked,
        seen=ended.seen,
    )
