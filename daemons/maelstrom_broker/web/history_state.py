"""What the broker did in the last hour: how much ran, waited, and ended. Pure."""

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import pairwise

import attrs

EVERY_SECONDS = 5.0
KEPT_SECONDS = 3600.0
PIECE_SECONDS = 1800.0
PIECES = 48
"""Of the last day, in which is counted what failed and what did not."""
_LATE = 3 * EVERY_SECONDS
"""Between samples so far apart nobody knows what was."""


@attrs.frozen
class Sample:
    """A moment.

    :param at: seconds on the broker's clock
    :param ended: jobs, since the broker was started
    """

    at: float
    running: int
    queued: int
    ended: int


@attrs.define
class Piece:
    """A part of the last day.

    :param began: seconds on the broker's clock
    :param ended: jobs that ended in it
    :param failed: of these
    """

    began: float
    ended: int = 0
    failed: int = 0


class Day:
    """What ended and what failed, piece by piece; the last ones, `PIECES` of them.

    :param pieces: that were before, the oldest first
    """

    def __init__(self, pieces: Iterable[Piece] = ()) -> None:
        self.pieces: deque[Piece] = deque(pieces, maxlen=PIECES)
        self._before = (0, 0)

    def add(self, now: float, ended: int, failed: int) -> None:
        """Count on.

        :param ended: jobs, since the broker was started
        :param failed: of these
        """
        if not self.pieces:
            self.pieces.append(Piece(now))
        while now >= self.pieces[-1].began + PIECE_SECONDS:
            skipped = max(0, int((now - self.pieces[-1].began) / PIECE_SECONDS) - PIECES)
            self.pieces.append(Piece(self.pieces[-1].began + (skipped + 1) * PIECE_SECONDS))
        last, before = self.pieces[-1], self._before
        last.ended += ended - before[0]
        last.failed += failed - before[1]
        self._before = ended, failed


Points = tuple[tuple[float, float], ...]
"""Seconds on the broker's clock, and a value."""


class History:
    """Samples of the last hour, at most `KEPT_SECONDS` ÷ `EVERY_SECONDS` of them.

    :param samples: that were taken before, the oldest first
    """

    def __init__(self, samples: Iterable[Sample] = ()) -> None:
        self._samples: deque[Sample] = deque(samples, maxlen=int(KEPT_SECONDS / EVERY_SECONDS))

    def next_at(self, now: float) -> float:
        """When a sample is wanted next."""
        return self._samples[-1].at + EVERY_SECONDS if self._samples else now

    def add(self, sample: Sample) -> None:
        """Keep one, and forget what is older than an hour."""
        samples = self._samples
        samples.append(sample)
        while samples[0].at < sample.at - KEPT_SECONDS:
            samples.popleft()

    def running(self) -> list[Points]:
        """Jobs that ran; in pieces where some time is unknown."""
        return self._pieces([(one.at, float(one.running)) for one in self._samples])

    def queued(self) -> list[Points]:
        """Jobs that waited."""
        return self._pieces([(one.at, float(one.queued)) for one in self._samples])

    def ended_per_second(self) -> list[Points]:
        """Jobs that ended in each second, between one sample and the one before."""
        return self._pieces(
            [
                (after.at, (after.ended - before.ended) / (after.at - before.at))
                for before, after in pairwise(self._samples)
                if before.at < after.at <= before.at + _LATE
            ]
        )

    def as_rows(self, now: float) -> list[tuple[float, int, int, int]]:
        """Seconds ago, running, queued, ended; oldest first."""
        return [
            (round(now - one.at, 1), one.running, one.queued, one.ended) for one in self._samples
        ]

    def _pieces(self, points: list[tuple[float, float]]) -> list[Points]:
        pieces: list[list[tuple[float, float]]] = []
        for point in points:
            if not pieces or point[0] - pieces[-1][-1][0] > _LATE:
                pieces.append([])
            pieces[-1].append(point)
        return [tuple(piece) for piece in pieces]


def gone_on(samples: Sequence[Sample]) -> list[Sample]:
    """Samples that several brokers have taken, one after the other, as if one had: each of them has
    counted what ended from zero, and so does the next.
    """
    before, raised, found = 0, 0, list[Sample]()
    for one in samples:
        if one.ended < before:
            raised += before
        before = one.ended
        found.append(attrs.evolve(one, ended=one.ended + raised))
    last = found[-1].ended if found else 0
    return [attrs.evolve(one, ended=one.ended - last) for one in found]
