"""All of it, in one thread, from one seed."""

import heapq
import logging
import random
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import trio
import trio.testing
from maelstrom_broker.effects import Send
from maelstrom_broker.events import Came, PeerGone, TimePassed
from maelstrom_broker.state import MAY_SEND, BrokerState

from maelstrom_core.wire.codec import decode, encode
from maelstrom_core.wire.link_state import STEADY_SECONDS
from maelstrom_core.wire.terminals import HadTerminal, ShowTerminal, TypeTerminal
from simulated.terminals.people import SimClient, SimWorker
from simulated.terminals.programs import Program
from simulated.terminals.wire import Wire

QUIET_FROM = 25.0
"""Then troubles end; seconds."""
LONGEST = 150.0
LATE_SECONDS = 15.0
"""How long after a broker's birth workers may find it."""
OF_TERMINALS = (ShowTerminal, TypeTerminal, HadTerminal)


class Yard:
    """A broker's machine, real workers and clients; programs that echo, and people who type.

    :param wild: workers and clients die as well, and connections are gone for long; without that no
        session is lost
    """

    def __init__(self, seed: int, *, wild: bool) -> None:
        self.rng = random.Random(f"terminals {seed}")
        self.seed, self.wild = seed, wild
        self.may_lose = wild
        self.life = self.steps = self._serial = 0
        self._heap: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._moved = trio.Event()
        self._at = 0.0
        self.wires: dict[bytes, Wire] = {}
        self.is_broker_there = False
        self.programs: list[Program] = []
        self.lost = self.again = 0

    def check(self) -> None:
        """Live through it.

        :raises AssertionError: if something does not hold
        """
        clock = trio.testing.MockClock(autojump_threshold=0)
        scheduling = trio._core._run
        with (
            patch("os.urandom", self.rng.randbytes),
            patch.object(scheduling, "_ALLOW_DETERMINISTIC_SCHEDULING", True),
            patch.object(scheduling, "_r", random.Random(self.seed)),
            patch.object(logging.getLogger("maelstrom.worker"), "disabled", True),
        ):
            try:
                trio.run(self._live, clock=clock)
            except BaseExceptionGroup as group:
                raise _first(group) from group

    # Time

    @property
    def now(self) -> float:
        # Trio's clock may say a little less than it was asked to wait for.
        return max(trio.current_time() - self.began, self._at)

    def serial(self) -> int:
        self._serial += 1
        return self._serial

    def at(self, when: float, call: Callable[..., None], *arguments: Any) -> None:
        heapq.heappush(self._heap, (when, self.serial(), call, arguments))
        self._moved.set()

    def later(self, seconds: float, call: Callable[..., None], *arguments: Any) -> None:
        self.at(self.now + seconds, call, *arguments)

    async def _keep_time(self) -> None:
        while True:
            while self._heap and self._heap[0][0] <= self.now + 1e-9:
                self._at, _, call, arguments = heapq.heappop(self._heap)
                call(*arguments)
            self._moved = trio.Event()
            wait = self._heap[0][0] - self.now if self._heap else 3600.0
            with trio.move_on_after(max(0.0, wait)):
                await self._moved.wait()

    def delay(self) -> float:
        return self.rng.expovariate(100) + (0.5 if self.rng.random() < 0.01 else 0.0)

    # The story

    async def _live(self) -> None:
        self.began = trio.current_time()
        rng = self.rng
        self._born()
        self.workers = [SimWorker(self, f"w{number}", 2) for number in range(2)]
        self.clients = [SimClient(self, f"c{number}", rng.randint(1, 3)) for number in range(2)]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._keep_time)
            for party in (*self.workers, *self.clients):
                nursery.start_soon(party.live)
                self.later(2 + rng.expovariate(0.15), self._trouble, party)
            self.later(2 + rng.expovariate(0.1), self._broker_dies)
            await self._until(lambda: all(client.is_over for client in self.clients), LONGEST)
            await self._until(lambda: not self._is_open(), 100.0)
            self._check_end()
            nursery.cancel_scope.cancel()

    async def _until(self, holds: Callable[[], bool], seconds: float) -> None:
        until = self.now + seconds
        while not holds() and self.now < until:
            await trio.sleep(1.0)
            for client in self.clients:
                for seat in client.seats if not client.is_dead else ():
                    seat.check_always()

    def _is_open(self) -> bool:
        book = self.broker.book
        is_busy = any(worker.is_busy for worker in self.workers)
        return bool(is_busy or book.clients or book.zombies or book.orphans) or any(
            not program.is_over for program in self.programs
        )

    def _check_end(self) -> None:
        for client in self.clients:
            client.check_end()
        for worker in self.workers:
            worker.check_end()
        assert all(program.is_over for program in self.programs), "it runs, and nobody wants it"
        self.broker.check()
        book = self.broker.book
        assert not (book.clients or book.zombies or book.orphans or book.containers)
        for known in book.workers.values():
            assert not (known.used or known.jobs or known.orphans or known.untaken)

    def begins(self, program: Program) -> None:
        """A worker runs a job, perhaps once more."""
        self.programs.append(program)
        for client in self.clients:
            for seat in client.seats:
                if seat.name == program.name:
                    self.again += bool(seat.programs)
                    seat.programs.append(program)

    # Troubles

    def _trouble(self, party: SimWorker | SimClient) -> None:
        if self.now > QUIET_FROM:
            return
        rng = self.rng
        self.later(rng.expovariate(0.15), self._trouble, party)
        wire = party.wire
        if wire is None:
            return
        is_steady = self.now - wire.opened > STEADY_SECONDS + 1
        if not self.wild and isinstance(party, SimWorker) and not is_steady:
            return  # it would wait for longer before it comes again than its broker waits for it
        match rng.choice(["cut", "stuck", "crash", "vanish"] if self.wild else ["cut", "stuck"]):
            case "cut":
                wire.cut(broker_hears=True, party_hears=True)
            case "stuck":
                wire.stuck_until = self.now + rng.random() * (8.0 if self.wild else 1.0)
            case "vanish":
                wire.cut(broker_hears=rng.random() < 0.5, party_hears=False)
            case "crash" if isinstance(party, SimWorker) or rng.random() < 0.3:
                party.crash()

    def _broker_dies(self) -> None:
        if self.now > QUIET_FROM:
            return
        self.is_broker_there = False
        self.life += 1
        for wire in list(self.wires.values()):
            wire.cut(broker_hears=False, party_hears=True)
        away = self.rng.choice([0.2, 1.0, 4.0, 12.0])
        self.later(away, self._born)
        for worker in self.workers:
            # They find it late: who has tried for long waits for longer before each attempt.
            if worker.wire is not None and self.rng.random() < 0.5:
                worker.wire.stuck_until = self.now + away + self.rng.random() * LATE_SECONDS
        self.later(13 + self.rng.expovariate(0.2), self._broker_dies)

    # The broker

    def _born(self) -> None:
        self.life += 1
        self.is_broker_there = True
        self.broker = BrokerState(b"%16d" % self.life, now=self.now)

    def broker_hears(self, wire: Wire, payload: bytes) -> None:
        """Something has come."""
        message = decode(payload, tuple(MAY_SEND[wire.role]))
        again = isinstance(message, OF_TERMINALS) and self.rng.random() < 0.02
        for _ in range(1 + again):
            self._tell(Came(wire.peer, wire.role, f"{wire.role}:one", message))

    def broker_hears_gone(self, peer: bytes, life: int) -> None:
        """A connection has broken."""
        if life == self.life:
            self._tell(PeerGone(peer))

    def _ring(self, life: int) -> None:
        if life == self.life and self.broker.next_deadline() <= self.now:
            self._tell(TimePassed())

    def _tell(self, event: Any) -> None:
        self.steps += 1
        effects = self.broker.step(event, now=self.now)
        if self.steps % 20 == 0:
            self.broker.check()
        for effect in effects:
            if not isinstance(effect, Send) or effect.peer not in self.wires:
                continue
            if effect.lossy and self.rng.random() < 0.02:
                self.lost += 1
                continue
            self.wires[effect.peer].to_party(encode(effect.message))
        deadline = self.broker.next_deadline()
        if deadline < 1e9:
            self.at(max(deadline, self.now), self._ring, self.life)


def _first(group: BaseException) -> BaseException:
    while isinstance(group, BaseExceptionGroup):
        group = group.exceptions[0]
    return group
