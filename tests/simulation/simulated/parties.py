"""Workers and clients that keep to the protocol, and the connections that they have."""

from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any

from maelstrom_broker.events import Came, PeerGone
from maelstrom_broker.limits import MOST_ATTEMPTS, MOST_UNFIT

from maelstrom_core.model.digest import Digest
from maelstrom_core.wire import messages as m
from maelstrom_core.wire.rows import DoneJob, Ending, HeldJob, SubmittedJob
from simulated.in_order import BODY, Reading, Writing

if TYPE_CHECKING:
    from simulated.world import World

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
            case m.Welcome():
                self.boot = message.boot
                self.welcome = True
                self.welcomed()
            case m.Bye():
                connection.cut(broker_hears=False, party_hears=True)
            case m.Beat():
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
            self.say(m.Beat(1))

    def hello(self) -> m.Hello:
        return m.Hello(1, 1, "model", self.session, self.name, boot=self.boot)

    def welcomed(self) -> None: ...

    def got(self, message: Any) -> None: ...


class WorkerParty(Party):
    """Whoever has slots and labels."""

    role = "worker"

    def __init__(self, world: "World", name: str, slots: int, labels: tuple[str, ...]) -> None:
        self.slots, self.labels = slots, labels
        super().__init__(world, name)


class SimWorker(WorkerParty):
    def born(self) -> None:
        super().born()
        self.held: dict[Key, tuple[int, int, DoneJob | None]] = {}
        self.told: set[bytes] = set()
        self.writing: dict[Key, Writing] = {}

    def hello(self) -> m.Hello:
        self.told.clear()
        held = [
            HeldJob(*key, attempt, 0 if row else slots)
            for key, (attempt, slots, row) in self.held.items()
        ]
        return m.Hello(
            1, 1, "model", self.session, self.name, self.boot, self.slots, self.labels, 1,
            tuple(held),
        )  # fmt: skip

    def welcomed(self) -> None:
        for (session, _), (_, _, row) in self.held.items():
            if row is not None:
                self.say(m.Done(session, (row,)))
        for writing in self.writing.values():
            writing.output.send_again()

    def got(self, message: Any) -> None:
        match message:
            case m.ContainerBytes():
                self.told.add(message.digest)
            case m.Run():
                assert message.container in self.told, "a container that was never said"
                for row in message.jobs:
                    self.start(message.session, row)
            case m.Taken():
                for tag in message.tags:
                    gone = self.held.pop((message.session, tag), None)
                    assert gone is None or gone[2] is not None, "taken, and it runs"
            case m.Had():
                writing = self.writing.get((message.session, message.tag))
                if writing is not None:
                    writing.output.had(message.run, message.count, now=self.world.now)
            case m.Cancel():
                for tag in message.tags:
                    if (message.session, tag) in self.held:
                        self.end((message.session, tag), Ending.CANCELLED, None)

    def start(self, session: bytes, row: Any) -> None:
        key = (session, row.tag)
        assert row.attempt <= MOST_UNFIT
        assert key not in self.held or self.held[key][2] is not None, "given what runs there"
        self.held[key] = (row.attempt, row.slots, None)
        used = sum(slots for _, slots, ended in self.held.values() if ended is None)
        assert used <= self.slots, "more than it has slots"
        world = self.world
        world.runs[key] += 1
        self.say(m.Started(session, (row.tag,)))
        if world.wild and world.killers.get(key):
            world.at(world.now + 0.01, self.killed_by, self.lives, key)
            return
        ending = Ending.UNFIT if world.wild and world.rng.random() < 0.02 else Ending.RAN
        if row.body == BODY and ending == Ending.RAN:
            which = (self.lives, row.attempt)
            over = partial(self.end, key, ending, which)
            self.writing[key] = Writing(self, key, world.rng.randint(0, 9), over)
            return
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
            if key in self.writing:
                self.writing.pop(key).is_gone = True
        if self.welcome:
            self.say(m.Done(key[0], (row,)))


class SimClient(Party):
    role = "client"
    at_once, pause = 10, 1.0
    """How many jobs it hands in together at most, and the seconds after which there are more."""

    def __init__(self, world: "World", name: str, jobs: int) -> None:
        self.number = jobs
        super().__init__(world, name)

    def born(self) -> None:
        super().born()
        world, rng = self.world, self.world.rng
        self.results: dict[int, Any] = {}
        self.reading: dict[int, Reading] = {}
        self.unwanted: set[int] = set()
        self.given = 0
        self.jobs: dict[int, tuple[bytes, tuple[str, ...], SubmittedJob]] = {}
        for tag in range(self.number):
            self.jobs[tag] = self.a_job(tag)
            if rng.random() < 0.01:
                world.killers[self.session, tag] = True
        world.at(world.now + 1.5, self.hand_in, self.lives)

    def a_job(self, tag: int) -> tuple[bytes, tuple[str, ...], SubmittedJob]:
        """Its container, the labels that it wants, and all else of it."""
        rng = self.world.rng
        wants = rng.choice([((), 1)] * 6 + [(("gpu",), 1), ((), 2)])
        body = BODY if self.world.in_order and tag % 3 == 0 else b"job"
        row = SubmittedJob(tag, rng.randint(-1, 1), rng.randint(-1, 1000), wants[1], body)
        return rng.choice(DIGESTS), wants[0], row

    def welcomed(self) -> None:
        for digest, data in zip(DIGESTS, CONTAINERS, strict=True):
            self.say(m.ContainerBytes(digest, data))
        for tag in range(self.given):
            if tag not in self.results:
                self.submit(tag)
        for tag in self.unwanted - set(self.results):
            self.say(m.Cancel(self.session, (tag,)))

    def hand_in(self, life: int) -> None:
        """A few more, now and then."""
        if life != self.lives or self.given == self.number:
            return
        world = self.world
        for _ in range(world.rng.randint(1, self.at_once)):
            if self.given < self.number:
                self.given += 1
                if self.welcome:
                    self.submit(self.given - 1)
        if world.rng.random() < 0.2:
            tag = world.rng.randrange(self.given)
            self.unwanted.add(tag)
            if self.welcome:
                self.say(m.Cancel(self.session, (tag,)))
        world.at(world.now + world.rng.random() * self.pause, self.hand_in, life)

    def submit(self, tag: int) -> None:
        container, labels, row = self.jobs[tag]
        self.say(m.Submit(container, (row,), labels))

    def got(self, message: Any) -> None:
        if isinstance(message, m.Output) and message.tag not in self.results:
            reading = self.reading.setdefault(message.tag, Reading(self, message.tag))
            reading.take(message)
        if isinstance(message, m.Results):
            for row in message.jobs:
                known = self.results.setdefault(row.tag, row)
                if self.jobs[row.tag][2].body == BODY:
                    reading = self.reading.setdefault(row.tag, Reading(self, row.tag))
                    reading.check(ran=row.ending == Ending.RAN)
                assert known == row, "two endings of one job"
                if row.ending == Ending.RAN:
                    assert row.body == b"%s %d" % (self.session, row.tag), "another's result"
                elif row.ending == Ending.CANCELLED:
                    assert row.tag in self.unwanted, "nobody wanted it to end"
                else:
                    assert self.world.wild, "an ending that nothing explains"
                    assert row.ending == Ending.REFUSED or row.attempts >= MOST_ATTEMPTS
            self.say(m.Taken(self.session, tuple(row.tag for row in message.jobs)))
