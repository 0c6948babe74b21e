"""What a broker remembers of cases, on a disk that may be full and slow: one thing after the other."""

from collections import deque
from typing import TYPE_CHECKING

from maelstrom_broker.effects import Learn, Recall
from maelstrom_broker.events import Recalled
from maelstrom_broker.remembering import MOST_WAITING

from simulated.disks import Disk

if TYPE_CHECKING:
    from simulated.world import World


class Memory:
    """It stays when the broker dies; what waits for the disk then is lost."""

    def __init__(self, world: "World", disk: Disk) -> None:
        self.world, self.disk = world, disk
        self.known: dict[bytes, list[bytes]] = {}
        self._waiting: deque[tuple[int, Learn | Recall]] = deque()

    def soon(self, wanted: Learn | Recall) -> None:
        """Do it when it is its turn."""
        world = self.world
        if len(self._waiting) == MOST_WAITING:
            if isinstance(wanted, Recall):
                world.at(world.now, self._answer, world.life, wanted, ())
            return
        self._waiting.append((world.life, wanted))
        if len(self._waiting) == 1:
            world.at(world.now + self.disk.delay(), self._do)

    def _do(self) -> None:
        world = self.world
        life, wanted = self._waiting.popleft()
        if isinstance(wanted, Recall):
            self._answer(life, wanted, tuple(self.known.get(wanted.project, ())))
        elif life == world.life and not self.disk.others:
            self.known.setdefault(wanted.project, []).append(wanted.cases)
        if self._waiting:
            world.at(world.now + self.disk.delay(), self._do)

    def _answer(self, life: int, wanted: Recall, cases: tuple[bytes, ...]) -> None:
        if life == self.world.life:
            self.world.tell(Recalled(wanted.session, wanted.request, cases))
