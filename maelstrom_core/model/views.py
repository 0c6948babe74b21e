"""Read-only views handed to hooks. Pure."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import attrs

from maelstrom_core.model.cases import CaseReport
from maelstrom_core.model.job import JobSpec
from maelstrom_core.model.outcome import JobResult
from maelstrom_core.model.ports import OnOutput, Viewer


class RunJob(Protocol):
    """Runs a job on the run's backend; see `maelstrom_core.model.ports.Backend.run`."""

    async def __call__(
        self,
        job: JobSpec,
        *,
        on_output: OnOutput | None = None,
        viewer: Viewer | None = None,
    ) -> JobResult:
        """Run ``job`` to its one ending."""


@attrs.frozen(kw_only=True)
class RunView:
    """One invocation, as its hooks see it.

    :param runner: whose turn it is; a runner's hooks answer only when this is their own name
    :param project_directory: what relative paths in layers are relative to
    :param options: what a runner has to tell its own hooks; and, as ``settings``, all settings, those
        that plugins have declared among them (``run.options["settings"].devices``)
    :param run_job: runs a job of the runner's own, say to collect inside a container
    """

    runner: str
    project_directory: Path
    options: Mapping[str, Any]
    run_job: RunJob


@attrs.frozen(kw_only=True)
class Summary:
    """How a run ended.

    :param reports: one for each case that was reported
    :param not_run: how many collected cases have no report
    :param stopped: why it ended early; empty if it did not
    :param errors: faults that belong to no case (collection errors), one text each
    :param degraded: what this host could not give, as any job's result said
    :param not_forked: why cases were started afresh that were to be forks of a template, and how many
    :param leaky_groups: what was left in containers that cases shared, one line each
    :param failures: how many reports count against the run; flaky ones only if it was asked for
    """

    reports: tuple[CaseReport, ...]
    not_run: int = 0
    stopped: str = ""
    errors: tuple[str, ...] = ()
    degraded: tuple[str, ...] = ()
    not_forked: tuple[tuple[str, int], ...] = ()
    failures: int = 0
    leaky_groups: tuple[str, ...] = ()
