"""What a listener hears, and what it tells of its peers. Pure."""

import enum
from typing import TypeAlias

import attrs

from maelstrom_core.errors import InputError
from maelstrom_core.transport.principal import Principal


@attrs.frozen
class Received:
    """One message: from which connection, of whom, and what it says."""

    peer: bytes
    principal: Principal
    payload: bytes


class Sending(enum.Enum):
    """What became of a message."""

    SENT = "it is on its way"
    PEER_GONE = "there is no such peer any more"
    PEER_FULL = "it has not taken what it was sent: it breaks the protocol"


@attrs.frozen
class PeerLeft:
    """A peer that had said something is gone, or may not join any more. What it had sent before may
    still be received if it is only gone.

    :param was_revoked: its key was taken off the list of those who may join
    """

    peer: bytes
    principal: Principal
    was_revoked: bool = False


@attrs.frozen
class Refused:
    """Somebody was not let in.

    :param address: theirs
    :param key: their public key, Z85; empty if they had none
    """

    address: str
    key: str


@attrs.frozen
class ListUnusable:
    """The list of who may join cannot be read any more. It holds as it was."""

    error: InputError | OSError


ListenerEvent: TypeAlias = PeerLeft | Refused | ListUnusable
