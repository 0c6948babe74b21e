"""What is marked of cases: slow ones, while they run and afterwards; and those that leave processes."""

from typing import Any

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from maelstrom_core.model.cases import Case, CaseReport, CaseStatus
from maelstrom_core.model.ids import CaseId
from maelstrom_core.model.outcome import Exited, JobResult, Usage
from maelstrom_core.testrun.marks_plan import FAIL, IGNORE, LEAKY, MARK, Marking
from maelstrom_core.testrun.slow_state import SlowWatch

LEFT = ("sleep 1", "sleep 2")


def case(name: str) -> Case:
    return Case(id=CaseId(name), name=name)


def report(status: CaseStatus = CaseStatus.PASSED, left: int = 0, **more: Any) -> CaseReport:
    result = JobResult(
        outcome=Exited(0),
        left_running=left,
        left_commands=LEFT[:left],
        usage=Usage(wall_seconds=3.0),
    )
    return CaseReport(id=CaseId("a"), status=status, result=result, **more)


@pytest.mark.parametrize("leaky", LEAKY)
def test_what_leaves_nobody_is_as_it_was(leaky: str) -> None:
    assert Marking(leaky=leaky).marked(report()) == report()


def test_what_leaks_is_marked_fails_or_is_ignored() -> None:
    leaks = report(left=2)
    assert Marking(leaky=MARK).marked(leaks) == attrs.evolve(
        leaks, left_running=2, left_commands=LEFT
    )
    failed = Marking(leaky=FAIL).marked(leaks)
    assert failed.status is CaseStatus.FAILED
    assert failed.message == "passed, but left 2 processes running: sleep 1; sleep 2"
    assert Marking(leaky=IGNORE).marked(leaks) == leaks


def test_what_has_failed_before_it_leaked_says_why() -> None:
    crashed = report(CaseStatus.CRASHED, left=1, message="it died")
    assert Marking(leaky=FAIL).marked(crashed) == attrs.evolve(
        crashed, left_running=1, left_commands=LEFT[:1]
    )


def test_how_long_its_container_was_there_counts() -> None:
    assert Marking(slow_after=3.0).marked(report()).is_slow
    assert not Marking(slow_after=3.5).marked(report()).is_slow
    assert Marking(slow_after=3.5).marked(report(duration=4.0)).is_slow
    assert not Marking().marked(report(duration=400.0)).is_slow


def test_a_case_is_told_of_each_time_that_it_has_run_as_long_again() -> None:
    watch = SlowWatch(60.0)
    watch.began(case("a"), now=100.0)
    watch.began(case("b"), now=130.0)
    assert watch.next_look(now=131.0) == 160.0
    assert watch.look(now=160.0) == [(case("a"), 60.0)]
    assert watch.next_look(now=161.0) == 190.0
    watch.ended(case("a"))
    assert watch.look(now=400.0) == [(case("b"), 60.0)]
    assert watch.next_look(now=401.0) == 430.0
    assert watch.look(now=430.0) == [(case("b"), 300.0)]
    watch.ended(case("b"))
    watch.ended(case("never begun"))
    assert watch.next_look(now=500.0) == 560.0


@given(
    after=st.floats(0.01, 100),
    steps=st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 300)), max_size=30),
)
@example(after=0.01, steps=[("a", 1.0), ("a", 1.05)])
def test_nobody_is_told_of_early_and_the_next_look_is_in_time(
    after: float, steps: list[tuple[str, float]]
) -> None:
    watch, now, began = SlowWatch(after), 0.0, dict[str, float]()
    for name, pause in steps:
        due = watch.next_look(now=now)
        now += pause
        for one, seconds in watch.look(now=now):
            assert began[one.name] + seconds <= now * (1 + 1e-9) + 1e-9
            assert due <= now
        assert watch.look(now=now) == []
        if name in began:
            watch.ended(case(name))
            del began[name]
        else:
            began[name] = now
            watch.began(case(name), now=now)
