"""What is found out while the rest of a program is still being loaded."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Early(Generic[T]):
    """A result that a thread is after from now on.

    :param find: finds it, in that thread
    """

    def __init__(self, find: Callable[[], T]) -> None:
        self._find = find
        self._found: list[T] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def _work(self) -> None:
        try:
            self._found.append(self._find())
        except BaseException as error:
            self._error = error

    def take(self) -> T:
        """The result, when it is there; what went wrong is raised here."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._found.pop()
