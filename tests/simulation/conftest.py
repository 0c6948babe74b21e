"""A whole cluster in one thread, from one number: the broker's machine, and models of all others.

Time is a number; what happens next stands in a heap. A connection delivers in order, after delays; when
it breaks, what was on its way is lost, and each end hears of it later, or never. Everybody may crash, or
stand still for a while.
"""

import heapq
import random
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

import pytest
from maelstrom_broker.effects import Forget, Send
from maelstrom_broker.events import Came, PeerGone, TimePassed
from maelstrom_broker.limits import MOST_ATTEMPTS
from maelstrom_broker.state import BrokerState

from maelstrom_core.model.digest import Digest
from maelstrom_core.wire.messages import (
    Beat,
    Bye,
    Cancel,
    ContainerBytes,
    Done,
    Hello,
    Results,
    Run,
    Started,
    Submit,
    Taken,
    Welcome,
)
from maelstrom_core.wire.rows import DoneJob, Ending, HeldJob, SubmittedJob

CONTAINERS = [b"container %d" % number for number in range(3)]
DIGESTS = [bytes.fromhex(Digest.of(data).hex) for data in CONTAINERS]
Key = tuple[bytes, int]


class Connection:
    """Between a party and the broker; in order, until it breaks."""

    def __init__(self, world: "World", party: "Party") -> None:
        self.world, self.party = world, party
        self.peer = b"peer %d" % world.serial()
        self.life = world.life
        self.open = True
        self.last = [0.0, 0.0]
        world.connections[self.peer] = self

    def carry(self, direction: int, message: Any) -> None:
        """0: to the broker; 1: to the party."""
        world = self.world
        self.last[direction] = max(self.last[direction], world.now + world.delay())
        world.at(self.last[direction], self.arrive, direction, message)

    def arrive(self, direction: int, message: Any) -> None:
        if not self.open:
            return
        if direction:
            self.party.inbox(self, message)
        elif self.life == self.world.life:
            role = self.party.role
            self.world.tell(Came(self.peer, role, f"{role}:one", message))

    def cut(self, *, broker_hears: bool, party_hears: bool) -> None:
        if not self.open:
            return
        self.open = False
        del self.world.connections[self.peer]
        if broker_hears and self.life == self.world.life:
            self.world.at(self.world.now + self.world.delay(), self.tell_broker)
        if party_hears:
            self.world.at(self.world.now + self.world.delay(), self.party.lost, self)

    def tell_broker(self) -> None:
        if self.life == self.world.life:
            self.world.tell(PeerGone(self.peer))


class Party:
    """A worker or a client."""

    role = ""

    def __init__(self, world: "World", name: str) -> None:
        self.world, self.name = world, name
        self.connection: Connection | None = None
        self.paused_until = 0.0
        self.waiting: deque[tuple[Connection, Any]] = deque()
        self.lives = 0
        self.heard = 0.0
        self.welcome = False
        self.done = False
        self.born()
        world.at(world.rng.random(), self.come)
        world.at(1.0, self.beat)

    def born(self) -> None:
        self.lives += 1
        self.session = f"{self.name}/{self.lives}".encode().ljust(16, b".")
        self.boot = b""

    def crash(self, seconds: float) -> None:
        self.leave()
        self.born()
        self.world.at(self.world.now + seconds, self.come)

    def leave(self) -> None:
        if self.connection is not None:
            self.connection.cut(broker_hears=self.world.rng.random() < 0.8, party_hears=False)
        self.connection = None

    def come(self) -> None:
        if self.connection is None and not self.done:
            self.connection = Connection(self.world, self)
            self.welcome = False
            self.heard = self.world.now
            self.say(self.hello())

    def lost(self, connection: Connection) -> None:
        if connection is self.connection:
            self.connection = None
            self.world.at(self.world.now + 0.1 + self.world.rng.random() * 0.3, self.come)

    def say(self, message: Any) -> None:
        if self.connection is not None:
            self.connection.carry(0, message)

    def inbox(self, connection: Connection, message: Any) -> None:
        self.waiting.append((connection, message))
        self.read()

    def read(self) -> None:
        """All that has come, in its order, unless it stands still."""
        while self.waiting:
            if self.paused_until > self.world.now:
                self.world.at(self.paused_until, self.read)
                return
            connection, message = self.waiting.popleft()
            if connection is self.connection:
                self.hear(connection, message)

    def hear(self, connection: Connection, message: Any) -> None:
        self.heard = self.world.now
        match message:
            case Welcome():
                self.boot = message.boot
                self.welcome = True
                self.welcomed()
            case Bye():
                connection.cut(broker_hears=False, party_hears=True)
            case Beat():
                pass
            case _:
                assert self.welcome, "something came before the welcome"
                self.got(message)

    def beat(self) -> None:
        world = self.world
        world.at(world.now + 1.0, self.beat)
        if self.paused_until > world.now or self.connection is None:
            return
        if world.now - self.heard > 5.0:
            self.connection.cut(broker_hears=False, party_hears=False)
            self.lost(self.connection)
        elif self.welcome:
            self.say(Beat(1))

    def hello(self) -> Hello:
        return Hello(1, 1, "model", self.session, self.name, boot=self.boot)

    def welcomed(self) -> None: ...

    def got(self, message: Any) -> None: ...


class SimWorker(Party):
    role = "worker"

    def __init__(self, world: "World", name: str, slots: int, labels: tuple[str, ...]) -> None:
        self.slots, self.labels = slots, labels
        super().__init__(world, name)

    def born(self) -> None:
        super().born()
        self.held: dict[Key, tuple[int, int, DoneJob | None]] = {}
        self.told: set[bytes] = set()

    def hello(self) -> Hello:
        self.told.clear()
        held = [
            HeldJob(*key, attempt, 0 if row else slots)
            for key, (attempt, slots, row) in self.held.items()
        ]
        return Hello(
            1, 1, "model", self.session, self.name, self.boot, self.slots, self.labels, 1,
            tuple(held),
        )  # fmt: skip

    def welcomed(self) -> None:
        for (session, _), (_, _, row) in self.held.items():
            if row is not None:
                self.say(Done(session, (row,)))

    def got(self, message: Any) -> None:
        match message:
            case ContainerBytes():
                self.told.add(message.digest)
            case Run():
                assert message.container in self.told, "a container that was never said"
                for row in message.jobs:
                    self.start(message.session, row)
            case Taken():
                for tag in message.tags:
                    gone = self.held.pop((message.session, tag), None)
                    assert gone is None or gone[2] is not None, "taken, and it runs"
            case Cancel():
                for tag in message.tags:
                    if (message.session, tag) in self.held:
                        self.end((message.session, tag), Ending.CANCELLED, None)

    def start(self, session: bytes, row: Any) -> None:
        key = (session, row.tag)
        assert row.attempt <= MOST_ATTEMPTS
        assert key not in self.held or self.held[key][2] is not None, "given what runs there"
        self.held[key] = (row.attempt, row.slots, None)
        used = sum(slots for _, slots, ended in self.held.values() if ended is None)
        assert used <= self.slots, "more than it has slots"
        world = self.world
        world.runs[key] += 1
        self.say(Started(session, (row.tag,)))
        if world.wild and world.killers.get(key):
            world.at(world.now + 0.01, self.killed_by, self.lives, key)
            return
        ending = Ending.UNFIT if world.wild and world.rng.random() < 0.02 else Ending.RAN
        seconds = world.rng.expovariate(4)
        world.at(world.now + seconds, self.end, key, ending, (self.lives, row.attempt))

    def killed_by(self, life: int, key: Key) -> None:
        if life == self.lives and key in self.held:
            self.crash(1.0)

    def end(self, key: Key, ending: Ending, which: tuple[int, int] | None) -> None:
        held = self.held.get(key)
        if held is None:
            return
        attempt, slots, row = held
        if which is not None and (which != (self.lives, attempt) or row is not None):
            return
        if self.paused_until > self.world.now:
            self.world.at(self.paused_until, self.end, key, ending, which)
            return
        if row is None:
            body = b"%s %d" % (key[0], key[1]) if ending == Ending.RAN else b""
            row = DoneJob(key[1], attempt, ending, body)
            self.held[key] = (attempt, slots, row)
        if self.welcome:
            self.say(Done(key[0], (row,)))


class SimClient(Party):
    role = "client"

    def __init__(self, world: "World", name: str, jobs: int) -> None:
        self.number = jobs
        super().__init__(world, name)

    def born(self) -> None:
        super().born()
        world, rng = self.world, self.world.rng
        self.results: dict[int, Any] = {}
        self.unwanted: set[int] = set()
        self.given = 0
        self.jobs = {}
        for tag in range(self.number):
            wants = rng.choice([((), 1)] * 6 + [(("gpu",), 1), ((), 2)])
            row = SubmittedJob(tag, rng.randint(-1, 1), rng.randint(-1, 1000), wants[1], b"job")
            self.jobs[tag] = (rng.choice(DIGESTS), wants[0], row)
            if rng.random() < 0.01:
                world.killers[self.session, tag] = True
        world.at(world.now + 1.5, self.hand_in, self.lives)

    def welcomed(self) -> None:
        for digest, data in zip(DIGESTS, CONTAINERS, strict=True):
            self.say(ContainerBytes(digest, data))
        for tag in range(self.given):
            if tag not in self.results:
                self.submit(tag)
        for tag in self.unwanted - set(self.results):
            self.say(Cancel(self.session, (tag,)))

    def hand_in(self, life: int) -> None:
        """A few more, now and then."""
        if life != self.lives or self.given == self.number:
            return
        world = self.world
        for _ in range(world.rng.randint(1, 10)):
            if self.given < self.number:
                self.given += 1
                if self.welcome:
                    self.submit(self.given - 1)
        if world.rng.random() < 0.2:
            tag = world.rng.randrange(self.given)
            self.unwanted.add(tag)
            if self.welcome:
                self.say(Cancel(self.session, (tag,)))
        world.at(world.now + world.rng.random(), self.hand_in, life)

    def submit(self, tag: int) -> None:
        container, labels, row = self.jobs[tag]
        self.say(Submit(container, (row,), labels))

    def got(self, message: Any) -> None:
        if isinstance(message, Results):
            for row in message.jobs:
                known = self.results.setdefault(row.tag, row)
                assert known == row, "two endings of one job"
                if row.ending == Ending.RAN:
                    assert row.body == b"%s %d" % (self.session, row.tag), "another's result"
                elif row.ending == Ending.CANCELLED:
                    assert row.tag in self.unwanted, "nobody wanted it to end"
                else:
                    assert self.world.wild, "an ending that nothing explains"
                    assert row.attempts == MOST_ATTEMPTS or row.ending == Ending.REFUSED
            self.say(Taken(self.session, tuple(row.tag for row in message.jobs)))


class World:
    """All of it.

    :param wild: workers and clients crash as well, connections are gone for long, jobs kill workers
    """

    def __init__(self, seed: int, *, wild: bool) -> None:
        self.rng = random.Random(seed)
        self.wild = wild
        self.now = 0.0
        self.life = 0
        self.steps = 0
        self._serial = 0
        self._heap: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self.connections: dict[bytes, Connection] = {}
        self.runs: Counter[Key] = Counter()
        self.killers: dict[Key, bool] = {}
        self._alarm = 0.0
        self.born()
        self.workers = [
            SimWorker(self, "w0", 4, ("gpu",)),
            SimWorker(self, "w1", 2, ()),
            SimWorker(self, "w2", 3, ("gpu",)),
        ]
        self.clients = [SimClient(self, "c0", 40), SimClient(self, "c1", 10)]
        for party in (*self.workers, *self.clients):
            self.at(2 + self.rng.expovariate(0.2), self.trouble, party)
        self.at(2 + self.rng.expovariate(0.2), self.broker_dies)
        self.quiet_from = 20.0

    def serial(self) -> int:
        self._serial += 1
        return self._serial

    def at(self, when: float, call: Callable[..., None], *arguments: Any) -> None:
        heapq.heappush(self._heap, (when, self.serial(), call, arguments))

    def delay(self) -> float:
        return self.rng.expovariate(200) + (0.3 if self.rng.random() < 0.01 else 0.0)

    def born(self) -> None:
        self.life += 1
        self.broker = BrokerState(b"%16d" % self.life, now=self.now)

    def broker_dies(self) -> None:
        if self.now > self.quiet_from:
            return
        for connection in list(self.connections.values()):
            connection.cut(broker_hears=False, party_hears=True)
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
                case Forget(peer):
                    pass
        deadline = max(self.now, self.broker.next_deadline())
        if deadline < 1e9:
            self.at(deadline, self.ring, self.life, deadline)

    def ring(self, life: int, deadline: float) -> None:
        if life == self.life and self.broker.next_deadline() <= self.now and self._alarm < self.now:
            self._alarm = self.now
            self.tell(TimePassed())

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
        self.run(120.0, self.all_over)
        for client in self.clients:
            missing = sorted(set(client.jobs) - set(client.results))
            assert not missing, f"jobs of {client.name} that never ended: {missing}"
        if not self.wild:
            twice = [key for key, runs in self.runs.items() if runs > 1]
            assert not twice, f"run twice, and no worker had died: {twice}"
        for client in self.clients:
            client.say(Bye(0, "done"))
            client.done = True
        self.run(self.now + 100.0)
        self.broker.check()
        book = self.broker.book
        assert not (book.clients or book.zombies or book.orphans or book.containers)
        assert not (book.dispatch.demands or book.chores or book.orphans_bytes)
        for worker in self.workers:
            assert not worker.held, f"{worker.name} keeps what nobody wants"
        for known in book.workers.values():
            assert not (known.used or known.jobs or known.orphans or known.untaken)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, help="one world of the simulation alone")


@pytest.fixture
def world() -> type[World]:
    return World
