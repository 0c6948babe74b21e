"""Attaches the user's terminal to one job's, for a while."""

import os
import signal
from collections import deque
from collections.abc import Awaitable, Callable
from typing import assert_never

import trio

from maelstrom_core.model.job import TerminalSize
from maelstrom_core.model.outcome import JobResult
from maelstrom_core.model.ports import Keyboard
from maelstrom_core.terminal.escape_state import (
    ESCAPE,
    PATIENCE_SECONDS,
    EscapeState,
    Interrupt,
    Suspend,
    Typed,
)
from maelstrom_core.terminal.users import UsersTerminal, flush_standard_streams


class Seat:
    """A `Viewer` for one job: whoever wants to sit here calls `attend`.

    :param terminal: the user's
    :param begins_on_one: the job has a terminal from its start, and does not ask
    :param escape: the key that leads back, one byte; nothing for none
    :param placed: told where the job runs, as `Viewer.is_placed` is
    :param interrupt: does what the user wants who is interrupting us; by default SIGINT does
    """

    def __init__(
        self,
        terminal: UsersTerminal,
        *,
        begins_on_one: bool = False,
        escape: bytes = ESCAPE,
        placed: Callable[[str | None], object] = lambda _: None,
        interrupt: Callable[[], object] = lambda: os.kill(os.getpid(), signal.SIGINT),
    ) -> None:
        self._terminal = terminal
        self._interrupt = interrupt
        self._placed = placed
        self._escape = escape
        self._begins_on_one = begins_on_one
        self._keyboard: Keyboard | None = None
        self._is_taken = False
        self._left = trio.Event()
        self._is_mid_line = False
        self._unshown: deque[memoryview] = deque()
        """What there was no room for yet."""
        self._lines_wanted = 0
        self._line_wanted = trio.Event()
        self._status: int | None = None

    @property
    def keyboard(self) -> Keyboard:
        """The job's."""
        assert self._keyboard is not None
        return self._keyboard

    def sits_down(self, keyboard: Keyboard) -> None:
        """See `Viewer.sits_down`."""
        self._keyboard = keyboard

    def asks(self) -> None:
        """See `Viewer.asks`."""

    def is_placed(self, worker: str | None) -> None:
        """See `Viewer.is_placed`."""
        self._placed(worker)

    def shows(self, data: bytes) -> None:
        """See `Viewer.shows`; what nobody sees is lost."""
        if self._is_taken and data:
            self._unshown.append(memoryview(data))
            self._is_mid_line = not data.endswith(b"\n")
            self._show_some()

    async def room(self) -> None:
        """See `Viewer.room`: nothing else stands still while the terminal is slow."""
        while self._unshown:
            await self._terminal.room()
            self._show_some()

    def _show_some(self) -> None:
        """Show as much as there is room for."""
        while self._unshown and (shown := self._terminal.write_some(self._unshown[0])):
            self._unshown[0] = self._unshown[0][shown:]
            if not self._unshown[0]:
                self._unshown.popleft()

    def wants_line(self) -> None:
        """See `Viewer.wants_line`."""
        self._lines_wanted += 1
        self._line_wanted.set()

    def leaves(self, status: int | None = None) -> None:
        """See `Viewer.leaves`."""
        self._status = status
        self._left.set()

    def stays(self, why_not: str = "") -> None:
        """See `Viewer.stays`."""

    def is_gone(self) -> None:
        """See `Viewer.is_gone`."""
        self._left.set()

    async def attend(self) -> int | None:
        """Attach the user's terminal until the job leaves it alone, or ends.

        :return: exit status of the program that has used it, if it was one by itself
        """
        self._left, self._status = trio.Event(), None
        flush_standard_streams()
        try:
            with self._terminal.raw():
                self._is_taken = True
                size = self._terminal.size()
                if not self._begins_on_one:
                    self.keyboard.attach(size)
                try:
                    await self._until_left(size)
                finally:
                    while self._unshown:
                        self._terminal.write(bytes(self._unshown.popleft()))
        finally:
            self._is_taken = False
            if self._is_mid_line:
                self._terminal.write(b"\n")
                self._is_mid_line = False
        return self._status

    async def _until_left(self, size: TerminalSize | None) -> None:
        async with trio.open_nursery() as nursery:
            if size is None:
                nursery.start_soon(self._pass_lines)
            else:
                nursery.start_soon(self._pass_keys)
                nursery.start_soon(self._watch_size, size)
            await self._left.wait()
            nursery.cancel_scope.cancel()

    async def attend_to(self, running: Awaitable[JobResult]) -> JobResult:
        """Attach the user's terminal to a job that begins on one, from its start to its end.

        :param running: runs it, with this as its viewer
        """
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.attend)
            await trio.lowlevel.checkpoint()
            result = await running
            self._left.set()
        return result

    async def _pass_keys(self) -> None:
        """Pass on what is typed, key by key."""
        state = EscapeState(self._escape)
        while True:
            patience = PATIENCE_SECONDS if state.waits else float("inf")
            with trio.move_on_after(patience) as scope:
                data = await self._terminal.read_keys()
            meanings = state.expire() if scope.cancelled_caught else state.take(data)
            if not scope.cancelled_caught and not data:
                return  # the terminal has gone: whoever gave it will end us
            for meaning in meanings:
                match meaning:
                    case Typed(typed):
                        self.keyboard.type(typed)
                        await self.keyboard.room()
                    case Interrupt():
                        self._interrupt()
                    case Suspend():
                        self._terminal.suspend()
                        self._tell_size()
                    case _:
                        assert_never(meaning)

    async def _pass_lines(self) -> None:
        """Pass on a line whenever one is wanted: the next one may be for another job."""
        while True:
            while not self._lines_wanted:
                self._line_wanted = trio.Event()
                await self._line_wanted.wait()
            self._lines_wanted -= 1
            line = await self._terminal.read_line()
            self.keyboard.type(line)
            await self.keyboard.room()
            if not line.endswith(b"\n"):
                if line:
                    self.keyboard.type(b"")
                return

    async def _watch_size(self, size: TerminalSize) -> None:
        with trio.open_signal_receiver(signal.SIGWINCH) as received:
            if self._terminal.size() != size:
                self._tell_size()  # it has changed in between
            async for _ in received:
                self._tell_size()

    def _tell_size(self) -> None:
        size = self._terminal.size()
        if size is not None:
            self.keyboard.resize(size)
