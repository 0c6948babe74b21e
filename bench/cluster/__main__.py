"""What a job costs the broker: ``python bench/cluster``.

The pure machine alone, in this process: a thousand workers of 32 slots are full, so many jobs wait, and
jobs end, one in a message, and others are given out: with one message in a step, as when little is to
be done, and with 64, as under load. Then the codec of messages alone. No socket: what
those cost is another matter.

    python bench/cluster                       with 1,000, 100,000 and 1,000,000 jobs that wait
    python bench/cluster --queued 1000         quick
"""

import argparse
import gc
import os
import statistics
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from maelstrom_broker.effects import Send
from maelstrom_broker.events import Came, TimePassed
from maelstrom_broker.state import BrokerState

from maelstrom_core.model.digest import Digest
from maelstrom_core.wire.codec import decode, encode
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
from maelstrom_core.wire.rows import DoneJob, JobResultRow, RunJob, SubmittedJob

BUDGET_FLAT = 3.0
"""A job's cost with 1,000,000 that wait, times that with 1,000: at most."""
BODY = bytes(60)
BATCH = 64
ROUND = 2_000
"""Jobs in a round."""
STEP_SECONDS = 1e-4
"""How much later each step is: a tenth of what peers may be silent for passes in a round."""
LACKING = 500
"""Jobs that are handed in anew when so many have ended."""
CONTAINERS = [b"container %d" % number for number in range(4)]
DIGESTS = [bytes.fromhex(Digest.of(data).hex) for data in CONTAINERS]


class Bench:
    """A broker's machine, full."""

    def __init__(self, queued: int, workers: int, slots: int, clients: int) -> None:
        self.queued, self.slots, self.clients = queued, slots, clients
        self.workers = workers
        self.worst_ms = 0.0
        self.now = 0.0
        self.taken: list[Any] = []
        self.running: deque[tuple[bytes, bytes, RunJob]] = deque()
        self.machine = BrokerState(bytes(16), now=0.0, window=10_000_000)
        for number in range(clients):
            self._client(number)
        self.tags = 0
        self.submit_us = self._measure(lambda: self._submit(queued + workers * slots))
        self.memory = resident_bytes()
        self.fill_us = self._measure(lambda: self._fill(workers, slots))
        self.worst_fill_ms = self.worst_ms

    def _fill(self, workers: int, slots: int) -> int:
        for number in range(workers):
            hello = Hello(1, 1, "w", b"w%15d" % number, f"worker {number}", slots=slots)
            self._step(Came(b"w%d" % number, "worker", "k", hello))
        while self.machine.next_deadline() < 0:
            self._step(TimePassed())
        return workers * slots

    def _client(self, number: int) -> None:
        hello = Hello(1, 1, "c", b"c%15d" % number, f"client {number}")
        self._step(Came(b"c%d" % number, "client", "k", hello))
        for digest, data in zip(DIGESTS, CONTAINERS, strict=True):
            self._step(Came(b"c%d" % number, "client", "k", ContainerBytes(digest, data)))

    def _submit(self, count: int) -> int:
        for start in range(0, count, BATCH):
            number = start // BATCH % self.clients
            rows = tuple(
                SubmittedJob(self.tags + n, 0, (self.tags + n) * 7919 % 100_000, 1, BODY)
                for n in range(min(BATCH, count - start))
            )
            self.tags += len(rows)
            digest = DIGESTS[start // BATCH // self.clients % len(DIGESTS)]
            self._step(Came(b"c%d" % number, "client", "k", Submit(digest, rows)))
        return count

    def _measure(self, act: Callable[[], int]) -> float:
        """Time of this process's CPU, which others use too, for each job; messages are made in it."""
        self.worst_ms = self.uncounted = 0.0
        began = time.process_time()
        count = act()
        return (time.process_time() - began - self.uncounted) / max(1, count) * 1e6

    def _step(self, *events: Any) -> None:
        self.now += STEP_SECONDS
        if self.machine.next_deadline() <= self.now:
            events = (*events, TimePassed())
        began = time.perf_counter()
        for event in events:
            self.machine.take(event, now=self.now)
        effects = self.machine.settle(now=self.now)
        self.worst_ms = max(self.worst_ms, (time.perf_counter() - began) * 1e3)
        for effect in effects:
            if type(effect) is not Send:
                continue
            message = effect.message
            if type(message) is Run:
                self.running += [(effect.peer, message.session, row) for row in message.jobs]
            elif type(message) is Results:
                tags = tuple(row.tag for row in message.jobs)
                session = b"c%15d" % int(effect.peer[1:])
                self.taken.append(Came(effect.peer, "client", "k", Taken(session, tags)))

    def steady(self, jobs: int, together: int) -> float:
        """Microseconds for each job that ends, is taken, and whose slot is given to another: of the
        median of some rounds, for others use this machine too.

        :param together: messages that are taken in before something is done about them
        """
        rounds = max(1, jobs // ROUND)
        costs = [self._measure(lambda: self._end_jobs(ROUND, together)) for _ in range(rounds)]
        return statistics.median(costs)

    def _beat(self) -> None:
        """All peers live; what that costs in a real second is not counted."""
        for number in range(self.workers):
            self.machine.take(Came(b"w%d" % number, "worker", "k", Beat(1)), now=self.now)
        for number in range(self.clients):
            self.machine.take(Came(b"c%d" % number, "client", "k", Beat(1)), now=self.now)
        self.machine.settle(now=self.now)

    def _end_jobs(self, jobs: int, together: int) -> int:
        began = time.process_time()
        self._beat()
        self.uncounted += time.process_time() - began
        self.taken = []
        ended = lacking = 0
        while ended < jobs:
            events = []
            while len(events) < together and self.running:
                peer, session, row = self.running.popleft()
                done = (DoneJob(row.tag, row.attempt, 0, BODY),)
                events.append(Came(peer, "worker", "k", Done(session, done)))
            ended += len(events)
            lacking += len(events)
            self._step(*events)
            taken, self.taken = self.taken, []
            for start in range(0, len(taken), together):
                self._step(*taken[start : start + together])
            if lacking >= LACKING:
                # So that as many wait as before; what that costs is another column.
                began, worst = time.process_time(), self.worst_ms
                lacking -= self._submit(lacking)
                self.uncounted += time.process_time() - began
                self.worst_ms = worst
        return ended


def resident_bytes() -> int:
    """What this process has in memory."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def machine(queued: int, chosen: argparse.Namespace) -> float:
    """One line of the table; the cost of a job."""
    gc.collect()
    before = resident_bytes()
    bench = Bench(queued, chosen.workers, chosen.slots, chosen.clients)
    memory = (bench.memory - before) / (queued + chosen.workers * chosen.slots)
    alone, together = bench.steady(chosen.jobs, 1), bench.steady(chosen.jobs, BATCH)
    print(
        f"{queued:>10,} {bench.submit_us:>10.1f} {bench.fill_us:>10.1f} {bench.worst_fill_ms:>10.1f}"
        f" {alone:>10.1f} {together:>10.1f} {memory:>10.0f}"
    )
    return alone


def codec() -> None:
    """Microseconds for each row of messages of 64."""
    session, tags = bytes(16), range(10**6, 10**6 + BATCH)
    messages = [
        Submit(DIGESTS[0], tuple(SubmittedJob(tag, 0, 1000, 1, BODY) for tag in tags)),
        Run(session, DIGESTS[0], tuple(RunJob(tag, 1, 1, BODY) for tag in tags)),
        Done(session, tuple(DoneJob(tag, 1, 0, BODY) for tag in tags)),
        Results(tuple(JobResultRow(tag, 1, 0, "worker 7", BODY) for tag in tags)),
        Taken(session, tuple(tags)),
    ]
    print(f"\n{'codec, µs a row':<20} {'encode':>8} {'decode':>8} {'bytes':>8}")
    for message in messages:
        data = encode(message)
        times = [best(lambda: encode(message)), best(lambda: decode(data))]  # noqa: B023
        cells = " ".join(f"{one / BATCH * 1e6:>8.2f}" for one in times)
        print(f"{type(message).__name__:<20} {cells} {len(data) / BATCH:>8.0f}")


def best(act: Callable[[], object]) -> float:
    """Seconds of one call, of the fastest of some rounds."""
    found = []
    for _ in range(20):
        began = time.process_time()
        for _ in range(20):
            act()
        found.append((time.process_time() - began) / 20)
    return min(found)


def main() -> int:
    """Measure, and say whether it is flat."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--queued", default="1000,100000,1000000", help="jobs that wait")
    parser.add_argument("--workers", type=int, default=1000)
    parser.add_argument("--slots", type=int, default=32)
    parser.add_argument("--clients", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=40_000, help="that end in each measurement")
    chosen = parser.parse_args()
    gc.disable()  # as the broker does
    print(f"{chosen.workers} workers × {chosen.slots} slots, {chosen.clients} clients")
    print(
        "µs of CPU a job; alone, together: ended, taken, and another one given out, with 1 and 64"
    )
    print("messages in a step; longest: wall time of the longest step of the first fill, in ms")
    names = ("waiting", "handed in", "first fill", "longest", "alone", "together", "bytes")
    print(" ".join(f"{name:>10}" for name in names))
    costs = [machine(int(one), chosen) for one in chosen.queued.split(",")]
    codec()
    if len(costs) > 1:
        print(f"\nthe most that wait cost {costs[-1] / costs[0]:.2f} times the fewest a job")
        return 0 if costs[-1] <= BUDGET_FLAT * costs[0] else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
