"""Takes samples of what the broker does, for the page's charts, and has them kept for the next one."""

from collections.abc import Callable, Iterator

import trio

from maelstrom_broker.book_state import Book
from maelstrom_broker.remembering import Draw
from maelstrom_broker.runs_file import Drawn
from maelstrom_broker.status import tally
from maelstrom_broker.web.history_state import (
    KEPT_SECONDS,
    PIECE_SECONDS,
    PIECES,
    Day,
    History,
    Piece,
    Sample,
    gone_on,
)

SAMPLES_AT_ONCE = 6
"""So many are kept together: the disk is let alone meanwhile. A broker that is killed costs no more."""


class Drawings:
    """What was in the last hour and the last day.

    :param drawn: by the broker before
    :param offset: from this broker's clock to the seconds since 1970
    :param keep: keeps what is drawn; ``None`` if nothing is to be kept
    """

    def __init__(
        self, book: Book, drawn: Drawn, offset: float, keep: Callable[[Draw], None] | None
    ) -> None:
        self._book = book
        self._offset = offset
        self._keep = keep
        self._not_kept: list[Sample] = []
        now = trio.current_time()
        samples = gone_on([Sample(at - offset, *rest) for at, *rest in drawn.samples])
        # Clocks are set back: nothing was in the future.
        self.history = History(one for one in samples if now - KEPT_SECONDS <= one.at < now)
        self.day = Day(_pieces(drawn, offset, now))

    async def keep_on(self) -> None:
        """Take samples until cancelled."""
        while True:
            await trio.sleep_until(self.history.next_at(trio.current_time()))
            now = trio.current_time()
            on_workers, queued, ended = tally(self._book)
            sample = Sample(now, on_workers, queued, ended)
            self.history.add(sample)
            self.day.add(now, ended, self._book.stories.failed)
            self._not_kept.append(sample)
            if len(self._not_kept) >= SAMPLES_AT_ONCE:
                self._have_kept(now)

    def _have_kept(self, now: float) -> None:
        samples, self._not_kept = self._not_kept, []
        if self._keep is None:
            return
        offset = self._offset
        drawn = Drawn(
            tuple((one.at + offset, one.running, one.queued, one.ended) for one in samples),
            # Those before have not changed since they were kept, but for the last one of them.
            tuple(
                (round(one.began + offset), one.ended, one.failed)
                for one in list(self.day.pieces)[-2:]
            ),
        )
        wall = now + offset
        self._keep(Draw(drawn, (wall - KEPT_SECONDS, wall - (PIECES + 1) * PIECE_SECONDS)))


def _pieces(drawn: Drawn, offset: float, now: float) -> Iterator[Piece]:
    for began, ended, failed in drawn.pieces:
        if now - PIECES * PIECE_SECONDS <= began - offset <= now:
            yield Piece(began - offset, ended, failed)
