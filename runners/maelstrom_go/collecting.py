"""Finds the tests of packages: builds binaries, and asks each which there are while others are built."""

import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import trio

from maelstrom_core.filters import Facts
from maelstrom_core.model.cases import Case
from maelstrom_core.model.ids import CaseId
from maelstrom_core.model.job import JobSpec
from maelstrom_core.model.outcome import Exited, describe
from maelstrom_core.model.views import RunView
from maelstrom_go.output_plan import kind_of
from maelstrom_go.packages_plan import Package, directories_needed
from maelstrom_go.request import GoRun
from maelstrom_go.selectors import known_of_all
from maelstrom_go.toolchain import Built

LISTING_SECONDS = 60.0


async def collect(run: RunView) -> AsyncIterator[Case]:
    """Tests, each package's when it is built."""
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
