"""The Cargo runner: the same hooks through which any runner is a runner.

Loaded before anybody knows what is wanted: what only a run needs is imported by it.
"""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import attrs

from maelstrom_cargo.messages_plan import DOCTESTS
from maelstrom_cargo.report_plan import report_of
from maelstrom_core.hooks import hookimpl
from maelstrom_core.model.cases import Case, CaseReport
from maelstrom_core.model.container import ContainerSpec
from maelstrom_core.model.job import JobSpec
from maelstrom_core.model.outcome import JobResult
from maelstrom_core.model.views import RunView

if TYPE_CHECKING:
    from maelstrom_cargo.doctests_plan import Doctest
    from maelstrom_cargo.request import CargoRun
    from maelstrom_cargo.targets import Target

RUNNER = "cargo"


@hookimpl
def maelstrom_collect(run: RunView) -> AsyncIterator[Case] | None:
    """Build everything, then ask each test binary, and ``rustdoc``, which tests there are."""
    if run.runner != RUNNER:
        return None
    from maelstrom_cargo.collecting import collect

    return collect(run)


@hookimpl
def maelstrom_package(run: RunView, case: Case) -> ContainerSpec | None:
    """What directives make of the run's container, with the target's programs in it."""
    if run.runner != RUNNER:
        return None
    cargo: CargoRun = run.options["cargo"]
    return cargo.container_of(run.options["plan of"](case), case.details["target"])


@hookimpl
def maelstrom_execute(run: RunView, case: Case, container: ContainerSpec) -> JobSpec | None:
    """The binary or ``rustdoc``, told to run this one test."""
    if run.runner != RUNNER:
        return None
    cargo: CargoRun = run.options["cargo"]
    target: Target = case.details["target"]
    doctest: Doctest | None = case.details.get("compiled")
    job = None
    if doctest is not None:
        from maelstrom_cargo.doctests import job_of

        job = job_of(doctest, target, container if doctest.program else cargo.here)
    if job is None:
        arguments = cargo.to_run(target, case.name)
        job = JobSpec(container=container, program=target.program, arguments=arguments)
    return attrs.evolve(job, timeout=run.options["plan of"](case).timeout, label=case.id)


@hookimpl
def maelstrom_report(run: RunView, case: Case, result: JobResult) -> CaseReport | None:
    """What the harness has said of the test, or why it could not."""
    if run.runner != RUNNER:
        return None
    target: Target = case.details["target"]
    doctest: Doctest | None = case.details.get("compiled")
    return report_of(
        case,
        result,
        has_harness=target.has_harness and not (doctest is not None and doctest.program),
        is_doctest=target.kind == DOCTESTS,
        shows=run.options["cargo"].shows,
    )
