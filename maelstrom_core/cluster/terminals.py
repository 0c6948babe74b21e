"""Terminals of jobs on workers, as their client sees them. For trio.

Keys are said at once. What is shown is acknowledged when whoever views it has it, so a slow terminal
holds the job up, as a slow reader of `maelstrom_core.cluster.passing` does.

A container that *stays* is still there after its job has ended, for as long as its worker hears of us
now and then, and we of it.
"""

import math
from collections.abc import Callable

import trio

from maelstrom_core.cluster.pieces_state import AGAIN_SECONDS, Incoming, Outgoing, Piece
from maelstrom_core.model.job import TerminalSize
from maelstrom_core.model.outcome import HostFailed, JobResult
from maelstrom_core.model.ports import Viewer
from maelstrom_core.wire.messages import Message
from maelstrom_core.wire.rows import Ending, JobResultRow
from maelstrom_core.wire.terminals import (
    MOST_NAME,
    STAYS_SECONDS,
    HadTerminal,
    Shows,
    ShowTerminal,
    Types,
    TypeTerminal,
)

TYPED_BYTES = 64 << 10
"""Of what is typed that the job's worker has not taken: more is waited with."""
SHOWN_BYTES = 1 << 20
"""More than any worker has on its way."""
MISSED_SECONDS = STAYS_SECONDS / 2
"""What has stayed is gone when nothing is heard of it for so long, whatever its worker holds then."""
_SAY_EVERY = 8
"""Pieces, so that others come while these are shown."""
_REMEDY = "run it again"


class FarTerminal:
    """The terminal of one job; a `Keyboard`.

    :param session: of the client
    :param say: sends a message, if there is a link
    :ivar run: the run of the job that it belongs to, once one has begun
    :ivar broken: whether another run has begun since: that is of no use
    :ivar is_staying: whether its container is to be looked at after the job
    :ivar has_ended: whether the job has, and its container stays
    """

    def __init__(
        self,
        session: bytes,
        viewer: Viewer,
        say: Callable[[Message], None],
        wake: Callable[[], None],
    ) -> None:
        self._session = session
        self._viewer = viewer
        self._say = say
        self._wake = wake
        self._typed = Outgoing(TYPED_BYTES)
        self._shown = Incoming(SHOWN_BYTES)
        self._moved = trio.Event()
        self.tag = 0
        self.worker = ""
        self.run = b""
        self.broken = False
        self._why = ""
        self.is_gone = False
        self.is_staying = False
        self.has_ended = False
        self._heard_at = 0.0
        viewer.sits_down(self)

    def given(self, tag: int) -> None:
        """The job is handed in by that tag."""
        self.tag = tag

    # What is typed

    def attach(self, size: TerminalSize | None) -> None:
        """See `Keyboard.attach`."""
        rows, columns = (0, 0) if size is None else (size.rows, size.columns)
        self._type(Types.ATTACH, b"", rows, columns)

    def refuse(self) -> None:
        """See `Keyboard.refuse`."""
        self._type(Types.REFUSE)

    def type(self, data: bytes) -> None:
        """See `Keyboard.type`."""
        self._type(Types.DATA, data)

    def resize(self, size: TerminalSize) -> None:
        """See `Keyboard.resize`."""
        self._type(Types.SIZE, b"", size.rows, size.columns)

    def end(self) -> None:
        """See `Keyboard.end`."""
        if self.is_staying:
            self._type(Types.END)

    async def room(self) -> None:
        """See `Keyboard.room`."""
        while self._typed.is_full and not self.is_gone:
            await self._moved.wait()

    def _type(self, what: int, data: bytes = b"", *numbers: int) -> None:
        if not self.is_gone:
            self._typed.add(what, data, *numbers)
            self.say_typed(trio.current_time())

    def say_typed(self, now: float) -> None:
        """Send what is typed, once it is known to which run, and what is to be sent again."""
        if not self.run or self.broken or self.is_gone or now < self._typed.send_at:
            return
        for number, piece in self._typed.take(now=now):
            key = (self._session, self.tag, self.run, number)
            self._say(TypeTerminal(*key, piece.what, piece.data, *piece.numbers))

    def had(self, message: HadTerminal) -> None:
        """The worker is done with so much of what was typed."""
        if message.run == self.run:
            self._heard_at = trio.current_time()
            self._typed.had(message.count, now=trio.current_time())
            self._moved.set()
            self._moved = trio.Event()

    def link_up(self) -> None:
        """What went over the last link may be lost."""
        self._typed.send_again()
        self.say_typed(trio.current_time())
        self.say_had()

    # What is shown

    def take(self, message: ShowTerminal) -> bool:
        """A piece has come, perhaps not for the first time; whether the job is of no use from now on."""
        if self.broken or self.is_gone:
            return False
        if message.run != self.run:
            if self.has_ended:
                return False
            if self.run:
                self.broken = True
                return True
            if message.number:
                return False  # its beginning comes again
            self.run = message.run
            self.say_typed(trio.current_time())
        self._heard_at = trio.current_time()
        numbers = (message.status,) if message.status else ()
        self._shown.came(message.number, Piece(message.what, message.data, numbers))
        self._wake()
        return False

    async def show(self) -> None:
        """Show all that has come."""
        count = 0
        while not self.broken and (piece := self._shown.take()) is not None:
            self._show(piece)
            await self._viewer.room()
            self._shown.done()
            count += 1
            if count % _SAY_EVERY == 0:
                self.say_had()
        if count % _SAY_EVERY:
            self.say_had()

    def _show(self, piece: Piece) -> None:
        viewer = self._viewer
        match piece.what:
            case Shows.BEGINS:
                self.worker = _printable(piece.data)
                viewer.is_placed(self.worker)
            case Shows.DATA:
                viewer.shows(piece.data)
            case Shows.ASKS:
                viewer.asks()
            case Shows.WANTS_LINE:
                viewer.wants_line()
            case Shows.LEAVES:
                viewer.leaves(piece.numbers[0] - 1 if piece.numbers else None)
            case Shows.STAYS if not self.is_staying:
                self.is_staying = not piece.data
                viewer.stays(_printable(piece.data))
            case Shows.ENDS:
                self.is_staying = False

    def say_had(self) -> None:
        """Say how much is shown; also now and then, for that may be lost, and it tells a broker that was
        started anew that the job is at a terminal."""
        if self.run and not self.broken and not self.is_gone:
            self._say(HadTerminal(self._session, self.tag, self.run, self._shown.count))

    # Its end

    def stays(self) -> None:
        """The job has ended, and its container has not, as far as is known from now on."""
        self.has_ended = True
        self._heard_at = trio.current_time()

    def is_missed(self, now: float) -> bool:
        """Whether nothing was heard of what has stayed for too long."""
        return self.has_ended and now - self._heard_at > MISSED_SECONDS

    def give_up(self, seconds: float) -> None:
        """We were suspended for longer than this, which is too long."""
        self.broken = True
        self._why = f"this program was suspended for more than {seconds:g} s"

    def ended(self, row: JobResultRow | None) -> JobResult | None:
        """The job has ended, or is given back.

        :param row: its ending; ``None`` if the cluster will not run it any more
        :return: what comes of it if its terminal was lost with it
        """
        ended = row is not None and row.ending in (Ending.RAN, Ending.STORED, Ending.CANCELLED)
        if not self.run or (ended and not self.broken):
            return None
        lost = f"worker {self.worker}" if self.worker else "its worker"
        lost = "the cluster" if row is None else lost
        reason = self._why or f"{lost} was lost while it was at your terminal"
        return JobResult(outcome=HostFailed(reason, _REMEDY), broken_off=True)

    def close(self) -> None:
        """Nothing of the job is left; not to be called if it is run elsewhere."""
        if not self.is_gone:
            self.let_go()
            self._viewer.is_gone()

    def let_go(self) -> None:
        """It is run elsewhere, with another keyboard."""
        self.is_gone = True
        self._moved.set()


def _printable(data: bytes) -> str:
    """A few words that a worker says."""
    text = data.decode("utf-8", "replace")[:MOST_NAME]
    return "".join(c if c.isprintable() else "?" for c in text)


class Terminals:
    """Those of all jobs of a client that may have one.

    :param session: of the client
    :param say: sends a message, if there is a link
    :param of_no_use: called with the tag of a job that was begun once more
    """

    def __init__(
        self, session: bytes, say: Callable[[Message], None], of_no_use: Callable[[int], None]
    ) -> None:
        self._session = session
        self._say = say
        self._of_no_use = of_no_use
        self._by_tag: dict[int, FarTerminal] = {}
        self._to_show: dict[FarTerminal, None] = {}
        self._something = trio.Event()
        self._away_seconds = math.inf

    def of(self, viewer: Viewer) -> FarTerminal:
        """One more, for whoever views it."""
        made = FarTerminal(self._session, viewer, self._say, lambda: self._wake(made))
        return made

    def _wake(self, terminal: FarTerminal) -> None:
        self._to_show[terminal] = None
        self._something.set()

    def given(self, terminal: FarTerminal, tag: int) -> None:
        """Its job is handed in by that tag."""
        self._by_tag.pop(terminal.tag, None)
        terminal.given(tag)
        self._by_tag[tag] = terminal

    def forget(self, terminal: FarTerminal) -> None:
        """Its job has ended."""
        self._by_tag.pop(terminal.tag, None)
        self._to_show.pop(terminal, None)

    def stays(self, terminal: FarTerminal) -> None:
        """Its job has ended, and its container stays."""
        terminal.stays()
        self._by_tag[terminal.tag] = terminal

    def has_stayed(self, tag: int) -> bool:
        """Whether a container has stayed after that job."""
        terminal = self._by_tag.get(tag)
        return terminal is not None and terminal.has_ended

    def let_go(self) -> None:
        """Nobody looks at anything any more."""
        for terminal in self._by_tag.values():
            terminal.end()

    def shown(self, message: ShowTerminal) -> None:
        """A worker says this of a job's terminal."""
        terminal = self._by_tag.get(message.tag)
        if terminal is not None and terminal.take(message):
            self._of_no_use(message.tag)

    def had(self, message: HadTerminal) -> None:
        """A worker has taken what was typed."""
        terminal = self._by_tag.get(message.tag)
        if terminal is not None:
            terminal.had(message)

    def link_up(self, away_seconds: float) -> None:
        """There is a new link, and jobs were handed in again.

        :param away_seconds: who stands still for so long is gone for the broker, and his jobs are ended
        """
        self._away_seconds = away_seconds
        for terminal in self._by_tag.values():
            terminal.link_up()

    async def show(self) -> None:
        """Show what comes, for ever."""
        while True:
            while not self._to_show:
                self._something = trio.Event()
                await self._something.wait()
            terminal = next(iter(self._to_show))
            del self._to_show[terminal]
            await terminal.show()
            if terminal.has_ended and not terminal.is_staying:
                self._is_gone(terminal)

    def _is_gone(self, terminal: FarTerminal) -> None:
        self.forget(terminal)
        terminal.close()

    async def say_again(self) -> None:
        """Say again what may have been lost, for ever."""
        while True:
            before = trio.current_time()
            await trio.sleep(AGAIN_SECONDS)
            stood_still = trio.current_time() - before
            was_stopped = stood_still > AGAIN_SECONDS + self._away_seconds
            for terminal in list(self._by_tag.values()):
                if terminal.has_ended:
                    if stood_still > 2 * AGAIN_SECONDS:
                        # Nothing could be heard: perhaps its worker has it still.
                        terminal.stays()
                elif was_stopped and terminal.run:
                    # Before it is handed in over the next link: the broker would have it begun anew.
                    terminal.give_up(self._away_seconds)
                    self._of_no_use(terminal.tag)
                if terminal.is_missed(trio.current_time()):
                    self._is_gone(terminal)
                terminal.say_typed(trio.current_time())
                terminal.say_had()
