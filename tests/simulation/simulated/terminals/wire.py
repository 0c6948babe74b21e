"""A connection in memory, as `maelstrom_core.cluster.link` wants it: late, and broken at times."""

from typing import TYPE_CHECKING

import trio

from maelstrom_core.transport.endpoints import Connected, Disconnected

if TYPE_CHECKING:
    from simulated.terminals.yard import Yard


class Wire:
    """Between a party and the broker; it comes back by itself. In order, until it breaks.

    :param name: of the party
    :ivar stuck_until: until then nothing comes or goes, and nobody is told
    """

    def __init__(self, yard: "Yard", name: str, role: str) -> None:
        self.yard, self.name, self.role = yard, name, role
        self._tell, self.events = trio.open_memory_channel(1_000)
        self._inbox: list[bytes] = []
        self._arrived = trio.Event()
        self._opening = 0
        self._last = [0.0, 0.0]
        self.stuck_until = 0.0
        self.is_connected = False
        self.is_dead = False
        self.opened = 0.0
        self.peer = b""
        """What the broker calls this connection, while there is one."""
        self._open_later()

    # As the link sees it

    async def receive_batch(self) -> list[bytes]:
        while not self._inbox:
            self._arrived = trio.Event()
            await self._arrived.wait()
        found, self._inbox = self._inbox, []
        return found

    async def send(self, payload: bytes) -> None:
        await trio.lowlevel.checkpoint()
        self.send_nowait(payload)

    def send_nowait(self, payload: bytes) -> bool:
        if self.peer:
            self._carry(0, payload)
        return self.is_connected

    def renew(self) -> None:
        self.cut(broker_hears=True, party_hears=True)

    # As the world does

    def to_party(self, payload: bytes) -> None:
        """The broker says this."""
        self._carry(1, payload)

    def cut(self, *, broker_hears: bool, party_hears: bool) -> None:
        """It breaks: what is on its way is lost."""
        peer, self.peer = self.peer, b""
        self._inbox.clear()
        if peer:
            del self.yard.wires[peer]
            if broker_hears:
                self.yard.later(
                    self.yard.delay(), self.yard.broker_hears_gone, peer, self.yard.life
                )
        if party_hears and self.is_connected:
            self.is_connected = False
            self._tell.send_nowait(Disconnected())
            self._open_later()

    def die(self) -> None:
        """So does the party: nothing comes any more."""
        self.cut(broker_hears=self.yard.rng.random() < 0.8, party_hears=False)
        self.is_dead = True

    def _open_later(self) -> None:
        self._opening += 1
        self.yard.later(0.05 + self.yard.rng.random() * 0.2, self._open, self._opening)

    def _open(self, opening: int) -> None:
        if self.is_dead or self.is_connected or opening != self._opening:
            return
        if not self.yard.is_broker_there or self.stuck_until > self.yard.now:
            self._open_later()
            return
        self.peer = b"peer %d" % self.yard.serial()
        self.yard.wires[self.peer] = self
        self.is_connected = True
        self.opened = self.yard.now
        self._tell.send_nowait(Connected())

    def _carry(self, direction: int, payload: bytes) -> None:
        yard = self.yard
        when = max(self._last[direction], yard.now + yard.delay(), self.stuck_until)
        self._last[direction] = when
        yard.at(when, self._arrives, direction, payload, self.peer)

    def _arrives(self, direction: int, payload: bytes, peer: bytes) -> None:
        if not peer or peer != self.peer:
            return
        if self.stuck_until > self.yard.now:
            self._last[direction] = max(self._last[direction], self.stuck_until)
            self.yard.at(self.stuck_until, self._arrives, direction, payload, peer)
        elif direction:
            self._inbox.append(payload)
            self._arrived.set()
        else:
            self.yard.broker_hears(self, payload)
