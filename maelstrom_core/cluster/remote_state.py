"""What a client has handed to its broker, and what has become of it. Pure.

The truth about a run is here: a job is known by the tag that it is given, and stays until a result has
come for it, over however many connections and brokers. After each new connection all that has not ended
is handed in again; the broker takes no tag twice. A result that comes again is answered and dropped.

Jobs wait until the broker's window has room for what is handed in and not answered with `Taken`; they
may still be taken back, for slots of this machine.
"""

from collections.abc import Iterable, Iterator
from typing import TypeAlias, assert_never

import attrs

from maelstrom_core.cluster.answers_state import Answers
from maelstrom_core.cluster.parcels_plan import rows_in_parcels, tags_in_parcels
from maelstrom_core.wire.messages import (
    Cancel,
    ContainerBytes,
    Message,
    Output,
    Results,
    Started,
    Submit,
)
from maelstrom_core.wire.rows import Ending, JobResultRow, SubmittedJob
from maelstrom_core.wire.terminals import ShowTerminal

# What can happen


@attrs.frozen
class Wanted:
    """A job is to be run by the cluster.

    :param container: digest of its container, whose bytes `Known` has brought before
    :param labels: a worker must have all of them
    """

    container: bytes
    row: SubmittedJob
    labels: tuple[str, ...] = ()


@attrs.frozen
class Known:
    """Bytes of a container."""

    digest: bytes
    data: bytes


@attrs.frozen
class LinkUp:
    """The broker has welcomed us.

    :param window: how many jobs may be handed in that are not answered with `Taken`
    """

    window: int


@attrs.frozen
class LinkDown:
    """There is no broker, for now."""


@attrs.frozen
class GivenUp:
    """There will be no broker any more."""

    reason: str


@attrs.frozen
class Came:
    """The broker has said this."""

    message: Message


@attrs.frozen
class CancelWanted:
    """A job is not wanted any more."""

    tag: int


@attrs.frozen
class TakeBack:
    """This machine has slots for so many jobs; those that would begin last are given back.

    :param since: the broker keeps what was handed in later, for it may begin at any moment
    :param labels: what this machine has; jobs that ask for others are left where they are
    """

    jobs: int
    since: float
    labels: frozenset[str] = frozenset()


@attrs.frozen
class Flush:
    """All that has come at once has been told: hand in what there is, answer results.

    :param now: what the clock says, for `TakeBack`
    """

    now: float


Event: TypeAlias = (
    Wanted | Known | LinkUp | LinkDown | GivenUp | Came | CancelWanted | TakeBack | Flush
)


# What must be done about it


@attrs.frozen
class Say:
    """Send this."""

    message: Message


@attrs.frozen
class Began:
    """It runs at a worker, perhaps once more."""

    tag: int


@attrs.frozen
class Wrote:
    """What a job writes, or shows at a terminal, as it comes."""

    tag: int
    message: Output | ShowTerminal


@attrs.frozen
class Ended:
    """It has ended; said once for each job, and nothing of it is said afterwards."""

    tag: int
    row: JobResultRow


@attrs.frozen
class GivenBack:
    """Nobody else will run it: said instead of `Ended`.

    :param reason: why the cluster will not; empty if it was asked back
    """

    tag: int
    reason: str = ""


Effect: TypeAlias = Say | Began | Wrote | Ended | GivenBack


@attrs.define
class _Job:
    container: bytes
    row: SubmittedJob
    labels: tuple[str, ...]
    handed_in: bool = False
    """Perhaps over a connection that is lost; then a worker may have it."""
    handed_in_at: float = 0.0
    wrote: bool = False
    """So it has begun, whatever else is lost; only output in order and terminals say so."""
    cancelled: bool = False
    recalled: bool = False
    """Cancelled in order to be run here."""


class RemoteState:
    """Everything that is known of one client's jobs. Only `step` changes it.

    :param session: the client's
    """

    def __init__(self, session: bytes) -> None:
        self._session = session
        self._jobs: dict[int, _Job] = {}
        """All that have not ended."""
        self._waiting: dict[int, None] = {}
        """Of these, the ones that this connection has not been told of, in the order to tell them."""
        self._told: set[int] = set()
        self._idle: dict[int, None] = {}
        """Of those that it was told of, the ones that have not begun, and are wanted."""
        self._containers: dict[bytes, bytes] = {}
        self._containers_told: set[bytes] = set()
        self._unwanted: dict[int, None] = {}
        """Ended here, and the broker may still believe in them."""
        self.answers = Answers(session)
        self._window = 0
        self._is_up = False
        self._over = ""

    @property
    def waiting(self) -> int:
        """How many jobs the broker has not been told of on this connection."""
        return len(self._waiting)

    @property
    def idle(self) -> int:
        """How many jobs it has that have not begun, as far as is known."""
        return len(self._idle)

    def __len__(self) -> int:
        return len(self._jobs)

    def step(self, event: Event) -> list[Effect]:
        """Take in one event; what must be done about it, in order."""
        match event:
            case Wanted(container, row, labels):
                assert row.tag not in self._jobs
                if self._over:
                    return [GivenBack(row.tag, self._over)]
                self._jobs[row.tag] = _Job(container, row, labels)
                self._waiting[row.tag] = None
                return []
            case Known(digest, data):
                self._containers[digest] = data
                return []
            case LinkUp(window):
                return self._link_up(window)
            case LinkDown():
                return self._link_down()
            case GivenUp(reason):
                dropped = self._link_down()
                self._over = reason or "the link to the broker has ended"
                return [*dropped, *(GivenBack(tag, self._over) for tag in self._all_gone())]
            case Came(message):
                return self._came(message)
            case CancelWanted(tag):
                return self._cancel(tag)
            case TakeBack(jobs, since, labels):
                return self._take_back(jobs, since, labels)
            case Flush(now):
                return [Say(message) for message in self._flush(now)]
            case _:
                assert_never(event)

    def _link_up(self, window: int) -> list[Effect]:
        dropped = self._link_down()
        self._is_up, self._window = True, window
        unwanted, self._unwanted = list(self._unwanted), {}
        # It may not have heard that they are not wanted, or may know nothing of them.
        cancels = (Say(Cancel(self._session, tags)) for tags in tags_in_parcels(unwanted))
        return [*dropped, *cancels]

    def _link_down(self) -> list[Effect]:
        self._is_up = False
        self.answers.take()  # nobody hears them; what is not answered comes again
        self._containers_told.clear()
        # Those that were handed in come first: workers may have them.
        self._waiting = dict.fromkeys([*sorted(self._told), *self._waiting])
        self._told.clear()
        self._idle.clear()
        # Nobody waits for the next broker to hear that a job is not wanted.
        cancelled = [tag for tag, job in self._jobs.items() if job.cancelled]
        return [effect for tag in cancelled for effect in self._drop(tag)]

    def _all_gone(self) -> list[int]:
        tags = list(self._jobs)
        self._jobs.clear()
        self._waiting.clear()
        self._told.clear()
        self._idle.clear()
        return tags

    def _take_back(self, jobs: int, since: float, labels: frozenset[str]) -> list[Effect]:
        """What has not been handed in is here; of the rest the broker has to be asked."""
        waiting = [(tag, self._jobs[tag]) for tag in reversed(self._waiting)]
        mine = [tag for tag, job in waiting if not job.handed_in and labels >= {*job.labels}][:jobs]
        for tag in mine:
            del self._waiting[tag], self._jobs[tag]
        idle = [(tag, self._jobs[tag]) for tag in sorted(self._idle, reverse=True)]
        theirs = [tag for tag, job in idle if job.handed_in_at <= since and labels >= {*job.labels}]
        theirs = theirs[: jobs - len(mine)]
        for tag in theirs:
            del self._idle[tag]
            self._jobs[tag].cancelled = self._jobs[tag].recalled = True
        cancels = (Say(Cancel(self._session, part)) for part in tags_in_parcels(theirs))
        return [*map(GivenBack, mine), *cancels]

    def _came(self, message: Message) -> list[Effect]:
        match message:
            case Started(_, tags, waits):
                began = [tag for tag in tags if tag in self._told]
                for tag in began:
                    self._idle.pop(tag, None)
                return [] if waits else [Began(tag) for tag in began]
            case Output() | ShowTerminal():
                return self._wrote(message)
            case Results(rows):
                return self._ended(rows)
            case _:
                return []

    def _wrote(self, output: Output | ShowTerminal) -> list[Effect]:
        tag, job = output.tag, self._jobs.get(output.tag)
        if job is None or (job.cancelled and output.run):
            return []  # of a job that is asked back nothing may have been passed on
        if output.run:
            job.wrote = True
            self._idle.pop(tag, None)
        return [Wrote(tag, output)]

    def _ended(self, rows: Iterable[JobResultRow]) -> list[Effect]:
        effects: list[Effect] = []
        for row in rows:
            self.answers.add(row)
            self._unwanted.pop(row.tag, None)
            job = self._jobs.pop(row.tag, None)
            if job is not None:
                self._waiting.pop(row.tag, None)
                self._told.discard(row.tag)
                self._idle.pop(row.tag, None)
                back = job.recalled and row.ending == Ending.CANCELLED
                effects.append(GivenBack(row.tag) if back else Ended(row.tag, row))
        return [*effects, *(map(Say, self.answers.take()) if self.answers.are_many else ())]

    def _cancel(self, tag: int) -> list[Effect]:
        job = self._jobs.get(tag)
        if job is None:
            return []
        job.recalled = False
        if job.cancelled:
            return []
        if tag in self._told:
            job.cancelled = True
            self._idle.pop(tag, None)
            return [Say(Cancel(self._session, (tag,)))]
        return self._drop(tag)

    def _drop(self, tag: int) -> list[Effect]:
        """End a job that nobody runs, or of which nobody can be told now: the next broker is."""
        job = self._jobs.pop(tag)
        del self._waiting[tag]
        if job.handed_in:
            self._unwanted[tag] = None
        if job.recalled:
            return [GivenBack(tag)]
        return [Ended(tag, JobResultRow(tag, 0, Ending.CANCELLED, "", b""))]

    def _flush(self, now: float) -> Iterator[Message]:
        if not self._is_up:
            return
        # Before more is handed in: the broker counts what is not answered into its window.
        yield from self.answers.take()
        room = self._window - len(self._told)
        chosen = [tag for tag, _ in zip(list(self._waiting), range(room), strict=False)]
        batches: dict[tuple[bytes, tuple[str, ...]], list[SubmittedJob]] = {}
        for tag in chosen:
            del self._waiting[tag]
            self._told.add(tag)
            job = self._jobs[tag]
            if not job.wrote:
                self._idle[tag] = None
            job.handed_in, job.handed_in_at = True, now
            batches.setdefault((job.container, job.labels), []).append(job.row)
        for (container, labels), rows in batches.items():
            if container not in self._containers_told:
                self._containers_told.add(container)
                yield ContainerBytes(container, self._containers[container])
            for part in rows_in_parcels(rows):
                yield Submit(container, part, labels)

    def check(self) -> None:
        """What always holds; for tests."""
        assert self._told.isdisjoint(self._waiting)
        assert self._told | set(self._waiting) == set(self._jobs)
        assert len(self._told) <= self._window or not self._told
        assert self._is_up or not self._told
        assert self._unwanted.keys().isdisjoint(self._jobs)
        assert all(self._jobs[tag].handed_in for tag in self._told)
        assert self._told.issuperset(self._idle)
        assert not any(self._jobs[tag].cancelled for tag in self._idle)
