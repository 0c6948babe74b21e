"""Hypothesis drives the machine of a test run: every case is run once, or said not to have been."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from maelstrom_core.model.cases import Case, CaseReport, CaseStatus
from maelstrom_core.model.ids import CaseId
from maelstrom_core.testrun.events import (
    Cancel,
    CaseEnded,
    CaseFound,
    CollectionEnded,
    Event,
    Finish,
    StopCollecting,
    StopWanted,
    Submit,
    Tell,
)
from maelstrom_core.testrun.state import Limits, TestRunState

SLOTS = 2
FAILING = [status for status in CaseStatus if status.is_failure]
ENDINGS = [status for status in CaseStatus if status is not CaseStatus.CANCELLED]


class RunRules(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.run = TestRunState(SLOTS, Limits(stop_after=3))
        self.found: dict[CaseId, tuple[bool, float]] = {}
        self.submitted: list[CaseId] = []
        self.running: list[CaseId] = []
        self.cancelled: set[CaseId] = set()
        self.told: list[CaseReport] = []
        self.collecting = True
        self.wanted = True
        self.finished = 0

    def say(self, event: Event) -> None:
        for effect in self.run.step(event):
            match effect:
                case Submit(case):
                    assert self.wanted, "something was handed out after the end was wanted"
                    waiting = [self.found[i] for i in self.found if i not in self.submitted]
                    assert self.found[case.id] == min(waiting), "not the most urgent, longest one"
                    self.submitted.append(case.id)
                    self.running.append(case.id)
                case Cancel(case):
                    assert case in self.running
                    self.cancelled.add(case)
                    self.wanted = False
                case StopCollecting():
                    self.wanted = False
                case Tell(report):
                    self.told.append(report)
                case Finish():
                    self.finished += 1

    @precondition(lambda self: self.collecting)
    @rule(duration=st.none() | st.floats(min_value=0, max_value=9), urgent=st.booleans())
    def find(self, duration: float | None, urgent: bool) -> None:
        case = CaseId(f"case-{len(self.found)}")
        self.found[case] = (not urgent, float("-inf") if duration is None else -duration)
        if not self.wanted:
            self.submitted.append(case)  # it is not to be handed out
        self.say(CaseFound(Case(id=case, name=case), duration, urgent))

    @precondition(lambda self: self.collecting)
    @rule(error=st.sampled_from(["", "", "broken"]))
    def end_collection(self, error: str) -> None:
        self.collecting = False
        self.say(CollectionEnded(error))

    @precondition(lambda self: self.running)
    @rule(which=st.integers(min_value=0), status=st.sampled_from(ENDINGS))
    def end_case(self, which: int, status: CaseStatus) -> None:
        case = self.running.pop(which % len(self.running))
        if case in self.cancelled and which % 2:
            status = CaseStatus.CANCELLED
        if status.is_failure and sum(r.status.is_failure for r in self.told) >= 2:
            self.wanted = False
        self.say(CaseEnded(CaseReport(id=case, status=status)))

    @rule(reason=st.just("enough"))
    def stop(self, reason: str) -> None:
        self.wanted = False
        self.say(StopWanted(reason))

    @invariant()
    def holds(self) -> None:
        self.run.check()
        assert len(self.running) <= SLOTS
        told = [report.id for report in self.told]
        assert len(set(told)) == len(told)
        assert self.run.not_run == len(self.found) - len(told)
        over = not self.collecting and not self.running
        if self.wanted:
            over = over and len(told) == len(self.found)
            # No slot is idle while a case waits for one.
            assert len(self.running) == min(SLOTS, len(self.found) - len(told))
        assert self.finished == int(over)


TestRunRules = RunRules.TestCase
TestRunRules.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
