"""What one side says to the other in numbered pieces, of which none may be lost. Pure.

It is used both ways between whoever is at a terminal and the job that has it
(`maelstrom_core.wire.terminals`). Whoever sends keeps each piece until the other side says that it is
done with it; all that was not acknowledged goes out again after a while, and over each new link. So
whatever is lost on the way, and by whom, comes; once, and in order. What may wait on either side is
bounded: the sender is full before, and whoever fills it has to wait.
"""

import math
from collections import deque

import attrs

from maelstrom_core.wire.terminals import MOST_PIECE_BYTES

AGAIN_SECONDS = 2.0
"""What nothing was heard of for so long is sent again."""
MOST_PIECES = 256
"""That are not acknowledged; more bytes or pieces than that are not added by whoever asks `is_full`."""


@attrs.frozen
class Piece:
    """One of them, whatever it means.

    :param numbers: what else it says: a size, or a status
    """

    what: int
    data: bytes = b""
    numbers: tuple[int, ...] = ()


@attrs.define
class _Kept:
    what: int
    data: bytearray
    numbers: tuple[int, ...]
    sent: bool = False
    """It stays as it is from then on."""


class Outgoing:
    """Pieces on their way to the other side.

    :param most_bytes: that are not acknowledged, when it is full
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._pieces: list[_Kept] = []
        """All that are not acknowledged."""
        self._first = 0
        """Number of the first of them."""
        self._to_send = 0
        """Index of the first of them that is to be sent."""
        self._bytes = 0
        self._again_at = math.inf

    @property
    def is_full(self) -> bool:
        """Whether nothing more should be added for now."""
        return self._bytes >= self._most_bytes or len(self._pieces) >= MOST_PIECES

    @property
    def is_empty(self) -> bool:
        """Whether the other side is done with all of it."""
        return not self._pieces

    @property
    def send_at(self) -> float:
        """When there is something to send; infinity if there is nothing."""
        return -math.inf if self._to_send < len(self._pieces) else self._again_at

    def add(self, what: int, data: bytes = b"", *numbers: int) -> None:
        """Say this. What was not sent yet, and is of the same kind, becomes one with it: bytes follow
        bytes, and the last numbers hold."""
        last = self._pieces[-1] if self._pieces else None
        same = last is not None and not last.sent and last.what == what
        if last is not None and same and numbers:
            last.numbers = numbers
            return
        if last is not None and same and data and last.data:
            room = MOST_PIECE_BYTES - len(last.data)
            last.data += data[:room]
            self._bytes += len(data[:room])
            data = data[room:]
            if not data:
                return
        for start in range(0, max(1, len(data)), MOST_PIECE_BYTES):
            part = bytearray(data[start : start + MOST_PIECE_BYTES])
            self._pieces.append(_Kept(what, part, numbers))
            self._bytes += len(part)

    def had(self, count: int, *, now: float) -> None:
        """The other side is done with all pieces that have smaller numbers."""
        gone = count - self._first
        if not 0 < gone <= self._sent:
            return
        self._bytes -= sum(len(piece.data) for piece in self._pieces[:gone])
        del self._pieces[:gone]
        self._first += gone
        self._to_send = max(0, self._to_send - gone)
        self._again_at = now + AGAIN_SECONDS if self._to_send else math.inf

    @property
    def _sent(self) -> int:
        """How many were sent, be it that they are to be sent again."""
        return sum(piece.sent for piece in self._pieces)

    def send_again(self) -> None:
        """What was sent may have been lost."""
        self._to_send = 0

    def take(self, *, now: float) -> list[tuple[int, Piece]]:
        """What is to be sent now, each with its number."""
        if now >= self._again_at:
            self._to_send = 0
        found = []
        for piece in self._pieces[self._to_send :]:
            piece.sent = True
            whole = Piece(piece.what, bytes(piece.data), piece.numbers)
            found.append((self._first + self._to_send, whole))
            self._to_send += 1
        if found:
            self._again_at = now + AGAIN_SECONDS
        return found


class Incoming:
    """Pieces from the other side, perhaps not for the first time, and perhaps with gaps.

    :param most_bytes: that may wait to be taken; those beyond come again
    :ivar count: how many are done with
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._next = 0
        self._waiting: deque[Piece] = deque()
        self._bytes = 0
        self.count = 0

    def came(self, number: int, piece: Piece) -> None:
        """This has come."""
        full = self._bytes >= self._most_bytes or len(self._waiting) >= MOST_PIECES
        if number != self._next or full:
            return  # it was there before, or something before it comes again
        self._next += 1
        self._bytes += len(piece.data)
        self._waiting.append(piece)

    def take(self) -> Piece | None:
        """The next one; `done` is to be called when it is done with."""
        if not self._waiting:
            return None
        piece = self._waiting.popleft()
        self._bytes -= len(piece.data)
        return piece

    def done(self) -> None:
        """What was taken last is done with: the other side may forget it."""
        self.count += 1
