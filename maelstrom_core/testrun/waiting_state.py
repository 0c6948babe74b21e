"""Batches that wait to be handed out. Pure.

One that takes turns with others, and whose turn it is not, is put aside: what is behind it goes on. So
whoever is put aside waits beside the line, in an order of its own for each kind of turns, and is looked
at again once there is room. One that needs more slots than are free is not put aside: nothing behind it
goes before it, or it might wait for ever.
"""

import heapq
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Generic, TypeAlias, TypeVar

import attrs

Order: TypeAlias = tuple[int, float, int]
"""What goes first: the smallest."""
B = TypeVar("B")


@attrs.frozen
class Waiter(Generic[B]):
    """A batch that waits.

    :param order: what goes first; two of the same go by their numbers
    :param number: the batch's own
    :param turns: what it takes turns at with others
    :param slots: how many it needs; no more than there are
    """

    order: Order
    number: int
    turns: tuple[str, ...]
    slots: int
    batch: B


_Line: TypeAlias = list[tuple[Order, int, Waiter[B]]]
"""A heap; what goes before what is told by tuples, which is quick."""


class Waiting(Generic[B]):
    """All that waits, and how many of each kind of turns are taken.

    :param at_once: how many may run of each kind; one of those that are not named
    """

    def __init__(self, at_once: Mapping[str, int]) -> None:
        self._at_once = at_once
        self._line: _Line[B] = []
        self._aside: dict[str, _Line[B]] = {}
        self._taken = Counter[str]()

    def __len__(self) -> int:
        return len(self._line) + sum(map(len, self._aside.values()))

    def __iter__(self) -> Iterator[Waiter[B]]:
        for line in (self._line, *self._aside.values()):
            yield from (waiter for _, _, waiter in line)

    def add(self, waiter: Waiter[B]) -> None:
        """One more."""
        heapq.heappush(self._line, (waiter.order, waiter.number, waiter))

    def take(self, free: int) -> Waiter[B] | None:
        """The next one that may run; its turns are taken then.

        :param free: slots
        """
        while True:
            line = self._next_line()
            if not line:
                return None
            first = line[0][2]
            taken = next((name for name in first.turns if not self._has_room(name)), None)
            if taken is not None:
                heapq.heappush(self._aside.setdefault(taken, []), heapq.heappop(line))
                continue
            if first.slots > free:
                return None
            self._taken.update(first.turns)
            heapq.heappop(line)
            return first

    def _next_line(self) -> _Line[B]:
        """Where the first one stands of those that may not have to wait for their turn."""
        found = self._line
        for name, line in self._aside.items():
            if line and self._has_room(name) and (not found or line[0] < found[0]):
                found = line
        return found

    def _has_room(self, name: str) -> bool:
        return self._taken[name] < self._at_once.get(name, 1)

    def give_back(self, turns: Collection[str]) -> None:
        """One that had these turns has ended."""
        self._taken.subtract(turns)

    def drain(self) -> list[Waiter[B]]:
        """All of them, first one first; none waits any more."""
        found = sorted(self, key=lambda waiter: (waiter.order, waiter.number))
        self._line.clear()
        self._aside.clear()
        return found

    def check(self, running: Collection[Collection[str]]) -> None:
        """Assert what must always hold.

        :param running: the turns of each batch that runs
        """
        taken = Counter(name for turns in running for name in turns)
        assert +taken == +self._taken, "turns are lost or doubled"
        for name, number in taken.items():
            assert number <= self._at_once.get(name, 1), f"{number} at once take turns at {name}"
