"""Writes to standard output and error without ever holding up the jobs; a last line for progress."""

import os
import select
from collections.abc import Callable

import trio

ENOUGH_ROOM = 4096
"""A pipe that poll(2) calls ready takes this much at once (PIPE_BUF)."""
_CLEAR = b"\r\x1b[K"


class Screen:
    """Standard output and error, written to by one task at a time.

    :param cannot_write: told when that is so; it cancels whoever writes
    :param has_progress: whether there may be a line of progress at the end of standard error
    """

    def __init__(self, cannot_write: Callable[[OSError], None], *, has_progress: bool) -> None:
        self._lock = trio.Lock()
        self._cannot_write = cannot_write
        self.has_progress = has_progress
        self._status = ""
        self._shown = False

    async def write(self, out: bytes, error: bytes = b"") -> None:
        """Write all of it, and nothing of others in between."""
        if not out and not error:
            return
        async with self._lock:
            if self._shown:
                await self._write_all(2, _CLEAR)
                self._shown = False
            await self._write_all(1, out)
            await self._write_all(2, error)
            await self._show()

    async def status(self, text: str) -> None:
        """Show how far it has come, if anybody looks."""
        if self.has_progress and text != self._status:
            async with self._lock:
                self._status = text
                await self._show()

    async def _show(self) -> None:
        if self._status:
            # A terminal that does not know its own width says 0.
            width = (os.get_terminal_size(2).columns or 80) - 1
            await self._write_all(2, _CLEAR + self._status.encode()[:width])
            self._shown = True

    async def close(self) -> None:
        """Take the line of progress away."""
        async with self._lock:
            if self._shown:
                await self._write_all(2, _CLEAR)
            self._status, self._shown = "", False

    async def _write_all(self, descriptor: int, data: bytes) -> None:
        if not data:
            return
        try:
            if len(data) <= ENOUGH_ROOM and _is_ready(descriptor):
                write_all(descriptor, data)
            else:
                # A slow reader holds up this thread, and not what watches over the jobs.
                await trio.to_thread.run_sync(write_all, descriptor, data, abandon_on_cancel=True)
        except OSError as error:
            self._cannot_write(error)
            await trio.sleep_forever()


def _is_ready(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return any(events & select.POLLOUT for _, events in poll.poll(0))


def write_all(descriptor: int, data: bytes) -> None:
    """Write, however long that takes."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
