"""A job's output as it comes, of which some may be lost on the way, made whole by its result. Pure."""

from collections.abc import Callable

from maelstrom_core.model.outcome import Captured, JobResult
from maelstrom_core.model.ports import OnOutput

STDOUT, STDERR, REPORT = 1, 2, 3


class LiveOutput:
    """Passes on each byte once and in order; what is lost waits for the result.

    :param on_output: called as `maelstrom_core.model.ports.OnOutput`
    """

    def __init__(self, on_output: OnOutput | None) -> None:
        self._on_output = on_output
        self._on_begun: Callable[[], None] | None = getattr(on_output, "began", None)
        self._passed = {STDOUT: 0, STDERR: 0, REPORT: 0}

    def began(self) -> None:
        """A worker has begun to run it, perhaps once more."""
        if self._on_begun is not None:
            self._on_begun()

    def take(self, stream: int, data: bytes, offset: int) -> None:
        """Some of it has come.

        :param offset: where in the stream it begins
        """
        passed = self._passed.get(stream)
        if passed is None or offset > passed:
            return  # of a stream of tomorrow; or something is missing before it
        self._pass(stream, data[passed - offset :])

    def finish(self, result: JobResult) -> None:
        """All that is known at the end; of what is not kept, what is left is passed on."""
        for stream, captured in ((STDOUT, result.stdout), (STDERR, result.stderr)):
            self._pass(stream, _after(captured, self._passed[stream]))
        self._pass(REPORT, result.report[self._passed[REPORT] :])

    def _pass(self, stream: int, data: bytes) -> None:
        if data and self._on_output is not None:
            self._passed[stream] += len(data)
            self._on_output(stream, data)


def _after(captured: Captured, passed: int) -> bytes:
    """What follows the first bytes of a stream, as far as it was kept."""
    tail_at = captured.total_bytes - len(captured.tail)
    return captured.head[passed:] + captured.tail[max(0, passed - tail_at) :]
