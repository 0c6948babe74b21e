"""Of a job in parts: which case of it a piece of output belongs to. Pure.

The program ends a part with a record separator in its report, and has seen to it that what it wrote
before has been read by then.
"""

import attrs

from maelstrom_core.model.job import MOST_REPORT_BYTES, NEXT_PART
from maelstrom_core.model.outcome import Captured

STDOUT, STDERR, REPORT = 1, 2, 3
_LONGEST_GAP = 100
"""Bytes of the line that says, between head and tail, how much is missing."""


class Kept:
    """The first and the last bytes of a stream.

    :param limit: how many there may be of each
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._head, self._tail = bytearray(), bytearray()
        self._total = 0

    def take(self, data: bytes) -> None:
        """Take in some bytes."""
        self._total += len(data)
        room = self._limit - len(self._head)
        self._head += data[:room]
        self._tail += data[room:]
        if len(self._tail) > 2 * self._limit:
            del self._tail[: -self._limit]

    @property
    def captured(self) -> Captured:
        """What there is."""
        tail = bytes(self._tail[-self._limit :])
        return Captured(head=bytes(self._head), tail=tail, total_bytes=self._total)


class Part:
    """What a job wrote in one part of it.

    :param output_bytes: how much of each stream is kept
    """

    def __init__(self, output_bytes: int) -> None:
        limit = output_bytes // 2 + _LONGEST_GAP
        self.streams = {STDOUT: Kept(limit), STDERR: Kept(limit)}
        self.report = bytearray()

    def take(self, stream: int, data: bytes) -> None:
        """Take in some bytes."""
        if stream == REPORT:
            self.report += data[: MOST_REPORT_BYTES - len(self.report)]
        else:
            self.streams[stream].take(data)


@attrs.define
class Parts:
    """Sorts what a job writes into its parts.

    :param number: how many there are
    :param output_bytes: how much of each stream is kept, of one part
    :param begun: how many have begun
    :param current: the last one of them
    """

    number: int
    output_bytes: int
    begun: int = 1
    current: Part = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.current = Part(self.output_bytes)

    def take(self, stream: int, data: bytes) -> list[Part]:
        """Take in some bytes.

        :return: the parts that have ended with them
        """
        left = self.number - self.begun
        pieces = data.split(NEXT_PART, left) if stream == REPORT and left else [data]
        ended = []
        for piece in pieces[:-1]:
            self.current.take(stream, piece)
            ended.append(self.current)
            self.begun += 1
            self.current = Part(self.output_bytes)
        self.current.take(stream, pieces[-1])
        return ended
