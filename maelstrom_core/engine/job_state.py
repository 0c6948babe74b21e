"""One job, as the engine's machine knows it. Pure; a part of that machine."""

import math
import signal

import attrs

from maelstrom_core.engine.events import JobGiven
from maelstrom_core.model.outcome import Cancelled, Exited, Outcome, TimedOut

STACK_SECONDS = 0.25
"""Between the signal that makes a program write down where it is, and TERM."""


@attrs.define
class Job:
    """A job that was given and has not ended.

    :param slots: those that it has; none while it waits
    :param deadline: when its time is up, or the next signal is due
    :param part: which part of it runs
    """

    given: JobGiven
    serial: int
    slots: tuple[int, ...] = ()
    started: bool = False
    attempts: int = 0
    deadline: float = math.inf
    part: int = 0
    asked_where: bool = False
    terminated: bool = False
    killed: bool = False
    cancelled: str | None = None
    forked: bool = False
    not_forked: str = ""

    @property
    def timeout(self) -> float | None:
        """Of the part that it is in."""
        given = self.given
        return given.later_timeouts[self.part - 1] if self.part else given.timeout

    @property
    def order(self) -> tuple[int, float, int]:
        """Which one is first of those that are ready."""
        expected = self.given.expected_duration
        return (-self.given.priority, -math.inf if expected is None else -expected, self.serial)

    @property
    def may_time_out(self) -> bool:
        """Whether its time counts, and is not up yet."""
        asked = self.asked_where or self.terminated or self.cancelled is not None
        return bool(self.slots) and self.timeout is not None and not asked

    def stop_the_clock(self) -> None:
        """Its time does not count for now, unless it is up already."""
        if self.may_time_out:
            self.deadline = math.inf

    def ended_by_itself(self) -> Outcome:
        """What has come of it, if nobody wanted it to end."""
        return Exited(0) if self.cancelled is None else Cancelled(self.cancelled, ran=True)

    def deadline_of_part(self, now: float) -> float:
        """When the time of the part that begins now is up."""
        return math.inf if self.timeout is None else now + self.timeout

    def next_part(self, now: float) -> signal.Signals | None:
        """Its next part begins, and the clock anew; a signal if that must not be."""
        if not self.slots or self.cancelled is not None:
            return None
        if self.terminated:
            # It has had its signal and goes on all the same: what is next must not die of that.
            self.killed, self.deadline = True, math.inf
            return signal.SIGKILL
        if self.part < len(self.given.later_timeouts):
            self.part += 1
            self.asked_where = False
            self.deadline = self.deadline_of_part(now)
        return None

    def time_is_up(self, now: float) -> int:
        """The deadline has come: which signal it is sent."""
        if self.terminated:
            self.killed, self.deadline = True, math.inf
            return signal.SIGKILL
        if self.given.stack_signal and not self.asked_where:
            # By itself: of two signals that wait the kernel delivers TERM first.
            self.asked_where, self.deadline = True, now + STACK_SECONDS
            return self.given.stack_signal
        self.terminated, self.deadline = True, now + self.given.grace
        return signal.SIGTERM

    def ended(self, outcome: Outcome) -> Outcome:
        """What its ending comes to, for whoever gave it."""
        if self.cancelled is not None:
            return Cancelled(self.cancelled, ran=True)
        if (self.asked_where or self.terminated) and self.timeout is not None:
            return TimedOut(self.timeout, killed=self.killed)
        return outcome

    def take_back(self) -> bool:
        """It does not run any more, and may be started again; whether it had started."""
        started, self.slots, self.deadline, self.part = self.started, (), math.inf, 0
        self.started = self.forked = self.asked_where = self.terminated = self.killed = False
        return started
