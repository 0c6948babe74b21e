"""The user's terminal, and the tests that want it: one after the other.

A test that stops in the debugger stands still until its turn comes; the others run on. What the run
would print meanwhile is held back until the terminal is free.
"""

from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest
import trio

from maelstrom_core.model.cases import Case
from maelstrom_core.terminal.seat import Seat
from maelstrom_core.terminal.users import UsersTerminal


@contextmanager
def uncaptured(config: pytest.Config) -> Iterator[None]:
    """Have standard input and output be what pytest was started with."""
    capture: Any = config.pluginmanager.getplugin("capturemanager")
    if capture is None:
        yield
        return
    capture.suspend_global_capture(in_=True)
    try:
        yield
    finally:
        # As pytest leaves them between tests: what is typed is kept from everybody.
        capture.resume_global_capture()
        capture.suspend_global_capture(in_=False)


class CaseSeat(Seat):
    """A seat at the terminal of a test."""

    def __init__(self, desk: "Desk", terminal: UsersTerminal, name: str) -> None:
        super().__init__(terminal)
        self._desk = desk
        self.name = name
        self.why = ""
        """Why the test has failed, once it is known."""
        self.where = ""
        """On which worker it is, if it is not here."""

    def is_placed(self, worker: str | None) -> None:
        """Say so when it stops."""
        self.where = f" on worker {worker}" if worker else ""

    def asks(self) -> None:
        """Wait in line."""
        self._desk.ask(self)

    def stays(self, why_not: str = "") -> None:
        """Be offered at the end."""
        if why_not:
            self._desk.cannot_keep(self, why_not)
        else:
            self._desk.keep(self)

    def leaves(self, status: int | None = None) -> None:
        """Leave the terminal, or the line."""
        self._desk.forget(self)
        super().leaves(status)

    def is_gone(self) -> None:
        """Leave the terminal, or the line, for good."""
        self._desk.forget(self)
        if self in self._desk.kept:
            self._desk.kept.remove(self)
        super().is_gone()


class Desk:
    """Whose turn it is at the terminal, and what is printed when.

    :param terminal: the user's
    :param most_kept: how many failed tests may stay
    """

    def __init__(
        self, config: pytest.Config, terminal: UsersTerminal, *, most_kept: int = 0
    ) -> None:
        self._config = config
        self._most_kept = most_kept
        self.dropped = 0
        self.gone: list[str] = []
        """What is said of failed tests that could not stay."""
        self._named_gone: set[str] = set()
        self.terminal = terminal
        self.kept: list[CaseSeat] = []
        self._line: deque[CaseSeat] = deque()
        self._somebody = trio.Event()
        self._is_taken = False
        self._held: list[Callable[[], None]] = []

    def viewer_of(self, case: Case) -> CaseSeat:
        """Who attends to a test."""
        return CaseSeat(self, self.terminal, case.id)

    def when_free(self, show: Callable[[], None]) -> None:
        """Print something, now or when the terminal is not attached to a test any more."""
        if self._is_taken:
            self._held.append(show)
        else:
            show()

    def ask(self, seat: CaseSeat) -> None:
        """A test wants the terminal."""
        self._line.append(seat)
        self._somebody.set()

    def keep(self, seat: CaseSeat) -> None:
        """A failed test stays to be looked at."""
        if len(self.kept) < self._most_kept:
            self.kept.append(seat)
        else:
            self.dropped += 1
            seat.keyboard.end()

    def cannot_keep(self, seat: CaseSeat, why: str) -> None:
        """A failed test would have stayed."""
        self._is_gone(seat.name, f"the container of {seat.name} is not kept: {why}")

    def _is_gone(self, name: str, words: str) -> None:
        if name not in self._named_gone:
            self._named_gone.add(name)
            self.gone.append(words)

    def explain(self, name: str, why: str) -> None:
        """Say why a test has failed, wherever it is offered."""
        seats = [seat for seat in self.kept if seat.name == name]
        for seat in seats:
            seat.why = why
        if self._most_kept and not seats and not self.dropped:
            self._is_gone(name, f"the container of {name} has ended with its process")

    def forget(self, seat: CaseSeat) -> None:
        """A test does not want it any more."""
        if seat in self._line:
            self._line.remove(seat)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Attend to whoever asks, as long as the context lasts."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.serve)
            try:
                yield
            finally:
                nursery.cancel_scope.cancel()

    async def serve(self) -> None:
        """Attach one after the other, for ever."""
        while True:
            while not self._line:
                self._somebody = trio.Event()
                await self._somebody.wait()
            seat = self._line.popleft()
            with self.taken():
                self.say(
                    f"maelstrom: {seat.name} has stopped{seat.where}; this terminal is its own now"
                )
                if self._line:
                    self.say(f"maelstrom: waiting until then: {self._names()}")
                await seat.attend()
                if self._line:
                    self.say(f"maelstrom: {self._names()} stopped as well; the next one follows")

    def _names(self) -> str:
        return ", ".join(seat.name for seat in self._line)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Keep everything else from the terminal, and pytest from what is typed."""
        self._end_line()
        self._is_taken = True
        try:
            with uncaptured(self._config):
                yield
        finally:
            self._is_taken = False
            held, self._held = self._held, []
            for show in held:
                show()

    def _end_line(self) -> None:
        """Let what is shown next begin a line."""
        reporter: Any = self._config.pluginmanager.getplugin("terminalreporter")
        if reporter is not None and reporter._tw.width_of_current_line:
            reporter._tw.line()
            reporter._tw.flush()
            # Else it would end the line of which it believes to be the last that has written.
            reporter.currentfspath = None

    def say(self, line: str) -> None:
        """Print a line, past whatever is held back."""
        self.ask_for(f"{line}\n")

    def ask_for(self, text: str) -> None:
        """Print a question."""
        self.terminal.write(text.encode("utf-8", "replace"))
