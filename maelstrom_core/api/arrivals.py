"""Images on their way, each brought once, by a thread, for all who wait for it. For trio.

When nobody waits for one any more, its thread is told to stop, and given a moment for that: it ends as
soon as it looks up, or as its registry's silence is broken off.
"""

from contextlib import suppress
from functools import partial
from typing import Any

import attrs
import trio

from maelstrom_core.api.jobs import Jobs
from maelstrom_core.images.stop import Stop
from maelstrom_core.model.job import JobSpec
from maelstrom_core.spec.jobs_plan import PlannedJob

PATIENCE_SECONDS = 2.0
"""For a thread that is to end; it goes on by itself after that, keeping nothing of what it brings."""


@attrs.define(eq=False)
class _Arrival:
    stop: Stop = attrs.field(factory=Stop)
    ended: trio.Event = attrs.field(factory=trio.Event)
    turn: trio.StrictFIFOLock = attrs.field(factory=trio.StrictFIFOLock)
    error: BaseException | None = None
    waiting: int = 0


class Arrivals:
    """Knows which images are on their way.

    :param jobs: those that wait for them
    """

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        self._arrivals: dict[str, _Arrival] = {}

    async def finished(self, planned: PlannedJob) -> JobSpec:
        """A job of which all is known, its image, if it has one, brought.

        Cancelling the call ends that soon, unless somebody else waits for the image.

        :raises InputError: for what only the image can tell to be a fault
        """
        while image := self._jobs.wanted(planned):
            await self._wait(image)
        return self._jobs.finished(planned)

    async def _wait(self, image: str) -> None:
        """Return when an image was brought, or refused."""
        arrival = self._arrivals.get(image)
        if arrival is None:
            arrival = self._arrivals[image] = _Arrival()
            self._start(image, arrival)
        arrival.waiting += 1
        try:
            # One by one, so that jobs go on in the order in which they came.
            async with arrival.turn:
                await arrival.ended.wait()
        finally:
            arrival.waiting -= 1
            if not arrival.waiting and not arrival.ended.is_set():
                # Whoever wants it from now on begins anew.
                del self._arrivals[image]
                arrival.stop.set()
                with trio.move_on_after(PATIENCE_SECONDS, shield=True):
                    await arrival.ended.wait()
        if arrival.error is not None:
            raise arrival.error

    def _start(self, image: str, arrival: _Arrival) -> None:
        token = trio.lowlevel.current_trio_token()

        def ended(result: Any) -> None:
            try:
                result.unwrap()
            except BaseException as error:
                arrival.error = error
            if self._arrivals.get(image) is arrival:
                del self._arrivals[image]
            arrival.ended.set()

        def deliver(result: Any) -> None:
            with suppress(trio.RunFinishedError):  # nobody is left who could wait
                token.run_sync_soon(ended, result)

        bring = partial(self._jobs.bring, image, arrival.stop)
        trio.lowlevel.start_thread_soon(bring, deliver, name=f"maelstrom image {image}")
