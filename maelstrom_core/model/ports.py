"""What rooms and plugins agree on, as protocols. Pure."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol, TypeAlias, runtime_checkable

from maelstrom_core.model.histories import KnownCase
from maelstrom_core.model.job import JobSpec, TerminalSize
from maelstrom_core.model.outcome import JobResult, RootChanges

OnOutput: TypeAlias = Callable[[int, bytes], None]
"""Called with stream (1 stdout, 2 stderr, 3 report) and bytes as they come; a report of no bytes says
that a job which had to wait elsewhere begins now. One that has a method ``room``, without arguments
and for trio, is waited for there before the job may go on writing."""


class Keyboard(Protocol):
    """What a client may do to the terminal of a job that runs.

    All but ``room`` return at once; after the job has ended, nothing of it does anything.
    """

    def attach(self, size: TerminalSize | None) -> None:
        """Let a job that has asked have its terminal.

        :param size: of the client's own; ``None`` if it has none: the job then has a plain stream,
            which is not echoed and has an end
        """

    def refuse(self) -> None:
        """Tell a job that has asked that nobody is there."""

    def type(self, data: bytes) -> None:
        """Let the job read this; nothing stands for the end of the input."""

    async def room(self) -> None:
        """Wait until more may be typed, for trio: whoever types much has to."""

    def resize(self, size: TerminalSize) -> None:
        """Tell it that the window has another size now."""

    def end(self) -> None:
        """End a job that has stayed; `Viewer.is_gone` says when it has."""


class Viewer(Protocol):
    """What a client hears of the terminal of one job; called as it comes, must return soon."""

    def sits_down(self, keyboard: Keyboard) -> None:
        """The job was given; called before all others, and again if the job goes elsewhere."""

    def is_placed(self, worker: str | None) -> None:
        """Where the job runs: called, perhaps more than once, where there is a choice.

        :param worker: the name of a worker; empty for this machine; ``None`` for one of the cluster's,
            which is waited for
        """

    def asks(self) -> None:
        """The job stands still until it is attached or refused; its time is not counted."""

    def shows(self, data: bytes) -> None:
        """The job has written this to its terminal."""

    async def room(self) -> None:
        """Wait until more may be shown, for trio: the job is held up meanwhile."""

    def wants_line(self) -> None:
        """It reads a line of a plain stream."""

    def leaves(self, status: int | None = None) -> None:
        """It goes on without a terminal, until it asks again.

        :param status: exit status of a program that has used it, if it was one
        """

    def stays(self, why_not: str = "") -> None:
        """It has done what it was to do, is told of as ended, and stays to be looked at.

        :param why_not: why it cannot; empty if it can
        """

    def is_gone(self) -> None:
        """Nothing of the job is left; called once, after all others."""


@runtime_checkable
class Backend(Protocol):
    """Where jobs go: this machine, a cluster, or what a plugin thinks of."""

    @property
    def slots(self) -> int:
        """How many one-slot jobs can run at once."""

    async def run(
        self,
        job: JobSpec,
        *,
        on_output: OnOutput | None = None,
        viewer: Viewer | None = None,
    ) -> JobResult:
        """Run a job to its one ending.

        :param viewer: hears of the job's terminal; without one, nobody answers a job that asks

        Never raises for what a job or a host does: that is in the result. Cancelling the call ends
        the job, and returns only when nothing of it is left.
        """


@runtime_checkable
class TellsBeginnings(Protocol):
    """A backend at which jobs may wait for a machine, and which says when each begins to run.

    What takes a job's output may have a method ``began``, which it calls then: once more when the
    program runs that had to wait for what its container needs, or if the job begins anew on another
    machine; and not at all if it has ended soon.
    """

    @property
    def tells_beginnings(self) -> bool:
        """Whether it does so."""


@runtime_checkable
class KeepsChanges(Protocol):
    """A backend that has what jobs changed in captured roots, until it is closed or told to let go."""

    def let_go(self, changes: RootChanges) -> None:
        """Nobody needs these any more; called once for each time that a job has brought them."""

    async def write_changes(self, changes: RootChanges, path: Path, form: str) -> tuple[str, ...]:
        """Write it down on this machine.

        :param path: of a tar archive, which replaces a file that is there; or of a directory, which
            must not be there, or be empty
        :param form: ``tar`` or ``directory``
        :return: what was left out, one line each
        :raises maelstrom_core.errors.MaelstromError: if it cannot be written there
        """


@runtime_checkable
class SharesHistory(Protocol):
    """A backend that knows what others saw of cases; how these are named is in `model.histories`."""

    async def recall(self, project: bytes, plan: bytes = b"") -> Sequence[KnownCase] | None:
        """Look up what is known of a project's cases; it may take long, and be cancelled.

        :param plan: of a plan that several make, each for itself: all who ask with the same get the same
            answer, whatever is learned in between; empty for what is known now
        :return: ``None`` if that cannot be had now
        """

    def learned(self, project: bytes, cases: Iterable[KnownCase]) -> None:
        """Tell how cases went. It may be lost; to say it twice does no harm."""


BackendOpener: TypeAlias = Callable[[], AbstractAsyncContextManager[Backend]]

__all__ = [
    "Backend",
    "BackendOpener",
    "KeepsChanges",
    "Keyboard",
    "OnOutput",
    "SharesHistory",
    "TellsBeginnings",
    "Viewer",
]
