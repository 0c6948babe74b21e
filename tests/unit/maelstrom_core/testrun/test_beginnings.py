"""When cases begin: where they may wait for a machine, it is when that says so."""

import math
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from maelstrom_core.cluster.handed_in import HandedIn, output_of
from maelstrom_core.hooks import hookimpl
from maelstrom_core.hooks.manager import Plugins
from maelstrom_core.model.cases import Case, CaseReport, CaseStatus
from maelstrom_core.model.container import ContainerSpec
from maelstrom_core.model.ids import CaseId
from maelstrom_core.model.job import JobSpec
from maelstrom_core.model.outcome import Exited, JobResult
from maelstrom_core.testrun.marks_plan import Marking
from maelstrom_core.testrun.shell import TestRun


class Watching:
    """A runner of cases that notes when it is told of what."""

    def __init__(self, grouped: bool) -> None:
        self.grouped = grouped
        self.seen: list[tuple[float, str]] = []

    def note(self, words: str) -> None:
        self.seen.append((round(trio.current_time() - self.since, 1), words))

    @hookimpl
    def maelstrom_collect(self, run: Any) -> AsyncIterator[Case]:
        self.since = trio.current_time()

        async def cases() -> AsyncIterator[Case]:
            for name in "ab" if self.grouped else "a":
                yield Case(id=CaseId(name), name=name, group="one" if self.grouped else "")

        return cases()

    @hookimpl
    def maelstrom_package(self, run: Any, case: Case) -> ContainerSpec:
        return ContainerSpec()

    @hookimpl
    def maelstrom_execute(self, run: Any, case: Case, container: ContainerSpec) -> JobSpec:
        return JobSpec(container=container, program=case.name)

    @hookimpl
    def maelstrom_execute_group(self, run: Any, cases: Any, container: ContainerSpec) -> JobSpec:
        return JobSpec(container=container, program="both", later_timeouts=(None,))

    @hookimpl
    def maelstrom_report(self, run: Any, case: Case, result: JobResult) -> CaseReport:
        return CaseReport(id=case.id, status=CaseStatus.PASSED, result=result)

    @hookimpl
    def maelstrom_job_started(self, case: Case) -> None:
        self.note(f"{case.name} began")

    @hookimpl
    def maelstrom_job_slow(self, case: Case, seconds: float) -> None:
        self.note(f"{case.name} slow")

    @hookimpl
    def maelstrom_job_output(self, case: Case) -> None:
        self.note(f"{case.name} wrote")

    @hookimpl
    def maelstrom_job_ended(self, case: Case) -> None:
        self.note(f"{case.name} ended")


class Far:
    """A backend with a queue; its jobs do as they are told.

    :param tells: whether it says when jobs begin
    """

    slots = 1

    def __init__(self, script: Callable[[Any], Any], *, tells: bool = True) -> None:
        self.tells_beginnings = tells
        self._script = script

    async def run(self, job: JobSpec, *, on_output: Any = None) -> JobResult:
        await self._script(on_output)
        return JobResult(outcome=Exited(0))


@pytest.fixture
def seen(tmp_path: Path) -> Callable[..., list[tuple[float, str]]]:
    """What is told of cases by the second, slow after 3 s."""

    def run(backend: Far, *, grouped: bool = False) -> list[tuple[float, str]]:
        runner = Watching(grouped)
        one = TestRun(
            runner="mine",
            plugins=Plugins(block=["pytest"], extra=[("mine", runner)]),
            backend=backend,  # type: ignore[arg-type]
            project_directory=tmp_path,
            options={},
            marking=Marking(slow_after=3.0),
        )
        trio.run(one.run, clock=trio.testing.MockClock(autojump_threshold=0))
        return runner.seen

    return run


async def waits_ten_seconds(on_output: Any) -> None:
    await trio.sleep(10)
    on_output.began()
    await trio.sleep(4)


def test_what_waits_for_a_machine_is_not_slow(seen: Any) -> None:
    assert seen(Far(waits_ten_seconds)) == [(10.0, "a began"), (13.0, "a slow"), (14.0, "a ended")]


def test_elsewhere_a_case_begins_when_it_is_handed_out(seen: Any) -> None:
    told = seen(Far(lambda _: trio.sleep(4), tells=False))
    assert told == [(0.0, "a began"), (3.0, "a slow"), (4.0, "a ended")]


def test_one_that_begins_anew_elsewhere_is_counted_anew_and_told_of_once(seen: Any) -> None:
    async def lost(on_output: Any) -> None:
        on_output.began()
        await trio.sleep(2)
        on_output.began()
        await trio.sleep(4)

    assert seen(Far(lost)) == [(0.0, "a began"), (5.0, "a slow"), (6.0, "a ended")]


@pytest.mark.parametrize("writes", [True, False])
def test_what_nobody_has_said_to_begin_has_begun_when_it_is_heard_of(
    seen: Any, writes: bool
) -> None:
    async def short(on_output: Any) -> None:
        await trio.sleep(1)
        if writes:
            on_output(1, b"x")

    assert seen(Far(short)) == [
        (1.0, "a began"),
        *([(1.0, "a wrote")] if writes else []),
        (1.0, "a ended"),
    ]


def test_cases_that_share_a_container_begin_with_it_and_one_after_the_other(seen: Any) -> None:
    async def both(on_output: Any) -> None:
        await waits_ten_seconds(on_output)
        on_output(3, b"\x1e")
        await trio.sleep(1)

    assert seen(Far(both), grouped=True) == [
        *((10.0, "a began"), (13.0, "a slow"), (14.0, "a ended")),
        *((14.0, "b began"), (15.0, "b ended")),
    ]


def test_a_job_of_a_cluster_says_so_when_its_worker_does() -> None:
    class Hears:
        begun = 0

        def __call__(self, stream: int, data: bytes) -> None:
            raise AssertionError

        def began(self) -> None:
            self.begun += 1

    hears = Hears()

    def given(on_output: Any) -> HandedIn:
        job = JobSpec(container=ContainerSpec(), program="true")
        return HandedIn(output_of(job, on_output, lambda _, __: None, lambda: None))

    given(hears).began()
    assert hears.begun == 1
    given(None).began()
    given(lambda _, __: math.nan).began()
