"""One job as the engine's shell knows it."""

from collections.abc import Callable

import attrs
import trio

from maelstrom_core.container.messages import Ended, Launch, TerminalCommand
from maelstrom_core.engine.output import Capture
from maelstrom_core.engine.terminal_shell import JobTerminal
from maelstrom_core.model.job import JobSpec
from maelstrom_core.model.outcome import JobResult
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
