"""A run on a backend that makes no containers: what jobs are told, and what becomes of attempts."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import trio
import trio.testing

from maelstrom_core.hooks import hookimpl
from maelstrom_core.hooks.manager import Plugins
from maelstrom_core.model.cases import Case, CaseReport, CaseStatus
from maelstrom_core.model.container import ContainerSpec
from maelstrom_core.model.ids import CaseId
from maelstrom_core.model.job import JobSpec
from maelstrom_core.model.outcome import (
    Exited,
    JobResult,
)
from maelstrom_core.model.views import Summary
from maelstrom_core.testrun.shell import TestRun
from maelstrom_core.testrun.state import Limits

CONTAINER = ContainerSpec()


class Backend:
    """Answers at once, with what a function says of a job's variables; or waits for an event first."""

    def __init__(self, code: Callable[[str, int, int], int | trio.Event]) -> None:
        self.slots = 2
        self.code = code

    async def run(self, job: JobSpec, *, on_output: Any = None) -> JobResult:
        variables = dict(job.environment)
        attempt, repetition = (
            int(variables[f"MAELSTROM_{name}"]) for name in ("ATTEMPT", "REPETITION")
        )
        await trio.lowlevel.checkpoint()
        code = self.code(job.program, attempt, repetition)
        if isinstance(code, trio.Event):
            await code.wait()
            code = 0
        return JobResult(outcome=Exited(code), report=b"x" * 1000)


class Runner:
    """A runner of some cases by name."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self.told: list[CaseReport] = []
        self.run: TestRun | None = None
        self.stops_at = ""

    @hookimpl
    def maelstrom_collect(self, run):
        async def cases():
            for name in self.names:
                yield Case(id=CaseId(name), name=name)

        return cases()

    @hookimpl
    def maelstrom_package(self, run, case):
        return CONTAINER

    @hookimpl
    def maelstrom_execute(self, run, case, container):
        return JobSpec(container=container, program=case.name)

    @hookimpl
    def maelstrom_report(self, run, case, result):
        passed = result.outcome == Exited(0)
        assert result.report
        return CaseReport(
            id=case.id,
            status=CaseStatus.PASSED if passed else CaseStatus.FAILED,
            message=str(result.outcome),
            result=result,
        )

    @hookimpl
    def maelstrom_case_reported(self, run, report):
        self.told.append(report)
        if report.id == self.stops_at:
            self.run.stop("enough")


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Any]:
    def run_cases(
        *names: str,
        code: Callable[[str, int, int], int | trio.Event],
        stops_at: str = "",
        **limits: Any,
    ) -> tuple[Summary, dict[str, CaseReport]]:
        runner = Runner(names)
        runner.stops_at = stops_at
        runner.run = TestRun(
            runner="mine",
            plugins=Plugins(block=["pytest"], extra=[("mine", runner)]),
            backend=Backend(code),  # type: ignore[arg-type]
            project_directory=tmp_path,
            options={},
            limits=Limits(**limits),
        )

        async def main() -> Summary:
            with trio.fail_after(30):
                return await runner.run.run()

        summary = trio.run(main)
        assert list(summary.reports) == runner.told
        return summary, {report.id: report for report in runner.told}

    return run_cases


def test_each_attempt_is_told_which_it_is(run):
    summary, told = run("a", "b", code=lambda name, attempt, _: int(attempt < 3), retries=2)
    assert {report.status for report in told.values()} == {CaseStatus.FLAKY}
    assert summary.failures == 0
    assert [len(report.attempts) for report in told.values()] == [2, 2]
    # A run keeps all its reports, but not what they were made of.
    for report in told.values():
        assert {one.result.report for one in (*report.attempts, report)} == {b""}


def test_each_repetition_is_told_which_it_is(run):
    seen = []

    def code(name: str, attempt: int, repetition: int) -> int:
        seen.append((name, repetition))
        return int(repetition == 2)

    summary, told = run("a", "b", code=code, repeat=3)
    assert sorted(seen) == [(name, number) for name in "ab" for number in (1, 2, 3)]
    assert {name: report.status.value for name, report in told.items()} == {
        f"{name} ({number} of 3)": "failed" if number == 2 else "passed"
        for name in "ab"
        for number in (1, 2, 3)
    }
    assert {report.original for report in told.values()} == {"a", "b"}
    assert summary.failures == 2


def test_what_failed_and_is_being_run_again_when_the_run_ends_has_failed(run):
    began_again, never = trio.Event(), trio.Event()

    def code(name: str, attempt: int, _: int) -> int | trio.Event:
        if name == "stops":
            return began_again
        if attempt == 1:
            return 1
        began_again.set()
        return never

    summary, told = run("again", "stops", code=code, stops_at="stops", retries=5)
    assert summary.stopped == "enough"
    assert told["again"].status is CaseStatus.FAILED
    assert summary.not_run == 0


def test_flaky_ones_count_if_that_is_wanted(run):
    summary, _ = run(
        "a", "b", code=lambda _, attempt, __: int(attempt == 1), retries=1, fail_on_flaky=True
    )
    assert summary.failures == 2


def test_limits_are_those_of_the_settings():
    settings = SimpleNamespace(stop_after=3, repeat=2, retries=1, fail_on_flaky=True)
    limits = Limits.of(settings)
    assert (limits.stop_after, limits.repeat, limits.retries) == (3, 2, 1)
    assert limits.fail_on_flaky
