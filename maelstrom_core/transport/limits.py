"""How much a peer may do to a socket before it is cut off. Pure."""

import attrs

from maelstrom_core.errors import InternalError


@attrs.frozen
class Limits:
    """Of one endpoint.

    :param message_bytes: of the largest message; whoever sends a larger one is cut off
    :param handshake_seconds: how long a connection may say nothing before keys are exchanged
    :param waiting_to_go: messages that wait for one peer; a fuse, as credits should keep it far below
    :param waiting_to_come: messages of one peer that wait for us, of ``message_bytes`` at worst
    :param backlog: connections that wait to be accepted
    :param connections: at once; see `crowd_state`
    """

    message_bytes: int = 1 << 20
    handshake_seconds: float = 3.0
    waiting_to_go: int = 10_000
    waiting_to_come: int = 256
    backlog: int = 1024
    connections: int = 4096

    def check(self, payload: bytes) -> None:
        """Refuse to send what the other side would not take.

        :raises InternalError: if it is empty, which says nothing, or too large
        """
        if not 0 < len(payload) <= self.message_bytes:
            raise InternalError(
                f"a message of {len(payload)} bytes was to be sent; "
                f"from 1 to {self.message_bytes} may be"
            )
