"""Workers behind whose slots short jobs wait, clients that have many of those, and somebody who drains
workers and lets them stop.
"""

from functools import partial
from typing import TYPE_CHECKING, Any

from maelstrom_broker.records import Worker
from maelstrom_worker import events as ev

from maelstrom_core.wire import messages as m
from maelstrom_core.wire.administration import Answer, Drain
from maelstrom_core.wire.rows import Ending, SubmittedJob
from simulated.in_order import BODY, Writing
from simulated.machine_worker import LIVE_SECONDS, MachineWorker
from simulated.parties import DIGESTS, Connection, Key, Party, SimClient

if TYPE_CHECKING:
    from simulated.world import World

LINKS = [0.001, 0.005, 0.03]
"""Seconds that a message takes, on average; of a world."""


class Drained:
    """On a connection to a worker, after what it was asked for when it was drained."""


class AheadWorker(MachineWorker):
    """A worker; its jobs are nothing but time."""

    def born(self) -> None:
        super().born()
        self.in_order: dict[Key, Writing] = {}
        self.run_of: dict[Key, int] = {}
        """Jobs, each with a number of this run of it."""
        self.retires = False
        self.world.at(self.world.now + LIVE_SECONDS, self.live, self.lives)

    def live(self, life: int) -> None:
        if life != self.lives:
            return
        self.world.at(self.world.now + LIVE_SECONDS, self.live, life)
        if self.paused_until <= self.world.now:
            for begun in self.state.begun():
                self.say(begun)

    def welcomed(self) -> None:
        super().welcomed()
        for writing in self.in_order.values():
            writing.output.send_again()

    def say(self, message: Any) -> None:
        if isinstance(message, m.GivenBack):
            self.world.given_back += len(message.tags)
        super().say(message)

    def got(self, message: Any) -> None:
        match message:
            case Drained():
                assert not self.state.behind, "it is drained, and something waits here"
            case m.Had():
                writing = self.in_order.get((message.session, message.tag))
                if writing is not None:
                    writing.output.had(message.run, message.count, now=self.world.now)
            case _:
                super().got(message)
        self.world.most_behind = max(self.world.most_behind, self.state.behind)

    # Its jobs

    def make_ready(self, digest: bytes, make_room: bool) -> None:
        self.world.at(self.world.now + self.world.delay(), self.is_ready, self.lives, digest)

    def is_ready(self, life: int, digest: bytes) -> None:
        if life == self.lives:
            self.tell(ev.Ready(digest))

    def start(self, key: Key, row: Any) -> None:
        world = self.world
        assert key not in self.run_of, "it runs there already"
        world.begins(key)
        run = self.run_of[key] = world.serial()
        used = sum(one.slots for one in self.state.held() if (one.session, one.tag) in self.run_of)
        assert used <= self.slots, "more run than it has slots"
        if world.wild and world.killers.get(key):
            world.at(world.now + 0.01, self.killed_by, self.lives, key)
            return
        unfit = world.wild and world.rng.random() < 0.005
        over = partial(self.over, self.lives, key, run, Ending.UNFIT if unfit else Ending.RAN)
        if unfit:
            world.at(world.now + 0.01, over)
        elif row.body == BODY:
            self.in_order[key] = Writing(self, key, world.rng.randint(0, 5), over)
        else:
            world.at(world.now + int(row.body.removeprefix(b"job ")) / 1000, over)

    def killed_by(self, life: int, key: Key) -> None:
        if life == self.lives and key in self.run_of:
            self.crash(1.0)

    def end(self, key: Key) -> None:
        run, world = self.run_of[key], self.world
        world.at(world.now + 0.001, self.over, self.lives, key, run, Ending.CANCELLED)

    def over(self, life: int, key: Key, run: int, ending: Ending) -> None:
        if life != self.lives or self.run_of.get(key) != run:
            return
        if self.paused_until > self.world.now:
            self.world.at(self.paused_until, self.over, life, key, run, ending)
            return
        del self.run_of[key]
        if writing := self.in_order.pop(key, None):
            writing.is_gone = True
        if ending == Ending.UNFIT:
            self.world.losses[key] += 1
        body = b"%s %d" % key if ending == Ending.RAN else b""
        self.tell(ev.Ended(key, ending, body))

    # Its end

    def crash(self, seconds: float) -> None:
        self.world.loses(self.name)
        super().crash(seconds)

    def retire(self) -> None:
        """It takes nothing more, and leaves when nobody needs it; another one comes."""
        if not self.retires:
            self.retires = True
            self.tell(ev.StopWanted())
            assert not self.state.behind, "it stops, and something waits here"
            self.world.at(self.world.now, self.may_go, self.lives)

    def may_go(self, life: int) -> None:
        world, connection = self.world, self.connection
        if life != self.lives:
            return
        is_over = not self.state.running and not self.state.kept
        if not is_over or connection is None or not self.welcome or self.paused_until > world.now:
            world.at(world.now + LIVE_SECONDS, self.may_go, life)
            return
        self.say(m.Bye(m.Code.GOODBYE, "the worker stops"))
        self.connection = None
        cut = partial(connection.cut, broker_hears=False, party_hears=False)
        world.at(connection.last[0] + 1e-6, cut)
        self.born()
        world.at(world.now + world.rng.random(), self.come)


class AheadClient(SimClient):
    """Its jobs are short, most of them; what is known of them is true, mostly."""

    at_once, pause = 40, 3.0

    def a_job(self, tag: int) -> tuple[bytes, tuple[str, ...], SubmittedJob]:
        rng = self.world.rng
        labels, slots = rng.choice([((), 1)] * 30 + [(("gpu",), 1), ((), 2)])
        kind = rng.random()
        known = ms = rng.randint(1, 20)
        if kind < 0.1:
            known = ms = rng.randint(100, 1500)
        elif kind < 0.15:
            ms = rng.randint(500, 3000)  # against all expectation
        elif kind < 0.3:
            known = -1
        body = BODY if self.world.in_order and tag % 8 == 0 else b"job %d" % ms
        row = SubmittedJob(tag, rng.randint(-1, 1), known, slots, body)
        return rng.choice(DIGESTS), labels, row


class Drainer(Party):
    """Has the broker give workers nothing new, and again something."""

    role = "admin"

    def welcomed(self) -> None:
        self.world.at(self.world.now + self.world.rng.expovariate(1), self.drain, self.connection)

    def drain(self, connection: Connection | None) -> None:
        world = self.world
        if connection is None or connection is not self.connection:
            return
        world.at(world.now + world.rng.expovariate(1), self.drain, connection)
        worker = world.rng.choice(world.workers)
        # Without troubles all are of use again.
        on = world.now < world.quiet_from and world.rng.random() < 0.4
        self.say(Drain(worker.name, on))
        if world.now < world.quiet_from and world.rng.random() < 0.2:
            world.rng.choice(world.workers).retire()

    def got(self, message: Any) -> None:
        assert isinstance(message, Answer)


def is_drained(world: "World", drain: Drain) -> None:
    """The broker has heard this, and what it has to say about it is on its way."""
    for known in world.broker.book.workers.values():
        if known.name == drain.worker and drain.on and known.peer in world.connections:
            _asked_for_all(known)
            world.connections[known.peer].carry(1, Drained())


def _asked_for_all(known: Worker) -> None:
    assert set(known.behind) <= set(known.wished), "it is drained, and may keep what waits there"
