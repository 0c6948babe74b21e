"""How those who bring an image learn that nobody wants it any more, even while they wait."""

import threading
from collections.abc import Callable


class Stop:
    """Set once, by whoever was interrupted; seen by all threads."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._calls: list[Callable[[], None]] = []

    def calls(self, call: Callable[[], None]) -> None:
        """Call this when it is set: it wakes a thread that waits for something else."""
        self._calls.append(call)

    def set(self) -> None:
        """Nobody wants it any more."""
        self._event.set()
        for call in self._calls:
            call()

    def is_set(self) -> bool:
        """Whether nobody wants it any more."""
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Sleep, but not past the moment when it is set; whether it is."""
        return self._event.wait(seconds)
