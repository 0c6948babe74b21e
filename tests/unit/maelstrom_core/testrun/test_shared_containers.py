"""Cases that share a container, on a backend that makes none: one job, and an ending for each."""

from collections.abc import Callable
from pathlib import Path
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
    Cancelled,
    Exited,
    HostFailed,
    JobResult,
    Signaled,
    TimedOut,
)
from maelstrom_core.testrun.shell import TestRun
from maelstrom_core.testrun.state import Limits


class Sharing:
    """Runs cases of one group together; those of "a b c" are called a, b and c.

    :param adjusted: cases that a plugin gives a container of their own
    """

    def __init__(self, names: str, adjusted: str = "", later: float | None = None) -> None:
        self.names = tuple(names.split())
        self.told: list[CaseReport] = []
        self.run: TestRun | None = None
        self.stops_at = ""
        self.adjusted = adjusted
        self.later = later
        self.seen: list[str] = []

    @hookimpl
    def maelstrom_collect(self, run):
        async def cases():
            for name in self.names:
                yield Case(id=CaseId(name), name=name, group="all")

        return cases()

    @hookimpl
    def maelstrom_package(self, run, case):
        return ContainerSpec()

    @hookimpl
    def maelstrom_execute(self, run, case, container):
        return JobSpec(container=container, program=case.name)

    @hookimpl
    def maelstrom_case_reported(self, run, report):
        self.told.append(report)
        if report.id == self.stops_at:
            self.run.stop("enough")

    @hookimpl
    def maelstrom_adjust_container(self, run, case, container):
        return ContainerSpec(hostname=case.name) if case.name in self.adjusted.split() else None

    @hookimpl
    def maelstrom_execute_group(self, run, cases, container):
        return JobSpec(
            container=container,
            program=" ".join(case.name for case in cases),
            later_timeouts=(self.later,) * (len(cases) - 1),
        )

    @hookimpl
    def maelstrom_report(self, run, case, result):
        passed = result.outcome == Exited(0)
        return CaseReport(
            id=case.id,
            status=CaseStatus.PASSED if passed else CaseStatus.FAILED,
            message=f"{result.stdout.text()}, {result.report.decode()}, {result.outcome}",
            result=result,
        )

    @hookimpl
    def maelstrom_job_started(self, case):
        self.seen.append(f"{case.name} began")

    @hookimpl
    def maelstrom_job_output(self, case, data):
        self.seen.append(f"{case.name} wrote {data.decode()}")

    @hookimpl
    def maelstrom_job_ended(self, case, result):
        self.seen.append(f"{case.name} ended")


class Shared:
    """A backend whose jobs write each case's name, and end where they are told to.

    :param ends: names of cases that end their container, and the outcome of that
    """

    def __init__(self, ends: dict[str, Any]) -> None:
        self.slots = 2
        self.ends = ends
        self.jobs: list[str] = []

    async def run(self, job: JobSpec, *, on_output: Any = None) -> JobResult:
        self.jobs.append(job.program)
        for number, name in enumerate(job.program.split()):
            if number:
                on_output(3, b"\x1e")
            await trio.sleep(1)
            on_output(1, name.encode())
            on_output(3, b"of " + name.encode())
            if name in self.ends:
                await trio.sleep(5)
                return JobResult(outcome=self.ends[name])
        return JobResult(outcome=Exited(0))


@pytest.fixture
def share(tmp_path: Path) -> Callable[..., Any]:
    """Run a runner's cases on a backend, in no time; reports by name."""

    def run_cases(runner: Sharing, backend: Shared, **limits: Any) -> dict[str, CaseReport]:
        runner.run = TestRun(
            runner="mine",
            plugins=Plugins(block=["pytest"], extra=[("mine", runner)]),
            backend=backend,  # type: ignore[arg-type]
            project_directory=tmp_path,
            options={},
            limits=Limits(**limits),
        )
        summary = trio.run(runner.run.run, clock=trio.testing.MockClock(autojump_threshold=0))
        assert summary.not_run == len(runner.names) - len(runner.told)
        return {report.id: report for report in runner.told}

    return run_cases


def test_cases_of_a_group_share_a_container_and_have_reports_of_their_own(share):
    runner, backend = Sharing("a b c"), Shared({})
    told = share(runner, backend)

    assert backend.jobs == ["a b c"]
    assert {name: report.message for name, report in told.items()} == {
        name: f"{name}, of {name}, Exited(code=0)" for name in "abc"
    }
    assert runner.seen == [f"{name} {what}" for name in "abc" for what in of_each(name)]
    # Each one's own time, by which it is ordered the next time.
    assert [round(report.result.usage.wall_seconds) for report in told.values()] == [1, 1, 1]


def test_several_reports_may_come_at_once(share):
    class AtOnce(Shared):
        async def run(self, job: JobSpec, *, on_output: Any = None) -> JobResult:
            self.jobs.append(job.program)
            names = job.program.split()
            on_output(3, b"\x1e".join(b"of " + name.encode() for name in names))
            return JobResult(outcome=Exited(3))

    told = share(Sharing("a b c"), AtOnce({}))
    assert {name: report.message for name, report in told.items()} == {
        "a": ", of a, Exited(code=0)",
        "b": ", of b, Exited(code=0)",
        "c": ", of c, Exited(code=3)",
    }


def of_each(name: str) -> list[str]:
    return ["began", f"wrote {name}", "ended"]


def test_one_that_takes_the_container_along_has_ended_so_and_the_others_go_on(share):
    runner, backend = Sharing("a b c d"), Shared({"b": Exited(3), "d": Signaled(9)})
    told = share(runner, backend)

    assert backend.jobs == ["a b c d", "c d"]
    outcomes = {name: report.result.outcome for name, report in told.items()}
    assert outcomes == {"a": Exited(0), "b": Exited(3), "c": Exited(0), "d": Signaled(9)}


def test_what_failed_is_run_again_by_itself(share):
    runner, backend = Sharing("a b c"), Shared({"b": Exited(3)})
    told = share(runner, backend, retries=1)

    assert sorted(backend.jobs) == ["a b c", "b", "c"]
    assert len(told["b"].attempts) == 1


def test_what_cannot_be_in_the_same_container_goes_into_another(share):
    runner, backend = Sharing("a b c d", adjusted="b"), Shared({})
    assert len(share(runner, backend)) == 4
    assert backend.jobs == ["a c d", "b"]


def test_a_runner_without_such_jobs_has_its_cases_run_one_by_one(share):
    class Alone(Sharing):
        maelstrom_execute_group = None

    backend = Shared({})
    assert len(share(Alone("a b c"), backend)) == 3
    assert backend.jobs == ["a", "b", "c"]


def test_a_group_without_limits_for_all_of_its_cases_is_refused(share):
    class Forgets(Sharing):
        @hookimpl
        def maelstrom_execute_group(self, run, cases, container):
            return JobSpec(container=container, program="x")

    told = share(Forgets("a b c"), Shared({}))
    assert [told[name].status.value for name in "abc"] == ["error", "error", "passed"]
    assert "maelstrom_execute_group made a job of 1 parts for 3 cases" in told["a"].message


@pytest.mark.parametrize(
    ("limit", "jobs"),
    [
        (4.0, ["a b c", "c"]),
        # It had time left: so it was the one before it whose time was up, and it is run again.
        (9.0, ["a b c", "b c", "c"]),
    ],
)
def test_only_a_case_whose_own_time_is_up_has_timed_out(share, limit, jobs):
    backend = Shared({"b": TimedOut(4.0, killed=True)})
    told = share(Sharing("a b c", later=limit), backend)
    assert backend.jobs == jobs
    assert [told[name].status.value for name in "abc"] == ["passed", "failed", "passed"]


def test_an_end_of_the_run_while_a_group_runs_leaves_the_rest_unreported(share):
    runner, backend = Sharing("a b c"), Shared({})
    runner.stops_at = "a"
    assert list(share(runner, backend)) == ["a"]
    assert backend.jobs == ["a b c"]


def test_a_backend_that_cancels_a_group_cancels_all_that_is_left_of_it(share):
    backend = Shared({"b": Cancelled("gone", ran=True)})
    assert list(share(Sharing("a b c"), backend)) == ["a"]
    assert backend.jobs == ["a b c"]


class Lost(Shared):
    """A backend whose machine is lost while a case runs.

    :param times: how often, for each case
    """

    def __init__(self, times: dict[str, int]) -> None:
        super().__init__({})
        self.times = times

    async def run(self, job: JobSpec, *, on_output: Any = None) -> JobResult:
        self.jobs.append(job.program)
        await trio.sleep(60)  # it waits for a machine
        on_output(3, b"")
        for number, name in enumerate(job.program.split()):
            if number:
                on_output(3, b"\x1e")
            await trio.sleep(1)
            on_output(3, b"of ")
            if self.times.get(name, 0):
                self.times[name] -= 1
                return JobResult(outcome=HostFailed("lost"), broken_off=True)
            on_output(3, name.encode())
        return JobResult(outcome=Exited(0))


def test_what_ran_when_its_machine_was_lost_is_run_elsewhere_with_the_rest(share):
    backend = Lost({"b": 1})
    told = share(Sharing("a b c"), backend)
    assert backend.jobs == ["a b c", "b c"]
    assert {name: report.message for name, report in told.items()} == {
        name: f", of {name}, Exited(code=0)" for name in "abc"
    }
    # The wait for a machine is no part of anybody's time.
    assert [round(report.result.usage.wall_seconds) for report in told.values()] == [1, 1, 1]


def test_the_first_of_a_group_is_begun_anew_when_its_machine_is_lost(share):
    backend = Lost({"a": 2})
    told = share(Sharing("a b"), backend)
    assert backend.jobs == ["a b"] * 3
    assert {name: report.status for name, report in told.items()} == {
        "a": CaseStatus.PASSED,
        "b": CaseStatus.PASSED,
    }


def test_one_that_takes_its_machines_down_has_failed_and_the_others_go_on(share):
    backend = Lost({"a": 3})
    told = share(Sharing("a b"), backend)
    assert backend.jobs == ["a b"] * 3 + ["b"]
    assert told["a"].message == ", of , HostFailed(reason='lost', remedy='')"
    assert told["b"].status is CaseStatus.PASSED
