"""Performs what the engine's machine wants, with real slots. Decides nothing."""

import itertools
import math
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import assert_never

import trio

from maelstrom_core.container.messages import (
    Changed,
    Ended,
    Launch,
    Left,
    Lost,
    NotStarted,
    Output,
    Said,
    Shown,
    Started,
    TerminalCommand,
)
from maelstrom_core.container.ports import OpenTemplate, SlotPort
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
    JobEnded,
    JobStarted,
    PartBegan,
    SlotLost,
    TimePassed,
)
from maelstrom_core.engine.given import GivenJob, capture_of, given_event, launch_of, result_of
from maelstrom_core.engine.outcomes import could_not_start, outcome_of
from maelstrom_core.engine.root_shell import MakeRootFunction, ReadyRoots
from maelstrom_core.engine.state import TEMPLATE_MEMORY_BYTES, EngineState
from maelstrom_core.engine.template_shell import JobMessage, WarmTemplates
from maelstrom_core.engine.terminal_shell import JobKeyboard, JobTerminal
from maelstrom_core.model.ids import JobId
from maelstrom_core.model.job import JobSpec
from maelstrom_core.model.outcome import (
    HostFailed,
    JobResult,
    LeftFile,
    Outcome,
)
from maelstrom_core.model.ports import OnOutput, Viewer
from maelstrom_core.story import Story


class Engine:
    """Runs jobs on slots; see `open_engine`."""

    def __init__(
        self,
        slots: Sequence[SlotPort],
        make_root: MakeRootFunction,
        open_template: OpenTemplate,
        template_memory_bytes: int | None = None,
    ) -> None:
        self._slots = slots
        self._roots = ReadyRoots(slots, make_root)
        self._templates = WarmTemplates(
            open_template,
            len(slots),
            self.tell,
            self._hear_fork,
            self.keep_pace,
        )
        if template_memory_bytes is None:
            template_memory_bytes = TEMPLATE_MEMORY_BYTES
        self._state = EngineState(len(slots), template_memory_bytes=template_memory_bytes)
        self.story = Story[Event, Effect]()
        self._jobs: dict[JobId, GivenJob] = {}
        self._stayed: dict[JobId, GivenJob] = {}
        self._ids = itertools.count(1)
        self._deadline_moved = trio.Event()
        self._alarm = math.inf
        self._nursery: trio.Nursery | None = None
        self._scopes: list[trio.CancelScope] = []

    @property
    def slots(self) -> int:
        """How many one-slot jobs can run at once."""
        return len(self._slots)

    async def run(
        self,
        job: JobSpec,
        root: str,
        environment: tuple[tuple[str, str], ...],
        directory: str,
        *,
        on_output: OnOutput | None = None,
        viewer: Viewer | None = None,
        on_changes: Callable[[int], None] | None = None,
    ) -> JobResult:
        """Run a job to its one ending; cancelling the call ends the job and waits for that.

        :param root: name of its container, for the engine's ``make_root``
        :param environment: all of it
        :param directory: working directory
        :param on_changes: called, before its end, with a descriptor of the directory of what it has
            written to its root, if that is captured; whoever is called closes it
        """
        name = JobId(next(self._ids))

        def launch(container: str) -> Launch:
            return launch_of(name, container, job, environment, directory)

        keyboard = JobKeyboard(name, self._tell_terminal, self._has_room, self._kill_stayed)
        terminal = JobTerminal(viewer, keyboard, self.tell)
        capture = capture_of(job)
        running = GivenJob(launch, root, job, on_output, capture, trio.Event(), terminal)
        running.on_changes = on_changes
        self._jobs[name] = running
        self.tell(given_event(name, root, job))
        try:
            await running.done.wait()
        except trio.Cancelled:
            running.pace.end()
            self.tell(CancelWanted(name, "nobody waits for it any more"))
            with trio.CancelScope(shield=True):
                await running.done.wait()
            raise
        assert running.result is not None
        return running.result

    # Ctrl-C comes before or after a step, never within: half of its effects would be lost.
    @trio.lowlevel.enable_ki_protection
    def tell(self, event: Event) -> None:
        """Give the machine an event and perform what it wants."""
        effects = self._state.step(event, now=trio.current_time())
        self.story.add(event, effects)
        for effect in effects:
            self._perform(effect)
        deadline = self._state.next_deadline()
        if deadline < self._alarm:
            self._deadline_moved.set()

    def forget(self, root: str) -> bool:
        """Let go of a container, unless there is a job in it; whether that was done."""
        effects = self._state.forget(root)
        if effects is None:
            return False
        for effect in effects:
            self._perform(effect)
        self._roots.drop(root)
        return True

    def _perform(self, effect: Effect) -> None:
        match effect:
            case MakeRoot(root):
                assert self._nursery is not None
                self._nursery.start_soon(self._make, root)
            case PrepareSlot(slot, root):
                self._roots.prepare(slot, root)
            case ForgetRoot(slot, root):
                self._roots.forget_in(slot, root)
            case StartJob(slot, job, not_forked):
                running = self._jobs[job]
                if running.slot >= 0:
                    running.capture = capture_of(running.job)
                running.slot, running.forked, running.not_forked = slot, False, not_forked
                running.terminal.starts()
                self._slots[slot].launch(running.launch(self._roots[running.root].key))
                while running.typed_ahead:
                    self._slots[slot].tell_terminal(running.typed_ahead.pop(0))
            case SetAside(slot, job):
                self._slots[slot].set_aside(job)
            case StartTemplate(root):
                self._start_template(root)
            case StopTemplate(root):
                self._templates.stop(root)
            case ForkJob(slot, job):
                running = self._jobs[job]
                if running.slot >= 0:
                    running.capture = capture_of(running.job)
                running.slot, running.forked = slot, True
                running.terminal.starts()
                self._templates.fork(running.root, job, running.job)
            case SignalJob(_, job, number):
                self._signal(job, number)
            case Finish(job, outcome):
                self._finish(job, outcome)
            case _:
                assert_never(effect)

    def _finish(self, job: JobId, outcome: Outcome) -> None:
        running = self._jobs.pop(job)
        if running.terminal.stays:
            self._stayed[job] = running
        else:
            running.terminal.ends()
        capture, ended = running.capture, running.ended
        template = self._templates.get(running.root) if running.job.warm_up else None
        if template is not None:
            capture, ended = template.capture, template.ended
        running.result = result_of(outcome, capture, ended, running)
        running.done.set()

    async def _make(self, root: str) -> None:
        self.tell(await self._roots.make(root))

    async def listen(self, index: int) -> None:
        """Pass on what a slot says, for ever."""
        slot = self._slots[index]
        while True:
            message = await slot.receive()
            match message:
                case Lost(_, reason):
                    self.tell(SlotLost(index, reason))
                case _:
                    self._hear(index, message)
                    if type(message) is Output or type(message) is Shown:
                        await self.keep_pace(message)

    async def keep_pace(self, output: Output | Shown) -> None:
        """Hold a job up that writes faster than its output is taken; with it, all that comes the same
        way: forks of the same template."""
        running = self._known(JobId(output.job))
        if running is not None:
            await running.pace.keep(shown=type(output) is Shown)

    def _known(self, job: JobId) -> GivenJob | None:
        """A job that was given and has not ended, or has stayed."""
        return self._jobs.get(job) or self._stayed.get(job)

    def _hear_fork(self, message: JobMessage) -> None:
        known = self._known(JobId(message.job))
        if known is not None:
            self._hear(known.slot, message)

    def _tell_terminal(self, command: TerminalCommand) -> None:
        known = self._known(JobId(command.job))
        if known is not None and known.slot < 0:
            known.typed_ahead.append(command)
        elif known is not None and known.forked:
            self._templates.tell_terminal(known.root, command)
        elif known is not None:
            self._slots[known.slot].tell_terminal(command)

    def _has_room(self, job: JobId) -> bool:
        """Whether its terminal may be told something without waiting."""
        known = self._known(job)
        if known is None or known.slot < 0:
            return known is None or known.may_type_ahead
        if known.forked:
            return self._templates.has_room(known.root)
        return self._slots[known.slot].has_room(job)

    def _signal(self, job: JobId, number: int) -> None:
        known = self._known(job)
        if known is not None and number == signal.SIGKILL:
            known.pace.end()
        if known is not None and known.forked:
            self._templates.signal(known.root, job, number)
        elif known is not None:
            self._slots[known.slot].signal(job, number)

    def _kill_stayed(self, job: JobId) -> None:
        if job in self._stayed:
            self._signal(job, signal.SIGKILL)

    def _hear(self, slot: int, message: JobMessage) -> None:
        """Take in what is said of a job."""
        name = JobId(message.job)
        running = self._jobs.get(name)
        match message:
            case Shown() | Said():
                known = self._known(name)
                if known is not None:
                    known.terminal.hear(message)
            case Ended() | NotStarted() if name in self._stayed:
                self._stayed.pop(name).terminal.ends()
            case Started():
                self.tell(JobStarted(slot, name))
                if running is not None:
                    running.began()
            case Output(_, stream, data):
                if running is not None:
                    begun = running.capture.take(message)
                    if running.on_output is not None:
                        running.on_output(stream, data)
                    for _ in range(begun):
                        self.tell(PartBegan(name))
            case Left(_, path, mode, data, why):
                if running is not None and why:
                    running.outputs_missing.append(f"{path}: {why}")
                elif running is not None:
                    running.outputs.append(LeftFile(path=path, mode=mode, data=data))
            case Changed(_, descriptor):
                if running is not None and running.on_changes is not None:
                    running.on_changes(descriptor)
                else:
                    os.close(descriptor)
            case Ended():
                if running is not None:
                    running.ended = message
                self.tell(JobEnded(slot, name, outcome_of(message)))
            case NotStarted():
                self.tell(JobEnded(slot, name, could_not_start(message)))
            case _:
                assert_never(message)

    def _start_template(self, root: str) -> None:
        assert self._nursery is not None
        spec = next(r.job.container for r in self._jobs.values() if r.root == root)
        scope = trio.CancelScope(shield=True)
        task = self._templates.start(root, self._roots[root], spec, scope)
        self._nursery.start_soon(self._keep_going, scope, task)

    async def watch_the_clock(self) -> None:
        """Tell the machine when its deadlines come, for ever."""
        while True:
            self._alarm = self._state.next_deadline()
            self._deadline_moved = trio.Event()
            with trio.move_on_at(self._alarm) as scope:
                await self._deadline_moved.wait()
            if scope.cancelled_caught:
                self.tell(TimePassed())

    def serve(self, nursery: trio.Nursery) -> None:
        """Start the tasks that keep it going until `stop`."""
        self._nursery = nursery
        tasks = [partial(self.listen, index) for index in range(len(self._slots))]
        for task in (*tasks, partial(self.watch_the_clock)):
            # Made here, not by the task: `stop` may come before the task has begun.
            scope = trio.CancelScope(shield=True)
            self._scopes.append(scope)
            nursery.start_soon(self._keep_going, scope, task)

    # Ctrl-C must not fall upon the task that hears how jobs end: those who wait for that end,
    # as they do when they are cancelled, would wait for ever.
    @trio.lowlevel.enable_ki_protection
    async def _keep_going(
        self, scope: trio.CancelScope, task: Callable[[], Awaitable[None]]
    ) -> None:
        """Run a task that must outlive a cancelled caller, who waits for his job's end."""
        with scope:
            try:
                await task()
            except Exception:
                # A fault of ours: nobody may wait for what this task would have told.
                for job in list(self._jobs):
                    self._finish(job, HostFailed("the engine failed; see the error"))
                raise

    def stop(self) -> None:
        """End the tasks; every job has ended before."""
        self._templates.stop_all()
        for running in self._stayed.values():
            running.terminal.ends()
        self._stayed.clear()
        for scope in self._scopes:
            scope.cancel()


@asynccontextmanager
async def open_engine(
    slots: Sequence[SlotPort],
    make_root: MakeRootFunction,
    open_template: OpenTemplate,
    *,
    template_memory_bytes: int | None = None,
) -> AsyncIterator[Engine]:
    """An engine on slots for as long as the context lasts; every job in it has ended after it.

    :param make_root: makes a container ready by its name
    :param open_template: starts templates
    :param template_memory_bytes: what those may take together that no job uses; 2 GiB by default
    """
    engine = Engine(slots, make_root, open_template, template_memory_bytes)
    async with trio.open_nursery() as nursery:
        engine.serve(nursery)
        try:
            yield engine
        finally:
            engine.stop()
            nursery.cancel_scope.cancel()
