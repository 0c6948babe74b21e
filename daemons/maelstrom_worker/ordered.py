"""Sends what a job writes of which nothing may be lost; performs `order_state`. For trio."""

from collections.abc import Callable

import trio

from maelstrom_core.wire.messages import Message
from maelstrom_worker.events import Key
from maelstrom_worker.order_state import OrderedOutput

GATHER_SECONDS = 0.01
"""How long what a job writes is gathered before it is sent: many small writes become one message."""


class OutputInOrder:
    """Takes what a job writes, and holds it up while too much is on its way.

    :param run: an id of this run of the job
    :param say: sends a message, if there is a link
    """

    def __init__(self, key: Key, run: bytes, say: Callable[[Message], None]) -> None:
        self._state = OrderedOutput(key, run)
        self._say = say
        self._something = trio.Event()
        self._moved = trio.Event()
        self._ending = False

    def __call__(self, stream: int, data: bytes) -> None:
        """The job has written this."""
        self._state.add(stream, data)
        self._something.set()

    async def room(self) -> None:
        """Wait until the job may write more."""
        while self._state.is_full:
            await self._moved.wait()

    async def all_taken(self) -> None:
        """The job has ended: wait until its client has all that it wrote."""
        self._ending = True
        self._state.end()
        self._something.set()
        while not self._state.is_over:
            await self._moved.wait()

    def close(self) -> None:
        """Nobody wants it any more."""
        self._state.close()
        self._moved.set()

    def had(self, run: bytes, count: int) -> None:
        """Its client has so much of it."""
        self._state.had(run, count, now=trio.current_time())
        self._moved.set()
        self._moved = trio.Event()

    def send_again(self) -> None:
        """There is a new link: what went over the last one may be lost."""
        self._state.send_again()
        self._something.set()

    async def send(self) -> None:
        """Send what there is, for ever."""
        while True:
            for message in self._state.messages(now=trio.current_time()):
                self._say(message)
            with trio.move_on_at(self._state.send_at):
                await self._something.wait()
            self._something = trio.Event()
            if not self._ending:
                await trio.sleep(GATHER_SECONDS)
