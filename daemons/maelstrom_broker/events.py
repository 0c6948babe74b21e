"""What can happen to a broker. Pure."""

from typing import TypeAlias

import attrs

from maelstrom_core.wire.messages import Message


@attrs.define
class Came:
    """A message came. Not frozen, for it is made for each one.

    :param peer: the connection's name; another one after each new connection
    :param role: of its key: worker, client or admin
    :param principal: whose key it is
    """

    peer: bytes
    role: str
    principal: str
    message: Message


@attrs.frozen
class CameBad:
    """What came was no message, or none that its role may send.

    :param code: what the peer is told, one of `Code`
    :param text: what was wrong
    """

    peer: bytes
    code: int
    text: str


@attrs.frozen
class PeerGone:
    """A connection is no more."""

    peer: bytes


@attrs.frozen
class PeerFull:
    """A peer does not take what it is sent; a message to it was not sent."""

    peer: bytes


@attrs.frozen
class StopWanted:
    """The broker itself was asked to stop."""

    text: str


@attrs.frozen
class TimePassed:
    """The deadline that the machine asked for may have come."""


@attrs.frozen
class Recalled:
    """What was to be looked up of a project.

    :param session: of the client that has asked
    :param cases: packed, in parts that each fit into a message
    """

    session: bytes
    request: int
    cases: tuple[bytes, ...]


Event: TypeAlias = Came | CameBad | PeerGone | PeerFull | StopWanted | TimePassed | Recalled
"""Everything that can happen."""
