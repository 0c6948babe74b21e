"""What a worker holds: jobs that it was given, and endings that nobody has taken yet. Pure.

A job is known by its client's session and its tag. It is held from the moment at which it comes until
the broker says that its ending is taken, over lost connections and brokers; after each new connection
all that is held has been named in `Hello`, and what has ended is told again. So nothing is run twice
here that is run once, and no ending is lost that the broker has not got.

Jobs for which no slots are free wait *behind* them, and get them in the order in which they came. When
the connection is lost they are forgotten: they have not begun, and the broker gives them again.
"""

import math
from typing import assert_never

import attrs

from maelstrom_core.wire.messages import (
    MOST_HELD,
    MOST_TAGS,
    Cancel,
    ContainerBytes,
    GiveBack,
    GivenBack,
    Message,
    Run,
    Started,
    Taken,
)
from maelstrom_core.wire.rows import MOST_ROWS, DoneJob, Ending, HeldJob, RunJob
from maelstrom_worker.containers_state import Containers
from maelstrom_worker.effects import Effect, End, Say, Start
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
from maelstrom_worker.told_plan import done_messages, said, size_of, timed

MOST_KEPT_BYTES = 256 << 20
"""Of endings that nobody has taken; older ones are forgotten before the machine is full of them."""
MOST_KEPT = 12_500
BEHIND_A_SLOT = 16
"""Jobs that may wait behind each slot."""
TOLD_SECONDS = 0.012
"""Endings are gathered so long, while a job waits for each slot."""


@attrs.define
class _Job:
    container: bytes
    row: RunJob
    runs: bool = False
    cancelled: bool = False
    done: DoneJob | None = None
    came: float = 0.0
    began: float = 0.0
    ran_seconds: float = -1.0


class JobsState:
    """Everything that a worker holds. Only `step` changes it.

    :param slots: of the worker
    """

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self.most_behind = BEHIND_A_SLOT * slots
        """How many jobs may wait for slots."""
        self._jobs: dict[Key, _Job] = {}
        self._kept_bytes = 0
        self._kept: dict[Key, None] = {}
        """Jobs that have ended, the first to have ended first."""
        self._begun: dict[Key, None] = {}
        """Jobs that run, and of which that was not said."""
        self._behind: dict[Key, None] = {}
        """Jobs that wait for slots, the first to have come first."""
        self._untold: dict[Key, None] = {}
        """Endings that are gathered."""
        self._tell_at = math.inf
        self._last_wish = 0
        self._containers = Containers()
        self._used = 0
        self._now = 0.0
        self._is_up = False
        self._stopping = False

    @property
    def free_slots(self) -> int:
        """How many one-slot jobs could begin now."""
        return 0 if self._stopping else max(0, self._slots - self._used)

    @property
    def running(self) -> int:
        """How many jobs have not ended."""
        return len(self._jobs) - len(self._kept)

    @property
    def behind(self) -> int:
        """How many wait for slots."""
        return len(self._behind)

    @property
    def kept(self) -> int:
        """How many endings nobody has taken."""
        return len(self._kept)

    def held(self) -> tuple[HeldJob, ...]:
        """All that is held, for `Hello`; what has not ended first. What waits for slots is not."""
        of_all = [
            HeldJob(*key, job.row.attempt, 0 if job.done else job.row.slots)
            for key, job in self._jobs.items()
            if key not in self._behind
        ]
        return tuple(sorted(of_all, key=lambda one: one.slots == 0)[:MOST_HELD])

    def begun(self) -> list[Started]:
        """What to say of jobs that have begun since it was asked last; nothing of short ones, which are
        over: each such message costs the broker and the client as much as an ending does."""
        if not self._is_up:
            return []
        tags: dict[bytes, list[int]] = {}
        for session, tag in self._begun:
            tags.setdefault(session, []).append(tag)
        self._begun.clear()
        return [
            Started(session, tuple(of_one[start : start + MOST_TAGS]))
            for session, of_one in tags.items()
            for start in range(0, len(of_one), MOST_TAGS)
        ]

    def next_deadline(self) -> float:
        """When `TimePassed` is wanted; infinity if never."""
        return self._tell_at

    def step(self, event: Event, *, now: float) -> list[Effect]:
        """Take in one event; what must be done about it, in order.

        :param now: seconds on a clock that never goes back
        """
        self._now = now
        match event:
            case Came(message):
                return self._came(message)
            case Unreadable(digest, why):
                self._containers.is_unreadable(digest, why)
                return []
            case Ready(digest):
                return self._start(self._containers.is_ready(digest))
            case NotReady(digest, why, is_full):
                again = self._containers.has_no_room(digest) if is_full else []
                return again or self._fail_all(self._containers.is_not_ready(digest), why)
            case Ended(key, ending, body, told):
                return self._ended(key, ending, body, told)
            case Stays(key, run):
                self._containers.stays(self._jobs[key].container, run)
                return []
            case StayOver(run):
                self._containers.is_over(run)
                return []
            case LinkUp():
                self._is_up = True
                self._last_wish = 0
                return self._tell_again()
            case LinkDown():
                self._is_up = False
                self._tell_at = math.inf
                self._untold.clear()
                self._forget(list(self._behind))
                return []
            case StopWanted():
                self._stopping = True
                return self._give_all_back()
            case TimePassed():
                return self._tell_gathered() if now >= self._tell_at else []
            case _:
                assert_never(event)

    def end_all(self) -> list[Effect]:
        """Cancel what runs, and tell nobody how it ends: others are to run it."""
        effects: list[Effect] = []
        for key, job in self._jobs.items():
            if job.done is None and not job.cancelled:
                job.cancelled = True
                effects += [End(key)] if job.runs else []
        self._is_up = False
        return effects

    def _came(self, message: Message) -> list[Effect]:
        match message:
            case ContainerBytes(digest, data):
                return self._containers.came(digest, data)
            case Run(session, container, rows):
                return [e for row in rows for e in self._given((session, row.tag), container, row)]
            case Cancel(session, tags):
                return [e for tag in tags for e in self._cancel((session, tag))]
            case Taken(session, tags):
                for tag in tags:
                    self._taken((session, tag))
                return []
            case GiveBack(number, session, tags):
                return self._give_back(number, session, tags)
            case _:
                return []

    def _fail_all(self, waiting: list[Key], why: str) -> list[Effect]:
        return [e for key in waiting for e in self._ended(key, Ending.UNFIT, said(why))]

    def _given(self, key: Key, digest: bytes, row: RunJob) -> list[Effect]:
        known = self._jobs.get(key)
        if known is not None and known.done is None:
            # It runs already, and goes on as the attempt that the broker takes it for.
            known.row = known.row._replace(attempt=row.attempt)
            return []
        if known is not None and known.row.attempt == row.attempt:
            return self._tell([key])
        if known is not None:
            self._taken(key)  # by a broker that wants it to be run again
        if self._stopping:
            return [Say(GivenBack(0, key[0], (row.tag,)))]  # it was on its way
        fault = self._fault(digest, row)
        self._jobs[key] = _Job(digest, row, came=self._now)
        if fault:
            # Nothing of it is kept but its ending.
            return self._over(key, DoneJob(row.tag, row.attempt, Ending.UNFIT, said(fault)))
        # What is in its container is brought while it waits.
        wanted = self._containers.used_by(digest, key) or []
        self._behind[key] = None
        return wanted + self._fill()

    def _fault(self, digest: bytes, row: RunJob) -> str:
        fault = self._containers.fault_of(digest)
        if fault:
            return fault
        if row.slots > self._slots:
            return f"it takes {row.slots} slots, and this worker has {self._slots}"
        if len(self._behind) >= self.most_behind:
            return f"this worker has {self._slots} slots, and all of them are taken"
        return ""

    def _fill(self) -> list[Effect]:
        """Slots that are free go to whoever is first, and to nobody else while it needs more of them."""
        effects: list[Effect] = []
        while self._behind and not self._stopping:
            key = next(iter(self._behind))
            job = self._jobs[key]
            if self._used + job.row.slots > self._slots:
                break
            del self._behind[key]
            self._used += job.row.slots
            if self._containers.has_all(job.container):
                effects += self._start([key])
        return effects

    def _start(self, keys: list[Key]) -> list[Effect]:
        effects: list[Effect] = []
        for key in keys:
            job = self._jobs[key]
            if job.runs or job.done is not None or key in self._behind:
                continue
            job.runs = True
            job.began = self._now
            self._begun[key] = None
            effects.append(Start(key, job.container, job.row))
        return effects

    def _cancel(self, key: Key) -> list[Effect]:
        job = self._jobs.get(key)
        if job is None or job.done is not None or job.cancelled:
            return []
        job.cancelled = True
        return [End(key)] if job.runs else self._ended(key, Ending.CANCELLED, b"")

    def _ended(
        self, key: Key, ending: int, body: bytes, told: tuple[str, bytes] | tuple[()] = ()
    ) -> list[Effect]:
        job = self._jobs.get(key)
        if job is None or job.done is not None:
            return []
        self._leave(key, job)
        if job.runs:
            job.ran_seconds = self._now - job.began
        if job.cancelled:
            ending, body, told = Ending.CANCELLED, b"", ()
        # The next one begins before anything is said of this one.
        begun = self._fill()
        return begun + self._over(key, DoneJob(key[1], job.row.attempt, ending, body, told))

    def _leave(self, key: Key, job: _Job) -> None:
        """It waits for nothing here any more, and takes nothing."""
        if key in self._behind:
            del self._behind[key]
        else:
            self._used -= job.row.slots
        self._containers.not_used_by(job.container, key)

    def _forget(self, keys: list[Key]) -> None:
        """Jobs that wait for slots are somebody else's."""
        for key in keys:
            self._leave(key, self._jobs.pop(key))

    def _give_back(self, number: int, session: bytes, tags: tuple[int, ...]) -> list[Effect]:
        if number <= self._last_wish:
            return []
        self._last_wish = number
        found = [tag for tag in tags if (session, tag) in self._behind]
        self._forget([(session, tag) for tag in found])
        begun = self._fill()  # the first may have waited for more slots than the next does
        return [*begun, *self._tell_gathered(), Say(GivenBack(number, session, tuple(found)))]

    def _give_all_back(self) -> list[Effect]:
        tags: dict[bytes, list[int]] = {}
        for session, tag in self._behind:
            tags.setdefault(session, []).append(tag)
        self._forget(list(self._behind))
        if not self._is_up:
            return []
        return self._tell_gathered() + [
            Say(GivenBack(0, session, tuple(of_one))) for session, of_one in tags.items()
        ]

    def _over(self, key: Key, done: DoneJob) -> list[Effect]:
        self._jobs[key].done = done
        self._begun.pop(key, None)
        self._kept[key] = None
        self._kept_bytes += size_of(done)
        while self._kept_bytes > MOST_KEPT_BYTES or len(self._kept) > MOST_KEPT:
            self._taken(next(iter(self._kept)))
        if not self._is_up:
            return []
        self._untold[key] = None
        if len(self._behind) < self._slots or len(self._untold) >= MOST_ROWS:
            return self._tell_gathered()
        self._tell_at = min(self._tell_at, self._now + TOLD_SECONDS)
        return []

    def _tell_gathered(self) -> list[Effect]:
        keys = list(self._untold)
        self._untold.clear()
        self._tell_at = math.inf
        return self._tell(keys)

    def _taken(self, key: Key) -> None:
        job = self._jobs.get(key)
        if job is not None and job.done is not None:
            self._kept_bytes -= size_of(job.done)
            del self._jobs[key], self._kept[key]
            self._untold.pop(key, None)

    def _tell(self, keys: list[Key]) -> list[Effect]:
        if not self._is_up:
            return []
        found = []
        for key in keys:
            job = self._jobs.get(key)
            if job is not None and job.done is not None:
                # The broker takes it for the attempt that it has named last.
                done = job.done._replace(attempt=job.row.attempt)
                found.append((key[0], timed(done, job.ran_seconds, self._now - job.came)))
        return [Say(message) for message in done_messages(found)]

    def _tell_again(self) -> list[Effect]:
        return self._tell(list(self._kept))

    def check(self) -> None:
        """What always holds; for tests."""
        open_jobs = {key: job for key, job in self._jobs.items() if job.done is None}
        taken = {key: job for key, job in open_jobs.items() if key not in self._behind}
        assert set(self._behind) <= set(open_jobs)
        assert self._used == sum(job.row.slots for job in taken.values()) <= self._slots
        assert len(self._behind) <= self.most_behind
        assert not any(open_jobs[key].runs for key in self._behind)
        assert not self._behind or self._is_up
        if self._behind:
            first = open_jobs[next(iter(self._behind))]
            assert self._used + first.row.slots > self._slots, "it waits, and there is room for it"
        assert set(self._untold) <= set(self._kept)
        assert (self._tell_at < math.inf) == bool(self._untold)
        assert all(open_jobs[key].runs for key in self._begun)
        assert set(self._kept) == set(self._jobs) - set(open_jobs)
        assert self._kept_bytes == sum(
            size_of(job.done) for job in self._jobs.values() if job.done is not None
        )
        self._containers.check(
            {
                key: (job.container, job.runs if key in taken else None)
                for key, job in open_jobs.items()
            }
        )
