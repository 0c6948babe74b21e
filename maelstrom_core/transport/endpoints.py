"""Both ends of a link: a broker's `Listener`, and the `Connector` of everybody else."""

from maelstrom_core.transport.connector import (
    Connected,
    Connector,
    ConnectorEvent,
    Disconnected,
    Failed,
    open_connector,
)
from maelstrom_core.transport.events import (
    ListenerEvent,
    ListUnusable,
    PeerLeft,
    Received,
    Refused,
    Sending,
)
from maelstrom_core.transport.limits import Limits
from maelstrom_core.transport.listener import Listener, open_listener
from maelstrom_core.transport.principal import Principal

__all__ = [
    "Connected",
    "Connector",
    "ConnectorEvent",
    "Disconnected",
    "Failed",
    "Limits",
    "ListUnusable",
    "Listener",
    "ListenerEvent",
    "PeerLeft",
    "Principal",
    "Received",
    "Refused",
    "Sending",
    "open_connector",
    "open_listener",
]
