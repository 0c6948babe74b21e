"""The pytest runner: the same hooks through which any runner is a runner."""

import json
import signal
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import Any

from maelstrom_core.errors import UsageError
from maelstrom_core.hooks import hookimpl
from maelstrom_core.model.cases import Case, CaseReport, CaseStatus
from maelstrom_core.model.container import ContainerSpec
from maelstrom_core.model.ids import CaseId
from maelstrom_core.model.job import JobSpec
from maelstrom_core.model.outcome import (
    Exited,
    JobResult,
    OverLimit,
    Signaled,
    TimedOut,
    describe,
    limits_met,
)
from maelstrom_core.model.views import RunView
from maelstrom_core.testrun.directives_plan import FRESH
from pytest_maelstrom import carried, stacks
from pytest_maelstrom.choices import Choices
from pytest_maelstrom.names import RUNNER
from pytest_maelstrom.request import PytestRun
from pytest_maelstrom.text_plan import text_of

SHOWN = "_maelstrom_shown"
"""Added to a report: what was written to the terminal before it."""
ENDS_THE_RUN = ("exit", "interrupt")
"""Kinds of messages of a container in which somebody wanted all of pytest to end."""


@hookimpl
def maelstrom_collect(run: RunView) -> AsyncIterator[Case] | None:
    """Collect in a container: the environment in which the tests will run."""
    return _collect(run) if run.runner == RUNNER else None


@hookimpl
def maelstrom_package(run: RunView, case: Case) -> ContainerSpec | None:
    """What directives make of the run's container."""
    if run.runner != RUNNER:
        return None
    container: ContainerSpec = run.options["choices"].plan_of(case).container
    return container


@hookimpl
def maelstrom_execute(run: RunView, case: Case, container: ContainerSpec) -> JobSpec | None:
    """A fork of the template; or one interpreter that collects the case's file and runs the case."""
    return _job(run, [case], container) if run.runner == RUNNER else None


@hookimpl
def maelstrom_execute_group(
    run: RunView, cases: Sequence[Case], container: ContainerSpec
) -> JobSpec | None:
    """The same for cases of a group, all of which are started in the same way."""
    return _job(run, cases, container) if run.runner == RUNNER else None


def _job(run: RunView, cases: Sequence[Case], container: ContainerSpec) -> JobSpec:
    pytest_run: PytestRun = run.options["containers"].run_in(container)
    choices: Choices = run.options["choices"]
    output_bytes, keep = run.options["output bytes"], run.options.get("keep", False)
    first = cases[0]
    forked = container.template is not None and choices.isolation_of(first) != FRESH
    addresses = [(case.details["node id"], case.details["occurrence"]) for case in cases]
    timeout, *later = (choices.plan_of(case).timeout for case in cases)
    return JobSpec(
        container=container,
        program=pytest_run.program,
        arguments=pytest_run.program_arguments,
        stdin=pytest_run.to_run(addresses, first.details["submodules"], output_bytes, keep=keep),
        fork=pytest_run.to_fork(addresses, output_bytes, keep=keep) if forked else None,
        report=True,
        attachable=container.init,
        timeout=timeout,
        later_timeouts=tuple(later),
        stack_signal=stacks.SIGNAL,
        label=first.id,
    )


@hookimpl
def maelstrom_report(run: RunView, case: Case, result: JobResult) -> CaseReport | None:
    """What the case's own pytest reported, or why it could not."""
    if run.runner != RUNNER:
        return None
    messages = _of_last_start(list(messages_of(result.report)))
    reports, shown = reports_of(messages)
    for one in messages:
        if one["kind"] == "shown by pdb":
            # pytest's terminal does not show such a failure once more.
            for report in reports:
                if report.get("when") == one.get("when") and report.get("outcome") == "failed":
                    report["_pdbshown"] = True
    phases = {report.get("when") for report in reports}
    details = {
        "node id": case.details["node id"],
        "location": case.details["location"],
        "reports": reports,
        "warnings": [message for message in messages if message["kind"] == "warning"],
        "exits": [message for message in messages if message["kind"] in ENDS_THE_RUN],
        "stops": [message for message in messages if message["kind"] == "stop"],
        "carried": [message for message in messages if message["kind"] in carried.KINDS],
    }
    if details["exits"]:
        # What it reported so far is told, and nothing is said of what was still to come.
        return CaseReport(
            id=case.id,
            status=CaseStatus.CRASHED,
            details=details,
            result=result,
            may_be_retried=False,
        )
    kinds = {message["kind"] for message in messages}
    # Items of plugins may have phases of their own; without any, nothing was run.
    whole = "teardown" in phases or ("end" in kinds and "call" in phases)
    if whole and "internal error" not in kinds and isinstance(result.outcome, Exited):
        status = status_of(reports)
        if status in (CaseStatus.FAILED, CaseStatus.ERROR):
            _tell_of_limits(reports, limits_met(result))
        return CaseReport(
            id=case.id,
            status=status,
            text="" if status is CaseStatus.PASSED else text_of(reports),
            duration=sum(report.get("duration", 0.0) for report in reports),
            details=details,
            result=result,
            may_be_retried=not details["stops"],
        )
    status, message = _why_not(messages, result)
    if shown:
        message += f"\n--- terminal ---\n{shown}"
    return CaseReport(id=case.id, status=status, message=message, details=details, result=result)


def _tell_of_limits(reports: list[dict[str, Any]], lines: list[str]) -> None:
    """Show them below what has failed, as pytest shows what was captured."""
    for report in reports:
        if lines and report.get("outcome") == "failed":
            report["sections"] = [*report.get("sections", ()), ["Limits", "\n".join(lines)]]
            return


def reports_of(messages: Iterable[Mapping[str, Any]]) -> tuple[list[dict[str, Any]], str]:
    """pytest's reports, each with what was written to the terminal before it; and what came later."""
    reports, shown = [], ""
    for message in messages:
        if message["kind"] == "shown":
            shown += str(message["text"])
        elif message["kind"] == "report":
            reports.append({**message["report"], SHOWN: shown} if shown else message["report"])
            shown = ""
    return reports, shown


def status_of(reports: list[dict[str, Any]]) -> CaseStatus:
    """What pytest's reports of the phases of one case come to."""
    status = CaseStatus.PASSED
    for report in reports:
        outcome, expected = report.get("outcome"), "wasxfail" in report
        if outcome == "failed":
            return CaseStatus.FAILED if report.get("when") == "call" else CaseStatus.ERROR
        if outcome == "skipped":
            status = CaseStatus.XFAILED if expected else CaseStatus.SKIPPED
        elif expected:
            status = CaseStatus.XPASSED
    return status


def messages_of(report: bytes) -> Iterator[dict[str, Any]]:
    """Messages out of what a job wrote; lines that are none are left out, for a job may lie."""
    for line in report.splitlines():
        try:
            message = json.loads(line)
        except ValueError:
            continue
        if isinstance(message, dict) and isinstance(message.get("kind"), str):
            yield message


def _of_last_start(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without what was reported when a group was begun and was to begin anew: its template died."""
    begun = [index for index, message in enumerate(messages) if message["kind"] == "begun"]
    return messages[begun[-1] :] if begun else messages


def _why_not(messages: list[dict[str, Any]], result: JobResult) -> tuple[CaseStatus, str]:
    """Why a case has no reports of its own."""
    status, lines = CaseStatus.CRASHED, [describe(result.outcome)]
    match result.outcome:
        case TimedOut():
            status = CaseStatus.TIMED_OUT
        case OverLimit():
            pass
        case Signaled(number):
            lines = [f"the test's process was ended by {signal.Signals(number).name}"]
        case Exited(code):
            lines = [f"the test's process exited with status {code} before it could report"]
        case _:
            status = CaseStatus.ERROR
    for message in messages:
        if message["kind"] == "collect report":
            status = CaseStatus.ERROR
            lines.append(str(message["report"].get("longrepr")))
        elif message["kind"] in ("internal error", "usage error"):
            lines.append(str(message["text"]))
    lines += limits_met(result)
    if isinstance(result.outcome, TimedOut):
        lines += stacks.where_it_was(result)
    for name, stream in (("stdout", result.stdout), ("stderr", result.stderr)):
        if stream.total_bytes:
            lines += [f"--- {name} ---", stream.text()]
    return status, "\n".join(lines)


async def _collect(run: RunView) -> AsyncIterator[Case]:
    container: ContainerSpec = run.options["container"]
    pytest_run: PytestRun = run.options["containers"].run_in(container)
    job = JobSpec(
        container=container,
        program=pytest_run.program,
        arguments=pytest_run.program_arguments,
        stdin=pytest_run.to_collect(),
        report=True,
        # The template collects: what it tells of its cases is what it will run.
        warm_up=container.template is not None,
        label="collect",
    )
    result = await run.run_job(job)
    if run.options["show collecting"] is not None:
        run.options["show collecting"](result)
    messages = list(messages_of(result.report))
    if not any(message["kind"] == "end" for message in messages):
        _, why = _why_not(messages, result)
        raise UsageError(f"the tests could not be collected: {why}")
    messages = await run.options["choices"].sift(messages, case_of, run.options["sharing"])
    run.options["collected"](messages)
    # One list for all cases.
    submodules = json.dumps([n for message in messages for n in message.get("submodules", ())])
    for message in messages:
        if message["kind"] == "case":
            choices: Choices = run.options["choices"]
            yield choices.demanding(choices.grouped(case_of(message, submodules)))


def case_of(message: dict[str, Any], submodules: str = "[]") -> Case:
    """A case out of what a container that collects says of it."""
    node_id, occurrence = message["id"], message["occurrence"]
    return Case(
        id=CaseId(f"{node_id} (again {occurrence})" if occurrence else node_id),
        name=message["name"],
        file=node_id.partition("::")[0],
        markers=tuple(message["markers"]),
        details={
            "node id": node_id,
            "own markers": message["own_markers"],
            "occurrence": occurrence,
            "location": message["location"],
            "submodules": submodules,
            "wishes": message["wishes"],
            "groups": message["groups"],
        },
    )
