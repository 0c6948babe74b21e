"""What the broker writes down for people: lines with names and values. The door to structlog."""

import logging
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from maelstrom_core.errors import HostError

_MOST_A_SECOND = 200
"""Whoever makes the broker say much does not fill its disk."""


class Log:
    """Lines on standard error.

    :param level: ``debug``, ``info``, ``warning`` or ``error``
    :raises HostError: if structlog is not installed
    """

    def __init__(self, level: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        try:
            import structlog  # an extra: it is no use to whoever has no broker
        except ImportError:
            raise HostError(
                "structlog is not installed, by which a broker writes down what happens",
                remedy="pip install 'pytest-maelstrom[cluster]'",
            ) from None
        renderer: Any = (
            structlog.dev.ConsoleRenderer()
            if sys.stderr.isatty()
            else structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"])
        )
        structlog.configure(
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                renderer,
            ],
            wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
            logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        )
        self._logger = structlog.get_logger()
        self._clock = clock
        self._second = 0
        self._said = 0
        self._unsaid = 0

    def say(self, level: str, event: str, facts: Mapping[str, object] | None = None) -> None:
        """Write a line, unless there were very many in this second."""
        second = int(self._clock())
        if second != self._second:
            if self._unsaid:
                self._logger.warning("lines left out", count=self._unsaid)
            self._second, self._said, self._unsaid = second, 0, 0
        if self._said >= _MOST_A_SECOND and level != "error":
            self._unsaid += 1
            return
        self._said += 1
        # Values of peers are text for people: no line of theirs may look like one of ours.
        shown = {name: _one_line(value) for name, value in (facts or {}).items()}
        getattr(self._logger, level)(event, **shown)


def _one_line(value: object) -> object:
    if isinstance(value, str):
        return "".join(one if one.isprintable() else " " for one in value)
    return value
