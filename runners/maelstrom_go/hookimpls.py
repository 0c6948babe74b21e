"""The Go runner: the same hooks through which any runner is a runner."""

import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import trio

from maelstrom_core.filters import Facts
from maelstrom_core.hooks import hookimpl
from maelstrom_core.model.cases import Case, CaseReport, CaseStatus
from maelstrom_core.model.container import ContainerSpec
from maelstrom_core.model.ids import CaseId
from maelstrom_core.model.job import JobSpec
from maelstrom_core.model.outcome import Exited, JobResult, Signaled, TimedOut, describe
from maelstrom_core.model.views import RunView, Summary
from maelstrom_go.output_plan import Test, results_of
from maelstrom_go.packages_plan import Package, directories_needed
from maelstrom_go.request import PROFILE, GoRun, kind_of
from maelstrom_go.selectors import known_of_all
from maelstrom_go.toolchain import Built

RUNNER = "go"
LISTING_SECONDS = 60.0
_STATUSES = {"pass": CaseStatus.PASSED, "bench": CaseStatus.PASSED, "skip": CaseStatus.SKIPPED}


@hookimpl
def maelstrom_collect(run: RunView) -> AsyncIterator[Case] | None:
    """Build test binaries, and ask each for its tests while others are still being built."""
    return _collect(run) if run.runner == RUNNER else None


@hookimpl
def maelstrom_package(run: RunView, case: Case) -> ContainerSpec | None:
    """What directives make of the run's container, with the package's binary in it."""
    if run.runner != RUNNER:
        return None
    go: GoRun = run.options["go"]
    return go.container_of(
        run.options["plan of"](case), case.details["package"], case.details["binary"]
    )


@hookimpl
def maelstrom_execute(run: RunView, case: Case, container: ContainerSpec) -> JobSpec | None:
    """The binary, told to run this one test."""
    if run.runner != RUNNER:
        return None
    go: GoRun = run.options["go"]
    return JobSpec(
        container=container,
        program=go.program(case.details["binary"]),
        arguments=go.arguments_of(case.name),
        timeout=run.options["plan of"](case).timeout,
        # Go's runtime shows where all goroutines are.
        stack_signal=signal.SIGQUIT,
        outputs=(PROFILE,) if go.has_coverage else (),
        label=case.id,
    )


@hookimpl
def maelstrom_report(run: RunView, case: Case, result: JobResult) -> CaseReport | None:
    """What the binary has said of the test and its subtests, or why it could not."""
    if run.runner != RUNNER:
        return None
    go: GoRun = run.options["go"]
    for left in result.outputs:
        if left.path == PROFILE:
            go.coverage.add(left.data.decode("utf-8", "replace"))
    return report_of(case, result, shows=go.shows)


@hookimpl
def maelstrom_run_ended(run: RunView, summary: Summary) -> None:
    """Write the coverage of all tests."""
    if run.runner == RUNNER and run.options["go"].has_coverage and summary.reports:
        run.options["go"].finish(run.options["say"])


def report_of(case: Case, result: JobResult, *, shows: bool = False) -> CaseReport:
    """The report of a case.

    :param shows: whether what passing tests print is wanted
    """
    text = result.stdout.text()
    tests = results_of(text)
    own = tests.pop(case.name, Test(case.name))
    status = _status(own, result)
    message = ""
    if status.is_failure:
        message = _why(own, list(tests.values()), result, text)
    elif status is CaseStatus.SKIPPED or kind_of(case.name) == "benchmark":
        message = own.output.strip()
    elif shows:
        message = _printed(own, list(tests.values()))
    return CaseReport(
        id=case.id,
        status=status,
        message=message,
        duration=own.seconds or result.usage.wall_seconds,
        details={
            "shown": shows,
            "parts": [
                {"name": test.name, "status": test.status or "unknown", "seconds": test.seconds}
                for test in tests.values()
            ],
        },
        result=result,
    )


def _status(own: Test, result: JobResult) -> CaseStatus:
    match result.outcome:
        case Exited(0) if own.status or kind_of(own.name) == "benchmark":
            # Of a benchmark nothing is said when it has ended well.
            return _STATUSES.get(own.status or "bench", CaseStatus.FAILED)
        case Exited(code) if code and own.status == "fail":
            return CaseStatus.FAILED
        case TimedOut():
            return CaseStatus.TIMED_OUT
        case Exited() | Signaled():
            return CaseStatus.CRASHED
        case _:
            return CaseStatus.ERROR


def _why(own: Test, parts: list[Test], result: JobResult, text: str) -> str:
    lines = []
    if result.outcome != Exited(1):
        lines.append(describe(result.outcome))
    failed = [part for part in parts if part.status == "fail" or not part.status]
    if printed := _printed(own, failed):
        lines.append(printed)
    if not own.status and not lines[1:]:
        lines.append(text.rstrip("\n"))
    if result.stderr.total_bytes:
        lines += ["--- stderr", result.stderr.text().rstrip("\n")]
    return "\n".join(lines)


def _printed(own: Test, parts: list[Test]) -> str:
    """What a test and some of its subtests have printed."""
    lines = []
    for part in [own, *parts]:
        if part.output.strip():
            lines += [f"--- {part.name}", part.output.rstrip("\n")]
    return "\n".join(lines)


async def _collect(run: RunView) -> AsyncIterator[Case]:
    go: GoRun = run.options["go"]
    fault, busy_with = run.options["fault"], run.options["busy with"]
    wanted = []
    found = await trio.to_thread.run_sync(go.begun.packages)
    go.needed.update(directories_needed(found))
    for package in found:
        if package.faults:
            fault(
                "\n".join(
                    [f"# {package.path}", *package.faults, f"FAIL\t{package.path} [setup failed]"]
                )
            )
        elif package.is_to_be_built and _may_be_wanted(run, package):
            wanted.append(package)
    builder = go.begun.builder(wanted)
    try:
        for package in wanted:
            busy_with(package.path)
        for _ in wanted:
            built = await trio.to_thread.run_sync(builder.next, abandon_on_cancel=True)
            busy_with(built.package.path, ended=True)
            if built.failed:
                fault(f"{built.said.rstrip()}\nFAIL\t{built.package.path} [build failed]")
            elif built.binary is not None:
                for case in await _cases(run, go, built, built.binary):
                    yield case
    finally:
        builder.close()


def _may_be_wanted(run: RunView, package: Package) -> bool:
    """Whether a filter may choose some of a package's tests; otherwise it is not built."""
    may_choose: Callable[[Facts], bool] = run.options["may choose"]
    return may_choose(known_of_all(_case(package, Path(), "Test")))


async def _cases(run: RunView, go: GoRun, built: Built, binary: Path) -> list[Case]:
    """Tests of a package, as its binary lists them in the container in which it would run them."""
    package = built.package
    plan = run.options["plan of"](_case(package, binary, "Test"))
    job = JobSpec(
        container=go.container_of(plan, package, binary),
        program=go.program(binary),
        arguments=("-test.list=.",),
        timeout=LISTING_SECONDS,
        stack_signal=signal.SIGQUIT,
        label=f"list {package.path}",
    )
    result = await run.run_job(job)
    text = result.stdout.text()
    if result.outcome != Exited(0):
        lines = [f"# {package.path}", text.rstrip(), result.stderr.text().rstrip()]
        lines.append(
            f"FAIL\t{package.path} [tests could not be listed: {describe(result.outcome)}]"
        )
        run.options["fault"]("\n".join(line for line in lines if line))
        return []
    # What `init` functions and `TestMain` print is among them.
    prefixes = ("Test", "Benchmark", "Fuzz", "Example")
    names = [line for line in text.splitlines() if line.startswith(prefixes) and " " not in line]
    return [_case(package, binary, name) for name in dict.fromkeys(names) if go.wants(name)]


def _case(package: Package, binary: Path, name: str) -> Case:
    details: dict[str, Any] = {
        "package": package,
        "binary": binary,
        "package name": package.name,
        "package path": package.directory,
    }
    return Case(
        id=CaseId(f"{package.path} {name}"),
        name=name,
        package=package.path,
        markers=(kind_of(name),),
        details=details,
    )
