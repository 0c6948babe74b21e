"""Performs what the engine's machine wants of templates. Decides nothing."""

import json
from collections.abc import Awaitable, Callable

import attrs
import trio

from maelstrom_core.container.early_template import TEMPLATE_JOB, forks_ahead, launch_of
from maelstrom_core.container.messages import (
    Changed,
    Ended,
    Fork,
    Left,
    Lost,
    Measured,
    NotStarted,
    Output,
    Prepare,
    Said,
    Shown,
    Started,
    TerminalCommand,
    Unfit,
    Warm,
)
from maelstrom_core.container.ports import OpenTemplate, TemplatePort
from maelstrom_core.engine.events import (
    Event,
    ForkRefused,
    TemplateEnded,
    TemplateMeasured,
    TemplateWarm,
)
from maelstrom_core.engine.outcomes import could_not_start, outcome_of
from maelstrom_core.engine.output import STDERR, Capture
from maelstrom_core.model.container import ContainerSpec
from maelstrom_core.model.ids import JobId
from maelstrom_core.model.job import DEFAULT_OUTPUT_BYTES, JobSpec
from maelstrom_core.model.outcome import HostFailed, Outcome

JobMessage = Started | Output | Left | Changed | Ended | NotStarted | Shown | Said


@attrs.define
class WarmTemplate:
    """One template that was started and has not ended.

    :param capture: what it has written and reported
    :param ended: how it ended, if it has
    """

    port: TemplatePort
    capture: Capture
    scope: trio.CancelScope
    ended: Ended | None = None


class WarmTemplates:
    """The templates of one engine, by container.

    :param slots: how many jobs can run at once
    :param tell: takes events for the machine
    :param hear: takes what is said of a job
    :param keep_pace: waits until a job may write more
    """

    def __init__(
        self,
        open_template: OpenTemplate,
        slots: int,
        tell: Callable[[Event], None],
        hear: Callable[[JobMessage], None],
        keep_pace: Callable[[Output | Shown], Awaitable[None]],
    ) -> None:
        self._open = open_template
        self._ahead = forks_ahead(slots)
        self._tell = tell
        self._hear = hear
        self._keep_pace = keep_pace
        self._warm: dict[str, WarmTemplate] = {}

    def get(self, root: str) -> WarmTemplate | None:
        """One that has not ended."""
        return self._warm.get(root)

    def start(
        self, root: str, prepare: Prepare, spec: ContainerSpec, scope: trio.CancelScope
    ) -> Callable[[], Awaitable[None]]:
        """Start one.

        :param scope: cancelled when it is stopped
        :return: the task that listens to it, to be run within the scope
        """
        port = self._open(prepare, launch_of(prepare.key, spec), ahead=self._ahead)
        warm = self._warm[root] = WarmTemplate(port, Capture(DEFAULT_OUTPUT_BYTES), scope)
        return lambda: self._listen(root, warm)

    def fork(self, root: str, name: JobId, job: JobSpec) -> None:
        """Have it forked for a job."""
        assert job.fork is not None
        # A fork has the template's environment; what is added to it comes in the first line.
        added = json.dumps({"environment": dict(job.environment)}).encode()
        self._warm[root].port.fork(Fork(name, added + b"\n" + job.fork, job.output_bytes))

    def signal(self, root: str, job: JobId, number: int) -> None:
        """Send a signal to a job that is a fork of it; nothing if it has just ended."""
        if root in self._warm:
            self._warm[root].port.signal(job, number)

    def tell_terminal(self, root: str, command: TerminalCommand) -> None:
        """Tell the terminal of a job that is a fork of it; nothing if it has just ended."""
        if root in self._warm:
            self._warm[root].port.tell_terminal(command)

    def has_room(self, root: str) -> bool:
        """Whether what is told to terminals of its forks is taken at once."""
        return root not in self._warm or self._warm[root].port.has_room()

    def stop(self, root: str) -> None:
        """End one."""
        warm = self._warm.pop(root)
        warm.scope.cancel()
        warm.port.end()

    def stop_all(self) -> None:
        """End them all."""
        for root in list(self._warm):
            self.stop(root)

    async def _listen(self, root: str, warm: WarmTemplate) -> None:
        """Pass on what a template says until it has ended."""
        while True:
            message = await warm.port.receive()
            outcome: Outcome | None = None
            match message:
                case Warm(unfit, memory_bytes):
                    self._tell(TemplateWarm(root, "; ".join(unfit), memory_bytes))
                case Measured(memory_bytes):
                    self._tell(TemplateMeasured(root, memory_bytes))
                case Unfit(job, why):
                    self._tell(ForkRefused(root, JobId(job), "; ".join(why)))
                case Lost(_, reason):
                    outcome = HostFailed(reason)
                case Shown() | Said():
                    self._hear(message)
                    if type(message) is Shown:
                        await self._keep_pace(message)
                case Started() | Output() | Ended() | NotStarted() if message.job != TEMPLATE_JOB:
                    self._hear(message)
                    if type(message) is Output:
                        await self._keep_pace(message)
                case Output():
                    warm.capture.take(message)
                case Ended():
                    warm.ended = message
                    outcome = outcome_of(message)
                case NotStarted():
                    outcome = could_not_start(message)
                case _:
                    pass  # the template itself has started
            if outcome is not None:
                lines = warm.capture.unfinished(STDERR).text().strip().splitlines()
                self._tell(TemplateEnded(root, outcome, lines[-1] if lines else ""))
                if self._warm.get(root) is warm:
                    del self._warm[root]
                warm.port.end()
                return
