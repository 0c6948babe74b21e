"""Whoever is at a terminal: what they type and are shown, and what must hold of it."""

from random import Random
from typing import TYPE_CHECKING

import trio

from maelstrom_core.model.container import ContainerSpec
from maelstrom_core.model.job import JobSpec, TerminalSize
from maelstrom_core.model.outcome import Exited, HostFailed, JobResult
from maelstrom_core.model.ports import Keyboard
from simulated.terminals.programs import END, LEFT_STATUS, Program

if TYPE_CHECKING:
    from simulated.terminals.people import SimClient

KEYS = b"abcdefghijklmnopqrstuvwxyz \n"
CONTAINER = ContainerSpec()


class Seat:
    """One job with a terminal, and somebody at it; a `Viewer`.

    :param asks: the job begins without a terminal and asks for one
    """

    def __init__(self, client: "SimClient", number: int, rng: Random, *, asks: bool) -> None:
        self.client, self.rng = client, rng
        self.name = f"{client.name}/{number}"
        size = None if asks else TerminalSize(24, 80)
        self.job = JobSpec(
            container=CONTAINER,
            program="echo",
            arguments=(self.name,),
            terminal=size,
            attachable=asks,
        )
        self.typed = b""
        self.shown = b""
        self.sizes = [size] if size else []
        self.left: list[int | None] = []
        self.placed: list[str | None] = []
        self.gone = self.refused = 0
        self.result: JobResult | None = None
        self.programs: list[Program] = []
        """Runs of it."""
        self._keyboard: Keyboard | None = None
        self._is_attached = not asks
        self._moved = trio.Event()

    # As a viewer

    def sits_down(self, keyboard: Keyboard) -> None:
        self._keyboard = keyboard
        self._moved.set()

    def is_placed(self, worker: str | None) -> None:
        self.placed.append(worker)

    def asks(self) -> None:
        assert self._keyboard is not None
        if self.rng.random() < 0.2:
            self.refused += 1
            self._keyboard.refuse()
            return
        self.sizes.append(TerminalSize(self.rng.randint(1, 60), self.rng.randint(1, 200)))
        self._keyboard.attach(self.sizes[-1])
        self._is_attached = True
        self._moved.set()

    def shows(self, data: bytes) -> None:
        assert not self.gone
        self.shown += data

    async def room(self) -> None:
        if self.rng.random() < 0.02:
            await trio.sleep(self.rng.random() * 2)  # a slow terminal

    def wants_line(self) -> None:
        raise AssertionError("it has a terminal")

    def leaves(self, status: int | None = None) -> None:
        self.left.append(status)

    def stays(self) -> None:
        raise AssertionError("nothing stays")

    def is_gone(self) -> None:
        self.gone += 1

    # As somebody who types

    async def type(self) -> None:
        """Some keys, and much that is pasted; then the end."""
        rng = self.rng
        while not self._is_attached or self._keyboard is None:
            self._moved = trio.Event()
            await self._moved.wait()
        for _ in range(rng.randint(3, 40)):
            await trio.sleep(rng.expovariate(3))
            if rng.random() < 0.2:
                self.sizes.append(TerminalSize(rng.randint(1, 60), rng.randint(1, 200)))
                self._keyboard.resize(self.sizes[-1])
            size = rng.choice([1] * 8 + [200, 20_000])
            await self._say(bytes(rng.choices(KEYS, k=size)))
        await self._say(END)

    async def _say(self, data: bytes) -> None:
        assert self._keyboard is not None
        await self._keyboard.room()
        if not self.gone:
            self.typed += data
            self._keyboard.type(data)

    # What must hold

    def check_always(self) -> None:
        """In every moment."""
        seen = [one for one in self.programs if one.read or one.sizes[1:]]
        assert len(seen) <= 1, f"what was typed at {self.name} has come to two runs of it"
        for program in seen:
            assert self.typed.startswith(program.read), f"not what was typed at {self.name}"
        runs = [one for one in self.programs if one.wrote.startswith(self.shown)]
        assert runs or not self.shown, f"{self.name} is shown what no run of it has written"

    def check_end(self) -> None:
        """It has ended."""
        result = self.result
        assert result is not None, f"{self.name} never ends"
        assert self.gone == 1, f"{self.name} hears {self.gone} times that its job is gone"
        self.check_always()
        if result.outcome != Exited(0):
            assert isinstance(result.outcome, HostFailed) and self.client.yard.may_lose, (
                f"{self.name} ends so: {result.outcome}"
            )
            return
        program = self.programs[-1]
        assert self.shown == program.wrote, f"of what {self.name} has written something is missing"
        if program.read:
            assert program.read == self.typed, f"of what was typed at {self.name} some is missing"
            assert program.sizes[-1] == self.sizes[-1], f"the last size of {self.name} never came"
            last = -1
            for size in program.sizes:
                last = self.sizes.index(size, max(0, last))  # in order; some are overtaken
        assert set(self.left) <= {LEFT_STATUS, None}
