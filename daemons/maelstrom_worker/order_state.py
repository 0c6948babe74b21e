"""What a job writes of which nothing may be lost: kept until its client says that it has it. Pure.

It travels in numbered pieces, in the order in which it was written, whatever the stream. The first piece
is empty and says that the job begins; after another empty one nothing follows. All that is not
acknowledged is sent again after a while, and on each new link: whatever was lost on the way, and by
whom. While much is not acknowledged, the job is held up.
"""

import math

import attrs

from maelstrom_core.wire.messages import MOST_OUTPUT_BYTES, Output
from maelstrom_worker.events import Key

WINDOW_BYTES = 1 << 20
WINDOW_PIECES = 256
"""Of one job: so much may be on its way, or wait to be sent, before the job is held up."""
AGAIN_SECONDS = 2.0
"""What nothing was heard of for so long is sent again."""
_STDOUT = 1


@attrs.define
class _Piece:
    stream: int
    data: bytearray
    sent: bool = False
    """It stays as it is from then on."""


class OrderedOutput:
    """Of one run of one job.

    :param run: an id of this run, which no other has
    """

    def __init__(self, key: Key, run: bytes) -> None:
        self._key = key
        self.run = run
        self._pieces = [_Piece(_STDOUT, bytearray())]
        """All that are not acknowledged."""
        self._first = 0
        """Number of the first of them."""
        self._to_send = 0
        """Index of the first of them that is to be sent."""
        self._bytes = 0
        self._again_at = math.inf
        self._ended = False
        self._closed = False

    @property
    def is_full(self) -> bool:
        """Whether the job is to be held up."""
        return self._bytes >= WINDOW_BYTES or len(self._pieces) >= WINDOW_PIECES

    @property
    def is_over(self) -> bool:
        """Whether all has arrived, or nobody wants it any more."""
        return self._closed or (self._ended and not self._pieces)

    @property
    def send_at(self) -> float:
        """When there is something to send; infinity if there is nothing."""
        return -math.inf if self._to_send < len(self._pieces) else self._again_at

    def add(self, stream: int, data: bytes) -> None:
        """The job has written this."""
        if self._closed:
            return
        assert not self._ended
        self._bytes += len(data)
        while data:
            last = self._pieces[-1] if self._pieces else None
            if (
                last is None
                or last.sent
                or last.stream != stream
                or len(last.data) in (0, MOST_OUTPUT_BYTES)
            ):
                last = _Piece(stream, bytearray())
                self._pieces.append(last)
            room = MOST_OUTPUT_BYTES - len(last.data)
            last.data += data[:room]
            data = data[room:]

    def end(self) -> None:
        """It will write nothing more."""
        if not self._ended and not self._closed:
            self._ended = True
            self._pieces.append(_Piece(_STDOUT, bytearray()))

    def close(self) -> None:
        """Nobody wants it any more."""
        self._closed = True
        self._pieces.clear()
        self._to_send, self._bytes, self._again_at = 0, 0, math.inf

    def had(self, run: bytes, count: int, *, now: float) -> None:
        """Its client has all pieces with smaller numbers."""
        gone = count - self._first
        if run != self.run or not 0 < gone <= self._to_send:
            return
        self._bytes -= sum(len(piece.data) for piece in self._pieces[:gone])
        del self._pieces[:gone]
        self._first += gone
        self._to_send -= gone
        self._again_at = now + AGAIN_SECONDS if self._to_send else math.inf

    def send_again(self) -> None:
        """What was sent may have been lost."""
        self._to_send = 0

    def messages(self, *, now: float) -> list[Output]:
        """What is to be sent now."""
        if now >= self._again_at:
            self._to_send = 0
        found = []
        for piece in self._pieces[self._to_send :]:
            piece.sent = True
            number = self._first + self._to_send
            found.append(Output(*self._key, piece.stream, bytes(piece.data), number, self.run))
            self._to_send += 1
        if found:
            self._again_at = now + AGAIN_SECONDS
        return found
