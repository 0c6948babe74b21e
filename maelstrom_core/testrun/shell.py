"""Performs a test run: hooks for what a runner knows, a backend for where jobs go."""

from collections import Counter, deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, assert_never

import attrs
import trio

from maelstrom_core.errors import MaelstromError
from maelstrom_core.hooks.manager import Plugins
from maelstrom_core.model.cases import Case, CaseReport, CaseStatus
from maelstrom_core.model.ids import CaseId
from maelstrom_core.model.outcome import Cancelled, describe
from maelstrom_core.model.ports import Backend, Viewer
from maelstrom_core.model.views import RunView, Summary
from maelstrom_core.testrun.events import (
    Cancel,
    CaseEnded,
    CaseFound,
    CollectionEnded,
    Effect,
    Event,
    Finish,
    FoundSoFar,
    StopCollecting,
    StopWanted,
    Submit,
    Tell,
)
from maelstrom_core.testrun.history import History
from maelstrom_core.testrun.state import Limits, TestRunState


class TestRun:
    """One run. Make it, `run` it once; `stop` it from a hook or another task."""

    __test__ = False

    def __init__(
        self,
        *,
        runner: str,
        plugins: Plugins,
        backend: Backend,
        project_directory: Path,
        options: Mapping[str, Any],
        limits: Limits | None = None,
        history: History | None = None,
        viewer_of: Callable[[Case], Viewer] | None = None,
    ) -> None:
        """Make it.

        :param viewer_of: whoever attends to a case's terminal
        """
        self._plugins = plugins
        self._backend = backend
        self._history = history
        self._viewer_of = viewer_of
        self._state = TestRunState(backend.slots, limits)
        self.view = RunView(
            runner=runner,
            project_directory=project_directory,
            options=options,
            run_job=backend.run,
        )
        self._scopes: dict[CaseId, trio.CancelScope] = {}
        self._effects: deque[Effect] = deque()
        self._performing = False
        self._choosing = False
        self._collecting = trio.CancelScope()
        self._over = trio.Event()
        self._nursery: trio.Nursery | None = None
        self._errors: list[str] = []
        self._degraded: dict[str, None] = {}
        self._not_forked = Counter[str]()

    def stop(self, reason: str) -> None:
        """End the run soon: nothing more is handed out, what runs is cancelled."""
        self._tell(StopWanted(reason))

    def summary(self) -> Summary:
        """How it went so far."""
        state = self._state
        return Summary(
            reports=tuple(state.reports),
            not_run=state.not_run,
            stopped=state.stopped,
            errors=tuple(self._errors),
            degraded=tuple(self._degraded),
            not_forked=tuple(self._not_forked.items()),
            failures=state.failures,
        )

    async def run(self) -> Summary:
        """Run to the end; when cancelled, returns only when nothing of it runs any more.

        :raises MaelstromError: if collecting fails
        """
        self._plugins.observe("maelstrom_run_started", run=self.view)
        try:
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                nursery.start_soon(self._collect)
                await self._over.wait()
        finally:
            self._plugins.observe("maelstrom_run_ended", run=self.view, summary=self.summary())
        return self.summary()

    async def _collect(self) -> None:
        error = ""
        with self._collecting:
            try:
                async for case in self._plugins.collect(self.view):
                    self._plugins.observe("maelstrom_case_found", run=self.view, case=case)
                    known = self._history.of(case.id) if self._history else None
                    expected = known.duration if known else None
                    urgent = self._history is not None and (known is None or known.failed)
                    self._tell(CaseFound(case, expected, urgent))
                    self._choose_soon()
            except MaelstromError as failed:
                error = str(failed)
                self._errors.append(error)
        self._tell(CollectionEnded(error))

    def _choose_soon(self) -> None:
        """Let cases be handed out once those that are yielded in one go are all known."""
        assert self._nursery is not None
        if not self._choosing:
            self._choosing = True
            self._nursery.start_soon(self._choose)

    async def _choose(self) -> None:
        self._choosing = False
        self._tell(FoundSoFar())

    def _tell(self, event: Event) -> None:
        self._effects += self._state.step(event)
        if self._performing:
            # An observer stops the run: first what was decided before, for it may be cancelled now.
            return
        self._performing = True
        try:
            while self._effects:
                self._perform(self._effects.popleft())
        finally:
            self._performing = False

    def _perform(self, effect: Effect) -> None:
        match effect:
            case Submit(case):
                assert self._nursery is not None
                scope = self._scopes[case.id] = trio.CancelScope()
                self._nursery.start_soon(self._run_case, effect, scope)
            case Cancel(case):
                self._scopes[case].cancel()
            case StopCollecting():
                self._collecting.cancel()
            case Tell(report):
                if self._history is not None:
                    self._history.add(report)
                self._plugins.observe("maelstrom_case_reported", run=self.view, report=report)
            case Finish():
                self._over.set()
            case _:
                assert_never(effect)

    async def _run_case(self, submit: Submit, scope: trio.CancelScope) -> None:
        case = submit.case
        report = CaseReport(id=case.id, status=CaseStatus.CANCELLED)
        with scope:
            report = await self._attempt(submit)
        del self._scopes[case.id]
        if report.result is not None:
            # It is in the report by now, and a run keeps all its reports.
            report = attrs.evolve(report, result=attrs.evolve(report.result, report=b""))
        number, of = case.repetition, case.repetitions
        self._tell(CaseEnded(attrs.evolve(report, repetition=number, repetitions=of)))

    async def _attempt(self, submit: Submit) -> CaseReport:
        view, plugins, case = self.view, self._plugins, submit.case
        try:
            container = plugins.adjust(view, case, plugins.package(view, case))
            job = plugins.execute(view, case, container)
        except MaelstromError as error:
            return CaseReport(id=case.id, status=CaseStatus.ERROR, message=str(error))
        job = attrs.evolve(
            job,
            expected_duration=submit.expected_duration,
            label=job.label or case.id,
            environment=(
                *job.environment,
                ("MAELSTROM_ATTEMPT", str(submit.attempt)),
                ("MAELSTROM_REPETITION", str(case.repetition)),
            ),
        )
        plugins.observe("maelstrom_job_started", run=view, case=case, job=job)
        watcher = self._watcher(case)
        if self._viewer_of is None:
            result = await self._backend.run(job, on_output=watcher)
        else:
            viewer = self._viewer_of(case)
            result = await self._backend.run(job, on_output=watcher, viewer=viewer)
        self._degraded.update(dict.fromkeys(result.degraded))
        if result.not_forked:
            self._not_forked[result.not_forked] += 1
        plugins.observe("maelstrom_job_ended", run=view, case=case, result=result)
        if isinstance(result.outcome, Cancelled):
            return CaseReport(id=case.id, status=CaseStatus.CANCELLED, result=result)
        try:
            return plugins.report(view, case, result)
        except MaelstromError as error:
            message = f"{error}\n{describe(result.outcome)}"
            return CaseReport(id=case.id, status=CaseStatus.ERROR, message=message, result=result)

    def _watcher(self, case: Case) -> Callable[[int, bytes], None]:
        def watch(stream: int, data: bytes) -> None:
            if stream <= 2:
                self._plugins.observe(
                    "maelstrom_job_output", run=self.view, case=case, stream=stream, data=data
                )

        return watch
