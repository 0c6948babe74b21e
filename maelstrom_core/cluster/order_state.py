"""What a job on a worker writes, of which nothing may be lost: each byte once, and in order. Pure.

It comes in numbered pieces of one *run* of the job. What is passed on cannot be taken back: once
something of one run was, the pieces of another one (its worker was lost, and the broker gave it to
another) are of no use, and the job is broken off. Until then a later run simply takes its place.
"""

from collections import deque

MOST_WAITING_BYTES = 4 << 20
"""More than any worker sends before it hears that some was passed on."""


class InOrder:
    """Of one job.

    :ivar run: the run that it is taken from; empty before the first piece
    :ivar count: how many pieces of that have been passed on
    :ivar passed_on: whether anybody has seen some of what it wrote
    :ivar broken: whether another run has begun since
    :ivar is_whole: whether all of it was passed on
    """

    def __init__(self) -> None:
        self.run = b""
        self.count = 0
        self.passed_on = False
        self.broken = False
        self.is_whole = False
        self._next = 0
        self._waiting: deque[tuple[int, bytes]] = deque()
        self._bytes = 0

    def take(self, run: bytes, number: int, stream: int, data: bytes) -> None:
        """A piece has come, perhaps not for the first time."""
        if self.broken or not run:
            return
        if run != self.run:
            if self.passed_on:
                self.broken = True
                self._waiting.clear()
                return
            if number > 1:
                return  # its beginning comes again
            # The first piece is empty: it may have been passed on before another run was in between.
            self.run, self.count, self._next = run, number, number
            self._waiting.clear()
            self._bytes, self.is_whole = 0, False
        if number != self._next or self._bytes + len(data) > MOST_WAITING_BYTES:
            return  # it was there before, or something before it comes again
        self._next += 1
        self._bytes += len(data)
        self._waiting.append((stream, data))

    def next(self) -> tuple[int, bytes] | None:
        """A piece that is to be passed on now; without bytes it says that the job begins, or ends."""
        if not self._waiting:
            return None
        stream, data = self._waiting.popleft()
        self._bytes -= len(data)
        if data:
            self.passed_on = True
        elif self.count:
            self.is_whole = True
        self.count += 1
        return stream, data
