"""The Go runner: the same hooks through which any runner is a runner.

Loaded before anybody knows what is wanted: what only a run needs is imported by it.
"""

import signal
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from maelstrom_core.hooks import hookimpl
from maelstrom_core.model.cases import Case, CaseReport
from maelstrom_core.model.container import ContainerSpec
from maelstrom_core.model.job import JobSpec
from maelstrom_core.model.outcome import JobResult
from maelstrom_core.model.views import RunView, Summary
from maelstrom_go.coverage_plan import PROFILE
from maelstrom_go.report_plan import report_of

if TYPE_CHECKING:
    from maelstrom_go.request import GoRun

RUNNER = "go"


@hookimpl
def maelstrom_collect(run: RunView) -> AsyncIterator[Case] | None:
    """Build test binaries, and ask each for its tests while others are still being built."""
    if run.runner != RUNNER:
        return None
    from maelstrom_go.collecting import collect

    return collect(run)


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
