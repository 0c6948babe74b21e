"""Every hook there is, by phase.

A runner implements `maelstrom_collect`, `maelstrom_package`, `maelstrom_execute` and
`maelstrom_report`; our own runners register through these same hooks and the same entry-point
group (``maelstrom``) as those of strangers. Hooks are called in the client, in one thread, and
must not block it: what takes long is awaited or done in the job itself.

An implementation names only those arguments that it needs. Several of one hook are called in
pluggy's order: the last one registered first, ``tryfirst`` before and ``trylast`` after the rest.
One may raise `maelstrom_core.errors.UsageError` for what the user must mend; anything else that it
raises is reported as a fault of its plugin. A plugin may say for which version of the hooks it was
written, ``MAELSTROM_API = 1``; with another one it is refused. Each example stands below
``from maelstrom_core.hooks import hookimpl``; they are run as tests.
"""

from collections.abc import AsyncIterator, Sequence
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

    Called once per program, before files and variables are read for settings. In a run, hooks find
    their values in ``run.options["settings"]``.

    :param settings: a `maelstrom_core.settings.schema.Schema`; call its ``add``

    Example::

        from maelstrom_core.settings import Field
        from maelstrom_core.settings.schema import whole_number

        @hookimpl
        def maelstrom_options(settings):
            devices = Field(name="devices", read=whole_number, default=1, help="test devices")
            settings.add(devices)
    """


@hookspec(firstresult=True)
def maelstrom_collect(run: RunView) -> AsyncIterator[Case] | None:
    """Find the cases of a run.

    Called once per run. Cases are dispatched as they are yielded, so yield early. May run jobs
    (``await run.run_job(...)``); may raise `maelstrom_core.errors.UsageError` with what is wrong.

    :param run: the run; its ``runner`` says whose turn it is
    :return: an asynchronous iterator, or ``None`` if ``run.runner`` is not this plugin's

    Example::

        from maelstrom_core.model.cases import Case
        from maelstrom_core.model.ids import CaseId

        async def scripts(directory):
            for path in sorted(directory.glob("*.sh")):
                yield Case(id=CaseId(path.name), name=path.stem, file=path.name)

        @hookimpl
        def maelstrom_collect(run):
            return scripts(run.project_directory) if run.runner == "shell" else None
    """


@hookspec(firstresult=True)
def maelstrom_package(run: RunView, case: Case) -> ContainerSpec | None:
    """Say which container a case needs: layers, mounts, environment.

    Called once per case; return the same object for cases that share a container, for layers are
    made and digested once per object. Quick and pure.

    :param run: the run
    :param case: what was collected
    :return: the container, or ``None`` if ``run.runner`` is not this plugin's

    Example::

        from maelstrom_core.model.container import ContainerSpec
        from maelstrom_core.model.layers import GlobLayer, HostTreeLayer

        SYSTEM_AND_SCRIPTS = ContainerSpec(
            layers=(HostTreeLayer(path="/usr"), GlobLayer(globs=("*.sh",)))
        )

        @hookimpl
        def maelstrom_package(run):
            return SYSTEM_AND_SCRIPTS if run.runner == "shell" else None
    """


@hookspec
def maelstrom_adjust_container(
    run: RunView, case: Case, container: ContainerSpec
) -> ContainerSpec | None:
    """Change the container of a case: add a layer, a mount, a variable.

    Called once per attempt, after `maelstrom_package`, for every plugin in turn: each is given
    what the one before it made. Quick and pure; equal inputs must give equal outputs, since
    results are remembered.

    :param run: the run
    :param case: whose container it is; its marks may say what it wants
    :param container: frozen
    :return: the changed container (``attrs.evolve``), or ``None`` to leave it

    Example::

        import attrs
        from maelstrom_core.model.container import Network

        @hookimpl
        def maelstrom_adjust_container(case, container):
            if "loopback" not in case.markers:
                return None
            return attrs.evolve(container, network=Network.LOOPBACK)
    """


@hookspec(firstresult=True)
def maelstrom_execute(run: RunView, case: Case, container: ContainerSpec) -> JobSpec | None:
    """Say how a case is run in its container: program, arguments, time limit.

    Called once per attempt. Quick and pure.

    :param run: the run
    :param case: what is to be run
    :param container: what `maelstrom_package` and `maelstrom_adjust_container` made; put it into
        the job unchanged
    :return: the job, or ``None`` if ``run.runner`` is not this plugin's

    Example::

        from maelstrom_core.model.job import JobSpec

        @hookimpl
        def maelstrom_execute(run, case, container):
            if run.runner != "shell":
                return None
            return JobSpec(container=container, program="sh", arguments=(case.file,))
    """


@hookspec(firstresult=True)
def maelstrom_execute_group(
    run: RunView, cases: Sequence[Case], container: ContainerSpec
) -> JobSpec | None:
    """Say how cases of one group are run in one container, one after the other.

    Called once per container of a group, for the cases that are left of it; a runner without this
    hook has its cases run one by one, whatever their ``group``. Quick and pure. The job writes a byte
    30 (`maelstrom_core.model.job.NEXT_PART`) to its report where the next case begins, when it has seen
    that all it wrote before has been read; what comes between two of these is one case's own, for
    `maelstrom_report`. If the container ends early, that is the ending of the case that ran, and those
    behind it go on in another container.

    :param run: the run
    :param cases: at least two, in the order in which they were collected
    :param container: the one that each of them would have by itself
    :return: a job with a time limit (or ``None``) in ``later_timeouts`` for each case but the first;
        ``None`` if ``run.runner`` is not this plugin's, or they cannot be run together

    Example::

        from maelstrom_core.model.job import JobSpec

        # A script that fails ends the container, and so is told of as what has failed.
        ONE_BY_ONE = 'for script; do sh "$script" || exit; printf "\\036" >&3; done'

        @hookimpl
        def maelstrom_execute_group(run, cases, container):
            if run.runner != "shell":
                return None
            return JobSpec(
                container=container,
                program="sh",
                arguments=("-c", ONE_BY_ONE, "sh", *(case.file for case in cases)),
                report=True,
                later_timeouts=(None,) * (len(cases) - 1),
            )
    """


@hookspec(firstresult=True)
def maelstrom_report(run: RunView, case: Case, result: JobResult) -> CaseReport | None:
    """Turn the ending of a case's job into a report.

    Called once per attempt, whatever the ending was, unless it was cancelled. Of a case that was run in
    one container with others, the result is its own part; it counts as exited with status 0 if the next
    one has begun. Quick and pure. An
    exception costs this case alone: it is reported as an error that names the plugin.

    :param run: the run
    :param case: what was run
    :param result: how its job ended, and what it wrote; its ``report`` is not kept afterwards, so
        what is needed of that goes into the report's ``details``
    :return: the report, or ``None`` if ``run.runner`` is not this plugin's

    Example::

        from maelstrom_core.model.cases import CaseReport, CaseStatus
        from maelstrom_core.model.outcome import Exited

        @hookimpl
        def maelstrom_report(run, case, result):
            if run.runner != "shell":
                return None
            passed = result.outcome == Exited(0)
            status = CaseStatus.PASSED if passed else CaseStatus.FAILED
            return CaseReport(id=case.id, status=status, message=result.stderr.text())
    """


@hookspec(firstresult=True)
def maelstrom_backend(settings: Any) -> BackendOpener | None:
    """Offer a place where jobs are run.

    Called once per run; the first plugin that answers is taken, this machine otherwise.

    :param settings: the run's frozen settings
    :return: a function that opens a `maelstrom_core.model.ports.Backend`, or ``None``

    Example::

        from functools import partial
        from pathlib import Path
        from maelstrom_core.cluster.local import open_local_backend

        @hookimpl
        def maelstrom_backend(settings):
            here = Path("/srv/store")
            return partial(open_local_backend, store_directory=here, project_directory=here, slots=1)
    """


@hookspec
def maelstrom_run_started(run: RunView) -> None:
    """Observe: a run begins. Called once, before anything is collected.

    :param run: the run

    Example::

        @hookimpl
        def maelstrom_run_started(run):
            print(f"{run.runner} in {run.project_directory}")
    """


@hookspec
def maelstrom_case_found(run: RunView, case: Case) -> None:
    """Observe: a case was collected. Called once per case, before it is dispatched.

    :param run: the run
    :param case: what was collected

    Example::

        @hookimpl
        def maelstrom_case_found(case):
            print(f"{case.id} in {case.file or 'an unknown file'}")
    """


@hookspec
def maelstrom_job_started(run: RunView, case: Case, job: JobSpec) -> None:
    """Observe: a case's job begins to run. Called once per attempt, before all else of it.

    On a cluster that is when a worker has begun it, which is not told of one that has ended soon: then
    this is called with what comes first of it, be that its end.

    :param run: the run
    :param case: what will be run
    :param job: as `maelstrom_execute` made it, with what is known of its duration, and which
        attempt and repetition it is in ``MAELSTROM_ATTEMPT`` and ``MAELSTROM_REPETITION``

    Example::

        @hookimpl
        def maelstrom_job_started(job):
            print(job.label, job.program, *job.arguments)
    """


@hookspec
def maelstrom_job_output(run: RunView, case: Case, stream: int, data: bytes) -> None:
    """Observe: a case's job wrote something.

    Called once for each piece, live, as the job writes it.

    :param run: the run
    :param case: what is being run
    :param stream: 1 for stdout, 2 for stderr
    :param data: what was written since the last call; may end within a character

    Example::

        @hookimpl
        def maelstrom_job_output(case, stream, data):
            print(f"{case.id}: {len(data)} bytes to {'stdout' if stream == 1 else 'stderr'}")
    """


@hookspec
def maelstrom_job_slow(run: RunView, case: Case, seconds: float) -> None:
    """Observe: a case's job has run for longer than the setting ``slow-after``, and goes on.

    Called once when it has, and again each time that it has run for as long.

    :param run: the run
    :param case: what is being run
    :param seconds: for how long, a multiple of ``slow-after``

    Example::

        @hookimpl
        def maelstrom_job_slow(case, seconds):
            print(f"{case.id} has run for more than {seconds:g} s")
    """


@hookspec
def maelstrom_job_ended(run: RunView, case: Case, result: JobResult) -> None:
    """Observe: a case's job ended. Called once per attempt, before `maelstrom_report`.

    :param run: the run
    :param case: what was run
    :param result: how it ended

    Example::

        from maelstrom_core.model.outcome import describe

        @hookimpl
        def maelstrom_job_ended(case, result):
            print(case.id, describe(result.outcome))
    """


@hookspec
def maelstrom_case_reported(run: RunView, report: CaseReport) -> None:
    """Observe: a case has its report. Called once per case, or for each of its repetitions.

    :param run: the run
    :param report: as `maelstrom_report` made it, or an error that names what failed; of a case that
        was run again the last one, with those of its earlier ``attempts``

    Example::

        @hookimpl
        def maelstrom_case_reported(report):
            print(f"{report.id}: {report.status.value} in {report.duration:.2f} s")
    """


@hookspec
def maelstrom_run_ended(run: RunView, summary: Summary) -> None:
    """Observe: a run is over. Called once, whatever happened, Ctrl-C included.

    :param run: the run
    :param summary: every report, and how many cases have none

    Example::

        @hookimpl
        def maelstrom_run_ended(summary):
            failures = sum(report.status.is_failure for report in summary.reports)
            print(f"{failures} of {len(summary.reports)} failed, {summary.not_run} not run")
    """
