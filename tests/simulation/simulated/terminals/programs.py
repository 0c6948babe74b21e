"""What runs on workers: programs that echo what is typed, write much, and let go of the terminal."""

from collections import deque
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING

import trio

from maelstrom_core.model.job import JobSpec, TerminalSize
from maelstrom_core.model.outcome import Exited, JobResult
from maelstrom_core.model.ports import OnOutput, Viewer

if TYPE_CHECKING:
    from simulated.terminals.yard import Yard

END = b"Q"
"""A program that reads this ends; nothing else that is typed has it in it."""
LEFT_STATUS = 3


class Program:
    """One run of a job; the `Keyboard` of whoever views it."""

    def __init__(self, job: JobSpec, viewer: Viewer, rng: Random) -> None:
        self.name = job.arguments[0]
        self.job, self.viewer, self.rng = job, viewer, rng
        self.read = b""
        self.wrote = b""
        self.sizes: list[TerminalSize] = []
        self.refused = 0
        self.is_over = False
        self._is_held_up = False
        self._typed: deque[bytes] = deque()
        self._answer: str = ""
        self._moved = trio.Event()
        viewer.sits_down(self)

    def _move(self) -> None:
        self._moved.set()
        self._moved = trio.Event()

    # As a keyboard

    def attach(self, size: TerminalSize | None) -> None:
        assert size is not None
        self.sizes.append(size)
        self._answer = "attached"
        self._move()

    def refuse(self) -> None:
        self._answer = "refused"
        self._move()

    def type(self, data: bytes) -> None:
        assert data
        self._typed.append(data)
        self._move()

    def resize(self, size: TerminalSize) -> None:
        self.sizes.append(size)

    def end(self) -> None:
        raise AssertionError("nothing stays")

    async def room(self) -> None:
        """A slot that is held up hears nothing; one whose program does not read keeps what is typed."""
        while self._is_held_up:
            await self._moved.wait()

    # As a program

    async def run(self) -> None:
        """To its end."""
        if self.job.terminal is not None:
            self.sizes.append(self.job.terminal)
            await self._use()
            return
        for _ in range(self.rng.randint(0, 2)):
            await trio.sleep(self.rng.random() * 2)
            if await self._ask():
                await self._write(b"looking\n")
                await trio.sleep(self.rng.random())
                self.viewer.leaves(LEFT_STATUS)
        await trio.sleep(self.rng.random())
        if await self._ask():
            await self._use()
            self.viewer.leaves()

    async def _ask(self) -> bool:
        self._answer = ""
        self.viewer.asks()
        while not self._answer:
            await self._moved.wait()
        self.refused += self._answer == "refused"
        return self._answer == "attached"

    async def _use(self) -> None:
        """Echo what is typed until the end of it; now and then write much."""
        await self._write(b"begun\n")
        while END not in self.read:
            while not self._typed:
                await self._moved.wait()
            data = self._typed.popleft()
            self._move()
            self.read += data
            await self._write(data.swapcase())
            if self.rng.random() < 0.02:
                await trio.sleep(self.rng.random() * 3)  # it does not read
            if self.rng.random() < 0.03:
                for number in range(self.rng.randint(1, 40)):
                    await self._write(b"%d\n" % number * 3_000)

    async def _write(self, data: bytes) -> None:
        self._is_held_up = True
        await self.viewer.room()
        self._is_held_up = False
        self._move()
        self.wrote += data
        self.viewer.shows(data)


class Programs:
    """The `Backend` of a worker.

    :param begins: told of each run
    """

    def __init__(self, yard: "Yard", slots: int, begins: Callable[[Program], None]) -> None:
        self.slots = slots
        self._yard, self._begins = yard, begins

    async def run(
        self, job: JobSpec, *, on_output: OnOutput | None = None, viewer: Viewer | None = None
    ) -> JobResult:
        """Run a job to its one ending."""
        assert viewer is not None and job.viewed
        program = Program(job, viewer, self._yard.rng)
        self._begins(program)
        try:
            await program.run()
        finally:
            program.is_over = True
        return JobResult(outcome=Exited(0))


class Nowhere:
    """Blobs of containers in which nothing is; `Fetches` and `Uploads`."""

    def broker_is(self, boot: bytes, port: int) -> None: ...

    async def layers(self, layers: object) -> "Nowhere":
        await trio.lowlevel.checkpoint()
        return self

    async def put_layers(self, layers: object, *, again: bool = False) -> None:
        await trio.lowlevel.checkpoint()

    def release(self) -> None: ...
