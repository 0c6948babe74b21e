"""Decides what an engine does next. Pure: no kernel, no clock, no disk.

A job waits for its container's root, then for slots, then runs, then ends; and ends exactly once,
whatever happens. Each container's root is made once, however many jobs wait for it. Ready jobs are
taken by priority, then longest expected first (those of unknown length before all: they may be the
longest), then in the order in which they came. A job that is to be a fork of its container's template
also waits for that to be ready (`template_state`); it takes a slot like any other.
"""

import heapq
import math
import signal
from collections import OrderedDict
from typing import assert_never

from maelstrom_core.engine.effects import (
    Effect,
    Finish,
    ForgetRoot,
    ForkJob,
    MakeRoot,
    PrepareSlot,
    SetAside,
    SignalJob,
    StartJob,
    StartTemplate,
    StopTemplate,
)
from maelstrom_core.engine.events import (
    CancelWanted,
    Event,
    ForkRefused,
    JobEnded,
    JobGiven,
    JobStarted,
    JobStays,
    PartBegan,
    RootFailed,
    RootReady,
    SlotLost,
    TemplateEnded,
    TemplateMeasured,
    TemplateWarm,
    TerminalLeft,
    TerminalWanted,
    TimePassed,
)
from maelstrom_core.engine.job_state import Job
from maelstrom_core.engine.root_state import Roots, RootState
from maelstrom_core.engine.template_state import Templates, Warmth
from maelstrom_core.errors import InternalError
from maelstrom_core.model.ids import JobId
from maelstrom_core.model.outcome import (
    Cancelled,
    Exited,
    HostFailed,
    InputFailed,
    Outcome,
    describe,
)

MOST_ROOTS_PER_SLOT = 8
"""Prepared containers that a slot keeps: each is a mount namespace with its mounts."""
MOST_ATTEMPTS = 2
"""Starts of a job whose slot process died before its program ran."""
_LOOK_FOR_KILLERS = "if it happens again, look for what kills processes here (memory? dmesg)"
TEMPLATE_MEMORY_BYTES = 2 << 30
"""What warm templates may take together where nothing is said of this machine."""


class EngineState:
    """All that an engine knows. Only `step` and `forget` change it.

    :param slots: how many there are
    :param template_memory_bytes: what warm templates may take together
    """

    def __init__(self, slots: int, *, template_memory_bytes: int = TEMPLATE_MEMORY_BYTES) -> None:
        self._jobs: dict[JobId, Job] = {}
        self._roots = Roots()
        self._ready: list[tuple[tuple[int, float, int], JobId]] = []
        self._free: list[int] = list(range(slots))
        self._slots = slots
        self._prepared: list[OrderedDict[str, None]] = [OrderedDict() for _ in range(slots)]
        self._deadlines: list[tuple[float, JobId]] = []
        self._templates = Templates(template_memory_bytes)
        self._serial = 0

    def step(self, event: Event, *, now: float) -> list[Effect]:
        """Take in one event; return what must be done about it, in order.

        :param now: seconds on a clock that never goes back
        """
        match event:
            case JobGiven():
                effects = self._given(event)
            case RootReady(root):
                effects = self._root_ready(root)
            case RootFailed(root, outcome):
                effects = self._root_failed(root, outcome)
            case JobStarted(_, job):
                if job in self._jobs:
                    self._jobs[job].started = True
                return []
            case PartBegan(job):
                effects = self._part_began(job, now)
            case JobEnded(_, job, outcome):
                effects = self._ended(job, outcome)
            case SlotLost(slot, reason):
                effects = self._lost(slot, reason)
            case TemplateWarm(root, unfit, memory_bytes):
                effects = self._template_warm(root, unfit, memory_bytes)
            case TemplateMeasured(root, memory_bytes):
                self._templates.measured(root, memory_bytes)
                effects = self._stop_idle_templates()
            case TemplateEnded(root, outcome, said):
                effects = self._template_ended(root, outcome, said)
            case ForkRefused(root, job, why):
                effects = self._fork_refused(root, job, why)
            case TerminalWanted(job):
                if job in self._jobs:
                    self._jobs[job].stop_the_clock()
                return []
            case TerminalLeft(job):
                return self._terminal_left(job, now)
            case JobStays(job):
                effects = self._stays(job)
            case CancelWanted(job, reason):
                effects = self._cancel(job, reason)
            case TimePassed():
                effects = self._time(now)
            case _:
                assert_never(event)
        return effects + self._fill(now)

    def next_deadline(self) -> float:
        """When `TimePassed` is wanted next; infinity if never."""
        while self._deadlines:
            deadline, job = self._deadlines[0]
            known = self._jobs.get(job)
            if known is not None and known.deadline == deadline:
                return deadline
            heapq.heappop(self._deadlines)
        return math.inf

    @property
    def idle(self) -> bool:
        """Whether no job is known."""
        return not self._jobs

    def _given(self, given: JobGiven) -> list[Effect]:
        if given.job in self._jobs:
            raise InternalError(f"job {given.job} was given twice")
        if given.slots > self._slots or given.slots < 1:
            fault = f"it asks for {given.slots} slots; there are {self._slots}"
            return [Finish(given.job, InputFailed((fault,)))]
        self._serial += 1
        self._jobs[given.job] = job = Job(given, self._serial)
        match self._roots.want(given.root, given.job):
            case RootState.READY:
                return self._root_is_there(given.job, job)
            case RootState.MAKING:
                return []
            case _:
                return [MakeRoot(given.root)]

    def _root_ready(self, root: str) -> list[Effect]:
        effects: list[Effect] = []
        for name in self._roots.ready(root):
            if name in self._jobs:
                effects += self._root_is_there(name, self._jobs[name])
        return effects

    def _root_is_there(self, name: JobId, job: Job) -> list[Effect]:
        """A job needs its template next, if it is to be a fork of one; or a slot."""
        root = job.given.root
        if not (job.given.fork or job.given.warm_up):
            heapq.heappush(self._ready, (job.order, name))
            return []
        effects: list[Effect] = []
        warmth = self._templates.warmth(root)
        if warmth in (Warmth.WARM, Warmth.UNFIT):
            return self._template_is_there(name, job)
        if warmth is None:
            self._templates.start(root)
            effects.append(StartTemplate(root))
        self._templates.wait(root, name)
        return effects

    def _template_is_there(self, name: JobId, job: Job) -> list[Effect]:
        if job.given.warm_up:
            return [self._finish(name, Exited(0))]
        heapq.heappush(self._ready, (job.order, name))
        return []

    def _template_warm(self, root: str, unfit: str, memory_bytes: int) -> list[Effect]:
        effects: list[Effect] = []
        for name in self._templates.warm(root, memory_bytes, unfit):
            effects += self._template_is_there(name, self._jobs[name])
        return effects + self._stop_idle_templates()

    def _template_ended(self, root: str, outcome: Outcome, said: str) -> list[Effect]:
        why = f"the template {describe(outcome)}" + (f": {said}" if said else "")
        waiting, running = self._templates.died(root, why)
        effects: list[Effect] = []
        for name in waiting:
            if self._jobs[name].given.warm_up:
                effects.append(self._finish(name, outcome))
            else:
                effects += self._root_is_there(name, self._jobs[name])
        for name in running:
            if name not in self._jobs:
                continue  # it had only stayed
            job = self._jobs[name]
            began_parts = job.part > 0
            ran = self._take_back(job)
            if job.cancelled is not None:
                effects.append(self._finish(name, Cancelled(job.cancelled, ran)))
            elif began_parts:
                # What came of the parts before has been told: they are not run twice.
                effects.append(self._finish(name, HostFailed(why, _LOOK_FOR_KILLERS)))
            else:
                # Bounded, for a template that dies again and again is soon not forked any more.
                effects += self._root_is_there(name, job)
        return effects

    def _fork_refused(self, root: str, name: JobId, why: str) -> list[Effect]:
        self._templates.refuse(root, why)
        job = self._jobs.get(name)
        if job is None or not job.slots:
            return []
        self._take_back(job)
        self._templates.leave(root, name)
        if job.cancelled is not None:
            return [self._finish(name, Cancelled(job.cancelled, ran=False))]
        job.attempts -= 1
        heapq.heappush(self._ready, (job.order, name))
        return []

    def _take_back(self, job: Job) -> bool:
        """A job does not run any more: its slots are free again; whether it had started."""
        self._free += job.slots
        return job.take_back()

    def _stop_idle_templates(self) -> list[Effect]:
        return [StopTemplate(root) for root in self._templates.stop_idle()]

    def _root_failed(self, root: str, outcome: Outcome) -> list[Effect]:
        # Forgotten, so that a later job tries again: a full disk may have room by then.
        return [self._finish(job, outcome) for job in self._roots.failed(root) if job in self._jobs]

    def forget(self, root: str) -> list[Effect] | None:
        """Let go of a container that is not in use; what must be done, or ``None`` if it is."""
        in_use = any(job.given.root == root for job in self._jobs.values())
        if in_use or self._templates.is_of_use(root) or not self._roots.forget(root):
            return None
        self._templates.forget(root)
        slots = enumerate(self._prepared)
        return [ForgetRoot(slot, root) for slot, known in slots if known.pop(root, "") is None]

    def _fill(self, now: float) -> list[Effect]:
        """Start what is ready while there are slots for it."""
        effects: list[Effect] = []
        while self._ready and self._free:
            name = self._ready[0][1]
            job = self._jobs.get(name)
            if job is None or job.slots:
                heapq.heappop(self._ready)  # cancelled meanwhile
                continue
            if job.given.slots > len(self._free):
                break  # smaller ones do not overtake it, or it might wait for ever
            heapq.heappop(self._ready)
            warmth = self._templates.warmth(job.given.root)
            if job.given.fork and warmth not in (Warmth.WARM, Warmth.UNFIT):
                effects += self._root_is_there(name, job)  # it has ended, or was stopped, meanwhile
                continue
            effects += self._start(name, job, now)
        return effects

    def _start(self, name: JobId, job: Job, now: float) -> list[Effect]:
        root = job.given.root
        # A slot that knows the container comes first; the others stay free in their order.
        self._free.sort(key=lambda slot: root not in self._prepared[slot])
        job.slots = tuple(self._free[: job.given.slots])
        del self._free[: job.given.slots]
        job.attempts += 1
        slot, effects = job.slots[0], list[Effect]()
        job.deadline = job.deadline_of_part(now)
        self._watch(name, job)
        if job.given.fork:
            if self._templates.warmth(root) is Warmth.WARM:
                job.forked = True
                self._templates.use(root, name)
                return [ForkJob(slot, name)]
            job.not_forked = self._templates.why_unfit(root)
        prepared = self._prepared[slot]
        if root not in prepared:
            effects.append(PrepareSlot(slot, root))
            if len(prepared) >= MOST_ROOTS_PER_SLOT:
                effects.append(ForgetRoot(slot, prepared.popitem(last=False)[0]))
        prepared[root] = None
        prepared.move_to_end(root)
        return [*effects, StartJob(slot, name, job.not_forked)]

    def _part_began(self, name: JobId, now: float) -> list[Effect]:
        job = self._jobs.get(name)
        if job is None:
            return []
        number = job.next_part(now)
        self._watch(name, job)
        return [] if number is None else [SignalJob(job.slots[0], name, number)]

    def _ended(self, name: JobId, outcome: Outcome) -> list[Effect]:
        job = self._jobs.get(name)
        if job is None or not job.slots:
            return []  # it was told of as lost before
        self._free += job.slots
        effects: list[Effect] = []
        if job.forked:
            self._templates.leave(job.given.root, name)
            effects = self._stop_idle_templates()
        return [self._finish(name, job.ended(outcome)), *effects]

    def _terminal_left(self, name: JobId, now: float) -> list[Effect]:
        job = self._jobs.get(name)
        if job is not None and job.may_time_out:
            job.deadline = job.deadline_of_part(now)
            self._watch(name, job)
        return []

    def _stays(self, name: JobId) -> list[Effect]:
        """What stays takes no slot; it keeps its template, which ends with it, or a process."""
        job = self._jobs.get(name)
        if job is None or not job.slots:
            return []
        effects: list[Effect] = [] if job.forked else [SetAside(job.slots[0], name)]
        self._take_back(job)
        return [*effects, self._finish(name, job.ended_by_itself())]

    def _lost(self, slot: int, reason: str) -> list[Effect]:
        # Its successor is told of containers by whoever replaces the process.
        running = [
            n
            for n, job in self._jobs.items()
            if job.slots and job.slots[0] == slot and not job.forked
        ]
        if not running:
            return []
        (name,) = running
        job = self._jobs[name]
        started = self._take_back(job)
        if job.cancelled is not None:
            return [self._finish(name, Cancelled(job.cancelled, started))]
        if not started and job.attempts < MOST_ATTEMPTS:
            heapq.heappush(self._ready, (job.order, name))
            return []
        return [self._finish(name, HostFailed(reason, _LOOK_FOR_KILLERS))]

    def _cancel(self, name: JobId, reason: str) -> list[Effect]:
        job = self._jobs.get(name)
        if job is None:
            return []
        if not job.slots:
            self._templates.leave(job.given.root, name)
            return [self._finish(name, Cancelled(reason, ran=False))]
        if job.cancelled is not None:
            return []
        job.cancelled, job.deadline = reason, math.inf
        return [SignalJob(job.slots[0], name, signal.SIGKILL)]

    def _time(self, now: float) -> list[Effect]:
        effects: list[Effect] = []
        while self.next_deadline() <= now:
            name = heapq.heappop(self._deadlines)[1]
            job = self._jobs[name]
            effects.append(SignalJob(job.slots[0], name, job.time_is_up(now)))
            self._watch(name, job)
        return effects

    def _watch(self, name: JobId, job: Job) -> None:
        if job.deadline != math.inf:
            heapq.heappush(self._deadlines, (job.deadline, name))

    def _finish(self, name: JobId, outcome: Outcome) -> Finish:
        del self._jobs[name]
        return Finish(name, outcome)

    def check(self) -> None:
        """Assert what must always hold."""
        taken = [slot for job in self._jobs.values() for slot in job.slots]
        assert sorted(taken + self._free) == list(range(self._slots)), "a slot is lost or doubled"
        ready = {name for _, name in self._ready}
        waiting = self._roots.jobs_that_wait() | self._templates.jobs_that_wait()
        self._roots.check()
        self._templates.check()
        for name, job in self._jobs.items():
            assert job.slots or name in ready or name in waiting, f"job {name} is nowhere"
            assert not job.slots or len(job.slots) == job.given.slots
        assert all(len(prepared) <= MOST_ROOTS_PER_SLOT for prepared in self._prepared)
