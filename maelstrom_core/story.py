"""The last things that happened to a machine, and what it wanted done about them. Pure."""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

EventT = TypeVar("EventT")
EffectT = TypeVar("EffectT")
LENGTH = 1000


class Story(Generic[EventT, EffectT]):
    """A ring of (event, effects); since machines are pure, it can be replayed as a test."""

    def __init__(self, length: int = LENGTH) -> None:
        self._ring: deque[tuple[EventT, tuple[EffectT, ...]]] = deque(maxlen=length)

    def add(self, event: EventT, effects: Iterable[EffectT]) -> None:
        """Note what happened."""
        self._ring.append((event, tuple(effects)))

    def told(
        self, about: Callable[[EventT | EffectT], bool] = lambda _: True
    ) -> list[tuple[EventT, tuple[EffectT, ...]]]:
        """What happened, oldest first.

        :param about: keep a pair if this holds for its event or one of its effects
        """
        return [
            (event, effects)
            for event, effects in self._ring
            if about(event) or any(about(effect) for effect in effects)
        ]
