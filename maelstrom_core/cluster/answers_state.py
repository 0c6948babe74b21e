"""Results that have come to a client and are not answered: several are with one `Taken`. Pure.

An answer for each costs the broker and the result's worker as much as the result does.
"""

from maelstrom_core.cluster.parcels_plan import tags_in_parcels
from maelstrom_core.wire.messages import Taken
from maelstrom_core.wire.rows import JobResultRow

MOST = 256
MOST_BYTES = 1 << 20
"""Results, and their bodies, that are not kept waiting: a broker sends some times as much before it
waits for answers."""


class Answers:
    """Of one client.

    :param session: the client's
    """

    def __init__(self, session: bytes) -> None:
        self._session = session
        self._tags: list[int] = []
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._tags)

    @property
    def are_many(self) -> bool:
        """Whether they are to be said now."""
        return len(self._tags) >= MOST or self._bytes >= MOST_BYTES

    def add(self, row: JobResultRow) -> None:
        """This result has come, perhaps again: the answer to its first arrival may have been lost."""
        self._tags.append(row.tag)
        self._bytes += len(row.body)

    def take(self) -> list[Taken]:
        """What to say; nothing is left."""
        tags, self._tags, self._bytes = self._tags, [], 0
        return [Taken(self._session, part) for part in tags_in_parcels(tags)]
