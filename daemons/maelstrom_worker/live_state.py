"""What running jobs write, gathered for a moment: many small writes become one message. Pure.

It is for people who watch, and may be lost on its way: all of it is in the result. So no more is kept
here than one message can hold.
"""

from collections.abc import Iterator

from maelstrom_core.wire.messages import MOST_OUTPUT_BYTES, Output, Started
from maelstrom_worker.events import Key

LATE_SECONDS = 0.5
"""How long a program may take to begin, once its job has a slot, without anything being said of it: it
waits for a template, or for what its container needs."""
_STREAMS = (1, 2, 3)


class LiveOutput:
    """Of one job.

    :param now: when it has got a slot, of which its client is told anyway
    """

    def __init__(self, key: Key, *, now: float) -> None:
        self._key = key
        self._has_slot_since = now
        self._has_begun_late = False
        self._written = dict.fromkeys(_STREAMS, 0)
        self._waiting = {stream: bytearray() for stream in _STREAMS}

    def add(self, stream: int, data: bytes) -> None:
        """The job has written this."""
        self._written[stream] += len(data)
        waiting = self._waiting[stream]
        if len(waiting) + len(data) <= MOST_OUTPUT_BYTES:
            waiting += data
        else:
            # There is a gap, which the offset of what comes next tells of.
            waiting[:] = data[-MOST_OUTPUT_BYTES:]

    def began(self, *, now: float) -> None:
        """Its program runs; a client that counts how long it does so begins anew, if that was late."""
        self._has_begun_late = now - self._has_slot_since > LATE_SECONDS

    def messages(self) -> Iterator[Output | Started]:
        """What has come since it was asked last."""
        session, tag = self._key
        if self._has_begun_late:
            self._has_begun_late = False
            yield Started(session, (tag,))
        for stream, waiting in self._waiting.items():
            if waiting:
                offset = self._written[stream] - len(waiting)
                yield Output(session, tag, stream, bytes(waiting), offset)
                waiting.clear()
