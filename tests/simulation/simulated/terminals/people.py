"""Clients and workers as they are, but for their links and what they run."""

from typing import TYPE_CHECKING

import trio
from maelstrom_worker.shell import FROM_BROKERS as TO_WORKERS
from maelstrom_worker.shell import Worker

from maelstrom_core.cluster.client import FROM_BROKERS as TO_CLIENTS
from maelstrom_core.cluster.client import ClusterClient
from maelstrom_core.cluster.handed_in import GivenBack
from maelstrom_core.cluster.link import Link
from maelstrom_core.model.container import ContainerSpec
from maelstrom_core.model.outcome import JobResult
from simulated.terminals.programs import Nowhere, Programs
from simulated.terminals.seats import Seat
from simulated.terminals.wire import Wire

if TYPE_CHECKING:
    from simulated.terminals.yard import Yard


async def no_layers(spec: ContainerSpec) -> tuple[()]:
    await trio.lowlevel.checkpoint()
    return ()


class SimWorker:
    """A worker, and those that come after it by its name."""

    def __init__(self, yard: "Yard", name: str, slots: int) -> None:
        self.yard, self.name, self.slots = yard, name, slots
        self._scope = trio.CancelScope()
        self.wire: Wire | None = None
        self.worker: Worker | None = None

    async def live(self) -> None:
        """One life after the other."""
        while True:
            self.wire = Wire(self.yard, self.name, "worker")
            programs = Programs(self.yard, self.slots, self.yard.begins)
            worker = self.worker = Worker(
                programs, Nowhere(), name=self.name, slots=self.slots, labels=()
            )
            link = worker.link = Link(
                self.wire,
                worker,
                allowed=TO_WORKERS,
                is_worker=True,
                randomness=self.yard.rng.random,
            )
            with trio.CancelScope() as self._scope:
                async with trio.open_nursery() as worker.nursery:
                    for task in (worker.show_live, worker.keep_time, link.run):
                        worker.nursery.start_soon(task)
            worker.release()
            await trio.sleep(self.yard.rng.random() * 3)

    def crash(self) -> None:
        if self.wire is not None:
            self.wire.die()
        self._scope.cancel()

    @property
    def is_busy(self) -> bool:
        return self.worker is not None and bool(self.worker._terminals or self.worker._state.held())

    def check_end(self) -> None:
        assert self.worker is not None
        assert not self.worker._terminals and not self.worker._running, f"open at {self.name}"
        assert not self.worker._state.held(), f"{self.name} keeps what nobody wants"


class SimClient:
    """A client with some jobs at terminals."""

    def __init__(self, yard: "Yard", name: str, jobs: int) -> None:
        self.yard, self.name = yard, name
        rng = yard.rng
        self.seats = [Seat(self, n, rng, asks=rng.random() < 0.5) for n in range(jobs)]
        self.wire = Wire(yard, name, "client")
        self.is_dead = False
        self.is_over = False
        self._scope = trio.CancelScope()
        self.client = ClusterClient(Nowhere(), no_layers, name=name, software="model")
        self._link = Link(
            self.wire, self.client, allowed=TO_CLIENTS, is_worker=False, randomness=rng.random
        )
        self.client.say = self._link.say

    async def live(self) -> None:
        """Until all of its jobs have ended, or it dies."""
        client = self.client
        with trio.CancelScope() as self._scope:
            async with trio.open_nursery() as nursery:
                client.containers.nursery = nursery
                for task in (
                    *(self._link.run, client.hand_in, client.answer, client.lose_patience),
                    *(client.terminals.show, client.terminals.say_again, self._let_go),
                ):
                    nursery.start_soon(task)
                await client.wait_for_welcome()
                async with trio.open_nursery() as sitting:
                    for seat in self.seats:
                        sitting.start_soon(self._sit, seat)
                client.flush()
                assert not client.terminals._by_tag and not client._jobs, f"open at {self.name}"
                await self._link.leave("all is done")
                nursery.cancel_scope.cancel()
        self.is_over = True
        self.yard.later(5.0, self.wire.die)

    async def _let_go(self) -> None:
        """Whoever is cancelled waits for the broker, which nobody hears when the world ends."""
        try:
            await trio.sleep_forever()
        finally:
            self.client.link_over("the world ends")

    async def _sit(self, seat: Seat) -> None:
        await trio.sleep(self.yard.rng.random() * 8)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(seat.type)
            result = await self.client.run(seat.job, None, seat)
            nursery.cancel_scope.cancel()
        assert seat.result is None
        if isinstance(result, GivenBack):
            assert result.outcome is not None, "nobody has asked for it"
            result = JobResult(outcome=result.outcome)
            seat.is_gone()
        seat.result = result

    def crash(self) -> None:
        """Killed: nothing that it does from now on is anybody's."""
        if not self.is_over:
            self.is_dead = self.is_over = True
            self.wire.die()
            self._scope.cancel()

    def check_end(self) -> None:
        for seat in self.seats if not self.is_dead else ():
            seat.check_end()
