"""One job, and one root, as the engine's machine knows them. Pure."""

import math
from enum import Enum

import attrs

from maelstrom_core.engine.events import JobGiven
from maelstrom_core.model.outcome import Cancelled, Exited, Outcome


class RootState(Enum):
    """How far a container's root is."""

    MAKING = "being made"
    READY = "ready"


@attrs.define
class Job:
    """One that was given and has not ended.

    :param slots: those that it takes; none while it waits
    :param deadline: when its time is up
    """

    given: JobGiven
    serial: int
    slots: tuple[int, ...] = ()
    started: bool = False
    attempts: int = 0
    deadline: float = math.inf
    asked_where: bool = False
    terminated: bool = False
    killed: bool = False
    cancelled: str | None = None
    forked: bool = False
    not_forked: str = ""

    @property
    def order(self) -> tuple[int, float, int]:
        """Whether it is started before another one: then this is less."""
        expected = self.given.expected_duration
        return (-self.given.priority, -math.inf if expected is None else -expected, self.serial)

    @property
    def may_time_out(self) -> bool:
        """Whether its time counts, and is not up yet."""
        asked = self.asked_where or self.terminated or self.cancelled is not None
        return bool(self.slots) and self.given.timeout is not None and not asked

    def stop_the_clock(self) -> None:
        """Its time does not count for now, unless it is up already."""
        if self.may_time_out:
            self.deadline = math.inf

    def ended_by_itself(self) -> Outcome:
        """What has come of it, if nobody wanted it to end."""
        return Exited(0) if self.cancelled is None else Cancelled(self.cancelled, ran=True)
