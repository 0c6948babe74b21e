"""Joins a link to an engine: performs what `jobs_state` wants. Decides nothing. For trio."""

import itertools
import logging
import math
import os
from typing import assert_never

import trio

from maelstrom_core.cluster.blobs import Fetches
from maelstrom_core.cluster.containers import container_of, other, spec_of, why_not_elsewhere
from maelstrom_core.cluster.link import Link
from maelstrom_core.errors import InputError, MaelstromError
from maelstrom_core.model.container import ContainerSpec
from maelstrom_core.model.job import JobSpec
from maelstrom_core.model.ports import Backend, Viewer
from maelstrom_core.service_manager import tell_manager
from maelstrom_core.store.leases import Lease
from maelstrom_core.store.store import means_full
from maelstrom_core.story import Story
from maelstrom_core.wire.messages import (
    OLDEST_VERSION,
    VERSION,
    Beat,
    Bye,
    Cancel,
    ContainerBytes,
    GiveBack,
    Had,
    Hello,
    Message,
    Run,
    Taken,
    Welcome,
)
from maelstrom_core.wire.rows import Ending, RunJob
from maelstrom_core.wire.shapes import SESSION_BYTES
from maelstrom_core.wire.terminals import HadTerminal, TypeTerminal
from maelstrom_worker.effects import Effect, End, Forget, MakeReady, Read, Say, Start
from maelstrom_worker.events import (
    Came,
    Ended,
    Event,
    Key,
    LinkDown,
    LinkUp,
    NotReady,
    Ready,
    StayOver,
    Stays,
    StopWanted,
    TimePassed,
    Unreadable,
)
from maelstrom_worker.jobs_state import JobsState
from maelstrom_worker.live_state import LiveOutput, told_of_waiting
from maelstrom_worker.ordered import OutputInOrder
from maelstrom_worker.running import EndingOfJob, Heard, Unfit, read_job, run_job
from maelstrom_worker.staying import Stayed
from maelstrom_worker.terminals import JobAtTerminal

FROM_BROKERS = (
    *(Welcome, Bye, Beat, ContainerBytes, Run, Cancel, Taken, Had, GiveBack),
    *(TypeTerminal, HadTerminal),
)
"""What a broker may send to a worker."""
SOFTWARE = "maelstrom-worker"
LIVE_SECONDS = 0.2
"""How long what a job writes is gathered before it is sent, and that it has begun is not said."""
_REMEMBERED = 100
"""Events, for there are bodies in them."""
_log = logging.getLogger("maelstrom.worker")


class Worker:
    """Runs what a broker gives it; the owner of a link, over all links that it has.

    :param slots: how many one-slot jobs the backend runs at once
    :ivar link: the one to the broker, once there is one
    """

    def __init__(
        self,
        backend: Backend,
        blobs: Fetches,
        *,
        name: str,
        slots: int,
        labels: tuple[str, ...],
    ) -> None:
        self._backend = backend
        self._blobs = blobs
        self._name = name
        self._slots = slots
        self._labels = labels
        self._session = os.urandom(SESSION_BYTES)
        self._boot = b""
        self._state = JobsState(slots)
        self.story = Story[Event, Effect](_REMEMBERED)
        self.link: Link | None = None
        self.nursery: trio.Nursery | None = None
        self._containers: dict[bytes, ContainerSpec] = {}
        self._leases: dict[bytes, Lease] = {}
        self._generation = 0
        self._running: dict[Key, trio.CancelScope] = {}
        self._live: dict[Key, LiveOutput] = {}
        self._ordered: dict[Key, OutputInOrder] = {}
        self._terminals: dict[Key, JobAtTerminal] = {}
        self._stayed = Stayed(lambda run: self._tell(StayOver(run)))
        self._runs = itertools.count(1)
        self._idle = trio.Event()
        self._moved = trio.Event()
        self._alarm = math.inf
        self.failure = ""
        """Why the link did not come up when it was tried last."""
        self.over = ""
        """Why the broker will have none of us."""
        self.is_stopping = False

    # What the link says

    def hello(self, boot: bytes) -> Hello:
        """Say what is held here."""
        del boot  # of this link alone
        return Hello(
            OLDEST_VERSION,
            VERSION,
            SOFTWARE,
            self._session,
            self._name,
            self._boot,
            self._slots,
            self._labels,
            held=self._state.held(),
            most_behind=self._state.most_behind,
        )

    def link_up(self, welcome: Welcome, *, same_broker: bool) -> None:
        """Tell what has ended."""
        del same_broker
        self.failure = ""
        self._boot = welcome.boot
        self._blobs.broker_is(welcome.boot, welcome.bulk_port)
        _log.info("joined the cluster; %d running, %d kept", self._state.running, self._state.kept)
        tell_manager("STATUS=joined the cluster")
        self._tell(LinkUp())
        for output in self._ordered.values():
            output.send_again()
        for terminal in self._terminals.values():
            terminal.send_again()
        self._stayed.send_again()

    def link_down(self, reason: str) -> None:
        """Go on with what runs."""
        _log.warning("the broker is gone: %s", reason)
        tell_manager(f"STATUS=the broker is gone: {reason}")
        self._tell(LinkDown())

    def link_failed(self, reason: str) -> None:
        """Say why there is no broker, once for each reason."""
        if reason != self.failure:
            self.failure = reason
            _log.warning("no broker: %s", reason)
            tell_manager(f"STATUS=no broker: {reason}")

    def link_over(self, reason: str) -> None:
        """Say why there will be none."""
        self.over = reason

    def heard(self, message: Message) -> None:
        """Take in what the broker says."""
        match message:
            case Had(session, tag, run, count):
                output = self._ordered.get((session, tag))
                if output is not None:
                    output.had(run, count)
            case TypeTerminal():
                if terminal := self._terminal_of(message):
                    terminal.typed(message)
            case HadTerminal():
                if terminal := self._terminal_of(message):
                    terminal.had(message)
            case _:
                self._tell(Came(message))

    def _terminal_of(self, message: TypeTerminal | HadTerminal) -> JobAtTerminal | None:
        key = message.session, message.tag
        return self._stayed.of(*key, message.run) or self._terminals.get(key)

    def free_slots(self) -> int:
        """How many jobs could begin now."""
        return self._state.free_slots

    # What the machine wants

    @trio.lowlevel.enable_ki_protection
    def _tell(self, event: Event) -> None:
        effects = self._state.step(event, now=trio.current_time())
        if not isinstance(event, Came):
            self.story.add(event, effects)
        for effect in effects:
            self._perform(effect)
        if self._state.next_deadline() < self._alarm:
            self._moved.set()
        if not self._state.running:
            self._idle.set()

    def _perform(self, effect: Effect) -> None:
        assert self.nursery is not None
        match effect:
            case Say(message):
                self._say(message)
            case Read(digest, data):
                self._read(digest, data)
            case MakeReady(digest, make_room):
                self.nursery.start_soon(self._make_ready, digest, make_room)
            case Start(key, container, row):
                # Made here, not by the task: the job may be cancelled before that has begun.
                scope = self._running[key] = trio.CancelScope()
                live = self._live[key] = LiveOutput(key)
                self.nursery.start_soon(
                    self._run, key, self._containers[container], row, scope, live
                )
            case End(key):
                self._running[key].cancel()
            case Forget(digest, for_good):
                lease = self._leases.pop(digest, None)
                if lease is not None:
                    lease.release()
                if for_good:
                    self._containers.pop(digest, None)
                else:
                    # Its trees may come again as other ones: as another container to the engine, which
                    # has those mounted that are gone.
                    self._generation += 1
                    self._containers[digest] = other(self._containers[digest], self._origin())
            case _:
                assert_never(effect)

    def _say(self, message: Message) -> None:
        if self.link is not None:
            self.link.say(message)

    def _read(self, digest: bytes, data: bytes) -> None:
        try:
            container = container_of(digest, data)
        except InputError as error:
            self._tell(Unreadable(digest, str(error)))
            return
        why = why_not_elsewhere(container)
        if why:
            self._tell(Unreadable(digest, f"only its client's machine can run it: {why}"))
            return
        self._containers[digest] = spec_of(container, self._origin())

    def _origin(self) -> str:
        return f"the cluster, {self._generation}"

    async def _make_ready(self, digest: bytes, make_room: bool) -> None:
        layers = [layer.digest for layer in self._containers[digest].layers]  # type: ignore[union-attr]
        try:
            if make_room:
                _log.warning("the disk is full: what nobody needs is removed from the store")
                await self._blobs.make_room()
            self._leases[digest] = await self._blobs.layers(layers)
        except (MaelstromError, OSError) as error:
            _log.warning("what is in a container cannot be brought: %s", error)
            why = f"its layers cannot be brought: {error}"
            self._tell(NotReady(digest, why, is_full=means_full(error)))
        else:
            self._tell(Ready(digest))

    async def _run(
        self,
        key: Key,
        container: ContainerSpec,
        row: RunJob,
        scope: trio.CancelScope,
        live: LiveOutput,
    ) -> None:
        ending, body = int(Ending.CANCELLED), b""
        told: tuple[str, bytes] | tuple[()] = ()
        with scope:
            try:
                job = await read_job(row, container, self._blobs)
                if job.viewed:
                    ending, body, told = await self._run_viewed(key, job, live)
                else:
                    ending, body, told = await self._run_job(key, job, live, None)
            except Unfit as why:
                ending, body = Ending.UNFIT, str(why).encode("utf-8", "replace")[:4000]
        del self._running[key], self._live[key]
        self._tell(Ended(key, ending, body, told))

    def _new_run(self) -> bytes:
        """An id that no other run of a job has."""
        return self._session + next(self._runs).to_bytes(8, "big")

    async def _run_viewed(self, key: Key, job: JobSpec, live: LiveOutput) -> EndingOfJob:
        """Run it; it has ended when its client has shown all that was on its terminal."""
        assert self.nursery is not None
        terminal = self._terminals[key] = JobAtTerminal(
            *(key, self._new_run(), self._name, self._say, self.nursery.start_soon),
            why_not_stay=lambda: self._stayed.why_not(key[0]),
        )
        if job.terminal is not None:
            terminal.open()
        try:
            ended = await self._run_job(key, job, live, terminal)
            await terminal.all_shown()
        except BaseException:
            terminal.close()
            raise
        finally:
            del self._terminals[key]
        if terminal.is_staying:
            self._tell(Stays(key, terminal.run))
            self.nursery.start_soon(self._stayed.keep, terminal)
        else:
            terminal.close()
        return ended

    async def _run_job(
        self, key: Key, job: JobSpec, live: LiveOutput, viewer: Viewer | None
    ) -> EndingOfJob:
        if job.in_order:
            return await self._run_in_order(key, job, viewer)
        return await run_job(job, self._backend, self._blobs, Heard(live), viewer)

    async def _run_in_order(self, key: Key, job: JobSpec, viewer: Viewer | None) -> EndingOfJob:
        """Run it; it has ended when its client has all that it wrote."""
        output = self._ordered[key] = OutputInOrder(key, self._new_run(), self._say)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(output.send)
                ended = await run_job(job, self._backend, self._blobs, output, viewer)
                await output.all_taken()
                nursery.cancel_scope.cancel()
            return ended
        finally:
            output.close()
            del self._ordered[key]

    async def show_live(self) -> None:
        """Say which jobs have begun, and send what they write, as it comes; for ever."""
        while True:
            await trio.sleep(LIVE_SECONDS)
            for begun in told_of_waiting(self._state.begun(), self._live):
                if self.link is not None:
                    self.link.say(begun, lossy=True)
            for live in self._live.values():
                for message in live.messages():
                    if self.link is not None:
                        self.link.say(message, lossy=True)

    async def keep_time(self) -> None:
        """Tell the machine when what it has asked for is due; for ever."""
        while True:
            self._alarm = self._state.next_deadline()
            self._moved = trio.Event()
            if self._alarm == math.inf:
                await self._moved.wait()
            else:
                await trio.sleep_until(self._alarm)
                self._tell(TimePassed())

    # Its end

    async def stop(self, patience: trio.CancelScope) -> None:
        """Take nothing new, and wait for what runs.

        :param patience: ends the waiting; what has not ended then is for others
        """
        self.is_stopping = True
        self._tell(StopWanted())
        self._idle = trio.Event()
        if self._state.running:
            seconds = patience.deadline - trio.current_time()
            how_long = "all the time they want" if seconds == math.inf else f"{seconds:.0f} s"
            _log.info("%d jobs get %s to end", self._state.running, how_long)
            with patience:
                await self._idle.wait()
        if self._state.running:
            _log.warning("%d jobs have not ended; others will run them", self._state.running)
        for effect in self._state.end_all():
            self._perform(effect)
        self._stayed.leave()
        if self.link is not None:
            await self.link.leave("the worker stops")

    def release(self) -> None:
        """Let the store evict what was used here."""
        for lease in self._leases.values():
            lease.release()
