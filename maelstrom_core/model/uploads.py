"""How far files have been copied into the store, or sent to a cluster that lacks them, and what people
are told of it. Pure."""

from collections.abc import Callable
from typing import TypeAlias

import attrs

FIRST_SECONDS = 1.0
"""How long something is sent before it is told of: less is nothing that anybody waits for."""
EACH_SECONDS = 5.0
"""How often it is told of, in lines."""


SENT = "sent to the cluster"
COPIED = "copied into the store"


@attrs.frozen
class Uploading:
    """What has been sent, of what was found to be lacking so far.

    :param seconds: since then
    :param done: `SENT` or `COPIED`
    """

    sent_bytes: int
    total_bytes: int
    seconds: float
    done: str = SENT

    @property
    def is_over(self) -> bool:
        """Whether all of it has been sent."""
        return self.sent_bytes >= self.total_bytes

    def __str__(self) -> str:
        sent, total = (number / 1e6 for number in (self.sent_bytes, self.total_bytes))
        rate = f"{sent / self.seconds:.1f} MB/s" if self.seconds > 0 else "at once"
        if self.is_over:
            return f"{total:.1f} MB {self.done} in {self.seconds:.1f} s, {rate}"
        return f"{sent:.1f} of {total:.1f} MB {self.done}, {rate}"


OnUpload: TypeAlias = Callable[[Uploading], None]
"""Told each time that something has been sent, and when more is found to be lacking."""


class UploadAccount:
    """What is lacking, and what of it was sent. When all was, it begins anew.

    :param done: what becomes of it: `SENT` or `COPIED`
    """

    def __init__(self, done: str = SENT) -> None:
        self._done = done
        self._sent = self._total = 0
        self._began = 0.0

    def take(self, lacking: int, sent: int, *, now: float) -> Uploading:
        """Take in what was found out.

        :param lacking: bytes that are to be sent as well; fewer than none if they are not, after all
        :param sent: bytes that have been
        """
        if not self._total:
            self._began = now
        self._total += lacking
        self._sent += sent
        told = Uploading(self._sent, self._total, now - self._began, self._done)
        if told.is_over:
            self._sent = self._total = 0
        return told


class UploadLines:
    """Which of it is told in lines: nothing that is over soon, the rest now and then, and its end."""

    def __init__(self) -> None:
        self._next = FIRST_SECONDS

    def line(self, uploading: Uploading) -> str:
        """What is said now; nothing, mostly."""
        was_told = self._next > FIRST_SECONDS
        if uploading.is_over:
            self._next = FIRST_SECONDS
            return str(uploading) if was_told and uploading.total_bytes else ""
        if uploading.seconds < self._next:
            return ""
        self._next = uploading.seconds + EACH_SECONDS
        return str(uploading)
