"""Performs a test run: hooks for what a runner knows, a backend for where jobs go."""

from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any, assert_never

import trio

from maelstrom_core.errors import MaelstromError
from maelstrom_core.hooks.manager import Plugins
from maelstrom_core.model.cases import Case
from maelstrom_core.model.ports import Backend, Viewer
from maelstrom_core.model.views import RunView, Summary
from maelstrom_core.testrun.batches import Batches
from maelstrom_core.testrun.events import (
    BatchEnded,
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
from maelstrom_core.testrun.marks_plan import Marking
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
        choose: Callable[[AsyncIterator[Case]], AsyncIterator[Case]] | None = None,
        touched: Callable[[Case], bool] = lambda _: False,
        marking: Marking | None = None,
    ) -> None:
        """Make it.

        :param viewer_of: whoever attends to a case's terminal
        :param choose: given the cases that the runner finds, gives those that are run; all by default
        :param touched: whether a case is to be run before others, for something of it has changed
        :param marking: what is marked of cases; nothing is slow by default
        """
        self._plugins = plugins
        self._backend = backend
        self._history = history
        self._choose_of = choose
        self._touched = touched
        self._state = TestRunState(backend.slots, limits)
        self.view = RunView(
            runner=runner,
            project_directory=project_directory,
            options=options,
            run_job=backend.run,
        )
        self._batches = Batches(
            self.view,
            plugins,
            backend,
            lambda report: self._tell(CaseEnded(report)),
            viewer_of=viewer_of,
            marking=marking or Marking(),
        )
        self._minds_slow = marking is not None and marking.slow_after is not None
        self._scopes: dict[int, trio.CancelScope] = {}
        self._effects: deque[Effect] = deque()
        self._performing = False
        self._choosing = False
        self._collecting = trio.CancelScope()
        self._minding = trio.CancelScope()
        self._over = trio.Event()
        self._nursery: trio.Nursery | None = None
        self._errors: list[str] = []

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
            degraded=tuple(self._batches.degraded),
            leaky_groups=tuple(self._batches.leaky_groups),
            not_forked=tuple(self._batches.not_forked.items()),
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
                if self._minds_slow:
                    nursery.start_soon(self._mind_slow)
                await self._over.wait()
                self._minding.cancel()
        finally:
            self._plugins.observe("maelstrom_run_ended", run=self.view, summary=self.summary())
        return self.summary()

    async def _collect(self) -> None:
        error = ""
        with self._collecting:
            try:
                cases = self._plugins.collect(self.view)
                async for case in cases if self._choose_of is None else self._choose_of(cases):
                    self._plugins.observe("maelstrom_case_found", run=self.view, case=case)
                    known = self._history.of(case.id) if self._history else None
                    expected = known.duration if known else None
                    urgent = self._history is not None and (known is None or known.failed)
                    urgent = urgent or self._touched(case)
                    self._tell(CaseFound(case, expected, urgent))
                    self._choose_soon()
            except MaelstromError as failed:
                error = str(failed)
                self._errors.append(error)
        self._tell(CollectionEnded(error))

    async def _mind_slow(self) -> None:
        watch = self._batches.slow
        with self._minding:
            while True:
                await trio.sleep_until(watch.next_look(now=trio.current_time()))
                for case, seconds in watch.look(now=trio.current_time()):
                    self._plugins.observe(
                        "maelstrom_job_slow", run=self.view, case=case, seconds=seconds
                    )

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
            case Submit(number):
                assert self._nursery is not None
                scope = self._scopes[number] = trio.CancelScope()
                self._nursery.start_soon(self._run_batch, effect, scope)
            case Cancel(number):
                self._scopes[number].cancel()
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

    async def _run_batch(self, submit: Submit, scope: trio.CancelScope) -> None:
        with scope:
            await self._batches.run(submit)
        del self._scopes[submit.batch]
        self._tell(BatchEnded(submit.batch))
