"""Where the broker is that settings name: of one on this machine, that may be elsewhere after it was
started anew. Loads ZeroMQ, so only when a broker is named.
"""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from maelstrom_core.cluster.joining import AUTO, join_of, opener_of_bulk
from maelstrom_core.errors import MaelstromError, UsageError
from maelstrom_core.settings import Settings
from maelstrom_core.transport.endpoints import Connector
from maelstrom_core.transport.join_plan import Join

LOOK_SECONDS = 2.0
"""How often a broker is looked for, while there is none."""
_log = logging.getLogger("maelstrom.cluster")


class Place:
    """Where a broker is, for one role.

    :ivar join: what one needs in order to join; ``None`` while it was not found
    """

    def __init__(self, settings: Settings, role: str, join: Join | None = None) -> None:
        self._settings = settings
        self._role = role
        self.join = join

    def look(self) -> bool:
        """Look again; whether that has changed anything.

        :raises UsageError: if it is named wrongly, or its keys cannot be used; ``auto`` may name nobody
        """
        before, broker = self.join, self._settings.broker
        try:
            self.join = join_of(broker, self._role, Path(self._settings.cluster_directory))
        except UsageError:
            if broker != AUTO:
                raise
        return self.join != before

    async def wait(self) -> Join:
        """Wait until ``auto`` names somebody."""
        while self.join is None:
            await trio.sleep(LOOK_SECONDS)
            self.look()
        return self.join

    @asynccontextmanager
    async def open_bulk(self, port: int) -> AsyncIterator[Connector]:
        """The second link, to wherever the broker is by now."""
        assert self.join is not None
        async with opener_of_bulk(self.join)(port) as connection:
            yield connection

    async def follow(self, connection: Connector, is_up: Callable[[], bool]) -> None:
        """Go after the broker when it has come back elsewhere; for ever.

        :param is_up: whether it is heard: then it is not looked for
        """
        while True:
            await trio.sleep(LOOK_SECONDS)
            if is_up():
                continue
            try:
                has_moved = self.look()
            except MaelstromError:
                continue  # a file is being written anew
            if has_moved and self.join is not None:
                _log.info("the broker is elsewhere now: at %s", self.join.address)
                connection.move_to(self.join)
