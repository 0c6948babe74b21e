"""Room on a broker's disk, and what is said when there is none."""

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from maelstrom_core.wire.bulk import Why

FULL = (errno.ENOSPC, errno.EDQUOT)
_MOST_ROUNDS = 3
"""Of letting go: what a blob takes on the disk is estimated."""


class Refusal(Exception):
    """A request is refused.

    :param text: for people
    """

    def __init__(self, why: Why, text: str) -> None:
        super().__init__(text)
        self.why, self.text = why, text


class DiskRoom:
    """The file system's room.

    :param floor: bytes that are left free
    :param free: how many are
    :param shed: lets go of about so many bytes, as far as nobody uses them, and says whether of any
    :param shed_bytes: of which it is to let go at least
    """

    def __init__(
        self, floor: int, free: Callable[[], int], shed: Callable[[int], bool], shed_bytes: int
    ) -> None:
        self._floor = floor
        self._shed_bytes = shed_bytes
        self._free = free
        self._shed = shed

    @contextmanager
    def for_bytes(self, size: int) -> Iterator[None]:
        """Write so many bytes; what nobody uses goes for them, or for those that come next.

        :raises Refusal: if the disk has no room for them
        """
        rounds = 0
        while (missing := self._missing(size)) > 0:
            rounds += 1
            if rounds > _MOST_ROUNDS or not self._shed(max(missing, self._shed_bytes)):
                text = f"the broker's disk is full but for {self._floor} bytes that are left free"
                raise Refusal(Why.FULL, text)
        try:
            yield
        except OSError as error:
            if error.errno not in FULL:
                raise
            self._shed(self._shed_bytes)
            raise Refusal(Why.FULL, f"the broker's disk is full: {error.strerror}") from None

    def _missing(self, size: int) -> int:
        """How many bytes have to go before so many may be written."""
        return self._floor + size - self._free() if self._floor else 0
