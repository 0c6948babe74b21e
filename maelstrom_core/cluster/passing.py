"""Passes on what a job on a worker writes, of which nothing may be lost, and says so. For trio."""

from collections.abc import Awaitable, Callable

import trio

from maelstrom_core.cluster.order_state import InOrder
from maelstrom_core.model.outcome import HostFailed, JobResult
from maelstrom_core.model.ports import OnOutput
from maelstrom_core.wire.rows import Ending, JobResultRow

_SAY_EVERY = 8
"""Pieces, so that others come while these are passed on."""
_REPORT = 3
_LOST = "its worker was lost while it ran, and some of what it wrote had been passed on"
_LEFT = "the cluster was lost while it ran, and some of what it wrote had been passed on"
_MISSING = "it has ended, and not all that it wrote has come"
_REMEDY = "run it again"


class OutputInOrder:
    """Of one job; see `order_state`.

    :param on_output: called as `maelstrom_core.model.ports.OnOutput`, and waited for if it has ``room``
    :param had: called with a run of the job, and how many pieces of it have been passed on
    :param of_no_use: called when the job was begun once more, and cannot be gone on with
    """

    def __init__(
        self,
        on_output: OnOutput | None,
        had: Callable[[bytes, int], None],
        of_no_use: Callable[[], None],
    ) -> None:
        self._on_output = on_output
        self._room: Callable[[], Awaitable[None]] | None = getattr(on_output, "room", None)
        self._had = had
        self._of_no_use = of_no_use
        self._order = InOrder()
        self._something = trio.Event()

    def take(self, run: bytes, number: int, stream: int, data: bytes) -> None:
        """A piece has come, perhaps not for the first time."""
        was_broken = self._order.broken
        self._order.take(run, number, stream, data)
        self._something.set()
        if self._order.broken and not was_broken:
            self._of_no_use()

    def wake(self) -> None:
        """The job has ended, perhaps: whoever passes on is to look."""
        self._something.set()

    async def pass_on(self, ended: trio.Event) -> None:
        """Pass on what comes, until the job has ended and nothing is left."""
        while not ended.is_set():
            await self._something.wait()
            self._something = trio.Event()
            said = -1
            while (piece := self._order.next()) is not None:
                await self._pass_on(*piece)
                if self._order.count % _SAY_EVERY == 0:
                    said = self._say()
            if said != self._order.count:
                # Be it that nothing was new: what was said of it may have been lost.
                self._say()

    async def _pass_on(self, stream: int, data: bytes) -> None:
        if self._on_output is not None and (data or self._order.count == 1):
            self._on_output(stream if data else _REPORT, data)
            if self._room is not None:
                await self._room()

    def _say(self) -> int:
        count = self._order.count
        if count and not self._order.broken:
            self._had(self._order.run, count)
        return count

    def broken_off(self, row: JobResultRow | None) -> JobResult | None:
        """What comes of a job of which some was passed on, and not all; ``None`` if that is not so.

        :param row: its ending; ``None`` if the cluster will not run it any more
        """
        order, reason = self._order, _LOST
        if row is None:
            reason = _LEFT
        elif row.ending in (Ending.RAN, Ending.STORED):
            if order.is_whole:
                return None
            return JobResult(outcome=HostFailed(_MISSING, _REMEDY), broken_off=True)
        elif row.ending == Ending.CANCELLED and not order.broken:
            return None
        if not order.passed_on:
            return None
        return JobResult(outcome=HostFailed(reason, _REMEDY), broken_off=True)
