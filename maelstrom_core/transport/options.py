"""What every socket of ours is set to: keys, limits, and how to notice that the other side is gone."""

import zmq

from maelstrom_core.transport.keys import KeyPair
from maelstrom_core.transport.limits import Limits
from maelstrom_core.transport.zap import DOMAIN

_KEEPALIVE_IDLE_SECONDS, _KEEPALIVE_SECONDS, _KEEPALIVE_COUNT = 30, 10, 3
_UNACKNOWLEDGED_SECONDS = 60
_CURVE_BYTES = 33
"""Name, nonce, flags and authenticator, by which CURVE makes a message longer; they are counted."""
_RECONNECT_MS, _LONGEST_RECONNECT_MS = 100, 5000


def server_socket(
    context: "zmq.Context[zmq.Socket[bytes]]", keys: KeyPair, limits: Limits
) -> "zmq.Socket[bytes]":
    """A ROUTER that nobody without a key can talk to. ZAP must be answered before it is bound."""
    socket = context.socket(zmq.ROUTER)
    _set(socket, limits)
    # Else what cannot be sent would be dropped without a word.
    socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
    # Else whoever gives himself the routing id of another would get his messages.
    socket.setsockopt(zmq.ROUTER_HANDOVER, 0)
    socket.setsockopt(zmq.BACKLOG, limits.backlog)
    socket.setsockopt(zmq.CURVE_SERVER, 1)
    socket.setsockopt(zmq.CURVE_SECRETKEY, keys.secret.encode())
    # Both, or libzmq lets everybody in while nobody answers ZAP.
    socket.setsockopt(zmq.ZAP_DOMAIN, DOMAIN)
    socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)
    return socket


def client_socket(
    context: "zmq.Context[zmq.Socket[bytes]]", keys: KeyPair, broker_key: str, limits: Limits
) -> "zmq.Socket[bytes]":
    """A DEALER that talks to nobody but the owner of ``broker_key``."""
    socket = context.socket(zmq.DEALER)
    _set(socket, limits)
    # Nothing is queued for a connection that is not there.
    socket.setsockopt(zmq.IMMEDIATE, 1)
    socket.setsockopt(zmq.RECONNECT_IVL, _RECONNECT_MS)
    socket.setsockopt(zmq.RECONNECT_IVL_MAX, _LONGEST_RECONNECT_MS)
    socket.setsockopt(zmq.CURVE_SERVERKEY, broker_key.encode())
    socket.setsockopt(zmq.CURVE_PUBLICKEY, keys.public.encode())
    socket.setsockopt(zmq.CURVE_SECRETKEY, keys.secret.encode())
    return socket


def _set(socket: "zmq.Socket[bytes]", limits: Limits) -> None:
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.SNDHWM, limits.waiting_to_go)
    socket.setsockopt(zmq.RCVHWM, limits.waiting_to_come)
    socket.setsockopt(zmq.MAXMSGSIZE, limits.message_bytes + _CURVE_BYTES)
    socket.setsockopt(zmq.HANDSHAKE_IVL, round(limits.handshake_seconds * 1000))
    socket.setsockopt(zmq.TCP_KEEPALIVE, 1)
    socket.setsockopt(zmq.TCP_KEEPALIVE_IDLE, _KEEPALIVE_IDLE_SECONDS)
    socket.setsockopt(zmq.TCP_KEEPALIVE_INTVL, _KEEPALIVE_SECONDS)
    socket.setsockopt(zmq.TCP_KEEPALIVE_CNT, _KEEPALIVE_COUNT)
    socket.setsockopt(zmq.TCP_MAXRT, _UNACKNOWLEDGED_SECONDS * 1000)
