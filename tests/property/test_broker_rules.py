"""Hypothesis drives the broker's machine: every job ends exactly once for its client, no worker has more
than its slots, no slot is free while a job could run there, and in the end nothing is left.

Workers and clients are models that keep to the protocol; messages to them wait until they are read, or
are lost with their connection.
"""

from abc import ABC, abstractmethod
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from maelstrom_broker.effects import Note, Send
from maelstrom_broker.events import Came, PeerGone, TimePassed
from maelstrom_broker.limits import MOST_ATTEMPTS, MOST_UNFIT
from maelstrom_broker.state import BrokerState

from maelstrom_core.model.digest import Digest
from maelstrom_core.wire.codec import decode, encode
from maelstrom_core.wire.messages import (
    Beat,
    Bye,
    Cancel,
    ContainerBytes,
    Done,
    Hello,
    Results,
    Run,
    Submit,
    Taken,
    Welcome,
)
from maelstrom_core.wire.rows import DoneJob, Ending, HeldJob, SubmittedJob

CONTAINERS = {bytes.fromhex(Digest.of(data).hex): data for data in (b"one", b"two")}
Key = tuple[bytes, int]


class Party(ABC):
    """Somebody who speaks to the broker."""

    role = ""

    def __init__(self, rules: "BrokerRules", name: str) -> None:
        self.rules = rules
        self.name = name
        self.lives = 0
        self.connections = 0
        self.peer = b""
        self.inbox: list[Any] = []
        self.born()

    def born(self) -> None:
        self.lives += 1
        self.session = f"{self.name} {self.lives}".encode().ljust(16, b".")
        self.boot = b""

    def connect(self, **fields: Any) -> None:
        self.connections += 1
        self.peer = f"{self.name}/{self.connections}".encode()
        self.inbox = []
        self.rules.parties[self.peer] = self
        hello = Hello(1, 1, "model", self.session, self.name, boot=self.boot, **fields)
        self.say(hello)

    def say(self, message: Any) -> None:
        self.rules.say(Came(self.peer, self.role, self.name, decode(encode(message))))

    def cut(self, *, told: bool) -> None:
        """The connection breaks; the broker may hear of it or not."""
        peer, self.peer, self.inbox = self.peer, b"", []
        del self.rules.parties[peer]
        if told:
            self.rules.say(PeerGone(peer))

    def read(self) -> None:
        while self.inbox and self.peer:
            message = self.inbox.pop(0)
            if type(message) is Bye:
                self.cut(told=False)
                self.come()
            else:
                self.heard(message)

    @abstractmethod
    def come(self) -> None: ...

    @abstractmethod
    def heard(self, message: Any) -> None: ...


class ModelWorker(Party):
    role = "worker"

    def __init__(
        self, rules: "BrokerRules", name: str, slots: int, labels: tuple[str, ...]
    ) -> None:
        self.slots = slots
        self.labels = labels
        self.told: set[bytes] = set()
        self.running: dict[Key, tuple[int, int]] = {}
        self.ended: dict[Key, DoneJob] = {}
        super().__init__(rules, name)

    def come(self) -> None:
        self.told.clear()
        held = [HeldJob(*key, attempt, slots) for key, (attempt, slots) in self.running.items()]
        held += [HeldJob(*key, row.attempt, 0) for key, row in self.ended.items()]
        self.connect(slots=self.slots, labels=self.labels, held=tuple(held))
        for (session, _), row in list(self.ended.items()):
            if self.peer:
                self.say(Done(session, (row,)))

    def die(self) -> None:
        self.running.clear()
        self.ended.clear()
        self.born()

    def end(self, key: Key, ending: Ending) -> None:
        attempt, _ = self.running.pop(key)
        self.ended[key] = DoneJob(key[1], attempt, ending, b"%d" % attempt)
        if self.peer:
            self.say(Done(key[0], (self.ended[key],)))

    def heard(self, message: Any) -> None:
        match message:
            case Welcome():
                self.boot = message.boot
            case ContainerBytes():
                self.told.add(message.digest)
            case Run():
                assert message.container in self.told, "a job in an unknown container"
                for row in message.jobs:
                    key = (message.session, row.tag)
                    assert row.attempt <= MOST_UNFIT
                    assert key not in self.running, "given what it has"
                    self.ended.pop(key, None)
                    self.running[key] = (row.attempt, row.slots)
                    self.rules.runs.append((*key, row.attempt))
                used = sum(slots for _, slots in self.running.values())
                assert used <= self.slots, "given more than it has slots"
            case Taken():
                for tag in message.tags:
                    assert (message.session, tag) not in self.running, "taken before it ended"
                    self.ended.pop((message.session, tag), None)
            case Cancel():
                for tag in message.tags:
                    key = (message.session, tag)
                    if key in self.running:
                        self.end(key, Ending.CANCELLED)
                    elif key in self.ended:
                        self.say(Done(message.session, (self.ended[key],)))


class ModelClient(Party):
    role = "client"

    def __init__(self, rules: "BrokerRules", name: str) -> None:
        self.jobs: dict[int, tuple[bytes, tuple[str, ...], SubmittedJob]] = {}
        self.results: dict[int, Any] = {}
        self.untaken: list[int] = []
        self.unwanted: set[int] = set()
        super().__init__(rules, name)

    def come(self) -> None:
        self.connect()
        for digest, data in CONTAINERS.items():
            self.say(ContainerBytes(digest, data))
        for tag in self.jobs:
            if tag not in self.results:
                self.submit(tag)
        for tag in self.unwanted - set(self.results):
            self.say(Cancel(self.session, (tag,)))

    def submit(self, tag: int) -> None:
        container, labels, row = self.jobs[tag]
        self.say(Submit(container, (row,), labels))

    def heard(self, message: Any) -> None:
        match message:
            case Welcome():
                self.boot = message.boot
            case Results():
                for row in message.jobs:
                    assert row.tag in self.jobs
                    known = self.results.setdefault(row.tag, row)
                    assert known == row, "two endings of one job"
                    self.untaken.append(row.tag)
                    if row.ending == Ending.CANCELLED:
                        assert row.tag in self.unwanted, "cancelled, and nobody asked for it"
                    if row.ending in (Ending.LOST, Ending.UNFIT):
                        assert MOST_ATTEMPTS <= row.attempts <= MOST_UNFIT

    def take(self) -> None:
        tags, self.untaken = tuple(self.untaken), []
        if tags and self.peer:
            self.say(Taken(self.session, tags))


class BrokerRules(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.lives = 0
        self.tags = 0
        self.calm = True
        self.runs: list[tuple[bytes, int, int]] = []
        self.parties: dict[bytes, Party] = {}
        self.born()
        self.workers = [
            ModelWorker(self, "w0", 2, ("gpu",)),
            ModelWorker(self, "w1", 3, ()),
            ModelWorker(self, "w2", 1, ()),
        ]
        self.clients = [ModelClient(self, "c0"), ModelClient(self, "c1")]

    @initialize(who=st.lists(st.booleans(), min_size=5, max_size=5))
    def begin(self, who: list[bool]) -> None:
        for party, comes in zip([*self.workers, *self.clients], who, strict=True):
            if comes:
                party.come()

    def born(self) -> None:
        self.lives += 1
        self.broker = BrokerState(b"%16d" % self.lives, now=self.now)

    def say(self, event: Any) -> None:
        for effect in self.broker.step(event, now=self.now):
            match effect:
                case Send(peer, message):
                    if peer in self.parties:
                        self.parties[peer].inbox.append(decode(encode(message)))
                case Note("job ended badly", facts) if facts["ending"] == "refused":
                    self.look_at_refused(facts)

    def look_at_refused(self, facts: Any) -> None:
        """When it is said it is so."""
        (party,) = [client for client in self.clients if client.name == facts["client"]]
        _, labels, job = party.jobs[facts["tag"]]
        assert self.broker.book.workers
        for worker in self.broker.book.workers.values():
            assert worker.slots < job.slots or not worker.labels >= set(labels)

    @rule(
        client=st.integers(0, 1),
        container=st.sampled_from(sorted(CONTAINERS)),
        labels=st.sampled_from([(), (), ("gpu",), ("none",)]),
        slots=st.sampled_from([1, 1, 1, 2, 3, 4]),
        priority=st.integers(-1, 1),
        estimate=st.integers(-1, 3),
        number=st.integers(1, 4),
    )
    def submit(
        self,
        client: int,
        container: bytes,
        labels: tuple[str, ...],
        slots: int,
        priority: int,
        estimate: int,
        number: int,
    ) -> None:
        party = self.clients[client]
        for _ in range(number):
            self.tags += 1
            row = SubmittedJob(self.tags, priority, estimate, slots, b"job")
            party.jobs[self.tags] = (container, labels, row)
            if party.peer:
                party.submit(self.tags)

    @rule(which=st.integers(0, 4))
    def read(self, which: int) -> None:
        [*self.workers, *self.clients][which].read()

    @rule()
    def all_read(self) -> None:
        for party in [*self.workers, *self.clients]:
            party.read()

    @precondition(lambda self: any(worker.running for worker in self.workers))
    @rule(data=st.data(), ending=st.sampled_from([Ending.RAN] * 4 + [Ending.UNFIT]))
    def job_ends(self, data: st.DataObject, ending: Ending) -> None:
        worker = data.draw(st.sampled_from([one for one in self.workers if one.running]))
        worker.end(data.draw(st.sampled_from(sorted(worker.running))), ending)
        if ending is Ending.UNFIT:
            self.calm = False

    @rule(client=st.integers(0, 1))
    def take(self, client: int) -> None:
        self.clients[client].take()

    @precondition(lambda self: any(client.jobs for client in self.clients))
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        client = data.draw(st.sampled_from([one for one in self.clients if one.jobs]))
        tag = data.draw(st.sampled_from(sorted(client.jobs)))
        client.unwanted.add(tag)
        if client.peer:
            client.say(Cancel(client.session, (tag,)))

    @rule(which=st.integers(0, 4))
    def come(self, which: int) -> None:
        party = [*self.workers, *self.clients][which]
        if not party.peer:
            party.come()

    @rule(which=st.integers(0, 4), told=st.booleans())
    def cut(self, which: int, told: bool) -> None:
        party = [*self.workers, *self.clients][which]
        if party.peer:
            self.calm = False
            party.cut(told=told)

    @rule(which=st.integers(0, 2), told=st.booleans())
    def worker_dies(self, which: int, told: bool) -> None:
        worker = self.workers[which]
        if worker.peer:
            self.calm = False
            worker.cut(told=told)
            worker.die()

    @rule(which=st.integers(0, 4))
    def goodbye(self, which: int) -> None:
        party = [*self.workers, *self.clients][which]
        if party.peer and isinstance(party, ModelWorker):
            self.calm = False
            party.say(Bye(0, "stopped"))
            party.cut(told=True)
            party.die()

    @rule()
    def broker_dies(self) -> None:
        self.calm = False
        for party in list(self.parties.values()):
            party.cut(told=False)
        self.born()

    @rule(seconds=st.sampled_from([0.3, 1.0, 2.5, 4.0, 7.0, 35.0]))
    def time(self, seconds: float) -> None:
        if seconds > 4:
            self.calm = False
        end = self.now + seconds
        while self.now < end:
            self.now += 0.5
            for party in list(self.parties.values()):
                party.say(Beat(1))
            self.say(TimePassed())

    @invariant()
    def holds(self) -> None:
        while self.broker.next_deadline() < 0:
            self.say(TimePassed())
        self.broker.check()

    @invariant()
    def nothing_is_run_twice_for_nothing(self) -> None:
        if self.calm:
            jobs = [run[:2] for run in self.runs]
            assert len(jobs) == len(set(jobs)), "run twice, and nobody had died"

    def teardown(self) -> None:
        """Everybody comes back; all that is wanted ends; nothing is left."""
        for _ in range(200):
            for party in [*self.workers, *self.clients]:
                if not party.peer:
                    party.come()
                party.read()
            for worker in self.workers:
                for key in list(worker.running):
                    worker.end(key, Ending.RAN)
            for client in self.clients:
                client.take()
            self.time(0.5)
            self.holds()
            if all(client.results.keys() == client.jobs.keys() for client in self.clients):
                break
        for client in self.clients:
            assert client.results.keys() == client.jobs.keys(), "a job never ended"
            client.say(Bye(0, "done"))
            client.cut(told=True)
        for _ in range(140):
            for worker in self.workers:
                worker.read()
                for key in list(worker.running):
                    worker.end(key, Ending.RAN)
            self.time(0.5)
            self.holds()
        book = self.broker.book
        for worker in self.workers:
            assert not worker.running and not worker.ended, "a worker keeps what nobody wants"
        assert not (book.clients or book.zombies or book.orphans or book.containers)
        assert not (book.dispatch.demands or book.chores or book.orphans_bytes)
        for known in book.workers.values():
            assert not (known.jobs or known.orphans or known.used or known.untaken)


TestBrokerRules = BrokerRules.TestCase
TestBrokerRules.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
