"""One job that a client has handed in: what hears of it, and what has come of it."""

from collections.abc import Callable

import attrs
import trio

from maelstrom_core.cluster.live_plan import LiveOutput
from maelstrom_core.cluster.passing import OutputInOrder
from maelstrom_core.cluster.terminals import FarTerminal
from maelstrom_core.model.job import JobSpec
from maelstrom_core.model.outcome import JobResult, Outcome
from maelstrom_core.model.ports import OnOutput
from maelstrom_core.wire.messages import Output
from maelstrom_core.wire.rows import JobResultRow


@attrs.frozen
class GivenBack:
    """The cluster does not run it.

    :param outcome: how it ends if nobody else does; ``None`` if it was asked back
    """

    outcome: Outcome | None


@attrs.define
class HandedIn:
    """A job until it has ended.

    :param terminal: that it may have, if somebody views it
    """

    output: LiveOutput | OutputInOrder
    terminal: FarTerminal | None = None
    done: trio.Event = attrs.field(factory=trio.Event)
    row: JobResultRow | None = None
    back: GivenBack | None = None

    def began(self) -> None:
        """It runs now. Of output in order its first piece says so, in its place."""
        if isinstance(self.output, LiveOutput):
            self.output.began()

    def wrote(self, message: Output) -> None:
        """It has written this, as it comes."""
        if isinstance(self.output, LiveOutput):
            self.output.take(message.stream, message.data, message.offset)
        else:
            self.output.take(message.run, message.offset, message.stream, message.data)

    async def wait(self) -> None:
        """Wait for its end; what must come in order is passed on meanwhile."""
        if isinstance(self.output, OutputInOrder):
            await self.output.pass_on(self.done)
        await self.done.wait()

    def end(self) -> None:
        """It has ended, or is given back."""
        self.done.set()
        if isinstance(self.output, OutputInOrder):
            self.output.wake()

    def broken_off(self) -> JobResult | None:
        """What comes of it if its machine was lost, and it cannot be begun anew."""
        lost = None if self.terminal is None else self.terminal.ended(self.row)
        if lost is None and isinstance(self.output, OutputInOrder):
            lost = self.output.broken_off(self.row)
        return lost


def output_of(
    job: JobSpec,
    on_output: OnOutput | None,
    had: Callable[[bytes, int], None],
    of_no_use: Callable[[], None],
) -> LiveOutput | OutputInOrder:
    """Who takes what a job writes; the rest is for jobs of which nothing may be lost.

    :param had: see `OutputInOrder`
    :param of_no_use: see `OutputInOrder`
    """
    return OutputInOrder(on_output, had, of_no_use) if job.in_order else LiveOutput(on_output)
