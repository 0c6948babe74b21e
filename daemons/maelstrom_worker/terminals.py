"""A job's terminal on a worker: what it shows goes to its client, what is typed comes back. For trio.

Nothing of it is said before the job begins on a terminal, or asks for one. Both ways no more is on its
way than is bearable: whoever writes has to wait.

A container that stays has a terminal that outlives its job. Its client says every few seconds that it is
there; when it has not for `STAYS_SECONDS`, or nobody has typed anything for `UNUSED_SECONDS`, it ends.
"""

from collections.abc import Awaitable, Callable

import trio

from maelstrom_core.cluster.pieces_state import Incoming, Outgoing, Piece
from maelstrom_core.model.job import TerminalSize
from maelstrom_core.model.ports import Keyboard
from maelstrom_core.wire.messages import Message
from maelstrom_core.wire.terminals import (
    MOST_NAME,
    STAYS_SECONDS,
    HadTerminal,
    Shows,
    ShowTerminal,
    Types,
    TypeTerminal,
)
from maelstrom_worker.events import Key

SHOWN_BYTES = 256 << 10
"""Of what is shown that its client has not: more is waited with."""
TYPED_BYTES = 128 << 10
"""Of what was typed that the job's slot has no room for; more comes again."""
GATHER_SECONDS = 0.005
"""How long what follows at once on what was sent is gathered: many small writes become one message."""
UNUSED_SECONDS = 3600.0
"""How long what has stayed is there for nobody who types."""


class JobAtTerminal:
    """The `Viewer` of one run of a job.

    :param run: an id of this run
    :param name: of this worker, for people
    :param say: sends a message, if there is a link
    :param start: has a task run for as long as the worker lives
    :param why_not_stay: why no container more may stay; empty if one may
    :ivar has_stayed: whether its container has, after the job
    """

    def __init__(
        self,
        key: Key,
        run: bytes,
        name: str,
        say: Callable[[Message], None],
        start: Callable[[Callable[[], Awaitable[None]]], None],
        why_not_stay: Callable[[], str],
    ) -> None:
        self.key = key
        self.run = run
        self._name = name
        self._say = say
        self._start = start
        self._shown = Outgoing(SHOWN_BYTES)
        self._typed = Incoming(TYPED_BYTES)
        self._keyboard: Keyboard | None = None
        self._scope = trio.CancelScope()
        self._is_open = False
        self._is_closed = False
        self._to_send = trio.Event()
        self._to_take = trio.Event()
        self._moved = trio.Event()
        self._why_not_stay = why_not_stay
        self.has_stayed = False
        self._gone = trio.Event()
        self._heard_at = self._typed_at = 0.0

    @property
    def is_staying(self) -> bool:
        """Whether its container has stayed, and is still there."""
        return self.has_stayed and not self._gone.is_set()

    def open(self) -> None:
        """Let its client know that there is a terminal."""
        if not self._is_open and not self._is_closed:
            self._is_open = True
            self._shown.add(Shows.BEGINS, self._name[:MOST_NAME].encode("utf-8", "replace"))
            self._to_send.set()
            self._start(self._serve)

    # What the engine says

    def sits_down(self, keyboard: Keyboard) -> None:
        """See `Viewer.sits_down`."""
        self._keyboard = keyboard

    def is_placed(self, worker: str | None) -> None:
        """See `Viewer.is_placed`."""

    def asks(self) -> None:
        """See `Viewer.asks`."""
        self.open()
        self._show(Shows.ASKS)

    def shows(self, data: bytes) -> None:
        """See `Viewer.shows`."""
        if data:
            self._show(Shows.DATA, data)

    async def room(self) -> None:
        """See `Viewer.room`."""
        while self._is_open and not self._is_closed and self._shown.is_full:
            await self._moved.wait()

    def wants_line(self) -> None:
        """See `Viewer.wants_line`."""
        self._show(Shows.WANTS_LINE)

    def leaves(self, status: int | None = None) -> None:
        """See `Viewer.leaves`."""
        self._show(Shows.LEAVES, b"", 0 if status is None else 1 + status % 256)

    def stays(self, why_not: str = "") -> None:
        """See `Viewer.stays`."""
        if self.has_stayed:
            return  # said by a job that says so again
        why_not = why_not or self._why_not_stay()
        self.open()
        self._show(Shows.STAYS, why_not.encode("utf-8", "replace")[:MOST_NAME])
        if why_not:
            self.end()
        else:
            self.has_stayed = True

    def is_gone(self) -> None:
        """See `Viewer.is_gone`."""
        self._gone.set()

    def _show(self, what: int, data: bytes = b"", *numbers: int) -> None:
        if self._is_open and not self._is_closed:
            self._shown.add(what, data, *numbers)
            self._to_send.set()

    # What its client says

    def typed(self, message: TypeTerminal) -> None:
        """A piece has come, perhaps not for the first time."""
        if message.run == self.run:
            self._heard_at = self._typed_at = trio.current_time()
            numbers = (message.rows, message.columns)
            self._typed.came(message.number, Piece(message.what, message.data, numbers))
            self._to_take.set()

    def had(self, message: HadTerminal) -> None:
        """Its client has shown so much of it."""
        if message.run == self.run:
            self._heard_at = trio.current_time()
            if self.has_stayed:
                self._say_had()
            self._shown.had(message.count, now=trio.current_time())
            self._moved.set()
            self._moved = trio.Event()

    def send_again(self) -> None:
        """There is a new link: what went over the last one may be lost."""
        if self._is_open:
            self._shown.send_again()
            self._to_send.set()
            self._say_had()

    # Its tasks

    async def _serve(self) -> None:
        with self._scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._send)
                nursery.start_soon(self._take)

    async def _send(self) -> None:
        while True:
            self._say_shown()
            # What follows at once goes together; the echo of a key is alone, and has gone at once.
            await trio.sleep(GATHER_SECONDS)
            with trio.move_on_at(self._shown.send_at):
                await self._to_send.wait()
            self._to_send = trio.Event()

    def _say_shown(self) -> None:
        for number, piece in self._shown.take(now=trio.current_time()):
            key = (*self.key, self.run, number)
            self._say(ShowTerminal(*key, piece.what, piece.data, *piece.numbers))

    async def _take(self) -> None:
        while True:
            count = self._typed.count
            while self._keyboard is not None:
                # First: what is taken has to be passed on at once.
                await self._keyboard.room()
                piece = self._typed.take()
                if piece is None:
                    break
                self._pass_on(self._keyboard, piece)
                self._typed.done()
            # Be it that nothing was new: what was said of it may have been lost.
            if self._to_take.is_set() or count != self._typed.count:
                self._say_had()
            self._to_take = trio.Event()
            await self._to_take.wait()

    def _pass_on(self, keyboard: Keyboard, piece: Piece) -> None:
        rows, columns = piece.numbers
        match piece.what:
            case Types.DATA:
                keyboard.type(piece.data)
            case Types.SIZE if rows and columns:
                keyboard.resize(TerminalSize(rows, columns))
            case Types.ATTACH:
                keyboard.attach(TerminalSize(rows, columns) if rows and columns else None)
            case Types.REFUSE:
                keyboard.refuse()
            case Types.END if self.has_stayed:
                keyboard.end()

    def _say_had(self) -> None:
        self._say(HadTerminal(*self.key, self.run, self._typed.count))

    # Its end

    async def all_shown(self) -> None:
        """The job has ended: wait until its client has shown all of it."""
        if not self.has_stayed or self._gone.is_set():
            self._show(Shows.ENDS)
        while self._is_open and not self._is_closed and not self._shown.is_empty:
            await self._moved.wait()

    async def until_gone(self) -> None:
        """Wait until nothing is left of what has stayed, and its client knows."""
        self._heard_at = self._typed_at = trio.current_time()
        while not self._gone.is_set():
            until = min(self._heard_at + STAYS_SECONDS, self._typed_at + UNUSED_SECONDS)
            if trio.current_time() >= until:
                break
            with trio.move_on_at(until):
                await self._gone.wait()
        self.end()
        with trio.move_on_after(STAYS_SECONDS):
            await self._gone.wait()
            await self.all_shown()

    def leave(self) -> None:
        """The worker stops, and what has stayed ends with it: say so, once."""
        self._show(Shows.ENDS)
        self._say_shown()

    def end(self) -> None:
        """End what has stayed."""
        if self._keyboard is not None:
            self._keyboard.end()

    def close(self) -> None:
        """Nobody wants it any more."""
        if self.has_stayed:
            self.end()
        self._is_closed = True
        self._moved.set()
        self._scope.cancel()
