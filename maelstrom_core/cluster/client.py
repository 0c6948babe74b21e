"""A client of a cluster: its jobs, and the link on which they travel. For trio."""

import itertools
import os
from collections.abc import Callable, Collection

import attrs
import trio

from maelstrom_core.cluster import remote_state as remote
from maelstrom_core.cluster.blobs import Uploads
from maelstrom_core.cluster.bodies import MOST_BYTES, body_of_job, job_bytes
from maelstrom_core.cluster.changes import BroughtChanges
from maelstrom_core.cluster.endings_plan import read_result, result_of_row, row_of
from maelstrom_core.cluster.handed_in import GivenBack, HandedIn, output_of
from maelstrom_core.cluster.histories import Histories
from maelstrom_core.cluster.live_plan import LiveOutput
from maelstrom_core.cluster.ready import MakeLayers, ReadyContainer, ReadyContainers
from maelstrom_core.cluster.terminals import FarTerminal, Terminals
from maelstrom_core.errors import MaelstromError, PeerError
from maelstrom_core.model.job import JobSpec
from maelstrom_core.model.outcome import HostFailed, JobResult
from maelstrom_core.model.ports import OnOutput, Viewer
from maelstrom_core.story import Story
from maelstrom_core.wire.administration import Answer
from maelstrom_core.wire.histories import KnownCases
from maelstrom_core.wire.messages import (
    OLDEST_VERSION,
    VERSION,
    Beat,
    Bye,
    Had,
    Hello,
    Message,
    Output,
    Results,
    Started,
    Taken,
    Welcome,
)
from maelstrom_core.wire.rows import Ending, JobResultRow
from maelstrom_core.wire.shapes import SESSION_BYTES
from maelstrom_core.wire.terminals import HadTerminal, ShowTerminal

FROM_BROKERS = (
    *(Welcome, Bye, Beat, Started, Output, Results, Taken, Answer, KnownCases),
    *(ShowTerminal, HadTerminal),
)
"""What a broker may send to a client."""
FIRST_SECONDS = 15.0
"""How long the first welcome may take."""
ANSWER_SECONDS = 0.05
"""How long results may wait to be answered together."""
HAND_IN_SECONDS = 0.02
ENOUGH_FOR_A_SLOT = 10
"""How long jobs may wait to be handed in together, if the broker has so many for each slot: no slot runs
out of them in that time."""
_REMEMBERED = 100
"""Events, for there are bodies in them."""
USUAL_SLOTS = 64
"""How many jobs are handed in at once if the broker does not say what there is."""


def _nobody_hears(message: Message) -> None:
    del message


class ClusterClient:
    """Hands jobs to a broker; the owner of a link.

    :param name: of the user, for people
    :ivar say: sends a message on that link
    :ivar containers: made ready for it
    """

    def __init__(
        self, uploads: Uploads, make_layers: MakeLayers, *, name: str, software: str
    ) -> None:
        self._uploads = uploads
        self.containers = ReadyContainers(
            uploads, make_layers, lambda digest, data: self._tell(remote.Known(digest, data))
        )
        self._name = name
        self._software = software
        self._session = os.urandom(SESSION_BYTES)
        self._state = remote.RemoteState(self._session)
        self.story = Story[remote.Event, remote.Effect](_REMEMBERED)
        self.say: Callable[[Message], None] = _nobody_hears
        self.histories = Histories(lambda message: self.say(message))
        self.terminals = Terminals(
            self._session,
            lambda message: self.say(message),
            lambda tag: self._tell(remote.CancelWanted(tag)),
        )
        self.passes_terminals = False
        """Whether the broker is of a version that does."""
        self._tags = itertools.count(1)
        self._jobs: dict[int, HandedIn] = {}
        self._something = trio.Event()
        self._to_answer = trio.Event()
        self._first = trio.Event()
        self._up = trio.Event()
        self._down = trio.Event()
        self._down_reason = ""
        self._over = ""
        self._slots = 0
        self._away_seconds = 0.0
        """A broker may be gone for so long before its jobs are given back: it gives up clients by then,
        and has said so."""
        self._window = 1
        self._came_up = False
        """Whether what is not handed in yet has to be handed in over a new link."""
        self._changes = BroughtChanges(self._uploads)
        """Keeps what jobs have changed in the store."""

    # What the backend asks

    @property
    def slots(self) -> int:
        """How many one-slot jobs to hand in at once."""
        return min(self._window, self._slots or USUAL_SLOTS)

    @property
    def has_idle_jobs(self) -> bool:
        """Whether a job of ours waits for a slot of the cluster, as far as is known."""
        waits = self._state.idle or self._state.waiting or self.containers.awaited
        return bool(self._over or waits)

    @property
    def is_over(self) -> bool:
        """Whether nothing can be handed in any more."""
        return bool(self._over)

    def take_back(self, jobs: int, *, waited_seconds: float, labels: Collection[str] = ()) -> None:
        """Ask for jobs that wait for a slot of the cluster; their `run` says so.

        :param waited_seconds: how long they must have waited
        :param labels: what this machine has; jobs that ask for others are left where they are
        """
        since = trio.current_time() - waited_seconds
        # First those whose containers are still on their way to the broker: that may take minutes.
        jobs -= self.containers.give_up(jobs, since)
        self._tell(remote.TakeBack(jobs, since, frozenset(labels)))

    async def wait_for_welcome(self) -> None:
        """Wait for the broker's first word.

        :raises PeerError: if it does not come, with what is in the way
        """
        with trio.move_on_after(FIRST_SECONDS):
            await self._first.wait()
        if self._over or not self._first.is_set():
            why = self._over or self._down_reason or "it does not answer"
            raise PeerError(f"the cluster cannot be used: {why}")

    async def run(
        self, job: JobSpec, on_output: OnOutput | None, viewer: Viewer | None = None
    ) -> JobResult | GivenBack:
        """Run a job to its one ending, or hear that the cluster does not run it.

        Cancelled, it returns when the broker knows that the job is not wanted, and has ended it.
        """
        may_ask = job.terminal is not None or job.fork is not None or job.attachable
        if viewer is None or not may_ask or not self.passes_terminals:
            return await self._run_viewed(job, on_output, None)
        terminal = self.terminals.of(viewer)
        stays = False
        try:
            ended = await self._run_viewed(attrs.evolve(job, viewed=True), on_output, terminal)
            if isinstance(ended, GivenBack):
                terminal.let_go()
            else:
                stays = terminal.is_staying and not ended.broken_off
            return ended
        finally:
            if stays:
                self.terminals.stays(terminal)
            else:
                terminal.end()
                self.terminals.forget(terminal)
                terminal.close()

    async def _run_viewed(
        self, job: JobSpec, on_output: OnOutput | None, terminal: FarTerminal | None
    ) -> JobResult | GivenBack:
        known = await self.containers.ready(job.container)
        if known is None:
            return GivenBack(None)
        if known.fault is not None:
            return GivenBack(known.fault)
        times = known.times
        result = await self._run(job, known, on_output, terminal)
        if not isinstance(result, JobResultRow):
            return result
        # Perhaps the broker has thrown away what the job needs: it can be had here.
        if await self.containers.ready(job.container, after=times) is None:
            return GivenBack(None)
        if known.fault is not None:
            return GivenBack(known.fault)
        again = await self._run(job, known, on_output, terminal)
        return await self._result(again) if isinstance(again, JobResultRow) else again

    async def _run(
        self,
        job: JobSpec,
        known: ReadyContainer,
        on_output: OnOutput | None,
        terminal: FarTerminal | None,
    ) -> JobResult | GivenBack | JobResultRow:
        """The same once; the row of a job that its worker could not run."""
        body, there = body_of_job(job_bytes(job))
        if there is not None:
            try:
                await self._uploads.put(there.digest, there.data)
            except MaelstromError as error:
                return GivenBack(HostFailed(error.message, error.remedy))
        tag = next(self._tags)
        output = output_of(
            job,
            on_output,
            lambda run, count: self.say(Had(self._session, tag, run, count)),
            lambda: self._tell(remote.CancelWanted(tag)),
        )
        given = self._jobs[tag] = HandedIn(output, terminal)
        if terminal is not None:
            self.terminals.given(terminal, tag)
        self._tell(remote.Wanted(known.digest, row_of(tag, job, body), job.container.labels))
        try:
            await given.wait()
        except trio.Cancelled:
            self._tell(remote.CancelWanted(tag))
            with trio.CancelScope(shield=True):
                await given.done.wait()
            raise
        ended = given.row or given.back
        assert ended is not None
        broken_off = given.broken_off()
        if broken_off is not None:
            return broken_off
        if isinstance(ended, GivenBack) or ended.ending == Ending.UNFIT:
            return ended
        result = await self._result(ended)
        if result.changes is not None:
            result = await self._changes.bring(job, result, result.changes)
        if isinstance(given.output, LiveOutput):
            given.output.finish(result)
        return result

    async def _result(self, row: JobResultRow) -> JobResult:
        result = result_of_row(row, "nobody waits for it any more")
        if isinstance(result, JobResult):
            return result
        try:
            data = await self._uploads.get(result, MOST_BYTES)
        except MaelstromError as error:
            reason = f"its result is at the broker and cannot be had: {error.message}"
            return JobResult(outcome=HostFailed(reason, error.remedy))
        return read_result(data, f"worker {row.worker}")

    def release(self) -> None:
        """Let the store evict what jobs have changed."""
        self._changes.release()

    # What the machine wants

    @trio.lowlevel.enable_ki_protection
    def _tell(self, event: remote.Event) -> None:
        effects = self._state.step(event)
        if not isinstance(event, remote.Came):
            self.story.add(event, effects)
        for effect in effects:
            match effect:
                case remote.Say(message):
                    self.say(message)
                case remote.Ended(tag, row):
                    given = self._jobs.pop(tag)
                    given.row = row
                    given.end()
                case remote.GivenBack(tag, reason):
                    given = self._jobs.pop(tag)
                    words = f"the cluster does not run it: {reason}"
                    given.back = GivenBack(HostFailed(words) if reason else None)
                    given.end()
                case remote.Wrote(_, ShowTerminal() as shown):
                    self.terminals.shown(shown)
                case remote.Wrote(tag, Output() as written):
                    self._jobs[tag].wrote(written)
                case remote.Began(tag):
                    self._jobs[tag].began()
        if self._state.waiting or isinstance(event, remote.LinkUp | remote.Wanted):
            self._something.set()
        if self._state.answers:
            self._to_answer.set()

    async def hand_in(self) -> None:
        """Hand jobs in, those together that come at once; for ever."""
        while True:
            await self._something.wait()
            if self._state.idle > ENOUGH_FOR_A_SLOT * self.slots:
                await trio.sleep(HAND_IN_SECONDS)
            self._something = trio.Event()
            await trio.lowlevel.checkpoint()
            self.flush()
            if self._came_up:
                # The broker knows their jobs again.
                self._came_up = False
                self.terminals.link_up(self._away_seconds)

    async def answer(self) -> None:
        """Answer results, those together that come within a moment; for ever."""
        while True:
            await self._to_answer.wait()
            self._to_answer = trio.Event()
            await trio.sleep(ANSWER_SECONDS)
            self.flush()

    def flush(self) -> None:
        """Say all that waits to be said together."""
        for effect in self._state.step(remote.Flush(trio.current_time())):
            if isinstance(effect, remote.Say):
                self.say(effect.message)

    async def lose_patience(self) -> None:
        """Give jobs back when there has been no broker for long."""
        await self._first.wait()
        while True:
            with trio.move_on_after(self._away_seconds):
                await self._up.wait()
            if not self._up.is_set():
                text = f"there has been no broker for {self._away_seconds:g} s: {self._down_reason}"
                self.link_over(text)
                return
            await self._down.wait()

    # What the link says

    def hello(self, boot: bytes) -> Hello:
        """Say who this is."""
        return Hello(OLDEST_VERSION, VERSION, self._software, self._session, self._name, boot)

    def link_up(self, welcome: Welcome, *, same_broker: bool) -> None:
        """Hand in all that has not ended."""
        del same_broker  # it is safe to say all again
        self._uploads.broker_is(welcome.boot, welcome.bulk_port)
        self._window = welcome.window_jobs
        self._slots = welcome.slots
        self._away_seconds = welcome.away_ms / 1000
        self.passes_terminals = welcome.passes_terminals
        self._first.set()
        self._up.set()
        self._down = trio.Event()
        self._came_up = True
        self._tell(remote.LinkUp(welcome.window_jobs))
        self.histories.link_up(keeps=welcome.keeps_history)

    def link_down(self, reason: str) -> None:
        """Keep what has not ended for the next connection."""
        self._down_reason = reason
        self._up = trio.Event()
        self._down.set()
        self._tell(remote.LinkDown())
        self.histories.link_down()

    def link_failed(self, reason: str) -> None:
        """Note why there is no broker."""
        self._down_reason = reason

    def link_over(self, reason: str) -> None:
        """Give everything back."""
        self._over = self._over or reason or "the link to the broker has ended"
        self._first.set()
        self._tell(remote.GivenUp(self._over))
        self.histories.link_down()

    def heard(self, message: Message) -> None:
        """Take in what the broker says."""
        match message:
            case KnownCases():
                self.histories.came(message)
            case HadTerminal():
                self.terminals.had(message)
            case ShowTerminal() if self.terminals.has_stayed(message.tag):
                self.terminals.shown(message)
            case _:
                self._tell(remote.Came(message))

    def free_slots(self) -> int:
        """A client has none to give."""
        return 0
