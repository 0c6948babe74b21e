"""Jobs, workers and clients as the broker knows them. Pure; a part of its machine.

Plain classes with slots: there may be a million jobs.
"""

import math
from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

from maelstrom_broker.stories_state import Run
from maelstrom_broker.tries_state import Past
from maelstrom_core.wire.rows import DoneJob, Ending, SubmittedJob

if TYPE_CHECKING:
    from maelstrom_broker.queue_state import Demand, JobQueue

WANTED: Final = -1
UNWANTED: Final = -2
"""It was cancelled, and its worker has not said yet that it ended."""
WANTED_AGAIN: Final = -3
"""It was cancelled, handed in again, and its worker has not said yet that it ended."""


SEEN_BEFORE: Final = 4
"""Jobs of a run that must have ended before anything is expected of the others."""
KEPT_BY_WORKERS: Final = frozenset({Ending.RAN, Ending.STORED, Ending.CANCELLED})
"""How a job ended whose worker, if it has one, keeps the result until it is taken."""


class Wants(NamedTuple):
    """What a job asks of its worker.

    :param excluded: names of workers on which it failed; not taken while there are others
    """

    slots: int
    labels: frozenset[str]
    excluded: frozenset[str] = frozenset()


class Pace:
    """How long jobs of one run and one container take, as the last ones have shown.

    :param jobs: how many have ended
    """

    __slots__ = ("_mean", "_spread", "jobs")

    def __init__(self) -> None:
        self.jobs = 0
        self._mean = self._spread = 0.0

    def add(self, seconds: float) -> None:
        """One more has ended."""
        self.jobs += 1
        if self.jobs == 1:
            self._mean, self._spread = seconds, seconds / 2
            return
        error = seconds - self._mean
        self._mean += error / 8
        self._spread += (abs(error) - self._spread) / 4

    def expected(self) -> float:
        """Seconds that one takes, as a mean; infinity before a few have ended."""
        return self._mean if self.jobs >= SEEN_BEFORE else math.inf

    def longest(self) -> float:
        """Seconds that hardly one takes longer than; infinity before a few have ended."""
        return self._mean + 2 * self._spread if self.jobs >= SEEN_BEFORE else math.inf


class Container:
    """A container of which some client has said what it is.

    :param warm: workers that have had it, the last at the end
    :param unfit: names of workers that could not run what is in it, and until when others are asked
        first
    """

    __slots__ = ("clients", "data", "digest", "unfit", "warm")

    def __init__(self, digest: bytes, data: bytes) -> None:
        self.digest = digest
        self.data = data
        self.clients = 0
        self.warm: dict[Worker, None] = {}
        self.unfit: dict[str, float] = {}


class Job:
    """A job of a client, until that has taken its result.

    It waits while it has a queue, runs while it has a worker and no ending, and has ended once
    ``ending`` is one of `Ending`; its body is that of the result then, and its worker the one that is
    to hear that the result was taken.

    :param key: its place in its queue
    :param at_once: it is not to wait behind a worker's slots: it was there when a worker died, and may
        have begun without our knowing
    :param failures: texts, one for each attempt that failed
    :param unfit: how many of these were of workers that could not run it
    :param past: what is remembered of it; before it is given out, shared with others
    :param at_terminal: its client is at its terminal, or was: it is not begun once more
    """

    __slots__ = (
        "at_once",
        "at_terminal",
        "attempts",
        "body",
        "client",
        "container",
        "ending",
        "failures",
        "key",
        "past",
        "queue",
        "tag",
        "unfit",
        "wants",
        "worker",
    )

    def __init__(
        self,
        client: "Client",
        row: SubmittedJob,
        key: int,
        wants: Wants,
        container: Container,
        past: Past,
    ) -> None:
        self.client = client
        self.tag = row.tag
        self.key = key
        self.wants = wants
        self.container = container
        self.body = row.body
        self.attempts = 0
        self.at_once = False
        self.ending = WANTED
        self.failures: tuple[str, ...] = ()
        self.unfit = 0
        self.past = past
        self.at_terminal = False
        self.worker: Worker | None = None
        self.queue: JobQueue | None = None


class Worker:
    """A worker; it stays while its connection is broken, until it is given up.

    :param used: slots that are taken; more than there are only if it says so itself
    :param jobs: that run there, or are on their way; those that wait behind its slots as well
    :param most_behind: how many may wait, as it says
    :param behind: jobs that wait there, the first to get a slot first, each with the seconds that it is
        expected to take; they take no slots
    :param behind_seconds: all of them
    :param wished: of those, the ones that it was asked to give back, with the number of the wish
    :param turn: seconds from a job's end there to the start of the next, as they were seen; 0 if not yet
    :param orphans: jobs it holds that nobody has asked for yet
    :param told: digests of containers it was sent by this connection, and how many bytes of them
    :param warm: digests of containers it has had
    :param untaken: results that it keeps
    :param reserved: the demand for which it is kept free
    :param has_terminals: it is of a version that has, as it has shown
    """

    __slots__ = (
        "away_until",
        "behind",
        "behind_seconds",
        "draining",
        "has_terminals",
        "heard",
        "jobs",
        "labels",
        "most_behind",
        "name",
        "orphans",
        "peer",
        "principal",
        "reserved",
        "session",
        "slots",
        "software",
        "told",
        "told_bytes",
        "turn",
        "untaken",
        "used",
        "warm",
        "wished",
    )

    def __init__(self, session: bytes, principal: str) -> None:
        self.session = session
        self.principal = principal
        self.name = ""
        self.software = ""
        self.peer: bytes | None = None
        self.slots = 0
        self.labels: frozenset[str] = frozenset()
        self.used = 0
        self.jobs: dict[Job, None] = {}
        self.most_behind = 0
        self.behind: dict[Job, float] = {}
        self.behind_seconds = 0.0
        self.wished: dict[Job, int] = {}
        self.turn = 0.0
        self.orphans: dict[tuple[bytes, int], Orphan] = {}
        self.told: set[bytes] = set()
        self.told_bytes = 0
        self.warm: set[bytes] = set()
        self.untaken = 0
        self.draining = False
        self.has_terminals = False
        self.reserved: Demand | None = None
        self.heard = 0.0
        self.away_until = 0.0


class Client:
    """A client; it stays while its connection is broken, until it is given up.

    :param number: the same as no other client's
    :param rank: its place among clients: smaller is first
    :param tick: when it was served last; larger is later
    :param used: slots that its jobs take, or wait for at a worker
    :param behind: how many of its jobs wait there
    :param paces: of its jobs, by digest of their container
    :param held_back: its jobs wait for workers that may have them already
    :param queues: jobs that wait, by what they want
    :param unsent: tags of jobs that ended and whose results were not sent by this connection
    :param results_at: before then, results are gathered while many jobs wait
    :param results_wait: for that moment
    :param sent: tags of results on their way, each with its size
    :param asking: numbers of its questions for what is known of cases
    :param learned_left: cases that it may tell of before its next beat
    :param typed_left: messages about terminals, and bytes, that it may send in the second since
    :param run: what is remembered of its jobs
    """

    __slots__ = (
        "asking",
        "behind",
        "containers",
        "containers_bytes",
        "done",
        "gone_until",
        "heard",
        "held_back",
        "held_until",
        "jobs",
        "jobs_bytes",
        "learned_left",
        "name",
        "number",
        "output_left",
        "paces",
        "peer",
        "principal",
        "queues",
        "rank",
        "results_at",
        "results_wait",
        "run",
        "sent",
        "sent_bytes",
        "session",
        "software",
        "taken",
        "tick",
        "typed_bytes_left",
        "typed_left",
        "typed_since",
        "unsent",
        "used",
        "weight",
    )

    def __init__(self, session: bytes, principal: str, number: int) -> None:
        self.session = session
        self.principal = principal
        self.number = number
        self.name = ""
        self.software = ""
        self.weight = 1
        self.peer: bytes | None = None
        self.rank = 0
        self.tick = 0
        self.used = 0
        self.behind = 0
        self.paces: dict[bytes, Pace] = {}
        self.held_back = False
        self.held_until = 0.0
        self.jobs: dict[int, Job] = {}
        self.jobs_bytes = 0
        self.queues: dict[Wants, JobQueue] = {}
        self.containers: dict[bytes, Container] = {}
        self.containers_bytes = 0
        self.unsent: deque[int] = deque()
        self.results_at = 0.0
        self.results_wait = False
        self.sent: dict[int, int] = {}
        self.sent_bytes = 0
        self.done = 0
        self.taken = 0
        self.output_left = 0
        self.asking: set[int] = set()
        self.learned_left = 0
        self.typed_left = 0
        self.typed_bytes_left = 0
        self.typed_since = -math.inf
        self.heard = 0.0
        self.gone_until = 0.0
        self.run = Run(session)


class Admin:
    """A connection of somebody who looks after the cluster."""

    __slots__ = ("heard", "name", "peer", "principal", "session")

    def __init__(self, session: bytes, principal: str) -> None:
        self.session = session
        self.principal = principal
        self.name = ""
        self.peer: bytes | None = None
        self.heard = 0.0


class Orphan:
    """A job that a worker holds and that is nobody's.

    :param slots: that it takes; 0 once it ended
    :param until: its client may ask for it until then: it was given before the broker was started;
        ``None`` if nobody may, and the worker was told to end it
    :param result: how it ended, once it did
    """

    __slots__ = ("attempt", "result", "slots", "until", "worker")

    def __init__(self, worker: Worker, attempt: int, slots: int, until: float | None) -> None:
        self.worker = worker
        self.attempt = attempt
        self.slots = slots
        self.until = until
        self.result: DoneJob | None = None
