"""How far files have been copied into the store, told now and then: a project may be large."""

import time
from collections.abc import Callable
from typing import TypeAlias

OnCopied: TypeAlias = Callable[[int, int], None]
"""Told bytes: those that are to be copied as well, and those that have been; in the caller's thread."""
_EACH_SECONDS = 0.25


class Copied:
    """Of one layer. Nothing is told of what takes no time.

    :param tell: told of it, if anybody is
    :param total: bytes of all files that are to be copied
    """

    def __init__(self, tell: OnCopied | None, total: int) -> None:
        self._tell = tell
        self._untold, self._done = total, 0
        self._left = total
        self._next = time.monotonic() + _EACH_SECONDS

    def add(self, size: int) -> None:
        """A file is copied, or will not be."""
        self._done += size
        self._left -= size
        now = time.monotonic()
        was_told = not self._untold
        if self._tell is not None and (now >= self._next or (was_told and not self._left)):
            self._next = now + _EACH_SECONDS
            self._tell(self._untold, self._done)
            self._untold = self._done = 0
