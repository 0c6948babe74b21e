"""Several calls at once; what one of them raises comes out as it is, in no group."""

from collections.abc import Awaitable, Callable

import trio


async def at_once(*calls: Callable[[], Awaitable[object]]) -> None:
    """Return when all have returned. The first that fails ends the others, and its error is raised."""
    failed: list[Exception] = []
    async with trio.open_nursery() as nursery:

        async def run(call: Callable[[], Awaitable[object]]) -> None:
            try:
                await call()
            except Exception as error:
                failed.append(error)
                nursery.cancel_scope.cancel()

        for call in calls:
            nursery.start_soon(run, call)
    if failed:
        raise failed[0]
