"""Performs what the engine's machine wants, with real slots. Decides nothing."""

import itertools
import math
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import assert_never

import attrs
import trio

from maelstrom_core.container.messages import (
    Ended,
    Launch,
    Lost,
    NotStarted,
    Output,
    Prepare,
    Started,
)
from maelstrom_core.container.ports import SlotPort
from maelstrom_core.engine.effects import (
    Effect,
    Finish,
    ForgetRoot,
    MakeRoot,
    PrepareSlot,
    SignalJob,
    StartJob,
)
from maelstrom_core.engine.events import (
    CancelWanted,
    Event,
    JobEnded,
    JobGiven,
    JobStarted,
    RootFailed,
    RootReady,
    SlotLost,
    TimePassed,
)
from maelstrom_core.engine.output import STDERR, STDOUT, Capture
from maelstrom_core.engine.state import EngineState
from maelstrom_core.errors import InputError, MaelstromError
from maelstrom_core.model.ids import JobId
from maelstrom_core.model.job import JobSpec
from maelstrom_core.model.outcome import (
    CouldNotStart,
    Exited,
    HostFailed,
    InputFailed,
    JobResult,
    Outcome,
    Signaled,
    Usage,
    Whose,
)
from maelstrom_core.model.ports import OnOutput
from maelstrom_core.story import Story

MakeRootFunction = Callable[[str], Awaitable[Prepare]]
"""Makes the container of that name ready for slots; raises `MaelstromError`."""
_WHOSE = {"job": Whose.USER, "host": Whose.HOST, "us": Whose.US}


@attrs.define
class _Running:
    """One job that was given and has not ended."""

    launch: Callable[[str], Launch]
    root: str
    on_output: OnOutput | None
    capture: Capture
    done: trio.Event
    ended: Ended | None = None
    result: JobResult | None = None


class Engine:
    """Runs jobs on slots; see `open_engine`."""

    def __init__(self, slots: Sequence[SlotPort], make_root: MakeRootFunction) -> None:
        self._slots = slots
        self._make_root = make_root
        self._state = EngineState(len(slots))
        self.story = Story[Event, Effect]()
        self._jobs: dict[JobId, _Running] = {}
        self._ids = itertools.count(1)
        self._roots: dict[str, Prepare] = {}
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
    ) -> JobResult:
        """Run a job to its one ending; cancelling the call ends the job and waits for that.

        :param root: name of its container, for the engine's ``make_root``
        :param environment: all of it
        :param directory: working directory
        """
        name = JobId(next(self._ids))

        def launch(container: str) -> Launch:
            return Launch(
                name,
                container,
                job.program,
                job.arguments,
                environment,
                directory,
                job.output_bytes,
                job.report,
                job.stdin,
            )

        running = _Running(launch, root, on_output, Capture(job.output_bytes), trio.Event())
        self._jobs[name] = running
        given = JobGiven(
            name,
            root,
            job.priority,
            job.expected_duration,
            job.slots,
            job.timeout,
            job.grace,
            job.stack_signal,
        )
        self.tell(given)
        try:
            await running.done.wait()
        except trio.Cancelled:
            self.tell(CancelWanted(name, "nobody waits for it any more"))
            with trio.CancelScope(shield=True):
                await running.done.wait()
            raise
        assert running.result is not None
        return running.result

    def tell(self, event: Event) -> None:
        """Give the machine an event and perform what it wants."""
        effects = self._state.step(event, now=trio.current_time())
        self.story.add(event, effects)
        for effect in effects:
            self._perform(effect)
        deadline = self._state.next_deadline()
        if deadline < self._alarm:
            self._deadline_moved.set()

    def _perform(self, effect: Effect) -> None:
        match effect:
            case MakeRoot(root):
                assert self._nursery is not None
                self._nursery.start_soon(self._make, root)
            case PrepareSlot(slot, root):
                self._slots[slot].prepare(self._roots[root])
            case ForgetRoot(slot, root):
                self._slots[slot].forget(self._roots[root].key)
            case StartJob(slot, job):
                running = self._jobs[job]
                self._slots[slot].launch(running.launch(self._roots[running.root].key))
            case SignalJob(slot, job, number):
                self._slots[slot].signal(job, number)
            case Finish(job, outcome):
                self._finish(job, outcome)
            case _:
                assert_never(effect)

    def _finish(self, job: JobId, outcome: Outcome) -> None:
        running = self._jobs.pop(job)
        capture, ended = running.capture, running.ended
        if ended is None:
            running.result = JobResult(
                outcome=outcome,
                stdout=capture.unfinished(STDOUT),
                stderr=capture.unfinished(STDERR),
                report=capture.report,
            )
        else:
            running.result = JobResult(
                outcome=outcome,
                stdout=capture.captured(STDOUT, ended),
                stderr=capture.captured(STDERR, ended),
                report=capture.report,
                usage=Usage(
                    wall_seconds=ended.wall_seconds,
                    user_seconds=ended.user_seconds,
                    system_seconds=ended.system_seconds,
                    peak_memory_bytes=ended.peak_memory_bytes,
                ),
                degraded=ended.degraded,
                seen=ended.seen,
            )
        running.done.set()

    async def _make(self, root: str) -> None:
        try:
            self._roots[root] = await self._make_root(root)
        except InputError as error:
            self.tell(
                RootFailed(root, InputFailed((error.message.partition(":")[0], *error.faults)))
            )
        except MaelstromError as error:
            self.tell(RootFailed(root, HostFailed(error.message, error.remedy)))
        except OSError as error:
            self.tell(RootFailed(root, HostFailed(f"making its layers failed: {error}")))
        else:
            self.tell(RootReady(root))

    async def listen(self, index: int) -> None:
        """Pass on what a slot says, for ever."""
        slot = self._slots[index]
        while True:
            message = await slot.receive()
            match message:
                case Started(job):
                    self.tell(JobStarted(index, JobId(job)))
                case Output(job, stream, data):
                    running = self._jobs.get(JobId(job))
                    if running is not None:
                        running.capture.take(message)
                        if running.on_output is not None:
                            running.on_output(stream, data)
                case Ended(job):
                    running = self._jobs.get(JobId(job))
                    if running is not None:
                        running.ended = message
                    self.tell(JobEnded(index, JobId(job), outcome_of(message.status)))
                case NotStarted(job):
                    self.tell(JobEnded(index, JobId(job), could_not_start(message)))
                case Lost(_, reason):
                    self.tell(SlotLost(index, reason))
                case _:
                    assert_never(message)

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
        for scope in self._scopes:
            scope.cancel()


def outcome_of(status: int) -> Outcome:
    """What a wait status means."""
    if os.WIFEXITED(status):
        return Exited(os.WEXITSTATUS(status))
    return Signaled(os.WTERMSIG(status), os.WCOREDUMP(status))


def could_not_start(message: NotStarted) -> Outcome:
    """What a slot says of a job that never ran, as an outcome."""
    return CouldNotStart(
        message.purpose,
        message.call,
        message.errno,
        message.cause,
        message.remedy,
        _WHOSE[message.whose],
    )


@asynccontextmanager
async def open_engine(
    slots: Sequence[SlotPort], make_root: MakeRootFunction
) -> AsyncIterator[Engine]:
    """An engine on slots for as long as the context lasts; every job in it has ended after it.

    :param make_root: makes a container ready by its name
    """
    engine = Engine(slots, make_root)
    async with trio.open_nursery() as nursery:
        engine.serve(nursery)
        try:
            yield engine
        finally:
            engine.stop()
            nursery.cancel_scope.cancel()
