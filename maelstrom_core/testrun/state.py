"""Decides what a test run does next. Pure.

Cases are handed out as soon as they are known, one for each free slot and never ahead: a case that
has not been handed out can still be overtaken by a longer one, and costs nothing to drop. Urgent
ones (new, or failed last time) come first, then the longest. A case that failed and is to be run
again goes before all others: what becomes of it may end the run.

Cases of one group are handed out together, to be run in one container one after the other; they are
as long as their sum. Each is told of by itself. What has not ended when the container does, since
one case took all of it along, goes on in another one.

Cases that take turns wait for each other, and nothing behind them waits for them (`waiting_state`).
"""

import math
from collections.abc import Mapping
from typing import Any, assert_never

import attrs

from maelstrom_core.errors import InternalError
from maelstrom_core.model.cases import Case, CaseReport, CaseStatus
from maelstrom_core.model.ids import CaseId
from maelstrom_core.testrun.events import (
    BatchEnded,
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
from maelstrom_core.testrun.waiting_state import Waiter, Waiting


@attrs.frozen
class Limits:
    """How often cases are run, and when a run ends early.

    :param stop_after: number of failures; ``None`` for never
    :param in_order: hand cases out as they were collected, whatever is known of them
    :param repeat: how many times each case is run; each is reported by itself
    :param retries: how many more times a case is run that fails; it is flaky if it then does not
    :param fail_on_flaky: flaky cases count against the run, as failures do
    :param at_once: how many cases of those that take turns run at once, by what they take turns at; one
        where it is not said
    """

    stop_after: int | None = None
    in_order: bool = False
    repeat: int = 1
    retries: int = 0
    fail_on_flaky: bool = False
    at_once: Mapping[str, int] = attrs.field(factory=dict)

    @classmethod
    def of(cls, settings: Any, at_once: Mapping[str, int] | None = None) -> "Limits":
        """What the settings say that all runners share.

        :param at_once: what a file of directives says of turns
        """
        return cls(
            at_once=at_once or {},
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
    serial: int
    earlier: tuple[CaseReport, ...] = ()


@attrs.define
class _Batch:
    """What is handed out at once, to be run in one container.

    :param turns: of cases that have not ended, in the order in which they were found
    :param has_begun: some of its cases were run already; these go on in another container
    :param got_on: a case of it has ended in the container that it is in
    """

    turns: dict[CaseId, _Turn]
    has_begun: bool = False
    got_on: bool = False

    @property
    def first(self) -> _Turn:
        """The case that is run first."""
        return next(iter(self.turns.values()))

    @property
    def expected_duration(self) -> float | None:
        """How long all of it will take, if that is known of each case."""
        known = [turn.expected_duration for turn in self.turns.values()]
        return None if None in known else sum(one for one in known if one is not None)

    @property
    def rank(self) -> int:
        """What goes first: what has begun, then what is urgent."""
        if self.has_begun or self.first.earlier:
            return 0
        return 1 if any(turn.urgent for turn in self.turns.values()) else 2

    @property
    def takes_turns_at(self) -> tuple[str, ...]:
        """What any of its cases takes turns at: they have one container."""
        return tuple(dict.fromkeys(n for turn in self.turns.values() for n in turn.case.turns))

    @property
    def slots(self) -> int:
        """How many that case needs that needs most."""
        return max(turn.case.slots for turn in self.turns.values())


class TestRunState:
    """All that a run knows. Only `step` changes it.

    :param slots: how many batches run at once that need one each
    """

    __test__ = False  # pytest would take it for a test

    def __init__(self, slots: int, limits: Limits | None = None) -> None:
        self._slots = slots
        self._limits = limits or Limits()
        self._groups: dict[tuple[str, int], _Batch] = {}
        self._waiting = Waiting[_Batch](self._limits.at_once)
        self._running: dict[int, Waiter[_Batch]] = {}
        self._free = slots
        self._batch_of: dict[CaseId, int] = {}
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
                # Not before: each group is to have one container.
                groups, self._groups = self._groups, {}
                for batch in groups.values():
                    self._wait(batch)
            case CaseEnded(report):
                effects = self._case_ended(report)
            case BatchEnded(number):
                effects = self._batch_ended(number)
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
            if self.stopped:
                continue
            turn = _Turn(case, found.expected_duration, found.urgent, self._next())
            if not case.group:
                self._wait(_Batch({case.id: turn}))
                continue
            # Of a group that is repeated each repetition has a container of its own.
            group = self._groups.setdefault((case.group, case.repetition), _Batch({}))
            group.turns[case.id] = turn

    def _next(self) -> int:
        self._serial += 1
        return self._serial

    def _wait(self, batch: _Batch) -> None:
        rank, expected = batch.rank, batch.expected_duration
        # What is tried again, or goes on, is behind others of which the same can be said.
        serial = batch.first.serial if rank else self._next()
        order = (rank, -math.inf if expected is None else -expected, serial)
        if self._limits.in_order:
            order = (min(rank, 1), 0.0, serial)
        slots = min(batch.slots, self._slots)
        self._waiting.add(Waiter(order, self._next(), batch.takes_turns_at, slots, batch))

    def _fill(self) -> list[Effect]:
        effects: list[Effect] = []
        while self._free and (waiter := self._waiting.take(self._free)) is not None:
            number, batch = waiter.number, waiter.batch
            self._running[number], batch.got_on = waiter, False
            self._free -= waiter.slots
            self._batch_of |= dict.fromkeys(batch.turns, number)
            cases = tuple(turn.case for turn in batch.turns.values())
            attempt = len(batch.first.earlier) + 1
            effects.append(
                Submit(number, cases, batch.expected_duration, attempt, slots=waiter.slots)
            )
        return effects

    def _case_ended(self, report: CaseReport) -> list[Effect]:
        number = self._batch_of.pop(report.id, None)
        if number is None:
            raise InternalError(f"case {report.id} was reported without running")
        batch = self._running[number].batch
        turn = batch.turns.pop(report.id)
        batch.has_begun = batch.got_on = True
        if report.status is CaseStatus.CANCELLED:
            return self._give_up(turn)
        failed, again = report.status.is_failure, len(turn.earlier) < self._limits.retries
        if failed and again and report.may_be_retried and not self.stopped:
            # By itself, whatever group it is of: what is left of that may be why it has failed.
            turn = attrs.evolve(turn, earlier=(*turn.earlier, report))
            self._wait(_Batch({report.id: turn}))
            return []
        if turn.earlier or report.attempts:
            status = CaseStatus.FLAKY if turn.earlier and not failed else report.status
            report = attrs.evolve(report, status=status, attempts=turn.earlier)
        return self._tell(report)

    def _batch_ended(self, number: int) -> list[Effect]:
        waiter = self._running.pop(number, None)
        if waiter is None:
            raise InternalError(f"batch {number} ended without running")
        batch = waiter.batch
        self._free += waiter.slots
        self._waiting.give_back(waiter.turns)
        for case in batch.turns:
            del self._batch_of[case]
        if self.stopped:
            return [effect for turn in batch.turns.values() for effect in self._give_up(turn)]
        if batch.turns:
            # Each container has to be the end of one case at least: so there is an end to this.
            if not batch.got_on:
                raise InternalError(f"nothing is known of any case of batch {number}")
            self._wait(batch)
        return []

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
        waiting, self._groups = self._waiting.drain(), {}
        effects = [
            effect
            for waiter in waiting
            for turn in waiter.batch.turns.values()
            for effect in self._give_up(turn)
        ]
        effects += [Cancel(number) for number in sorted(self._running)]
        return [*effects, *([StopCollecting()] if self._collecting else [])]

    def check(self) -> None:
        """Assert what must always hold."""
        busy = sum(waiter.slots for waiter in self._running.values())
        assert self._free == self._slots - busy >= 0, "a slot is lost or doubled"
        self._waiting.check([waiter.turns for waiter in self._running.values()])
        told = [report.id for report in self.reports]
        assert len(set(told)) == len(told), "a case was reported twice"
        running = [case for waiter in self._running.values() for case in waiter.batch.turns]
        assert sorted(running) == sorted(self._batch_of)
        assert not set(running) & set(told)
        waiters = [*self._running.values(), *self._waiting]
        batches = [*self._groups.values(), *(waiter.batch for waiter in waiters)]
        turns = [turn for batch in batches for turn in batch.turns.values()]
        unended = [turn.case.id for turn in turns]
        assert len(set(unended)) == len(unended), "a case waits or runs twice"
        if not self.stopped:
            assert {*unended, *told} == self._known, "a case was forgotten"
        for batch in batches:
            assert len({(t.case.group, t.case.repetition) for t in batch.turns.values()}) <= 1
            assert len(batch.turns) == 1 or not any(t.earlier for t in batch.turns.values())
        for earlier in [*(turn.earlier for turn in turns), *(r.attempts for r in self.reports)]:
            assert len(earlier) <= self._limits.retries
            assert all(one.status.is_failure and not one.attempts for one in earlier)
        for report in self.reports:
            # With no failure before it nothing is flaky, and after one nothing else has passed.
            flaky = bool(report.attempts) and not report.status.is_failure
            assert flaky == (report.status is CaseStatus.FLAKY)
        assert not self._finished or not (self._running or self._waiting or self._groups)
