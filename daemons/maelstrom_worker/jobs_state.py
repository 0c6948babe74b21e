"""What a worker holds: jobs that it was given, and endings that nobody has taken yet. Pure.

A job is known by its client's session and its tag. It is held from the moment at which it comes until
the broker says that its ending is taken, over lost connections and brokers; after each new connection
all that is held has been named in `Hello`, and what has ended is told again. So nothing is run twice
here that is run once, and no ending is lost that the broker has not got.
"""

from collections.abc import Iterator
from typing import assert_never

import attrs

from maelstrom_core.wire.messages import (
    MOST_HELD,
    MOST_TAGS,
    Cancel,
    ContainerBytes,
    Done,
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
    StopWanted,
    Unreadable,
)

MOST_KEPT_BYTES = 256 << 20
"""Of endings that nobody has taken; older ones are forgotten before the machine is full of them."""
MOST_KEPT = 12_500
MOST_WAITING = 4
"""As many times its slots may jobs take together; a broker gives no more than there are free."""
_MESSAGE_BYTES = 512 << 10
_WHY_BYTES = 4000


@attrs.define
class _Job:
    container: bytes
    row: RunJob
    runs: bool = False
    cancelled: bool = False
    done: DoneJob | None = None


class JobsState:
    """Everything that a worker holds. Only `step` changes it.

    :param slots: of the worker
    """

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._jobs: dict[Key, _Job] = {}
        self._kept_bytes = 0
        self._kept: dict[Key, None] = {}
        """Jobs that have ended, the first to have ended first."""
        self._begun: dict[Key, None] = {}
        """Jobs that run, and of which that was not said."""
        self._containers = Containers()
        self._used = 0
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
    def kept(self) -> int:
        """How many endings nobody has taken."""
        return len(self._kept)

    def held(self) -> tuple[HeldJob, ...]:
        """All that is held, for `Hello`; what has not ended first."""
        of_all = [
            HeldJob(session, tag, job.row.attempt, 0 if job.done else job.row.slots)
            for (session, tag), job in self._jobs.items()
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

    def step(self, event: Event) -> list[Effect]:
        """Take in one event; what must be done about it, in order."""
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
            case LinkUp():
                self._is_up = True
                return list(self._tell_again())
            case LinkDown():
                self._is_up = False
                return []
            case StopWanted():
                self._stopping = True
                return []
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
            case _:
                return []

    def _fail_all(self, waiting: list[Key], why: str) -> list[Effect]:
        return [e for key in waiting for e in self._ended(key, Ending.UNFIT, _said(why))]

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
        fault = self._fault(digest, row)
        self._jobs[key] = _Job(digest, row)
        if fault:
            # Nothing of it is kept but its ending.
            return self._over(key, DoneJob(row.tag, row.attempt, Ending.UNFIT, _said(fault)))
        self._used += row.slots
        wanted = self._containers.used_by(digest, key)
        return self._start([key]) if wanted is None else wanted

    def _fault(self, digest: bytes, row: RunJob) -> str:
        fault = self._containers.fault_of(digest)
        if fault:
            return fault
        if self._stopping:
            return "this worker is stopping"
        if row.slots > self._slots:
            return f"it takes {row.slots} slots, and this worker has {self._slots}"
        if self._used + row.slots > MOST_WAITING * self._slots:
            return f"this worker has {self._slots} slots, and all of them are taken"
        return ""

    def _start(self, keys: list[Key]) -> list[Effect]:
        effects: list[Effect] = []
        for key in keys:
            job = self._jobs[key]
            if job.runs or job.done is not None:
                continue
            job.runs = True
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
        self._used -= job.row.slots
        self._containers.not_used_by(job.container, key)
        if job.cancelled:
            ending, body, told = Ending.CANCELLED, b"", ()
        return self._over(key, DoneJob(key[1], job.row.attempt, ending, body, told))

    def _over(self, key: Key, done: DoneJob) -> list[Effect]:
        self._jobs[key].done = done
        self._begun.pop(key, None)
        self._kept[key] = None
        self._kept_bytes += _size(done)
        while self._kept_bytes > MOST_KEPT_BYTES or len(self._kept) > MOST_KEPT:
            self._taken(next(iter(self._kept)))
        return self._tell([key])

    def _taken(self, key: Key) -> None:
        job = self._jobs.get(key)
        if job is not None and job.done is not None:
            self._kept_bytes -= _size(job.done)
            del self._jobs[key], self._kept[key]

    def _tell(self, keys: list[Key]) -> list[Effect]:
        if not self._is_up:
            return []
        found = []
        for key in keys:
            job = self._jobs.get(key)
            if job is not None and job.done is not None:
                # The broker takes it for the attempt that it has named last.
                found.append((key[0], job.done._replace(attempt=job.row.attempt)))
        return [Say(message) for message in _messages(found)]

    def _tell_again(self) -> Iterator[Effect]:
        yield from self._tell(list(self._kept))

    def check(self) -> None:
        """What always holds; for tests."""
        open_jobs = {key: job for key, job in self._jobs.items() if job.done is None}
        assert self._used == sum(job.row.slots for job in open_jobs.values())
        assert self._used <= MOST_WAITING * self._slots
        assert all(open_jobs[key].runs for key in self._begun)
        assert set(self._kept) == set(self._jobs) - set(open_jobs)
        assert self._kept_bytes == sum(
            _size(job.done) for job in self._jobs.values() if job.done is not None
        )
        self._containers.check({key: (job.container, job.runs) for key, job in open_jobs.items()})


def _size(done: DoneJob) -> int:
    return len(done.body) + sum(map(len, done.told))


def _said(why: str) -> bytes:
    return why.encode("utf-8", "replace")[:_WHY_BYTES]


def _messages(found: list[tuple[bytes, DoneJob]]) -> Iterator[Done]:
    by_session: dict[bytes, list[DoneJob]] = {}
    for session, row in found:
        by_session.setdefault(session, []).append(row)
    for session, rows in by_session.items():
        part: list[DoneJob] = []
        size = 0
        for row in rows:
            if part and (len(part) == MOST_ROWS or size + _size(row) > _MESSAGE_BYTES):
                yield Done(session, tuple(part))
                part, size = [], 0
            part.append(row)
            size += _size(row) + 32
        yield Done(session, tuple(part))
