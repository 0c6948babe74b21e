"""Jobs' terminals: passes on what clients type and jobs show. Decides nothing."""

from collections.abc import Callable

import attrs
import trio

from maelstrom_core.container.messages import (
    Attach,
    Refuse,
    Resize,
    Said,
    Shown,
    TerminalCommand,
    Type,
)
from maelstrom_core.engine.events import Event, JobStays, TerminalLeft, TerminalWanted
from maelstrom_core.model.ids import JobId
from maelstrom_core.model.job import TerminalSize
from maelstrom_core.model.ports import Viewer

ROOM_SECONDS = 0.01
"""How often a slot that has no room is asked again whether it has: it is held up itself."""


@attrs.frozen
class JobKeyboard:
    """A `Keyboard`.

    :param tell: takes commands for the job's slot
    :param has_room: whether the job's slot takes them at once
    :param kill: ends a job, if it has stayed
    """

    job: JobId
    tell: Callable[[TerminalCommand], None]
    has_room: Callable[[JobId], bool]
    kill: Callable[[JobId], None]

    def attach(self, size: TerminalSize | None) -> None:
        """See `Keyboard.attach`."""
        rows, columns = (0, 0) if size is None else (size.rows, size.columns)
        self.tell(Attach(self.job, rows, columns))

    def refuse(self) -> None:
        """See `Keyboard.refuse`."""
        self.tell(Refuse(self.job))

    def type(self, data: bytes) -> None:
        """See `Keyboard.type`."""
        self.tell(Type(self.job, data))

    async def room(self) -> None:
        """See `Keyboard.room`.

        A slot that is held up, for its job shows more than is taken, hears nothing: if as much was typed
        meanwhile as its socket holds, it and this thread would wait for each other for ever.
        """
        while not self.has_room(self.job):
            await trio.sleep(ROOM_SECONDS)

    def resize(self, size: TerminalSize) -> None:
        """See `Keyboard.resize`."""
        self.tell(Resize(self.job, size.rows, size.columns))

    def end(self) -> None:
        """See `Keyboard.end`."""
        self.kill(self.job)


class JobTerminal:
    """One job's terminal as the engine sees it.

    :param viewer: whoever views it, if somebody does
    :param keyboard: what the viewer types on
    :param tell: takes events for the machine
    """

    def __init__(
        self, viewer: Viewer | None, keyboard: JobKeyboard, tell: Callable[[Event], None]
    ) -> None:
        self.viewer = viewer
        self._keyboard = keyboard
        self._tell = tell
        self._asked = False
        self.stays = False
        """The job has done what it was to do, and is still there to be looked at."""
        if viewer is not None:
            viewer.sits_down(keyboard)

    def starts(self) -> None:
        """The job is started, or once more: then nobody is attached to it any more."""
        if self.viewer is not None and self._asked:
            self.viewer.leaves()
        self._asked = False

    def hear(self, message: Shown | Said) -> None:
        """Take in what a job shows or says."""
        job, viewer = self._keyboard.job, self.viewer
        match message:
            case Said(_, "asks") if viewer is None:
                self._keyboard.refuse()
            case Said(_, "stays") if viewer is None:
                return  # nobody would ever end it: it is refused when it asks
            case Shown() if viewer is not None:
                viewer.shows(message.data)
            case Said(_, "asks") if viewer is not None:
                self._asked = True
                self._tell(TerminalWanted(job))
                viewer.asks()
            case Said(_, "wants line") if viewer is not None:
                viewer.wants_line()
            case Said(_, "leaves", status) if viewer is not None:
                self._asked = False
                viewer.leaves(status if status >= 0 else None)
                self._tell(TerminalLeft(job))
            case Said(_, "stays") if viewer is not None:
                self.stays = True
                self._tell(JobStays(job))
                viewer.stays()

    def ends(self) -> None:
        """Nothing of the job is left."""
        if self.viewer is not None:
            self.viewer.is_gone()
