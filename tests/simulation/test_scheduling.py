"""How well jobs are given out: a broker's machine, workers that are nothing but a clock, virtual time.

The lengths of tests are those of real suites: most take milliseconds, a few take seconds. In
``recorded.json`` are whole suites, one number for each case in the order of the suite, in tenths of a
millisecond, as one run of pytest on a busy machine of two cores has told them; others are drawn from
shares.
"""

import heapq
import json
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import attrs
import pytest
from maelstrom_broker.effects import Send
from maelstrom_broker.events import Came, TimePassed
from maelstrom_broker.limits import RESULTS_SECONDS
from maelstrom_broker.state import BrokerState

from maelstrom_core.model.digest import Digest
from maelstrom_core.wire.messages import (
    Beat,
    ContainerBytes,
    Done,
    Hello,
    Results,
    Run,
    Submit,
    Taken,
)
from maelstrom_core.wire.rows import MOST_ROWS, DoneJob, SubmittedJob

BODY = b"a container"
DIGEST = bytes.fromhex(Digest.of(BODY).hex)
BEAT_SECONDS = 1.0
# Shares of cases and their seconds, from runs of these suites on one machine.
SUITES = {
    "jinja2": [(0.93, 0.003), (0.05, 0.02), (0.015, 0.1), (0.005, 0.4)],
    "attrs": [(0.80, 0.003), (0.15, 0.03), (0.04, 0.2), (0.01, 1.2)],
    "django-like": [(0.60, 0.05), (0.30, 0.3), (0.09, 1.0), (0.01, 6.0)],
}


@attrs.define
class Shop:
    """A broker, its workers and its clients; ``durations`` are by client and tag."""

    workers: int
    slots: int
    durations: dict[bytes, list[float]] = attrs.field(factory=dict)
    now: float = 0.0
    ended: dict[bytes, list[float]] = attrs.field(factory=lambda: defaultdict(list))
    _ends: list[tuple[float, int, bytes, bytes, int, int]] = attrs.field(factory=list)
    _serial: int = 0
    broker: BrokerState = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        window = 1_000_000
        self.broker = BrokerState(b"b" * 16, now=0.0, window=window)
        for number in range(self.workers):
            hello = Hello(1, 1, "w", b"w%15d" % number, f"worker {number}", slots=self.slots)
            self.step(Came(b"w%d" % number, "worker", "k", hello))

    def submit(
        self, name: bytes, durations: list[float], weight: int = 1, *, known: bool = True
    ) -> None:
        """A client comes and hands in all it has, what it takes for the longest first, as runs do.

        :param known: whether it has estimates, which are right within a fifth
        """
        dice = random.Random(name)
        self.durations[name.ljust(16)] = durations
        self.step(Came(name, "client", "k", Hello(1, 1, "c", name.ljust(16), "c", weight=weight)))
        self.step(Came(name, "client", "k", ContainerBytes(DIGEST, BODY)))
        guesses = [round(1000 * seconds * dice.uniform(0.8, 1.2)) for seconds in durations]
        rows = [
            SubmittedJob(tag, 0, guess if known else -1, 1, b"")
            for tag, guess in enumerate(guesses)
        ]
        if known:
            rows.sort(key=lambda row: -row.estimate_ms)
        for start in range(0, len(rows), MOST_ROWS):
            self.step(
                Came(name, "client", "k", Submit(DIGEST, tuple(rows[start : start + MOST_ROWS])))
            )

    def step(self, event: Any) -> None:
        """Take in an event, and all that follows from it at this moment."""
        events = [event]
        while events:
            for effect in self.broker.step(events.pop(0), now=self.now):
                if isinstance(effect, Send):
                    events += self._answer(effect.peer, effect.message)
        while self.broker.next_deadline() < self.now:
            for effect in self.broker.step(TimePassed(), now=self.now):
                if isinstance(effect, Send):
                    for answer in self._answer(effect.peer, effect.message):
                        self.step(answer)

    def _answer(self, peer: bytes, message: Any) -> list[Any]:
        if isinstance(message, Run):
            for row in message.jobs:
                self._serial += 1
                end = self.now + self.durations[message.session][row.tag]
                job = (end, self._serial, peer, message.session, row.tag, row.attempt)
                heapq.heappush(self._ends, job)
        elif isinstance(message, Results):
            session = peer.ljust(16)
            self.ended[peer] += [self.now] * len(message.jobs)
            tags = tuple(row.tag for row in message.jobs)
            return [Came(peer, "client", "k", Taken(session, tags))]
        return []

    def run(self) -> None:
        """Until nothing runs any more."""
        beat = self.now + BEAT_SECONDS
        while self._ends:
            if self._ends[0][0] > beat:
                self.now, beat = beat, beat + BEAT_SECONDS
                peers = [b"w%d" % number for number in range(self.workers)]
                for peer in peers:
                    self.step(Came(peer, "worker", "k", Beat(0)))
                for name in list(self.durations):
                    self.step(Came(name.rstrip(), "client", "k", Beat(0)))
                continue
            end, _, peer, session, tag, attempt = heapq.heappop(self._ends)
            self.now = max(self.now, end)
            done = Done(session, (DoneJob(tag, attempt, 0, b""),))
            self.step(Came(peer, "worker", "k", done))
        # Of many results the last are told together, in a moment.
        self.now += RESULTS_SECONDS
        self.step(TimePassed())


def suite(name: str, cases: int, seed: int = 1) -> list[float]:
    dice = random.Random(seed)
    shares, seconds = zip(*SUITES[name], strict=True)
    return [dice.choices(seconds, shares)[0] * dice.uniform(0.5, 1.5) for _ in range(cases)]


@pytest.mark.parametrize("name", SUITES)
@pytest.mark.parametrize(("workers", "slots"), [(1, 2), (4, 8), (30, 8), (1000, 1)])
def test_a_run_takes_little_longer_than_it_must(name: str, workers: int, slots: int) -> None:
    durations = suite(name, 4_000)
    shop = Shop(workers, slots)
    shop.submit(b"ann", durations)
    shop.run()

    assert len(shop.ended[b"ann"]) == len(durations)
    least = max(sum(durations) / (workers * slots), max(durations))
    assert shop.now <= 1.05 * least


RECORDED = {
    name: [tenths / 10_000 for tenths in cases]
    for name, cases in json.loads(Path(__file__).with_name("recorded.json").read_text()).items()
}
SIZES = [(1, 1), (1, 2), (3, 4), (10, 2), (30, 8), (100, 1), (1000, 1)]


@pytest.mark.parametrize(("workers", "slots"), SIZES)
@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_suite_takes_little_longer_than_it_must(
    name: str, workers: int, slots: int
) -> None:
    durations = RECORDED[name]
    shop = Shop(workers, slots)
    shop.submit(b"ann", durations)
    shop.run()
    assert len(shop.ended[b"ann"]) == len(durations)
    assert shop.now <= 1.05 * max(sum(durations) / (workers * slots), max(durations))


@pytest.mark.parametrize(("workers", "slots"), SIZES)
@pytest.mark.parametrize("name", RECORDED)
def test_a_suite_that_nobody_has_run_takes_no_longer_than_a_list_may(
    name: str, workers: int, slots: int
) -> None:
    """No slot is idle while a case waits: what is beyond the lower bound is one case, the longest."""
    durations = RECORDED[name]
    shop = Shop(workers, slots)
    shop.submit(b"ann", durations, known=False)
    shop.run()
    assert shop.now <= sum(durations) / (workers * slots) + max(durations) + RESULTS_SECONDS


def test_suites_of_several_clients_take_little_longer_than_they_must() -> None:
    """All of them at once, and twice, by clients that share nothing."""
    shop = Shop(10, 2)
    everything = []
    for number, durations in enumerate([*RECORDED.values(), *RECORDED.values()]):
        shop.submit(b"client %d" % number, durations)
        everything += durations
    shop.run()
    assert sum(map(len, shop.ended.values())) == len(everything)
    assert shop.now <= 1.05 * max(sum(everything) / 20, max(everything))


def test_a_small_run_waits_no_longer_than_its_share() -> None:
    """A hundred thousand cases are in the queue when somebody comes with ten."""
    large, small = [0.1] * 100_000, [0.1] * 10
    shop = Shop(8, 4)
    shop.submit(b"large", large)
    came = shop.now
    shop.submit(b"small", small)
    shop.run()

    # Half of the slots are the small one's: as soon as the first ones are free, all ten run.
    last = max(shop.ended[b"small"])
    assert last - came <= 0.1 + 0.1 + 0.1
    assert len(shop.ended[b"large"]) == len(large)
    assert shop.now <= 1.05 * (sum(large) + sum(small)) / 32


def test_weights_are_shares() -> None:
    shop = Shop(4, 4)
    shop.submit(b"first", [0.1] * 20)  # that all slots are taken when the others come
    shop.submit(b"heavy", [0.1] * 3_000, weight=3)
    shop.submit(b"light", [0.1] * 3_000)
    shop.run()
    ended = max(shop.ended[b"heavy"])
    meanwhile = sum(moment <= ended for moment in shop.ended[b"light"])
    assert 950 <= meanwhile <= 1_050
