"""Runs what is handed out: a case in a container, or cases that share one, one after the other."""

import contextlib
import math
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

import attrs
import trio

from maelstrom_core.errors import MaelstromError, UsageError
from maelstrom_core.hooks.manager import Plugins
from maelstrom_core.model.cases import Case, CaseReport, CaseStatus
from maelstrom_core.model.container import ContainerSpec
from maelstrom_core.model.ids import CaseId
from maelstrom_core.model.job import JobSpec
from maelstrom_core.model.outcome import (
    Cancelled,
    Exited,
    JobResult,
    TimedOut,
    describe,
)
from maelstrom_core.model.ports import Backend, OnOutput, TellsBeginnings, Viewer
from maelstrom_core.model.views import RunView
from maelstrom_core.testrun.events import Submit
from maelstrom_core.testrun.marks_plan import Marking
from maelstrom_core.testrun.parts_plan import REPORT, STDERR, STDOUT, Part, Parts
from maelstrom_core.testrun.slow_state import SlowWatch

NOTHING_MARKED = Marking()
MOST_ATTEMPTS = 3
"""How often cases that share a container are begun on machines that are lost before one of them ends."""
_Written = tuple[int, bytes, float]
"""A stream, what was written to it, and when."""


class Batches:
    """Runs batches on a backend.

    :param ended: told of each case that has ended
    :param viewer_of: whoever attends to a case's terminal; of cases that share a container, to that
        of the first
    :param marking: what is marked of them
    """

    def __init__(
        self,
        view: RunView,
        plugins: Plugins,
        backend: Backend,
        ended: Callable[[CaseReport], None],
        *,
        viewer_of: Callable[[Case], Viewer] | None = None,
        marking: Marking = NOTHING_MARKED,
    ) -> None:
        self._view = view
        self._plugins = plugins
        self._backend = backend
        self._ended = ended
        self._viewer_of = viewer_of
        self._marking = marking
        self._tells_beginnings = isinstance(backend, TellsBeginnings) and backend.tells_beginnings
        self._handed_out: dict[tuple[CaseId, int], JobSpec] = {}
        """Those that have not begun."""
        self.slow = SlowWatch(marking.slow_after or math.inf)
        self.degraded: dict[str, None] = {}
        self.leaky_groups: list[str] = []
        self.not_forked = Counter[str]()

    async def run(self, submit: Submit) -> None:
        """Run a batch until its container is gone; at least one case has been told of then."""
        first = submit.cases[0]
        try:
            container = self._container(first)
            together = self._together(submit.cases, container)
            job = None
            if len(together) > 1:
                job = self._plugins.execute_group(self._view, together, container)
            if job is None:
                # The others have a turn of their own: this runner has no way to run them together.
                together = together[:1]
                job = self._plugins.execute(self._view, first, container)
            elif len(job.later_timeouts) != len(together) - 1:
                raise UsageError(
                    f"maelstrom_execute_group made a job of {len(job.later_timeouts) + 1} parts "
                    f"for {len(together)} cases"
                )
        except MaelstromError as error:
            self._say(first, CaseReport(id=first.id, status=CaseStatus.ERROR, message=str(error)))
            return
        job = attrs.evolve(
            job,
            expected_duration=submit.expected_duration,
            slots=max(job.slots, submit.slots),
            label=job.label or first.id,
            environment=(
                *job.environment,
                ("MAELSTROM_ATTEMPT", str(submit.attempt)),
                ("MAELSTROM_REPETITION", str(first.repetition)),
            ),
        )
        if len(together) > 1:
            await _Sharing(self, together, job).run()
        else:
            await self._run_one(first, job)

    def _container(self, case: Case) -> ContainerSpec:
        return self._plugins.adjust(self._view, case, self._plugins.package(self._view, case))

    def _together(self, cases: Sequence[Case], container: ContainerSpec) -> list[Case]:
        """Those that can be in the same container, be it that plugins have adjusted it."""
        found = [cases[0]]
        for case in cases[1:]:
            try:
                its_own = self._container(case)
            except MaelstromError:
                continue  # told of when it is its turn
            if its_own is container or its_own == container:
                found.append(case)
        return found

    async def _run_one(self, case: Case, job: JobSpec) -> None:
        self.handed_out(case, job)
        hears = _Hears(partial(self.wrote, case), partial(self.began, case))
        result = await self.run_job(case, job, hears, number=lambda: 1)
        self.tell(case, result)

    async def run_job(
        self,
        case: Case,
        job: JobSpec,
        on_output: OnOutput,
        *,
        number: Callable[[], int],
    ) -> JobResult:
        """Run a job, and note what it says of this host.

        :param case: the first that it runs
        :param number: how many cases were run by it, asked when it has ended
        """
        if self._viewer_of is None:
            result = await self._backend.run(job, on_output=on_output)
        else:
            viewer = self._viewer_of(case)
            result = await self._backend.run(job, on_output=on_output, viewer=viewer)
        self.degraded.update(dict.fromkeys(result.degraded))
        if result.not_forked:
            self.not_forked[result.not_forked] += number()
        return result

    def handed_out(self, case: Case, job: JobSpec) -> None:
        """It is the backend's: where it need not wait for a machine, it begins."""
        self._handed_out[case.id, case.repetition] = job
        if not self._tells_beginnings:
            self.began(case)

    def began(self, case: Case) -> None:
        """Tell observers that a case begins; of one that begins anew they know already."""
        self.slow.began(case, now=trio.current_time())
        job = self._handed_out.pop((case.id, case.repetition), None)
        if job is not None:
            self._plugins.observe("maelstrom_job_started", run=self._view, case=case, job=job)

    def _has_begun(self, case: Case) -> None:
        """It must have, be it that nobody has said so."""
        if (case.id, case.repetition) in self._handed_out:
            self.began(case)

    def wrote(self, case: Case, stream: int, data: bytes) -> None:
        """Tell observers what a case writes."""
        self._has_begun(case)
        if stream <= STDERR:
            self._plugins.observe(
                "maelstrom_job_output", run=self._view, case=case, stream=stream, data=data
            )

    def tell(self, case: Case, result: JobResult) -> None:
        """Tell of a case that has ended."""
        view, plugins = self._view, self._plugins
        self._has_begun(case)
        self.slow.ended(case)
        plugins.observe("maelstrom_job_ended", run=view, case=case, result=result)
        if isinstance(result.outcome, Cancelled):
            report = CaseReport(id=case.id, status=CaseStatus.CANCELLED, result=result)
        else:
            try:
                report = plugins.report(view, case, result)
            except MaelstromError as error:
                message = f"{error}\n{describe(result.outcome)}"
                report = CaseReport(
                    id=case.id, status=CaseStatus.ERROR, message=message, result=result
                )
        self._say(case, report)

    def note_left(self, cases: Sequence[Case], result: JobResult) -> None:
        """Note what was left in a container that these have shared."""
        self.leaky_groups += self._marking.told_of_group(cases, result)

    def _say(self, case: Case, report: CaseReport) -> None:
        if report.result is not None and report.result.report:
            # It is in the report by now, and a run keeps all its reports.
            report = attrs.evolve(report, result=attrs.evolve(report.result, report=b""))
        report = self._marking.marked(report)
        if case.repetitions > 1 or report.repetitions > 1:
            number, of = case.repetition, case.repetitions
            report = attrs.evolve(report, repetition=number, repetitions=of)
        self._ended(report)


@attrs.frozen
class _Hears:
    """What is called with a job's output, and when it begins (`TellsBeginnings`)."""

    wrote: OnOutput
    began: Callable[[], None]

    def __call__(self, stream: int, data: bytes) -> None:
        self.wrote(stream, data)


class _Sharing:
    """One run of cases in one container."""

    def __init__(self, batches: Batches, cases: list[Case], job: JobSpec) -> None:
        self._batches = batches
        self._cases = cases
        self._job = job
        self._parts = Parts(len(cases), job.output_bytes)
        self._began = 0.0
        self._result: JobResult | None = None

    @property
    def _case(self) -> Case:
        """The one that runs now."""
        return self._cases[self._parts.begun - 1]

    async def run(self) -> None:
        """Run them; each is told of when the next one begins, the last one when the job has ended.

        What comes is taken in by this task, in its order, since observers may end the run, or raise:
        that must not happen to whoever brings it.
        """
        for attempt in range(MOST_ATTEMPTS):
            result = await self._run_once()
            if not result.broken_off or self._parts.begun > 1 or attempt == MOST_ATTEMPTS - 1:
                self._end(result)
                return
            self._parts = Parts(len(self._cases), self._job.output_bytes)

    async def _run_once(self) -> JobResult:
        self._began = trio.current_time()
        self._batches.handed_out(self._case, self._job)
        sending, receiving = trio.open_memory_channel[_Written](math.inf)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._run_job, sending)
            async with receiving:
                async for stream, data, now in receiving:
                    self._take(stream, data, now)
        assert self._result is not None
        return self._result

    async def _run_job(self, sending: trio.MemorySendChannel[_Written]) -> None:
        def on_output(stream: int, data: bytes) -> None:
            # When it is not wanted any more, it may still write until it has ended.
            with contextlib.suppress(trio.BrokenResourceError):
                sending.send_nowait((stream, data, trio.current_time()))

        async with sending:
            self._result = await self._batches.run_job(
                self._cases[0],
                self._job,
                _Hears(on_output, partial(on_output, REPORT, b"")),
                number=lambda: self._parts.begun,
            )

    def _take(self, stream: int, data: bytes, now: float) -> None:
        if not data:
            self._began = now  # it has waited for a machine until now
            self._batches.began(self._case)
            return
        begun = self._parts.begun
        self._batches.wrote(self._case, stream, data)
        # From afar several may come at once.
        for index, part in enumerate(self._parts.take(stream, data), begun):
            result = self._result_of(part, JobResult(outcome=Exited(0)), now)
            self._batches.tell(self._cases[index - 1], result)
            self._began = now
            self._batches.handed_out(self._cases[index], self._job)
            self._batches.began(self._cases[index])

    def _result_of(self, part: Part, result: JobResult, now: float) -> JobResult:
        stdout, stderr = (part.streams[stream].captured for stream in (STDOUT, STDERR))
        return attrs.evolve(
            result,
            # Of the last part it may be known how much is missing.
            stdout=max(stdout, result.stdout, key=lambda one: one.total_bytes),
            stderr=max(stderr, result.stderr, key=lambda one: one.total_bytes),
            report=bytes(part.report),
            left_running=0,  # by whichever of them
            left_commands=(),
            usage=attrs.evolve(result.usage, wall_seconds=now - self._began),
        )

    def _end(self, result: JobResult) -> None:
        """The container is gone: that is the ending of the case that ran, unless it is not its fault."""
        now, index = trio.current_time(), self._parts.begun - 1
        limit = (self._job.timeout, *self._job.later_timeouts)[index]
        late = isinstance(result.outcome, TimedOut) and (limit is None or now - self._began < limit)
        if (late or result.broken_off) and index:
            return  # the time of the one before was up, or the machine was lost: it is run elsewhere
        self._batches.tell(self._case, self._result_of(self._parts.current, result, now))
        self._batches.note_left(self._cases[: index + 1], result)
        if isinstance(result.outcome, Cancelled):
            for case in self._cases[index + 1 :]:
                self._batches.tell(case, JobResult(outcome=result.outcome))
