"""What running jobs write, gathered for a moment: many small writes become one message. Pure.

It is for people who watch, and may be lost on its way: all of it is in the result. So no more is kept
here than one message can hold.
"""

from collections.abc import Iterable, Iterator, Mapping

from maelstrom_core.wire.messages import MOST_OUTPUT_BYTES, Output, Started
from maelstrom_worker.events import Key

_STREAMS = (1, 2, 3)


class LiveOutput:
    """Of one job."""

    def __init__(self, key: Key) -> None:
        self._key = key
        self._runs = self._is_said_to_wait = False
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

    def began(self) -> None:
        """Its program runs."""
        self._runs = True

    def still_waits(self) -> bool:
        """Whether its program does not run yet, now that its client is told of the job: then it will be
        told of once more."""
        self._is_said_to_wait = not self._runs
        return self._is_said_to_wait

    def messages(self) -> Iterator[Output | Started]:
        """What has come since it was asked last."""
        session, tag = self._key
        if self._is_said_to_wait and self._runs:
            self._is_said_to_wait = False
            yield Started(session, (tag,))
        for stream, waiting in self._waiting.items():
            if waiting:
                offset = self._written[stream] - len(waiting)
                yield Output(session, tag, stream, bytes(waiting), offset)
                waiting.clear()


def told_of_waiting(begun: Iterable[Started], live: Mapping[Key, LiveOutput]) -> Iterator[Started]:
    """Of jobs that have got slots, say which ones still wait for what they need.

    :param live: what those write that have not ended
    """
    for one in begun:
        known = {tag: live.get((one.session, tag)) for tag in one.tags}
        waits = {tag for tag, job in known.items() if job is not None and job.still_waits()}
        if runs := tuple(tag for tag in one.tags if tag not in waits):
            yield Started(one.session, runs)
        if waits:
            yield Started(one.session, tuple(sorted(waits)), waits=True)
