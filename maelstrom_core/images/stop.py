"""How those who bring an image learn that nobody wants it any more, even while they wait."""

import threading
from collections.abc import Callable


class Stop:
    """Set once, by whoever was interrupted; seen by all threads.

    :param of: set together with this one
    """

    def __init__(self, of: "Stop | None" = None) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._calls: list[Callable[[], None]] = []
        if of is not None:
            of.calls(self.set)

    def calls(self, call: Callable[[], None]) -> None:
        """Call this when it is set, or at once if it is: it wakes a thread that waits elsewhere."""
        with self._lock:
            self._calls.append(call)
            is_late = self._event.is_set()
        if is_late:
            call()

    def set(self) -> None:
        """Nobody wants it any more."""
        with self._lock:
            self._event.set()
            calls = list(self._calls)
        for call in calls:
            call()

    def is_set(self) -> bool:
        """Whether nobody wants it any more."""
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Sleep, but not past the moment when it is set; whether it is."""
        return self._event.wait(seconds)
