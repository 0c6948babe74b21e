"""Every hook there is, by phase.

A runner implements `maelstrom_collect`, `maelstrom_package`, `maelstrom_execute` and
`maelstrom_report`; our own runners register through these same hooks and the same entry-point
group (``maelstrom``) as those of strangers. Hooks are called in the client, in one thread, and
must not block it: what takes long is awaited or done in the job itself.
"""

from collections.abc import AsyncIterator
from typing import Any

from pluggy import HookspecMarker

from maelstrom_core.model.cases import Case, CaseReport
from maelstrom_core.model.container import ContainerSpec
from maelstrom_core.model.job import JobSpec
from maelstrom_core.model.outcome import JobResult
from maelstrom_core.model.ports import BackendOpener
from maelstrom_core.model.views import RunView, Summary

hookspec = HookspecMarker("maelstrom")

API_VERSION = 1
"""Raised when a hook changes in a way that breaks implementations."""


@hookspec
def maelstrom_options(settings: Any) -> None:
    """Declare settings of a plugin's own.

    Called once per program, before the command line is read.

    :param settings: a `maelstrom_core.settings.schema.Schema`; call its ``add``
    """


@hookspec(firstresult=True)
def maelstrom_collect(run: RunView) -> AsyncIterator[Case] | None:
    """Find the cases of a run.

    Called once per run. Cases are dispatched as they are yielded, so yield early. May run jobs
    (``await run.run_job(...)``); may raise `maelstrom_core.errors.UsageError` with what is wrong.

    :return: an asynchronous iterator, or ``None`` if ``run.runner`` is not this plugin's
    """


@hookspec(firstresult=True)
def maelstrom_package(run: RunView, case: Case) -> ContainerSpec | None:
    """Say which container a case needs: layers, mounts, environment.

    Called once per case; return the same object for cases that share a container, for layers are
    made and digested once per object. Quick and pure.

    :return: the container, or ``None`` if ``run.runner`` is not this plugin's
    """


@hookspec
def maelstrom_adjust_container(
    run: RunView, case: Case, container: ContainerSpec
) -> ContainerSpec | None:
    """Change the container of a case: add a layer, a mount, a variable.

    Called once per distinct container and case, after `maelstrom_package`, for every plugin in
    turn. Quick and pure; equal inputs must give equal outputs, since results are remembered.

    :return: the changed container (``attrs.evolve``), or ``None`` to leave it
    """


@hookspec(firstresult=True)
def maelstrom_execute(run: RunView, case: Case, container: ContainerSpec) -> JobSpec | None:
    """Say how a case is run in its container: program, arguments, time limit.

    Called once per attempt. Quick and pure.

    :param container: what `maelstrom_package` and `maelstrom_adjust_container` made; put it into
        the job unchanged
    :return: the job, or ``None`` if ``run.runner`` is not this plugin's
    """


@hookspec(firstresult=True)
def maelstrom_report(run: RunView, case: Case, result: JobResult) -> CaseReport | None:
    """Turn the ending of a case's job into a report.

    Called once per attempt, whatever the ending was. Quick and pure. An exception costs this case
    alone: it is reported as an error that names the plugin.

    :return: the report, or ``None`` if ``run.runner`` is not this plugin's
    """


@hookspec(firstresult=True)
def maelstrom_backend(settings: Any) -> BackendOpener | None:
    """Offer a place where jobs are run.

    Called once per run; the first plugin that answers is taken, this machine otherwise.

    :param settings: the run's frozen settings
    :return: a function that opens a `maelstrom_core.model.ports.Backend`
    """


@hookspec
def maelstrom_run_started(run: RunView) -> None:
    """Observe: a run begins. Called once, before anything is collected."""


@hookspec
def maelstrom_case_found(run: RunView, case: Case) -> None:
    """Observe: a case was collected. Called once per case, before it is dispatched."""


@hookspec
def maelstrom_job_started(run: RunView, case: Case, job: JobSpec) -> None:
    """Observe: a case's job was handed to the backend. Called once per attempt."""


@hookspec
def maelstrom_job_output(run: RunView, case: Case, stream: int, data: bytes) -> None:
    """Observe: a case's job wrote something; live, while it runs.

    :param stream: 1 for stdout, 2 for stderr
    """


@hookspec
def maelstrom_job_ended(run: RunView, case: Case, result: JobResult) -> None:
    """Observe: a case's job ended. Called once per attempt, before `maelstrom_report`."""


@hookspec
def maelstrom_case_reported(run: RunView, report: CaseReport) -> None:
    """Observe: a case has its report. Called once per case."""


@hookspec
def maelstrom_run_ended(run: RunView, summary: Summary) -> None:
    """Observe: a run is over. Called once, whatever happened, Ctrl-C included."""
