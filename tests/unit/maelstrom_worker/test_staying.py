"""Containers that stay on a worker: how many, and how long, without any container."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest
import trio
import trio.testing
from maelstrom_worker.staying import (
    LEAST_MEMORY_BYTES,
    MOST_STAYED,
    MOST_STAYED_OF_ONE,
    Stayed,
    why_not_stay,
)
from maelstrom_worker.terminals import UNUSED_SECONDS, JobAtTerminal

from maelstrom_core.cluster.terminals import MISSED_SECONDS, FarTerminal
from maelstrom_core.wire.terminals import (
    STAYS_SECONDS,
    HadTerminal,
    Shows,
    ShowTerminal,
    Types,
    TypeTerminal,
)

KEY = (b"s" * 16, 7)
RUN = b"w" * 16 + b"run 1"


@attrs.define
class Keyboard:
    """Of a job that ends when it is told to."""

    terminal: Any = None
    ended: int = 0

    def end(self) -> None:
        self.ended += 1
        if self.terminal.has_stayed:
            self.terminal.is_gone()

    async def room(self) -> None: ...
    def type(self, data: bytes) -> None: ...


@attrs.define
class Scene:
    terminal: JobAtTerminal
    keyboard: Keyboard
    said: list[Any]
    over: list[bytes]

    def shown(self) -> list[tuple[int, bytes]]:
        pieces = {m.number: m for m in self.said if isinstance(m, ShowTerminal)}
        return [(pieces[number].what, pieces[number].data) for number in sorted(pieces)]

    async def hears(self, seconds: float, message: Callable[[], Any]) -> None:
        """Its client says something every two seconds."""
        for _ in range(int(seconds / 2)):
            said = message()
            (self.terminal.had if isinstance(said, HadTerminal) else self.terminal.typed)(said)
            await trio.sleep(2)


@asynccontextmanager
async def scene(why_not: str = "") -> AsyncIterator[Scene]:
    said: list[Any] = []
    over: list[bytes] = []
    async with trio.open_nursery() as nursery:
        terminal = JobAtTerminal(
            KEY, RUN, "one", said.append, nursery.start_soon, why_not_stay=lambda: why_not
        )
        keyboard = Keyboard(terminal)
        terminal.sits_down(keyboard)  # type: ignore[arg-type]
        terminal.stays()
        if terminal.is_staying:
            nursery.start_soon(Stayed(over.append).keep, terminal)
        await trio.testing.wait_all_tasks_blocked()
        yield Scene(terminal, keyboard, said, over)
        nursery.cancel_scope.cancel()


@pytest.fixture
def run() -> Iterator[Callable[[Callable[[], Awaitable[None]]], None]]:
    yield lambda test: trio.run(test, clock=trio.testing.MockClock(autojump_threshold=0))


def had(count: int = 0) -> HadTerminal:
    return HadTerminal(*KEY, RUN, count)


def test_it_stays_for_as_long_as_its_client_says_something(run: Any) -> None:
    async def test() -> None:
        async with scene() as here:
            await here.hears(5 * STAYS_SECONDS, had)
            assert here.terminal.is_staying and not here.over
            assert here.shown() == [(Shows.BEGINS, b"one"), (Shows.STAYS, b"")]
            assert sum(isinstance(m, HadTerminal) for m in here.said) >= 5 * STAYS_SECONDS / 2
            await trio.sleep(STAYS_SECONDS + 1)
            assert not here.terminal.is_staying
            await trio.sleep(STAYS_SECONDS + 1)
            assert here.over == [RUN]

    run(test)


def test_it_does_not_stay_for_ever_for_nobody_who_types(run: Any) -> None:
    async def test() -> None:
        async with scene() as here:
            await here.hears(UNUSED_SECONDS - 60, had)
            assert here.terminal.is_staying
            numbers = iter(range(100))
            await here.hears(
                60, lambda: TypeTerminal(*KEY, RUN, next(numbers), Types.DATA, b"a key")
            )
            await here.hears(UNUSED_SECONDS - 60, had)
            assert here.terminal.is_staying
            await here.hears(120, had)
            assert not here.terminal.is_staying

    run(test)


def test_it_is_ended_by_its_client_which_is_told(run: Any) -> None:
    async def test() -> None:
        async with scene() as here:
            here.terminal.typed(TypeTerminal(*KEY, RUN, 0, Types.END))
            await trio.sleep(1)
            assert here.keyboard.ended and not here.terminal.is_staying
            assert here.shown()[-1] == (Shows.ENDS, b"")
            here.terminal.had(had(3))
            await trio.testing.wait_all_tasks_blocked()
            assert here.over == [RUN]

    run(test)


def test_for_which_there_is_no_room_it_is_said_why(run: Any) -> None:
    async def test() -> None:
        async with scene("there are too many") as here:
            assert here.keyboard.ended and not here.terminal.is_staying
            assert here.shown()[1] == (Shows.STAYS, b"there are too many")

    run(test)


@pytest.mark.parametrize(
    ("of_all", "of_client", "memory", "why"),
    [
        (MOST_STAYED - 1, MOST_STAYED_OF_ONE - 1, LEAST_MEMORY_BYTES, ""),
        (0, 0, None, ""),
        (MOST_STAYED, 3, None, f"its worker keeps {MOST_STAYED} already"),
        (20, MOST_STAYED_OF_ONE, None, f"its worker keeps {MOST_STAYED_OF_ONE} of yours already"),
        (0, 0, 100 << 20, "its worker has 100 MiB of memory left"),
    ],
)
def test_how_many_may_stay(of_all: int, of_client: int, memory: int | None, why: str) -> None:
    assert why_not_stay(of_all, of_client, memory) == why


# At its client


class Viewer:
    def __init__(self) -> None:
        self.stayed: list[str] = []

    def sits_down(self, keyboard: Any) -> None: ...
    def is_placed(self, worker: str | None) -> None: ...
    async def room(self) -> None: ...

    def stays(self, why_not: str = "") -> None:
        self.stayed.append(why_not)


def test_a_client_misses_what_it_does_not_hear_of(run: Any) -> None:
    async def test() -> None:
        viewer = Viewer()
        far = FarTerminal(KEY[0], viewer, lambda message: None, lambda: None)  # type: ignore[arg-type]
        far.given(KEY[1])
        far.take(ShowTerminal(*KEY, RUN, 0, Shows.BEGINS, b"one"))
        far.take(ShowTerminal(*KEY, RUN, 1, Shows.STAYS))
        await far.show()
        assert far.is_staying and viewer.stayed == [""]
        far.stays()
        await trio.sleep(MISSED_SECONDS - 1)
        far.had(had())
        await trio.sleep(MISSED_SECONDS - 1)
        assert not far.is_missed(trio.current_time())
        # Of another run, which is none of its own, it wants to know nothing.
        assert not far.take(ShowTerminal(*KEY, b"x" * 16, 0, Shows.BEGINS, b"two"))
        await trio.sleep(2)
        assert far.is_missed(trio.current_time())
        far.stays()  # we were suspended: perhaps it is there
        assert not far.is_missed(trio.current_time())
        far.take(ShowTerminal(*KEY, RUN, 2, Shows.ENDS))
        await far.show()
        assert not far.is_staying

    run(test)
