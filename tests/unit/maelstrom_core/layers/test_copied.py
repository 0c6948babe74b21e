"""Of files that take long to be copied it is told how far that is; of others nothing."""

import pytest

from maelstrom_core.layers import copied
from maelstrom_core.layers.copied import Copied


class Clock:
    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(copied, "time", made)
    return made


def test_what_is_told_adds_up(clock: Clock) -> None:
    told: list[tuple[int, int]] = []
    copying = Copied(lambda lacking, done: told.append((lacking, done)), 60)
    for second, size in enumerate([10, 10, 10, 10, 10, 10]):
        clock.now = second / 8
        copying.add(size)
    assert told == [(60, 30), (0, 20), (0, 10)]


def test_nothing_is_told_of_what_is_soon_over(clock: Clock) -> None:
    told: list[tuple[int, int]] = []
    copying = Copied(lambda lacking, done: told.append((lacking, done)), 20)
    copying.add(10)
    clock.now = 0.2
    copying.add(10)
    assert told == []
    Copied(None, 10).add(10)
