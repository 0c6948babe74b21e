"""Short jobs on workers that are far away: the broker's machine and workers' machines, virtual time, and
links that take theirs.
"""

import heapq
import itertools
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from maelstrom_broker.effects import Send
from maelstrom_broker.events import Came, TimePassed
from maelstrom_broker.state import BrokerState
from maelstrom_worker import effects as to_do
from maelstrom_worker import events as happens
from maelstrom_worker.jobs_state import JobsState

from maelstrom_core.model.digest import Digest
from maelstrom_core.wire import messages as m
from maelstrom_core.wire.rows import MOST_ROWS, SubmittedJob

CONTAINER = b"a container"
DIGEST = bytes.fromhex(Digest.of(CONTAINER).hex)
SESSION = b"client".ljust(16)
SUITE = [(0.93, 0.004), (0.05, 0.02), (0.015, 0.1), (0.005, 0.4)]


class Yard:
    """A broker with a client beside it, and workers that are far away.

    :param trips: seconds to each worker and back
    :param allowance: whether workers let jobs wait
    """

    def __init__(self, trips: list[float], slots: int, *, allowance: bool) -> None:
        self.now = 0.0
        self.trips, self.slots = trips, slots
        self.durations: list[float] = []
        self.started: Counter[int] = Counter()
        self.ended: dict[int, float] = {}
        self.most_behind = 0
        self.given_back = 0
        self._heap: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._serial = itertools.count()
        self.broker = BrokerState(b"b" * 16, now=0.0, window=1_000_000)
        self.workers = [JobsState(slots) for _ in trips]
        for number, state in enumerate(self.workers):
            name, most = b"w%15d" % number, state.most_behind if allowance else 0
            hello = m.Hello(1, 1, "w", name, f"w{number}", slots=slots, most_behind=most)
            self.tell(b"%d" % number, "worker", hello)
            self.worker_takes(number, happens.LinkUp())
        self.tell(b"c", "client", m.Hello(1, 1, "c", SESSION, "c"))
        self.tell(b"c", "client", m.ContainerBytes(DIGEST, CONTAINER))
        self.at(1.0, self.beats)

    def at(self, when: float, call: Callable[..., None], *arguments: Any) -> None:
        heapq.heappush(self._heap, (max(when, self.now), next(self._serial), call, arguments))

    def run(self, durations: list[float], estimates_ms: list[int]) -> float:
        """All of these; how long that takes."""
        self.durations = durations
        rows = [SubmittedJob(tag, 0, ms, 1, b"") for tag, ms in enumerate(estimates_ms)]
        for start in range(0, len(rows), MOST_ROWS):
            submit = m.Submit(DIGEST, tuple(rows[start : start + MOST_ROWS]))
            self.tell(b"c", "client", submit)
        while len(self.ended) < len(durations):
            self.now, _, call, arguments = heapq.heappop(self._heap)
            call(*arguments)
        assert set(self.started.values()) == {1}, "run twice"
        return max(self.ended.values())

    def beats(self) -> None:
        for number in range(len(self.workers)):
            self.tell(b"%d" % number, "worker", m.Beat(1))
        self.tell(b"c", "client", m.Beat(1))
        self.at(self.now + 1.0, self.beats)

    # The broker

    def tell(self, peer: bytes, role: str, message: Any) -> None:
        self.perform(self.broker.step(Came(peer, role, f"{role}:one", message), now=self.now))

    def ring(self) -> None:
        if self.broker.next_deadline() <= self.now:
            self.perform(self.broker.step(TimePassed(), now=self.now))

    def perform(self, effects: list[Any]) -> None:
        for effect in effects:
            if not isinstance(effect, Send):
                continue
            if effect.peer == b"c":
                self.client_hears(effect.message)
            else:
                number = int(effect.peer)
                came = happens.Came(effect.message)
                self.at(self.now + self.trips[number] / 2, self.worker_takes, number, came)
        behind = [len(worker.behind) for worker in self.broker.book.workers.values()]
        self.most_behind = max([self.most_behind, *behind])
        if self.broker.next_deadline() < 1e9:
            self.at(self.broker.next_deadline(), self.ring)

    def client_hears(self, message: Any) -> None:
        if isinstance(message, m.Results):
            for row in message.jobs:
                assert row.tag not in self.ended and row.attempts == 1
                self.ended[row.tag] = self.now
            tags = tuple(row.tag for row in message.jobs)
            self.at(self.now, self.tell, b"c", "client", m.Taken(SESSION, tags))

    # Workers

    def worker_takes(self, number: int, event: happens.Event) -> None:
        state = self.workers[number]
        for effect in state.step(event, now=self.now):
            match effect:
                case to_do.Say(message):
                    if isinstance(message, m.GivenBack):
                        self.given_back += len(message.tags)
                    back = self.now + self.trips[number] / 2
                    self.at(back, self.tell, b"%d" % number, "worker", message)
                case to_do.MakeReady(digest):
                    self.at(self.now, self.worker_takes, number, happens.Ready(digest))
                case to_do.Start((session, tag)):
                    self.started[tag] += 1
                    ended = happens.Ended((session, tag), 0, b"")
                    self.at(self.now + self.durations[tag], self.worker_takes, number, ended)
        state.check()
        if state.next_deadline() < 1e9:
            self.at(state.next_deadline(), self.worker_takes, number, happens.TimePassed())


def short_ones(count: int, seed: int = 1) -> list[float]:
    dice = random.Random(seed)
    return [dice.uniform(0.003, 0.008) for _ in range(count)]


def a_suite(count: int, seed: int = 1) -> list[float]:
    dice = random.Random(seed)
    shares, seconds = zip(*SUITE, strict=True)
    return [dice.choices(seconds, shares)[0] * dice.uniform(0.5, 1.5) for _ in range(count)]


def estimates_of(durations: list[float], seed: int = 1) -> list[int]:
    """Right within a fifth."""
    dice = random.Random(seed)
    return [round(1000 * seconds * dice.uniform(0.8, 1.2)) for seconds in durations]


@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
@pytest.mark.parametrize("trip_ms", [50, 200])
def test_short_jobs_far_away_are_done_in_a_fraction_of_the_time(trip_ms: int, known: bool) -> None:
    durations = short_ones(400)
    estimates = estimates_of(durations) if known else [-1] * len(durations)
    took = {}
    for allowance in (False, True):
        yard = Yard([trip_ms / 1000], 2, allowance=allowance)
        took[allowance] = yard.run(durations, estimates)
        assert (yard.most_behind > 0) == allowance
    # Without, each slot does one in a turn.
    assert took[False] > 400 / 2 * trip_ms / 1000
    assert took[True] < took[False] / 4


@pytest.mark.parametrize("trips_ms", [[1, 1], [5] * 4, [2, 50], [50, 200]])
@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
def test_a_run_never_takes_longer_for_it(trips_ms: list[float], known: bool) -> None:
    trips = [one / 1000 for one in trips_ms]
    durations = a_suite(1500)
    estimates = estimates_of(durations) if known else [-1] * len(durations)
    without = Yard(trips, 4, allowance=False).run(durations, estimates)
    assert Yard(trips, 4, allowance=True).run(durations, estimates) <= 1.05 * without


def test_long_jobs_never_wait_at_a_worker() -> None:
    yard = Yard([0.2], 2, allowance=True)
    yard.run([0.5] * 20, [500] * 20)
    assert yard.most_behind == 0


def test_who_waits_behind_one_that_takes_long_against_all_expectation_is_taken_back() -> None:
    durations = short_ones(60)
    durations[20] = durations[21] = 9.0
    yard = Yard([0.05, 0.05], 1, allowance=True)
    # The two workers of one slot get stuck, one after the other; a third one is there by then.
    yard.run(durations, [6] * len(durations))
    assert yard.given_back > 0
    late = [tag for tag, ended in yard.ended.items() if ended > 2.0]
    assert set(late) <= {20, 21}, "others have waited for them"
