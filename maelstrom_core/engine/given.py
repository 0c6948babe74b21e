"""One job as the engine's shell knows it."""

from collections.abc import Awaitable, Callable

import attrs
import trio

from maelstrom_core.container.messages import Ended, Launch, TerminalCommand, Type
from maelstrom_core.engine.events import JobGiven
from maelstrom_core.engine.outcomes import limits_hit
from maelstrom_core.engine.output import STDERR, STDOUT, Capture
from maelstrom_core.engine.terminal_shell import JobTerminal
from maelstrom_core.model.ids import JobId
from maelstrom_core.model.job import JobSpec
from maelstrom_core.model.left_running import command_lines
from maelstrom_core.model.outcome import (
    Exited,
    JobResult,
    LeftFile,
    Outcome,
    Signaled,
    Usage,
)
from maelstrom_core.model.ports import OnOutput, Viewer

ALL_OUTPUT_BYTES = 1 << 62
"""More than any job writes."""
MOST_AHEAD, MOST_AHEAD_BYTES = 1000, 32 << 10
"""Commands for a terminal that is not there yet; all of them fit into a slot's socket."""


class Pace:
    """How whoever takes what a job writes, or views its terminal, holds it up, if he can be slow.

    :param on_output: has a method ``room``, if so
    """

    def __init__(self, on_output: OnOutput | None, viewer: Viewer | None) -> None:
        self._room: Callable[[], Awaitable[None]] | None = getattr(on_output, "room", None)
        self._room_to_show = None if viewer is None else viewer.room
        self._waiting: trio.CancelScope | None = None

    async def keep(self, *, shown: bool = False) -> None:
        """Wait until there is room for more: nobody reads from the job meanwhile.

        :param shown: it was at its terminal
        """
        room = self._room_to_show if shown else self._room
        if room is not None:
            with trio.CancelScope() as self._waiting:
                await room()

    def end(self) -> None:
        """The job is being ended: that it has, must be heard."""
        self._room = self._room_to_show = None
        if self._waiting is not None:
            self._waiting.cancel()


@attrs.define
class GivenJob:
    """A job that was given and has not ended, or has stayed.

    :param launch: what its slot is told, in the container of that key
    :param done: set when it has its result
    :param typed_ahead: for its terminal, before it has one
    :param on_changes: called with a descriptor of what it has written to its root, if that is captured;
        whoever is called closes it
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
    on_changes: Callable[[int], None] | None = None
    outputs: list[LeftFile] = attrs.field(factory=list)
    outputs_missing: list[str] = attrs.field(factory=list)
    pace: Pace = attrs.field(init=False)

    def began(self) -> None:
        """Its program runs; whoever takes its output may want to know."""
        began: Callable[[], None] | None = getattr(self.on_output, "began", None)
        if began is not None:
            began()

    @property
    def may_type_ahead(self) -> bool:
        """Whether more may be typed for a terminal that is not there yet."""
        typed = (len(one.data) for one in self.typed_ahead if isinstance(one, Type))
        return len(self.typed_ahead) < MOST_AHEAD and sum(typed) < MOST_AHEAD_BYTES

    def __attrs_post_init__(self) -> None:
        self.pace = Pace(self.on_output, self.terminal.viewer)


def launch_of(
    name: JobId,
    container: str,
    job: JobSpec,
    environment: tuple[tuple[str, str], ...],
    directory: str,
) -> Launch:
    """What a slot is told to start a job.

    :param container: key of the prepared one that it starts in
    :param environment: all of it
    """
    return Launch(
        name,
        container,
        job.program,
        job.arguments,
        environment,
        directory,
        job.output_bytes if job.keep_output else ALL_OUTPUT_BYTES,
        job.report,
        job.stdin,
        None if job.terminal is None else (job.terminal.rows, job.terminal.columns),
        job.attachable,
        job.outputs,
        job.outputs_bytes,
    )


def given_event(name: JobId, root: str, job: JobSpec) -> JobGiven:
    """What the machine is told of a job."""
    return JobGiven(
        name,
        root,
        job.priority,
        job.expected_duration,
        job.slots,
        job.timeout,
        job.grace,
        job.fork is not None,
        job.warm_up,
        job.stack_signal,
        job.later_timeouts,
    )


def capture_of(job: JobSpec) -> Capture:
    """Empty; made anew when a job is started again, for all of the start before is void."""
    return Capture(job.output_bytes, len(job.later_timeouts), keeps=job.keep_output)


def result_of(
    outcome: Outcome, capture: Capture, ended: Ended | None, given: GivenJob
) -> JobResult:
    """What whoever gave a job gets.

    :param capture: what it has written; of a warm-up, what the template has
    :param ended: how its process has ended; ``None`` if none did
    """
    outputs, missing = tuple(given.outputs), tuple(given.outputs_missing)
    if ended is None:
        return JobResult(
            outcome=outcome,
            stdout=capture.unfinished(STDOUT),
            stderr=capture.unfinished(STDERR),
            report=capture.report,
            not_forked=given.not_forked,
            outputs=outputs,
            outputs_missing=missing,
        )
    # What was ended from outside could not see to its processes.
    by_itself = isinstance(outcome, Exited | Signaled)
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
        not_forked=given.not_forked,
        seen=ended.seen,
        limits_hit=limits_hit(ended),
        outputs=outputs,
        outputs_missing=missing,
        left_running=ended.left_running if by_itself else 0,
        left_commands=command_lines(ended.left_lines) if by_itself else (),
    )
