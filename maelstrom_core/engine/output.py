"""What a job writes, as much of it as is kept. Pure."""

from maelstrom_core.container.messages import Ended, Output
from maelstrom_core.model.outcome import Captured

STDOUT, STDERR, REPORT = 1, 2, 3


class Capture:
    """Gathers the streams of one job.

    The slot passes on the first half of what may be kept as it comes, and the last half at the
    end: so what is gathered here is bounded already.

    :param limit: bytes that are kept of each of stdout and stderr
    :param keeps: whether any are; otherwise they are counted
    """

    def __init__(self, limit: int, *, keeps: bool = True) -> None:
        self._keeps = keeps
        self._head_limit = limit - limit // 2
        self._streams = {STDOUT: bytearray(), STDERR: bytearray(), REPORT: bytearray()}

    def take(self, output: Output) -> None:
        """Take in some bytes."""
        if self._keeps or output.stream == REPORT:
            self._streams[output.stream] += output.data

    def captured(self, stream: int, ended: Ended) -> Captured:
        """All that is kept of a stream."""
        data, total = bytes(self._streams[stream]), ended.written[stream - 1]
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
