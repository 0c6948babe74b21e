"""What this room needs of sockets; `maelstrom_core.transport` has them, tests have some in memory."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol


class Principal(Protocol):
    """Who a peer is, as its key says."""

    @property
    def role(self) -> str:
        """``client``, ``worker`` or ``admin``."""

    @property
    def name(self) -> str:
        """Unique within its role."""


class Received(Protocol):
    """One message that has arrived."""

    @property
    def peer(self) -> bytes:
        """Its connection; another one after it has connected again."""

    @property
    def principal(self) -> Principal:
        """Whose key the connection has."""

    @property
    def payload(self) -> bytes:
        """The message."""


class Outcome(Protocol):
    """What became of a message."""

    @property
    def name(self) -> str:
        """``SENT`` if it is on its way."""


class Listener(Protocol):
    """A bound socket with many peers."""

    async def receive_batch(self) -> Sequence[Received]:
        """What has arrived, at least one."""

    def send_nowait(self, peer: bytes, payload: bytes) -> Outcome:
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


class Connected:
    """What was not answered is to be asked again: it may be another connection."""


class Disconnected:
    """What was on its way is lost."""
