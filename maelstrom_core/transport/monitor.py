"""What libzmq does with a socket's connections, as events."""

import itertools
import struct

import attrs
import zmq

from maelstrom_core.transport.zmq_trio import TrioSocket, whole

_HEAD = struct.Struct("=Hi")
_numbers = itertools.count()


@attrs.frozen
class Event:
    """One event.

    :param kind: one of ``zmq.EVENT_…``
    :param value: a descriptor, an errno, a status: it depends
    :param address: of the other side or of this one: it depends
    """

    kind: int
    value: int
    address: str


def _take(socket: "zmq.Socket[bytes]") -> Event:
    head, address = whole(socket)
    kind, value = _HEAD.unpack(head)
    return Event(kind, value, address.decode(errors="replace"))


class Monitor(TrioSocket[Event]):
    """Events of a socket, from now on.

    :param kinds: which, as a mask
    """

    def __init__(self, watched: "zmq.Socket[bytes]", kinds: int) -> None:
        address = f"inproc://monitor-{next(_numbers)}"
        watched.monitor(address, kinds)
        socket = watched.context.socket(zmq.PAIR)
        # Or the thread that serves all connections would wait until we have read.
        socket.rcvhwm = 0
        socket.connect(address)
        super().__init__(socket, _take)
        self._watched = watched

    def close(self, *, linger_seconds: float = 0) -> None:
        """Listen no more; before the socket itself is closed."""
        if not self._watched.closed:
            self._watched.disable_monitor()
        super().close(linger_seconds=linger_seconds)
