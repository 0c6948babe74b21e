"""What shows a run: its own hooks of cases, and what a program tells it besides."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext

from maelstrom_core.model.cases import Case
from maelstrom_core.model.views import Summary


class Look(ABC):
    """One way to show a run. What is told of cases, it hears through hooks that it implements."""

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

    @abstractmethod
    def over(
        self, summary: Summary, *, ignored: Sequence[Case], unwanted: int, faults: int
    ) -> None:
        """The run is over.

        :param ignored: what directives say not to run
        :param unwanted: how many cases were found and not chosen
        :param faults: how many there were
        """
