"""What shows a run: its own hooks of cases, and what a program tells it besides."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext

from maelstrom_core.model.cases import Case
from maelstrom_core.model.uploads import Uploading
from maelstrom_core.model.views import Summary


class Look(ABC):
    """One way to show a run. What is told of cases, it hears through hooks that it implements."""

    had_enough = False
    """Whether somebody has said at a terminal that all is to end."""

    stop: Callable[[str], None] | None = None
    """Ends the run, for a reason that people are told; set while there is one."""

    @abstractmethod
    def begin(self, program: str, slots: int) -> None:
        """A run begins.

        :param slots: how many cases run at once
        """

    def open(self) -> AbstractAsyncContextManager[None]:
        """For as long as the run lasts."""
        return nullcontext()

    @abstractmethod
    def say(self, text: str) -> None:
        """Something that people should know."""

    @abstractmethod
    def fault(self, text: str) -> None:
        """Something went wrong that belongs to no case; one line or several."""

    @abstractmethod
    def busy_with(self, what: str, *, ended: bool = False) -> None:
        """Something takes a while, such as a build; or has ended.

        :param what: as people call it; the same text when it has ended
        """

    def uploading(self, upload: Uploading) -> None:  # noqa: B027  (not every look shows it)
        """Something of what tests need is being sent to a cluster, or has been."""

    async def waiting(self, changes: Callable[[], Awaitable[frozenset[str]]]) -> frozenset[str]:
        """Wait for the next run.

        :param changes: waits for files to change
        :return: what has changed; nothing if somebody wants to run all the same, or `had_enough`
        """
        self.say("waiting for changes; Ctrl-C ends it")
        return await changes()

    @abstractmethod
    def over(
        self, summary: Summary, *, ignored: Sequence[Case], unwanted: int, faults: int
    ) -> None:
        """The run is over.

        :param ignored: what directives say not to run
        :param unwanted: how many cases were found and not chosen
        :param faults: how many there were
        """
