"""Hypothesis drives the machine of a test run.

Every repetition of every case is told of once or said not to have been run, and every attempt that
ended is in what is told.
"""

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

SLOTS = 2
FAILING = [status for status in CaseStatus if status.is_failure]
PASSING = [CaseStatus.PASSED, CaseStatus.SKIPPED, CaseStatus.XFAILED, CaseStatus.XPASSED]
ENDINGS = [*FAILING, *PASSING]


class RunRules(RuleBasedStateMachine):
    @initialize(
        retries=st.integers(0, 2),
        repeat=st.integers(1, 3),
        stop_after=st.none() | st.integers(1, 4),
        fail_on_flaky=st.booleans(),
    )
    def start(self, retries: int, repeat: int, stop_after: int | None, fail_on_flaky: bool) -> None:
        self.limits = Limits(
            stop_after=stop_after, repeat=repeat, retries=retries, fail_on_flaky=fail_on_flaky
        )
        self.run = TestRunState(SLOTS, self.limits)
        self.found = 0
        self.waiting: dict[CaseId, tuple[int, float]] = {}
        self.expected: dict[CaseId, float] = {}
        self.running: list[CaseId] = []
        self.failed: dict[CaseId, list[CaseReport]] = {}
        self.cancelled: set[CaseId] = set()
        self.told: list[CaseReport] = []
        self.failures = 0
        self.collecting = True
        self.wanted = True
        self.finished = 0
        self.settled = True

    def say(self, event: Event) -> None:
        self.settled = not isinstance(event, CaseFound)
        for effect in self.run.step(event):
            assert self.settled, "something was done though more may be found in this moment"
            match effect:
                case Submit(case, _, attempt):
                    assert self.wanted, "something was handed out after the end was wanted"
                    mine = self.waiting.pop(case.id)
                    assert mine <= min(self.waiting.values(), default=mine), "not the first one"
                    assert attempt == len(self.failed.get(case.id, ())) + 1
                    assert attempt <= self.limits.retries + 1
                    self.running.append(case.id)
                case Cancel(case):
                    assert case in self.running
                    self.cancelled.add(case)
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

    @precondition(lambda self: self.collecting)
    @rule(duration=st.none() | st.floats(min_value=0, max_value=9), urgent=st.booleans())
    def find(self, duration: float | None, urgent: bool) -> None:
        name = CaseId(f"case-{self.found}")
        self.found += 1
        case = Case(id=name, name=name)
        for one in case.repeated(self.limits.repeat):
            self.expected[one.id] = float("-inf") if duration is None else -duration
            if self.wanted:
                self.waiting[one.id] = (2 - urgent, self.expected[one.id])
        self.say(CaseFound(case, duration, urgent))

    @precondition(lambda self: not self.settled)
    @rule()
    def choose(self) -> None:
        self.say(FoundSoFar())

    @precondition(lambda self: self.collecting)
    @rule(error=st.sampled_from(["", "", "broken"]))
    def end_collection(self, error: str) -> None:
        self.collecting = False
        self.say(CollectionEnded(error))

    @precondition(lambda self: self.running)
    @rule(
        which=st.integers(min_value=0),
        status=st.sampled_from(ENDINGS),
        may_be_retried=st.sampled_from([True, True, True, False]),
    )
    def end_case(self, which: int, status: CaseStatus, may_be_retried: bool) -> None:
        case = self.running.pop(which % len(self.running))
        if case in self.cancelled and which % 2:
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
            self.waiting[case] = (0, self.expected[case])
        self.say(CaseEnded(report))
        # Told, or to be run again, or (if that is not wanted any more) both refused: never lost.
        assert (case in self.failed) == (case in self.waiting or case in self.running)

    @rule(reason=st.just("enough"))
    def stop(self, reason: str) -> None:
        self.want_no_more()
        self.say(StopWanted(reason))

    @invariant()
    def holds(self) -> None:
        self.run.check()
        assert len(self.running) <= SLOTS
        told = [report.id for report in self.told]
        assert len(set(told)) == len(told)
        assert self.run.not_run == self.found * self.limits.repeat - len(told)
        assert self.run.failures == self.failures
        over = not self.collecting and not self.running
        if self.wanted:
            over = over and len(told) == self.found * self.limits.repeat
            # No slot is idle while a case waits for one.
            assert not self.settled or not self.waiting or len(self.running) == SLOTS
        assert self.finished == int(over)


TestRunRules = RunRules.TestCase
TestRunRules.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
