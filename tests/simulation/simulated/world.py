"""The broker's machine, and models of all others.

Time is a number; what happens next stands in a heap. A connection delivers in order, after delays; when
it breaks, what was on its way is lost, and each end hears of it later, or never. Everybody may crash, or
stand still for a while.
"""

import heapq
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

from maelstrom_broker.effects import Forget, Learn, Note, Recall, Send
from maelstrom_broker.events import Came, TimePassed
from maelstrom_broker.state import BrokerState

from maelstrom_core.wire import messages as m
from maelstrom_core.wire.administration import Drain
from simulated.ahead import LINKS, AheadClient, AheadWorker, Drainer, is_drained
from simulated.blob_link import BlobLink
from simulated.disks import Disk
from simulated.on_disks import DiskClient, DiskWorker
from simulated.parties import Connection, Key, Party, SimClient, SimWorker
from simulated.remembered import Memory


class World:
    """All of it.

    :param wild: workers and clients crash as well, connections are gone for long, jobs kill workers
    :param in_order: of some jobs nothing that they write may be lost
    :param disks: those of the broker and of workers are at times ``slow``, or ``full`` as well
    :param room: some of the broker's disk must stay free
    :param allowance: jobs are short, and wait behind slots of workers
    """

    blobs: BlobLink | None = None
    memory: Memory | None = None

    def __init__(
        self,
        seed: int,
        *,
        wild: bool,
        in_order: bool = False,
        disks: str = "",
        allowance: bool = False,
        room: bool = False,
    ) -> None:
        self.rng = random.Random(seed)
        self.wild = wild
        self.in_order = in_order
        self.allowance = allowance
        self.now = 0.0
        self.life = 0
        self.steps = 0
        self._serial = 0
        self._heap: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self.connections: dict[bytes, Connection] = {}
        self.runs: Counter[Key] = Counter()
        self.killers: dict[Key, bool] = {}
        self.given: dict[str, set[Key]] = {}
        """What workers were given, by their names."""
        self.losses: Counter[Key] = Counter()
        """How often jobs may run once more, for what has happened to workers that were given them."""
        self.most_behind = self.given_back = 0
        self._link_seconds = 0.005
        self._alarm = 0.0
        self.quiet_from = 90.0 if disks else 20.0
        self.disks: list[Disk] = []
        if disks:
            size, floor = (500_000, 40_000) if room else (200_000, 0)
            self.blobs = BlobLink(self, Disk(self, "the broker's disk", size, floor))
            self.memory = Memory(self, self.blobs.disk)
        self.born()
        self.workers: list[Any]
        self.clients: list[Any]
        if disks:
            of_workers = [(4, ("gpu",)), (2, ()), (3, ("gpu",)), (2, ()), (2, ())]
            self.workers = [DiskWorker(self, f"w{n}", *one) for n, one in enumerate(of_workers)]
            self.clients = [DiskClient(self, "c0", 40), DiskClient(self, "c1", 10)]
            self.disks = [self.blobs.disk, *(worker.disk for worker in self.workers)]
            # In half of all worlds one worker has room for all, always.
            self.workers[0].disk.fills = self.rng.random() < 0.5
            for disk in self.disks:
                disk.fills = disk.fills and disks != "slow"
                self.at(2 + self.rng.expovariate(0.1), disk.trouble)
        elif allowance:
            self._link_seconds = self.rng.choice(LINKS)
            of_workers = [(4, ("gpu",)), (2, ()), (3, ("gpu",))]
            self.workers = [AheadWorker(self, f"w{n}", *one) for n, one in enumerate(of_workers)]
            self.clients = [AheadClient(self, "c0", 120), AheadClient(self, "c1", 40)]
            Drainer(self, "a0")
        else:
            self.workers = [
                SimWorker(self, "w0", 4, ("gpu",)),
                SimWorker(self, "w1", 2, ()),
                SimWorker(self, "w2", 3, ("gpu",)),
            ]
            self.clients = [SimClient(self, "c0", 40), SimClient(self, "c1", 10)]
        for party in (*self.workers, *self.clients):
            self.at(2 + self.rng.expovariate(0.2), self.trouble, party)
        self.at(2 + self.rng.expovariate(0.2), self.broker_dies)

    def serial(self) -> int:
        self._serial += 1
        return self._serial

    def at(self, when: float, call: Callable[..., None], *arguments: Any) -> None:
        heapq.heappush(self._heap, (when, self.serial(), call, arguments))

    def delay(self) -> float:
        return self.rng.expovariate(1 / self._link_seconds) + (
            0.3 if self.rng.random() < 0.01 else 0.0
        )

    def born(self) -> None:
        self.life += 1
        keeps = self.memory is not None
        self.broker = BrokerState(b"%16d" % self.life, now=self.now, keeps_history=keeps)
        if self.blobs is not None:
            self.blobs.start()

    def broker_dies(self) -> None:
        if self.now > self.quiet_from:
            return
        for connection in list(self.connections.values()):
            connection.cut(broker_hears=False, party_hears=True)
        if self.blobs is not None:
            self.blobs.check()
        for worker in self.workers if self.wild else ():
            self.loses(worker.name)  # another broker does not wait for it
        self.born()
        self.at(self.now + self.rng.expovariate(0.15), self.broker_dies)

    def trouble(self, party: Party) -> None:
        """Something happens to somebody."""
        if self.now > self.quiet_from:
            return
        rng = self.rng
        self.at(self.now + rng.expovariate(0.2), self.trouble, party)
        what = rng.choice(["cut", "pause", "crash", "vanish"] if self.wild else ["cut", "pause"])
        if what == "crash":
            party.crash(rng.expovariate(1))
        elif what == "pause":
            most = 9.0 if self.wild else 1.0
            party.paused_until = self.now + rng.random() * most
        elif party.connection is not None:
            # Who is not told that the connection is gone misses the beats.
            told = what == "cut"
            party.connection.cut(broker_hears=told or rng.random() < 0.5, party_hears=told)

    def tell(self, event: Any) -> None:
        effects = self.broker.step(event, now=self.now)
        self.steps += 1
        if self.steps % 50 == 0:
            self.broker.check()
        for effect in effects:
            match effect:
                case Send(peer, message) if peer in self.connections:
                    self.connections[peer].carry(1, message)
                    if self.allowance and isinstance(message, m.Run):
                        given = self.given.setdefault(self.connections[peer].party.name, set())
                        given |= {(message.session, row.tag) for row in message.jobs}
                case Note("worker is gone", facts):
                    self.loses(facts["name"])
                case Forget(peer):
                    pass
                case Learn() | Recall():
                    assert self.memory is not None
                    self.memory.soon(effect)
        if isinstance(event, Came) and isinstance(event.message, Drain):
            is_drained(self, event.message)
        deadline = max(self.now, self.broker.next_deadline())
        if deadline < 1e9:
            self.at(deadline, self.ring, self.life, deadline)

    def ring(self, life: int, deadline: float) -> None:
        if life == self.life and self.broker.next_deadline() <= self.now and self._alarm < self.now:
            self._alarm = self.now
            self.tell(TimePassed())

    # What runs twice

    def begins(self, key: Key) -> None:
        """A worker runs this; if another has begun it before, something has happened to that."""
        assert self.runs[key] <= 1 + self.losses[key], f"{key} runs once more, and nothing happened"

    def loses(self, name: str) -> None:
        """A worker died, or is given up: what it was given may run once more, and it may read it only
        now."""
        self.losses.update(self.given.pop(name, ()))

    def run(self, until: float, over: Callable[[], bool] = lambda: False) -> None:
        while self._heap and self._heap[0][0] <= until and not over():
            self.now, _, call, arguments = heapq.heappop(self._heap)
            call(*arguments)

    def all_over(self) -> bool:
        return self.now > self.quiet_from and all(
            len(client.results) == client.number for client in self.clients
        )

    def check(self) -> None:
        """Troubles end; then all jobs must, and nothing may be left."""
        self.run(self.quiet_from + 160.0, self.all_over)
        for client in self.clients:
            missing = sorted(set(client.jobs) - set(client.results))
            assert not missing, f"jobs of {client.name} that never ended: {missing}"
        if not self.wild:
            twice = [key for key, runs in self.runs.items() if runs > 1]
            assert not twice, f"run twice, and no worker had died: {twice}"
        for one in self.clients if self.blobs is not None else ():
            one.check()
        for client in self.clients:
            client.say(m.Bye(0, "done"))
            client.done = True
        self.run(self.now + 100.0)
        self.broker.check()
        if self.blobs is not None:
            self.blobs.check()
        book = self.broker.book
        assert not (book.clients or book.zombies or book.orphans or book.containers)
        assert not (book.dispatch.demands or book.chores or book.orphans_bytes)
        for worker in self.workers:
            assert not worker.held, f"{worker.name} keeps what nobody wants"
        for known in book.workers.values():
            assert not (known.used or known.jobs or known.orphans or known.untaken)
