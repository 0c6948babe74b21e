"""Decides what a test run does next. Pure.

Cases are handed out as soon as they are known, one for each free slot and never ahead: a case that
has not been handed out can still be overtaken by a longer one, and costs nothing to drop. Urgent
ones (new, or failed last time) come first, then the longest.
"""

import heapq
import math
from typing import assert_never

import attrs

from maelstrom_core.errors import InternalError
from maelstrom_core.model.cases import Case, CaseReport, CaseStatus
from maelstrom_core.model.ids import CaseId
from maelstrom_core.testrun.events import (
    Cancel,
    CaseEnded,
    CaseFound,
    CollectionEnded,
    Effect,
    Event,
    Finish,
    StopCollecting,
    StopWanted,
    Submit,
    Tell,
)


@attrs.frozen
class Limits:
    """When a run ends early.

    :param stop_after: number of failures; ``None`` for never
    :param in_order: hand cases out as they were collected, whatever is known of them
    """

    stop_after: int | None = None
    in_order: bool = False


class TestRunState:
    """All that a run knows. Only `step` changes it.

    :param slots: how many cases run at once
    """

    __test__ = False  # pytest would take it for a test

    def __init__(self, slots: int, limits: Limits | None = None) -> None:
        self._slots = slots
        self._limits = limits or Limits()
        self._waiting: list[tuple[tuple[bool, float, int], Case, float | None]] = []
        self._running: set[CaseId] = set()
        self._known: set[CaseId] = set()
        self._serial = 0
        self._collecting = True
        self._finished = False
        self._failures = 0
        self.reports: list[CaseReport] = []
        self.stopped = ""
        self.error = ""

    @property
    def not_run(self) -> int:
        """How many collected cases have no report."""
        return len(self._known) - len(self.reports)

    def step(self, event: Event) -> list[Effect]:
        """Take in one event; return what must be done about it, in order."""
        match event:
            case CaseFound():
                effects = self._found(event)
            case CollectionEnded(error):
                self._collecting = False
                self.error = error
                effects = []
            case CaseEnded(report):
                effects = self._ended(report)
            case StopWanted(reason):
                effects = self._stop(reason)
            case _:
                assert_never(event)
        effects += self._fill()
        if not (self._collecting or self._running or self._waiting or self._finished):
            self._finished = True
            effects.append(Finish())
        return effects

    def _found(self, found: CaseFound) -> list[Effect]:
        if found.case.id in self._known:
            raise InternalError(f"case {found.case.id} was found twice")
        self._known.add(found.case.id)
        if self.stopped:
            return []
        self._serial += 1
        expected = found.expected_duration
        order = (not found.urgent, -math.inf if expected is None else -expected, self._serial)
        if self._limits.in_order:
            order = (False, 0.0, self._serial)
        heapq.heappush(self._waiting, (order, found.case, expected))
        return []

    def _fill(self) -> list[Effect]:
        effects: list[Effect] = []
        while self._waiting and len(self._running) < self._slots:
            _, case, expected = heapq.heappop(self._waiting)
            self._running.add(case.id)
            effects.append(Submit(case, expected))
        return effects

    def _ended(self, report: CaseReport) -> list[Effect]:
        if report.id not in self._running:
            raise InternalError(f"case {report.id} was reported without running")
        self._running.discard(report.id)
        if report.status is CaseStatus.CANCELLED:
            return []
        self.reports.append(report)
        effects: list[Effect] = [Tell(report)]
        if report.status.is_failure:
            self._failures += 1
            limit = self._limits.stop_after
            if limit is not None and self._failures >= limit and not self.stopped:
                effects += self._stop(f"stopped after {self._failures} failures")
        return effects

    def _stop(self, reason: str) -> list[Effect]:
        if self.stopped:
            return []
        self.stopped = reason
        self._waiting.clear()
        cancelled: list[Effect] = [Cancel(case) for case in sorted(self._running)]
        return [*cancelled, *([StopCollecting()] if self._collecting else [])]

    def check(self) -> None:
        """Assert what must always hold."""
        assert len(self._running) <= self._slots
        told = [report.id for report in self.reports]
        assert len(set(told)) == len(told), "a case was reported twice"
        assert not self._running & set(told)
        waiting = {case.id for _, case, _ in self._waiting}
        if not self.stopped:
            assert waiting | self._running | set(told) == self._known, "a case was forgotten"
        assert not self._finished or not (self._running or self._waiting)
