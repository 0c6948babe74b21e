"""The four hooks that make a runner of what CTest lists (``ctest --show-only=json-v1``)."""

import json
import re
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import trio

from maelstrom_core.errors import UsageError
from maelstrom_core.hooks import hookimpl
from maelstrom_core.model.cases import Case, CaseReport, CaseStatus
from maelstrom_core.model.container import ContainerSpec
from maelstrom_core.model.ids import CaseId
from maelstrom_core.model.job import JobSpec
from maelstrom_core.model.outcome import Exited, JobResult, Signaled, TimedOut, describe
from maelstrom_core.model.views import RunView

MAELSTROM_API = 1
RUNNER = "ctest"


@hookimpl
def maelstrom_collect(run: RunView) -> AsyncIterator[Case] | None:
    """Every test that CTest knows is a case."""
    return _tests(run.options["build"]) if run.runner == RUNNER else None


async def _tests(build: Path) -> AsyncIterator[Case]:
    command = ["ctest", "--test-dir", str(build), "--show-only=json-v1"]
    try:
        listed = await trio.run_process(command, capture_stdout=True, capture_stderr=True)
    except (OSError, subprocess.CalledProcessError) as error:
        why = getattr(error, "stderr", b"") or str(error).encode()
        raise UsageError(f"ctest cannot list tests: {why.decode().strip()}") from None
    for test in json.loads(listed.stdout)["tests"]:
        properties = {one["name"]: one["value"] for one in test.get("properties", ())}
        if "FIXTURES_REQUIRED" in properties:
            raise UsageError(
                f"{test['name']} needs a fixture, and no container has what it has made"
            )
        if "command" not in test or properties.get("DISABLED"):
            continue  # not built, or not to be run
        yield Case(
            id=CaseId(test["name"]),
            name=test["name"],
            markers=tuple(properties.get("LABELS", ())),
            turns=tuple(properties.get("RESOURCE_LOCK", ())),
            slots=properties.get("PROCESSORS", 1),
            details={"command": test["command"], "properties": properties},
        )


@hookimpl
def maelstrom_package(run: RunView, case: Case) -> ContainerSpec | None:
    """What directives make of the container; the same object for all of which none says anything."""
    return run.options["plan of"](case).container if run.runner == RUNNER else None


@hookimpl
def maelstrom_execute(run: RunView, case: Case, container: ContainerSpec) -> JobSpec | None:
    """The test's own command, where and as CTest would run it."""
    if run.runner != RUNNER:
        return None
    (program, *arguments), properties = case.details["command"], case.details["properties"]
    variables = (one.partition("=") for one in properties.get("ENVIRONMENT", ()))
    return JobSpec(
        container=container,
        program=program,
        arguments=tuple(arguments),
        environment=tuple((name, value) for name, _, value in variables),
        working_directory=properties.get("WORKING_DIRECTORY", ""),
        timeout=run.options["plan of"](case).timeout or properties.get("TIMEOUT"),
    )


@hookimpl
def maelstrom_report(run: RunView, case: Case, result: JobResult) -> CaseReport | None:
    """What CTest would make of its ending."""
    if run.runner != RUNNER:
        return None
    printed = result.stdout.text() + result.stderr.text()
    status = _status(case.details["properties"], result, printed)
    return CaseReport(
        id=case.id,
        status=status,
        message=""
        if status is CaseStatus.PASSED
        else f"{describe(result.outcome)}\n{printed}".rstrip(),
        duration=result.usage.wall_seconds,
        result=result,
    )


def _status(properties: dict[str, object], result: JobResult, printed: str) -> CaseStatus:
    def says(name: str) -> bool:
        return any(
            re.search(one, printed) for one in properties.get(f"{name}_REGULAR_EXPRESSION", ())
        )

    match result.outcome:
        case TimedOut():
            return CaseStatus.TIMED_OUT
        case Signaled():
            return CaseStatus.CRASHED
        case Exited(code):
            if code == properties.get("SKIP_RETURN_CODE") or says("SKIP"):
                return CaseStatus.SKIPPED
            passed = says("PASS") if "PASS_REGULAR_EXPRESSION" in properties else code == 0
            passed = passed and not says("FAIL")
            is_well = passed != bool(properties.get("WILL_FAIL"))
            return CaseStatus.PASSED if is_well else CaseStatus.FAILED
        case _:
            return CaseStatus.ERROR
