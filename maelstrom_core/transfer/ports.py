"""What this room needs of sockets: `maelstrom_core.transport` has them, tests have some in memory."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from maelstrom_core.transport.endpoints import Received, Sending


class Listener(Protocol):
    """A bound socket with many peers."""

    @property
    def events(self) -> AsyncIterator[object]:
        """Of peers that leave, and of others that are not let in; they wait until they are read."""

    async def receive_batch(self) -> Sequence[Received]:
        """What has arrived, at least one."""

    def send_nowait(self, peer: bytes, payload: bytes) -> Sending:
        """Send without waiting; a peer that is gone or does not read gets nothing."""

    def drop(self, peer: bytes) -> None:
        """Hear nothing more of a connection."""


class Connector(Protocol):
    """A connected socket with one peer, which connects again by itself."""

    @property
    def events(self) -> AsyncIterator[object]:
        """When the connection comes and goes; read by nobody else."""

    async def receive_batch(self) -> Sequence[bytes]:
        """What has arrived, at least one."""

    async def send(self, payload: bytes) -> None:
        """Send once there is a connection, and room."""
