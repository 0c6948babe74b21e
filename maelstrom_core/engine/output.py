"""What a job writes, as much of it as is kept. Pure."""

from maelstrom_core.container.messages import Ended, Output
from maelstrom_core.model.job import MOST_REPORT_BYTES, NEXT_PART
from maelstrom_core.model.outcome import Captured

STDOUT, STDERR, REPORT = 1, 2, 3
_NOTHING = Captured()


class Capture:
    """Gathers the streams of one job.

    The slot passes on the first half of what may be kept as it comes, and the last half at the
    end: so what is gathered here is bounded already.

    :param limit: bytes that are kept of each of stdout and stderr
    :param later_parts: how many parts may follow the first one; only the last one that was begun is
        kept
    :param keeps: whether stdout and stderr are kept at all; otherwise they are only passed on
    """

    def __init__(self, limit: int, later_parts: int = 0, *, keeps: bool = True) -> None:
        self._later_parts = later_parts
        # A job that begins more parts than it has would be passed on for ever.
        self._most_bytes = {REPORT: MOST_REPORT_BYTES}
        self._most_bytes |= dict.fromkeys((STDOUT, STDERR), limit if keeps else 0)
        self._head_limit = limit - limit // 2
        self._streams = {STDOUT: bytearray(), STDERR: bytearray(), REPORT: bytearray()}

    def take(self, output: Output) -> int:
        """Take in some bytes.

        :return: how many parts have begun with them
        """
        begun, data = 0, output.data
        if output.stream == REPORT and self._later_parts:
            *ended, data = data.split(NEXT_PART, self._later_parts)
            begun = len(ended)
        if begun:
            self._later_parts -= begun
            for stream in self._streams.values():
                stream.clear()
        kept = self._streams[output.stream]
        kept += data[: max(0, self._most_bytes[output.stream] - len(kept))]
        return begun

    def captured(self, stream: int, ended: Ended) -> Captured:
        """All that is kept of a stream."""
        gathered, total = self._streams[stream], ended.written[stream - 1]
        if not gathered and not total:
            return _NOTHING
        data = bytes(gathered)
        if total <= len(data):
            return Captured(head=data, total_bytes=len(data))
        head = data[: self._head_limit]
        return Captured(head=head, tail=data[self._head_limit :], total_bytes=total)

    def unfinished(self, stream: int) -> Captured:
        """What had come of a stream when the slot was lost."""
        data = bytes(self._streams[stream])
        return Captured(head=data, total_bytes=len(data))

    @property
    def report(self) -> bytes:
        """What came over the report descriptor."""
        return bytes(self._streams[REPORT])
