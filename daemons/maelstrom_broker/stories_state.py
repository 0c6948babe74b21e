"""What is remembered of jobs and runs, so that people can be told where time went and why. Pure; a part
of the broker's machine.

A job that waits costs a reference to what was so when its message came, which all jobs of that message
share. A job that was given out has a `Try` for each time. Once it has ended, that becomes a `Story`, of
which few are kept: those that say something (failures, second attempts, the slowest), and the last ones.
Nothing that the broker decides depends on any of it.
"""

import heapq
import math
from collections import deque
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from maelstrom_broker.tries_state import (
    AGAIN,
    AT,
    ENDED,
    HOW,
    SLOT,
    STARTED,
    WHY,
    Arrival,
    Why,
    tried,
)
from maelstrom_core.wire.label_plan import HEAD_BYTES, label_of
from maelstrom_core.wire.rows import MOST_FAULT, Ending

if TYPE_CHECKING:
    from maelstrom_broker.records import Job, Worker

MOST_FAILED = 100
MOST_RETRIED = 50
MOST_SLOWEST = 20
"""Stories of each run that are kept: of jobs that failed, that were tried again, that ran longest."""
MOST_LATELY = 100
"""Stories of the jobs of all runs that have ended last."""
LATELY_SECONDS = 0.01
"""Of those that end faster one after the other only what says something is among them."""
MOST_PAST = 50
"""Runs that are over and whose stories are kept."""
MOST_BARS = 200
"""Runs that are over and of which counts and times are kept."""
MOST_KEPT = 20_000
"""Stories of all runs together."""
MOST_TAIL_BYTES = 256 << 10
MOST_TAIL_BYTES_OF_ALL = 16 << 20
"""Ends of outputs: of one run, and of all that are remembered."""
_MOST_WHY = 3 * MOST_FAULT
"""Characters of why a job failed, whose attempts have all failed."""
MOST_TRIES = 8
"""Of one job; those between the first and the last ones are forgotten."""
COUNTED = ("ok", "failed", "unfit", "lost", "refused", "cancelled", "retried")
BAD = ("failed", "unfit", "lost", "refused")
_COUNTED_AS: dict[int, str] = {
    Ending.UNFIT: "unfit",
    Ending.LOST: "lost",
    Ending.REFUSED: "refused",
    Ending.CANCELLED: "cancelled",
}
_RAN = (0, 1)  # as in `attempts_state`
_FAILED = frozenset({Ending.UNFIT, Ending.LOST, Ending.REFUSED})


class Story:
    """All that is remembered of a job.

    :param head: beginning of its body, in which its name is
    :param called: its name, if it is known without that
    :param ending: one of `Ending`; negative while it has none
    :param fault: what went wrong; empty if nothing did; ``None`` if nobody has said
    :param tail: of what it wrote, if it failed
    :param ended: when it ended; ``None`` if it has not
    """

    __slots__ = (
        "arrival",
        "called",
        "ended",
        "ending",
        "excluded",
        "fault",
        "head",
        "labels",
        "run",
        "slots",
        "tag",
        "tail",
        "tries",
    )

    def __init__(self, job: "Job", run: "Run") -> None:
        self.run = run
        self.tag = job.tag
        self.head = b"" if job.ending >= 0 else job.body[:HEAD_BYTES]
        self.called = ""
        self.arrival, *records = job.past
        self.tries = tuple(map(tried, records))
        self.slots = job.wants.slots
        self.labels = job.wants.labels
        self.excluded = job.wants.excluded
        self.ending = -1
        self.fault: str | None = ""
        self.tail = b""
        self.ended: float | None = None

    @property
    def name(self) -> str:
        """What people call it; empty if nobody has said."""
        return self.called or label_of(self.head)

    @property
    def failed(self) -> bool:
        """Whether something went wrong with it in the end."""
        return self.ending in _FAILED or bool(self.fault)


class Run:
    """All that is remembered of a client's jobs.

    :param began: when it came
    :param ended: when it was given up; ``None`` while it is there
    :param counts: of jobs that ended; those that were tried again are counted once more
    :param unkept: stories that were not kept, though they are of failed jobs
    :param waited: seconds that its jobs waited, in all; `fetched` and `ran` likewise
    :param not_slow_seconds: what ran no longer is not among the slowest
    """

    def __init__(self, session: bytes) -> None:
        self.session = session
        self.name = ""
        self.began = 0.0
        self.ended: float | None = None
        self.counts = dict.fromkeys(COUNTED, 0)
        self.failed: list[Story] = []
        self.retried: list[Story] = []
        self.unkept = 0
        self.tail_bytes = 0
        self.waited = self.fetched = self.ran = 0.0
        self._slowest: list[tuple[float, int, Story]] = []
        self.not_slow_seconds = -1.0

    @property
    def bad(self) -> int:
        """How many went wrong, in whatever way."""
        return sum(self.counts[one] for one in BAD)

    @property
    def kept(self) -> int:
        """How many stories are kept; some of them twice."""
        return len(self.failed) + len(self.retried) + len(self._slowest)

    @property
    def slowest(self) -> list[Story]:
        """Those that ran longest, the slowest first."""
        return [story for _, _, story in sorted(self._slowest, key=lambda one: -one[0])]

    def stories(self) -> Iterator[Story]:
        """All that are kept, each once: failed ones first."""
        seen = set[int]()
        for story in [*self.failed, *self.retried, *self.slowest]:
            if story.tag not in seen:
                seen.add(story.tag)
                yield story

    def add_slow(self, seconds: float, serial: int, story: Story, *, room: bool) -> None:
        """Keep a slow one, in the place of the fastest of them if there are enough.

        :param room: whether there may be more of them
        """
        slowest = self._slowest
        if room and len(slowest) < MOST_SLOWEST:
            heapq.heappush(slowest, (seconds, serial, story))
        elif slowest:
            heapq.heapreplace(slowest, (seconds, serial, story))
        if len(slowest) == MOST_SLOWEST or not room:
            self.not_slow_seconds = slowest[0][0] if slowest else math.inf

    def drop_stories(self) -> int:
        """Keep only what is counted; how many bytes of output were let go of."""
        self.unkept += len(self.failed)
        for story in self.failed:
            story.tail = b""
        self.failed, self.retried, self._slowest = [], [], []
        freed, self.tail_bytes = self.tail_bytes, 0
        return freed


class Stories:
    """Everything that is remembered.

    :param lately: jobs that ended last, the last at the end
    :param past: runs that are over, the last at the end
    :param asked_for: sessions of runs that are over and that somebody wanted to see lately
    """

    def __init__(self) -> None:
        self.lately: deque[Story] = deque(maxlen=MOST_LATELY)
        self.past: deque[Run] = deque(maxlen=MOST_BARS)
        self.asked_for: set[bytes] = set()
        self.failed = 0
        """Jobs that failed, since the broker was started."""
        self._tail_bytes = 0
        self._kept = 0
        self._lately_at = -math.inf
        self._serial = 0

    def given(self, job: "Job", worker: "Worker", why: Why, others: int, now: float) -> None:
        """A job was given to a worker; slots are taken already."""
        past, free = job.past, worker.slots - worker.used + job.wants.slots
        if why is Why.BEHIND:
            free = 0
        used = job.client.used
        slot = None if why is Why.BEHIND else now
        record = [
            worker.name,
            job.attempts,
            now,
            why,
            free,
            others,
            used,
            None,
            None,
            "",
            None,
            slot,
        ]
        if len(past) > MOST_TRIES:
            arrival, *records = past
            del records[2]
            past = (arrival, *records)
        job.past = (*past, record)

    def started(self, job: "Job", now: float) -> None:
        """The worker that has a job has all that it needs."""
        if len(job.past) > 1 and job.past[-1][STARTED] is None:
            job.past[-1][STARTED] = now

    def have_slots(self, jobs: "list[Job]", now: float) -> None:
        """Jobs that waited behind slots of their workers have got one."""
        for job in jobs:
            if len(job.past) > 1 and job.past[-1][ENDED] is None and job.past[-1][SLOT] is None:
                job.past[-1][SLOT] = now

    def away(self, job: "Job", ran: float, now: float) -> float | None:
        """How long a job that comes back was away; ``None`` if it was given by a broker before this one.

        :param ran: seconds, as its worker says
        """
        if len(job.past) < 2 or job.past[-1][WHY] is Why.HELD:
            return None
        record = job.past[-1]
        if record[WHY] is Why.BEHIND:
            record[SLOT] = max(record[AT], now - ran)
        return float(now - record[AT])

    def over(self, job: "Job", how: str, now: float) -> None:
        """The worker that a job was given to last does not have it any more."""
        if len(job.past) > 1:
            job.past[-1][ENDED : HOW + 1] = now, how[:MOST_FAULT]

    def waits_again(self, job: "Job", arrival: Arrival) -> None:
        """A job that was given out waits once more."""
        if len(job.past) > 1:
            job.past[-1][AGAIN] = arrival

    def ended(
        self, job: "Job", ending: int, told: tuple[str, bytes] | tuple[()], now: float
    ) -> None:
        """A job ends; its body is still what was handed in.

        :param told: as its worker says it, or the broker in its place
        """
        run, tries = job.client.run, len(job.past) - 1
        fault = told[0] if told else ""
        if tries and job.past[-1][ENDED] is None:
            self.over(job, fault, now)
        ran = _count(run, job, _COUNTED_AS.get(ending) or ("failed" if fault else "ok"), now)
        failed = fault != "" or ending in _FAILED
        is_slow = tries > 0 and ran > run.not_slow_seconds
        if not (failed or tries > 1 or is_slow or now >= self._lately_at):
            return  # as most do: nothing of them is worth telling
        story = Story(job, run)
        story.ending, story.ended = ending, now
        story.fault = None if not told and ending in _RAN else fault[:_MOST_WHY]
        self.lately.append(story)
        self._lately_at = now + LATELY_SECONDS
        if failed:
            self.failed += 1
        room = self._has_room()
        before = run.kept
        if is_slow:
            self._serial += 1
            run.add_slow(ran, self._serial, story, room=room)
        if failed and room and len(run.failed) < MOST_FAILED:
            run.failed.append(story)
            self._keep_tail(run, story, told[1] if told else b"")
        elif failed:
            run.unkept += 1
        elif room and tries > 1 and len(run.retried) < MOST_RETRIED:
            run.retried.append(story)
        self._kept += run.kept - before

    def _has_room(self) -> bool:
        """Whether one more can be kept; runs that are over make room, the oldest first."""
        for one in self.past:
            if self._kept < MOST_KEPT:
                break
            self._drop(one)
        return self._kept < MOST_KEPT

    def _keep_tail(self, run: Run, story: Story, tail: bytes) -> None:
        if run.tail_bytes + len(tail) > MOST_TAIL_BYTES:
            return
        for one in self.past:
            if self._tail_bytes + len(tail) <= MOST_TAIL_BYTES_OF_ALL:
                break
            self._drop(one)
        if self._tail_bytes + len(tail) <= MOST_TAIL_BYTES_OF_ALL:
            story.tail = tail
            run.tail_bytes += len(tail)
            self._tail_bytes += len(tail)

    def _drop(self, run: Run) -> None:
        self._kept -= run.kept
        self._tail_bytes -= run.drop_stories()

    def run_is_over(self, run: Run, now: float) -> bool:
        """Its client is gone for good.

        :return: whether there is something to remember of it
        """
        run.ended = now
        if not any(run.counts.values()):
            return False
        self._remember(run)
        return True

    def begin_with(self, runs: Iterable[Run]) -> None:
        """Runs that were over before this broker was started, the last at the end."""
        for run in runs:
            self._kept += run.kept
            self._remember(run)
            if self._kept > MOST_KEPT:
                self._drop(run)

    def is_asked_for(self, run: Run) -> None:
        """Somebody wants to see a run."""
        if run.ended is not None:
            self.asked_for.add(run.session)

    def _remember(self, run: Run) -> None:
        if len(self.past) == MOST_BARS:
            self._drop(self.past[0])
        self.past.append(run)
        if len(self.past) > MOST_PAST:
            self._drop(self.past[-MOST_PAST - 1])

    def check(self, live: list[Run]) -> None:
        """Assert what must always hold."""
        runs = [*self.past, *live]
        assert self._kept == sum(run.kept for run in runs) <= MOST_KEPT + MOST_SLOWEST
        assert self._tail_bytes == sum(run.tail_bytes for run in runs) <= MOST_TAIL_BYTES_OF_ALL
        for run in runs:
            assert run.tail_bytes == sum(len(one.tail) for one in run.failed) <= MOST_TAIL_BYTES
            assert len(run.failed) <= MOST_FAILED and len(run.retried) <= MOST_RETRIED


def _count(run: Run, job: "Job", as_what: str, now: float) -> float:
    """Add it to what is counted of its run; how many seconds its last attempt ran."""
    run.counts[as_what] += 1
    past = job.past
    waited, ran = now - past[0].at, 0.0
    for record in past[1:]:
        slot, started, ended = record[SLOT], record[STARTED], record[ENDED]
        if slot is None:
            continue  # it only waited there
        if started is None:
            started = slot
        else:
            run.fetched += max(0.0, started - slot)
            started = max(started, slot)
        ran = ended - started
        run.ran += ran
        waited -= ended - slot
    if len(past) > 2:
        run.counts["retried"] += 1
    run.waited += waited
    return ran
