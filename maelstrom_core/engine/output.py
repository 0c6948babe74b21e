"""What a job writes, as much of it as is kept. Pure."""

from maelstrom_core.container.messages import Ended, Output
from maelstrom_core.model.job import MOST_REPORT_BYTES, NEXT_PART
from maelstrom_core.model.outcome import Captured

STDOUT, STDERR, REPORT = 1, 2, 3


class Capture:
    """Gathers the streams of one job.

    The slot passes on the first half of what may be kept as it comes, and the last half at the
    end: so what is gathered here is bounded already.

    :param limit: bytes that are kept of each of stdout and stderr
    :param later_parts: how many parts of the report may follow the first one; only the last one that
        was begun is kept
    :param keeps: whether any are; otherwise they are counted
    """

    def __init__(self, limit: int, later_parts: int = 0, *, keeps: bool = True) -> None:
        self._keeps = keeps
        self._later_parts = later_parts
        self._head_limit = limit - limit // 2
        self._streams = {STDOUT: bytearray(), STDERR: bytearray(), REPORT: bytearray()}

    def take(self, output: Output) -> int:
        """Take in some bytes.

        :return: how many parts have begun with them
        """
        if output.stream != REPORT:
            if self._keeps:
                self._streams[output.stream] += output.data
            return 0
        pieces = (
            output.data.split(NEXT_PART, self._later_parts) if self._later_parts else [output.data]
        )
        begun = len(pieces) - 1
        kept = self._streams[REPORT]
        if begun:
            self._later_parts -= begun
            kept.clear()
        kept += pieces[-1][: MOST_REPORT_BYTES - len(kept)]
        return begun

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
