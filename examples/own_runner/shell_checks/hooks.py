"""The four hooks that make a runner. A check passes if it exits with 0, and is skipped by 77."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from maelstrom_core.errors import UsageError
from maelstrom_core.hooks import hookimpl
from maelstrom_core.model.cases import Case, CaseReport, CaseStatus
from maelstrom_core.model.container import ContainerSpec, Network
from maelstrom_core.model.ids import CaseId
from maelstrom_core.model.job import JobSpec
from maelstrom_core.model.layers import GlobLayer, HostTreeLayer, LayerSpec, PathsLayer
from maelstrom_core.model.outcome import Exited, JobResult, TimedOut, describe
from maelstrom_core.model.views import RunView

MAELSTROM_API = 1
RUNNER = "shell-checks"
SKIPPED = 77


def system() -> Iterator[LayerSpec]:
    """The host's programs, in place and read-only; links such as /bin as they are."""
    for path in ("/usr", "/bin", "/lib", "/lib64"):
        if os.path.islink(path):
            yield PathsLayer(paths=(path,))
        elif os.path.isdir(path):
            yield HostTreeLayer(path=path)


CONTAINER = ContainerSpec(
    layers=(*system(), GlobLayer(globs=("checks/**",))),
    environment=(("HOME", "/tmp"), ("PATH", "/usr/bin:/bin")),
    working_directory="/checks",
    network=Network.LOOPBACK,
)


@hookimpl
def maelstrom_collect(run: RunView) -> AsyncIterator[Case] | None:
    """Every script below ``checks`` is a case."""
    return _scripts(run.project_directory) if run.runner == RUNNER else None


async def _scripts(project: Path) -> AsyncIterator[Case]:
    scripts = sorted(project.glob("checks/*.sh"))
    if not scripts:
        raise UsageError(f"no checks/*.sh in {project}")
    for script in scripts:
        yield Case(id=CaseId(script.name), name=script.stem, file=f"checks/{script.name}")


@hookimpl
def maelstrom_package(run: RunView, case: Case) -> ContainerSpec | None:
    """What directives make of the container; the same object for all of which none says anything."""
    return run.options["plan of"](case).container if run.runner == RUNNER else None


@hookimpl
def maelstrom_execute(run: RunView, case: Case, container: ContainerSpec) -> JobSpec | None:
    """``sh`` runs the script."""
    if run.runner != RUNNER:
        return None
    return JobSpec(
        container=container,
        program="sh",
        arguments=(f"/{case.file}",),
        timeout=run.options["plan of"](case).timeout,
    )


@hookimpl
def maelstrom_report(run: RunView, case: Case, result: JobResult) -> CaseReport | None:
    """What the script's exit status means."""
    if run.runner != RUNNER:
        return None
    seconds = result.usage.wall_seconds
    match result.outcome:
        case Exited(0):
            return CaseReport(id=case.id, status=CaseStatus.PASSED, duration=seconds, result=result)
        case Exited(code) if code == SKIPPED:
            status = CaseStatus.SKIPPED
        case Exited():
            status = CaseStatus.FAILED
        case TimedOut():
            status = CaseStatus.TIMED_OUT
        case _:
            status = CaseStatus.ERROR
    message = f"{describe(result.outcome)}\n{result.stdout.text()}{result.stderr.text()}".rstrip()
    return CaseReport(id=case.id, status=status, message=message, duration=seconds, result=result)
