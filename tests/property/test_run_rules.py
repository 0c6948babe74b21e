"""Hypothesis drives the machine of a test run.

Every repetition of every case is told of once or said not to have been run, and every attempt that
ended is in what is told. Cases of a group are handed out together, in their order; what a container
that has ended leaves of them goes on in another one. Of those that take turns no more run than may, and
nobody waits for them who does not have to.
"""

from collections.abc import Iterator
from typing import Any

import attrs
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from maelstrom_core.model.cases import Case, CaseReport, CaseStatus
from maelstrom_core.model.ids import CaseId
from maelstrom_core.testrun.events import (
    BatchEnded,
    Cancel,
    CaseEnded,
    CaseFound,
    CollectionEnded,
    Event,
    Finish,
    FoundSoFar,
    StopCollecting,
    StopWanted,
    Submit,
    Tell,
)
from maelstrom_core.testrun.state import Limits, TestRunState

SLOTS = 3
AT_ONCE = {"two": 2}
"""Of all other turns, one."""
TURNS = [(), (), ("one",), ("two",), ("one", "two"), ("other",)]
FAILING = [status for status in CaseStatus if status.is_failure]
PASSING = [CaseStatus.PASSED, CaseStatus.SKIPPED, CaseStatus.XFAILED, CaseStatus.XPASSED]
ENDINGS = [*FAILING, *PASSING]


@attrs.define
class Handed:
    """What the rules know of a batch: cases that wait to be handed out together, or were."""

    cases: list[CaseId]
    turns: frozenset[str] = frozenset()
    slots: int = 1
    attempt: int = 1
    goes_on: bool = False
    serial: int = 0
    got_on: bool = False
    number: int = -1


class RunRules(RuleBasedStateMachine):
    @initialize(
        retries=st.integers(0, 2),
        repeat=st.integers(1, 3),
        stop_after=st.none() | st.integers(1, 4),
        fail_on_flaky=st.booleans(),
    )
    def start(self, retries: int, repeat: int, stop_after: int | None, fail_on_flaky: bool) -> None:
        self.limits = Limits(
            stop_after=stop_after,
            repeat=repeat,
            retries=retries,
            fail_on_flaky=fail_on_flaky,
            at_once=AT_ONCE,
        )
        self.run = TestRunState(SLOTS, self.limits)
        self.found = 0
        self.groups: dict[tuple[str, int], Handed] = {}
        self.waiting: list[Handed] = []
        self.expected: dict[CaseId, float | None] = {}
        self.demands: dict[CaseId, tuple[frozenset[str], int]] = {}
        self.urgent: dict[CaseId, bool] = {}
        self.running: dict[int, Handed] = {}
        self.failed: dict[CaseId, list[CaseReport]] = {}
        self.cancelled: set[int] = set()
        self.told: list[CaseReport] = []
        self.failures = 0
        self.serial = 0
        self.collecting = True
        self.wanted = True
        self.finished = 0
        self.settled = True

    def next(self) -> int:
        self.serial += 1
        return self.serial

    def order(self, batch: Handed) -> tuple[Any, ...]:
        """What goes first: what has begun, what is urgent, the longest, what was found first."""
        known = [self.expected[case] for case in batch.cases]
        length = float("inf") if None in known else sum(one for one in known if one is not None)
        urgent = any(self.urgent[case] for case in batch.cases)
        rank = 0 if batch.goes_on or batch.attempt > 1 else 1 if urgent else 2
        return rank, -length, batch.serial

    @property
    def free(self) -> int:
        return SLOTS - sum(batch.slots for batch in self.running.values())

    def has_a_turn(self, batch: Handed) -> bool:
        taken = [name for one in self.running.values() for name in one.turns]
        return all(taken.count(name) < AT_ONCE.get(name, 1) for name in batch.turns)

    def say(self, event: Event) -> None:
        self.settled = not isinstance(event, CaseFound)
        for effect in self.run.step(event):
            assert self.settled, "something was done though more may be found in this moment"
            match effect:
                case Submit(number, cases, _, attempt, slots):
                    assert self.wanted, "something was handed out after the end was wanted"
                    first = min(filter(self.has_a_turn, self.waiting), key=self.order)
                    assert slots == first.slots <= self.free
                    assert [case.id for case in cases] == first.cases, "not the first one"
                    assert attempt == first.attempt == len(self.failed.get(cases[0].id, ())) + 1
                    assert attempt <= self.limits.retries + 1
                    assert number not in self.running
                    self.waiting.remove(first)
                    first.number, first.got_on = number, False
                    self.running[number] = first
                case Cancel(number):
                    assert number in self.running
                    self.cancelled.add(number)
                    self.wanted = False
                case StopCollecting():
                    self.wanted = False
                case Tell(report):
                    self.hear(report)
                case Finish():
                    self.finished += 1

    def hear(self, report: CaseReport) -> None:
        """Every attempt is in the report that is told, in order, and nothing else is."""
        self.told.append(report)
        attempts = self.failed.pop(report.id, [])
        assert self.attempts_in(report) == [one.message for one in attempts]
        flaky = report.status is CaseStatus.FLAKY
        assert flaky == (bool(report.attempts) and not report.status.is_failure)
        if report.status.is_failure or (flaky and self.limits.fail_on_flaky):
            self.failures += 1
            if self.failures == self.limits.stop_after:
                self.want_no_more()

    def attempts_in(self, report: CaseReport) -> list[str]:
        return [one.message for one in (*report.attempts, report)]

    def want_no_more(self) -> None:
        self.wanted = False
        self.waiting.clear()
        self.groups.clear()

    @precondition(lambda self: self.collecting)
    @rule(
        duration=st.none() | st.floats(min_value=0, max_value=9),
        urgent=st.booleans(),
        group=st.sampled_from(["", "", "a", "b"]),
        turns=st.sampled_from(TURNS),
        slots=st.sampled_from([1, 1, 1, 2, 5]),
    )
    def find(
        self,
        duration: float | None,
        urgent: bool,
        group: str,
        turns: tuple[str, ...],
        slots: int,
    ) -> None:
        name = CaseId(f"case-{self.found}")
        self.found += 1
        case = Case(id=name, name=name, group=group, turns=turns, slots=slots)
        for one in case.repeated(self.limits.repeat):
            self.expected[one.id], self.urgent[one.id] = duration, urgent
            self.demands[one.id] = frozenset(turns), min(slots, SLOTS)
            if self.wanted and group:
                batch = self.groups.setdefault((group, one.repetition), Handed([]))
                batch.serial = batch.serial or self.next()
                batch.cases.append(one.id)
            elif self.wanted:
                self.waiting.append(Handed([one.id], *self.demands[one.id], serial=self.next()))
        self.say(CaseFound(case, duration, urgent))

    @precondition(lambda self: not self.settled)
    @rule()
    def choose(self) -> None:
        self.say(FoundSoFar())

    @precondition(lambda self: self.collecting)
    @rule(error=st.sampled_from(["", "", "broken"]))
    def end_collection(self, error: str) -> None:
        self.collecting = False
        for batch in self.groups.values():
            self.wait(batch)
        self.groups.clear()
        self.say(CollectionEnded(error))

    def wait(self, batch: Handed) -> None:
        """It has what those of its cases ask for together that are left."""
        demands = [self.demands[case] for case in batch.cases]
        batch.turns = frozenset[str]().union(*(turns for turns, _ in demands))
        batch.slots = max(slots for _, slots in demands)
        self.waiting.append(batch)

    def going_on(self) -> Iterator[Handed]:
        """Batches of which not all cases have ended."""
        yield from (batch for batch in self.running.values() if batch.cases)

    @precondition(lambda self: any(self.going_on()))
    @rule(
        data=st.data(),
        status=st.sampled_from(ENDINGS),
        may_be_retried=st.sampled_from([True, True, True, False]),
    )
    def end_case(self, data: st.DataObject, status: CaseStatus, may_be_retried: bool) -> None:
        batch = data.draw(st.sampled_from(sorted(self.going_on(), key=lambda one: one.number)))
        case = batch.cases.pop(0)
        batch.got_on = batch.goes_on = True
        if batch.number in self.cancelled and data.draw(st.booleans()):
            self.say(CaseEnded(CaseReport(id=case, status=CaseStatus.CANCELLED)))
            assert case not in self.failed, "attempts that failed were forgotten"
            return
        attempts = self.failed.setdefault(case, [])
        report = CaseReport(
            id=case,
            status=status,
            message=f"attempt {len(attempts) + 1}",
            may_be_retried=may_be_retried,
        )
        attempts.append(report)
        again = status.is_failure and may_be_retried and len(attempts) <= self.limits.retries
        if again and self.wanted:
            self.wait(Handed([case], attempt=len(attempts) + 1, serial=self.next()))
        self.say(CaseEnded(report))
        # Told, or to be run again, or (if that is not wanted any more) both refused: never lost.
        assert (case in self.failed) == any(
            case in one.cases for one in (*self.waiting, *self.running.values())
        )

    @precondition(lambda self: any(self.may_end()))
    @rule(data=st.data())
    def end_batch(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.may_end())))
        batch = self.running.pop(number)
        if batch.cases and self.wanted:
            batch.serial = self.next()
            self.wait(batch)
        self.say(BatchEnded(number))
        assert not self.failed.keys() & set(batch.cases) or self.wanted

    def may_end(self) -> Iterator[int]:
        """A container is gone when a case has ended in it; one that is cancelled at any time."""
        for number, batch in self.running.items():
            if batch.got_on or number in self.cancelled:
                yield number

    @rule(reason=st.just("enough"))
    def stop(self, reason: str) -> None:
        self.want_no_more()
        self.say(StopWanted(reason))

    @invariant()
    def holds(self) -> None:
        self.run.check()
        assert self.free >= 0
        told = [report.id for report in self.told]
        assert len(set(told)) == len(told)
        assert self.run.not_run == self.found * self.limits.repeat - len(told)
        assert self.run.failures == self.failures
        over = not self.collecting and not self.running
        if self.wanted:
            over = over and len(told) == self.found * self.limits.repeat
            assert not self.groups or self.collecting
            # No slot is idle while a case waits for one, has its turn, and needs no more than there are.
            ready = min(filter(self.has_a_turn, self.waiting), key=self.order, default=None)
            assert not self.settled or ready is None or ready.slots > self.free
        assert self.finished == int(over)


TestRunRules = RunRules.TestCase
TestRunRules.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
