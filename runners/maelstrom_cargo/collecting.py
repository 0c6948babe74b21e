"""Finds the tests of crates: builds everything, then asks each test binary, and ``rustdoc``."""

import os
from collections.abc import AsyncIterator, Callable, Iterable
from functools import partial
from typing import Any

import attrs
import trio

from maelstrom_cargo.building import build
from maelstrom_cargo.libtest_plan import listed
from maelstrom_cargo.messages_plan import BENCHMARK, BINARY, DOCTESTS, EXAMPLE, LIBRARY, TEST
from maelstrom_cargo.request import CargoRun
from maelstrom_cargo.selectors import known_of_all
from maelstrom_cargo.targets import Target, programs, targets_of
from maelstrom_core.filters import Facts
from maelstrom_core.model.cases import Case
from maelstrom_core.model.ids import CaseId
from maelstrom_core.model.job import JobSpec
from maelstrom_core.model.outcome import Exited, describe
from maelstrom_core.model.views import RunView

LISTING_SECONDS = 120.0
"""For ``rustdoc`` reads a whole library to know its doctests."""
_SELECTORS = {
    LIBRARY: "library",
    BINARY: "binary",
    TEST: "test",
    BENCHMARK: "benchmark",
    EXAMPLE: "example",
    DOCTESTS: "doctest",
}
"""What filters call targets, in a case's details, with the name of the target."""


async def collect(run: RunView) -> AsyncIterator[Case]:
    """Tests, each target's as soon as it is known."""
    cargo: CargoRun = run.options["cargo"]
    busy_with = run.options["busy with"]
    cargo.compiled.clear()
    busy_with("cargo test")
    built = await build(cargo.toolchain, cargo.arguments, run.options["say"])
    busy_with("cargo test", ended=True)
    if built.fault:
        run.options["fault"](built.fault)
        return
    cargo.programs = programs(built.artifacts)
    targets = await trio.to_thread.run_sync(targets_of, cargo.toolchain, built)
    targets = [target for target in targets if _may_be_wanted(run, target)]
    binaries = [one for one in targets if one.kind != DOCTESTS]
    for cases in await _all_cases(run, cargo, binaries):
        for case in cases:
            yield case
    # Those are run while rustdoc compiles.
    for target in targets:
        if target.kind == DOCTESTS:
            busy_with(f"doctests of {target.package}")
            for case in await _doctests(run, cargo, target):
                yield case
            busy_with(f"doctests of {target.package}", ended=True)


def _may_be_wanted(run: RunView, target: Target) -> bool:
    """Whether a filter may choose some of a target's tests; otherwise nobody asks which there are."""
    may_choose: Callable[[Facts], bool] = run.options["may choose"]
    return may_choose(known_of_all(_case(run, target, "", [])))


async def _all_cases(run: RunView, cargo: CargoRun, targets: list[Target]) -> list[list[Case]]:
    """Cases of targets, which are asked at the same time."""
    found: list[list[Case]] = [[] for _ in targets]

    async def ask(index: int) -> None:
        found[index] = await _cases(run, cargo, targets[index])

    async with trio.open_nursery() as nursery:
        for index in range(len(targets)):
            nursery.start_soon(partial(ask, index))
    return found


async def _doctests(run: RunView, cargo: CargoRun, target: Target) -> list[Case]:
    """Doctests of a library, compiled; if that cannot be had, as ``rustdoc`` lists them."""
    if cargo.only_lists:
        return await _cases(run, cargo, target)
    plan = run.options["plan of"](_case(run, target, "", []))
    container_of = partial(cargo.container_of, plan, target)
    found = await cargo.compiled.of(target, container_of, run.run_job)
    if found is None:
        return await _cases(run, cargo, target)
    cargo.has_listed(target, (one.name for one in found))
    cases = [_case(run, target, one.name, []) for one in found]
    return [
        attrs.evolve(case, details={**case.details, "compiled": one})
        for case, one in zip(cases, found, strict=True)
    ]


async def _cases(run: RunView, cargo: CargoRun, target: Target) -> list[Case]:
    """Tests of a target, as its program lists them in the container in which it would run them."""
    if not target.has_harness:
        return [_case(run, target, target.name, ["harness = false"])]
    plan = run.options["plan of"](_case(run, target, "", []))
    job = JobSpec(
        container=cargo.container_of(plan, target),
        program=target.program,
        arguments=cargo.to_list(target),
        timeout=LISTING_SECONDS,
        label=f"list {target.id}",
    )
    result = await run.run_job(job)
    if result.outcome != Exited(0):
        said = [result.stdout.text().strip("\n"), result.stderr.text().strip("\n")]
        title = f"the tests of {target.id} could not be listed: {describe(result.outcome)}"
        run.options["fault"]("\n".join(line for line in (title, *said) if line))
        return []
    names = dict(listed(result.stdout.text()))
    cargo.has_listed(target, names)
    return [
        _case(run, target, name, ["benchmark"] if is_benchmark else [])
        for name, is_benchmark in names.items()
    ]


def _case(run: RunView, target: Target, name: str, markers: Iterable[str]) -> Case:
    details: dict[str, Any] = {"target": target, _SELECTORS[target.kind]: target.name}
    source = target.source
    if target.kind == DOCTESTS:
        source = os.path.join(target.directory, name.partition(" - ")[0])
    return Case(
        id=CaseId(f"{target.id} {name}"),
        name=name,
        package=target.package,
        binary=target.id,
        file=os.path.relpath(source, run.project_directory),
        markers=(target.kind, *markers),
        details=details,
    )
