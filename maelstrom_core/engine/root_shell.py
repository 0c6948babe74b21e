"""Containers by name: makes them ready, and tells slots of them. Decides nothing."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

from maelstrom_core.container.messages import Prepare
from maelstrom_core.container.ports import SlotPort
from maelstrom_core.engine.events import RootFailed, RootReady
from maelstrom_core.errors import InputError, MaelstromError
from maelstrom_core.model.outcome import HostFailed, InputFailed

MakeRootFunction = Callable[[str], Awaitable[Prepare]]
"""Makes the container of that name ready for slots; raises `MaelstromError`."""


class ReadyRoots:
    """Those that are ready, and in which slots each is prepared."""

    def __init__(self, slots: Sequence[SlotPort], make: MakeRootFunction) -> None:
        self._slots = slots
        self._make = make
        self.ready: dict[str, Prepare] = {}
        self._keys: Counter[tuple[int, str]] = Counter()  # equal containers of two names have one

    def __getitem__(self, root: str) -> Prepare:
        return self.ready[root]

    async def make(self, root: str) -> RootReady | RootFailed:
        """Make one ready; what has come of it."""
        try:
            self.ready[root] = await self._make(root)
        except InputError as error:
            faults = (error.message.partition(":")[0], *error.faults)
            return RootFailed(root, InputFailed(faults))
        except MaelstromError as error:
            return RootFailed(root, HostFailed(error.message, error.remedy))
        except OSError as error:
            return RootFailed(root, HostFailed(f"making its layers failed: {error}"))
        return RootReady(root)

    def prepare(self, slot: int, root: str) -> None:
        """Prepare one in a slot."""
        self._slots[slot].prepare(self.ready[root])
        self._keys[slot, self.ready[root].key] += 1

    def forget_in(self, slot: int, root: str) -> None:
        """Let a slot forget one, unless it has an equal one by another name."""
        key = self.ready[root].key
        self._keys[slot, key] -= 1
        if not self._keys[slot, key]:
            del self._keys[slot, key]
            self._slots[slot].forget(key)

    def drop(self, root: str) -> None:
        """Forget one here."""
        self.ready.pop(root, None)
