"""Decides what a test run does next. Pure.

Cases are handed out as soon as they are known, one for each free slot and never ahead: a case that
has not been handed out can still be overtaken by a longer one, and costs nothing to drop. Urgent
ones (new, or failed last time) come first, then the longest. A case that failed and is to be run
again goes before all others: what becomes of it may end the run.
"""

import heapq
import math
from typing import Any, assert_never

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
    FoundSoFar,
    StopCollecting,
    StopWanted,
    Submit,
    Tell,
)


@attrs.frozen
class Limits:
    """How often cases are run, and when a run ends early.

    :param stop_after: number of failures; ``None`` for never
    :param in_order: hand cases out as they were collected, whatever is known of them
    :param repeat: how many times each case is run; each is reported by itself
    :param retries: how many more times a case is run that fails; it is flaky if it then does not
    :param fail_on_flaky: flaky cases count against the run, as failures do
    """

    stop_after: int | None = None
    in_order: bool = False
    repeat: int = 1
    retries: int = 0
    fail_on_flaky: bool = False

    @classmethod
    def of(cls, settings: Any) -> "Limits":
        """What the settings say that all runners share."""
        return cls(
            stop_after=settings.stop_after,
            repeat=settings.repeat,
            retries=settings.retries,
            fail_on_flaky=settings.fail_on_flaky,
        )


@attrs.frozen
class _Turn:
    """One case that is to be run, or run again.

    :param earlier: reports of its attempts so far, all of them failures
    """

    case: Case
    expected_duration: float | None
    urgent: bool
    earlier: tuple[CaseReport, ...] = ()


class TestRunState:
    """All that a run knows. Only `step` changes it.

    :param slots: how many cases run at once
    """

    __test__ = False  # pytest would take it for a test

    def __init__(self, slots: int, limits: Limits | None = None) -> None:
        self._slots = slots
        self._limits = limits or Limits()
        self._waiting: list[tuple[tuple[int, float, int], _Turn]] = []
        self._running: dict[CaseId, _Turn] = {}
        self._known: set[CaseId] = set()
        self._serial = 0
        self._collecting = True
        self._finished = False
        self.failures = 0
        self.reports: list[CaseReport] = []
        self.stopped = ""
        self.error = ""

    @property
    def not_run(self) -> int:
        """How many collected cases have no report."""
        return len(self._known) - len(self.reports)

    def step(self, event: Event) -> list[Effect]:
        """Take in one event; return what must be done about it, in order."""
        effects: list[Effect] = []
        match event:
            case CaseFound():
                self._found(event)
                return []  # a better one may have been found in the same moment
            case FoundSoFar():
                pass
            case CollectionEnded(error):
                self._collecting = False
                self.error = error
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

    def _found(self, found: CaseFound) -> None:
        for case in found.case.repeated(self._limits.repeat):
            if case.id in self._known:
                raise InternalError(f"case {case.id} was found twice")
            self._known.add(case.id)
            if not self.stopped:
                self._wait(_Turn(case, found.expected_duration, found.urgent))

    def _wait(self, turn: _Turn) -> None:
        self._serial += 1
        expected = turn.expected_duration
        rank = 0 if turn.earlier else 1 if turn.urgent else 2
        order = (rank, -math.inf if expected is None else -expected, self._serial)
        if self._limits.in_order:
            order = (min(rank, 1), 0.0, self._serial)
        heapq.heappush(self._waiting, (order, turn))

    def _fill(self) -> list[Effect]:
        effects: list[Effect] = []
        while self._waiting and len(self._running) < self._slots:
            _, turn = heapq.heappop(self._waiting)
            self._running[turn.case.id] = turn
            effects.append(Submit(turn.case, turn.expected_duration, len(turn.earlier) + 1))
        return effects

    def _ended(self, report: CaseReport) -> list[Effect]:
        turn = self._running.pop(report.id, None)
        if turn is None:
            raise InternalError(f"case {report.id} was reported without running")
        if report.status is CaseStatus.CANCELLED:
            return self._give_up(turn)
        failed, again = report.status.is_failure, len(turn.earlier) < self._limits.retries
        if failed and again and report.may_be_retried and not self.stopped:
            self._wait(attrs.evolve(turn, earlier=(*turn.earlier, report)))
            return []
        status = CaseStatus.FLAKY if turn.earlier and not failed else report.status
        return self._tell(attrs.evolve(report, status=status, attempts=turn.earlier))

    def _give_up(self, turn: _Turn) -> list[Effect]:
        """A case will not be run (again): what came of it before is what came of it."""
        if not turn.earlier:
            return []
        *before, last = turn.earlier
        return self._tell(attrs.evolve(last, attempts=tuple(before)))

    def _tell(self, report: CaseReport) -> list[Effect]:
        self.reports.append(report)
        effects: list[Effect] = [Tell(report)]
        flaky = report.status is CaseStatus.FLAKY and self._limits.fail_on_flaky
        if report.status.is_failure or flaky:
            self.failures += 1
            limit = self._limits.stop_after
            if limit is not None and self.failures >= limit and not self.stopped:
                effects += self._stop(f"stopping after {self.failures} failures")
        return effects

    def _stop(self, reason: str) -> list[Effect]:
        if self.stopped:
            return []
        self.stopped = reason
        waiting, self._waiting = self._waiting, []
        effects = [effect for _, turn in sorted(waiting) for effect in self._give_up(turn)]
        effects += [Cancel(case) for case in sorted(self._running)]
        return [*effects, *([StopCollecting()] if self._collecting else [])]

    def check(self) -> None:
        """Assert what must always hold."""
        assert len(self._running) <= self._slots
        told = [report.id for report in self.reports]
        assert len(set(told)) == len(told), "a case was reported twice"
        assert not self._running.keys() & set(told)
        turns = [*(turn for _, turn in self._waiting), *self._running.values()]
        unended = [turn.case.id for turn in turns]
        assert len(set(unended)) == len(unended), "a case waits or runs twice"
        if not self.stopped:
            assert {*unended, *told} == self._known, "a case was forgotten"
        for earlier in [*(turn.earlier for turn in turns), *(r.attempts for r in self.reports)]:
            assert len(earlier) <= self._limits.retries
            assert all(one.status.is_failure and not one.attempts for one in earlier)
        for report in self.reports:
            # With no failure before it nothing is flaky, and after one nothing else has passed.
            flaky = bool(report.attempts) and not report.status.is_failure
            assert flaky == (report.status is CaseStatus.FLAKY)
        assert not self._finished or not (self._running or self._waiting)
