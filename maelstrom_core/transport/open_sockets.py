"""Contexts of ZeroMQ, and the tasks that live as long as an endpoint does."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import trio
import zmq


@contextmanager
def a_context() -> Iterator["zmq.Context[zmq.Socket[bytes]]"]:
    """A context of its own, that all sockets in it end with; none of them waits for anybody."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    try:
        yield context
    finally:
        context.destroy(linger=0)


@asynccontextmanager
async def tasks(*functions: Callable[[], Awaitable[object]]) -> AsyncIterator[None]:
    """Run these beside the body, until it ends. What it raises comes out as it is, in no group."""
    raised: Exception | None = None
    async with trio.open_nursery() as nursery:
        for function in functions:
            nursery.start_soon(function)
        try:
            yield
        except Exception as error:
            raised = error
        nursery.cancel_scope.cancel()
    if raised is not None:
        raise raised


async def leave(context: "zmq.Context[zmq.Socket[bytes]]") -> None:
    """Wait until the closed sockets of a context have lingered; their linger is its limit."""
    with trio.CancelScope(shield=True):
        await trio.to_thread.run_sync(context.term)
