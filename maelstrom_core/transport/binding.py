"""Where a server listens: the address of a name, and a port that is free."""

import errno
import random
import socket

import trio
import zmq

from maelstrom_core.errors import HostError, UsageError
from maelstrom_core.transport.address_plan import join_address, split_address

_PORTS = range(20_000, 32_000)
"""Below those that the kernel gives to outgoing connections: binding one of these fails while one is
used so, or has just been."""
_TRIES = 100


async def bind(bound: "zmq.Socket[bytes]", host: str, port: int, rng: random.Random) -> str:
    """Bind a socket, to a free port if it is 0.

    :param rng: chooses which one
    :return: the address, ``HOST:PORT``
    :raises UsageError: if this machine has no such address
    :raises HostError: if the port is taken, or not ours to take
    """
    family, literal = await _literal(host)
    bound.setsockopt(zmq.IPV6, family == socket.AF_INET6)
    for candidate in [port] if port else rng.sample(_PORTS, _TRIES):
        address = join_address(literal, candidate)
        try:
            bound.bind(f"tcp://{address}")
        except zmq.ZMQError as error:
            if error.errno == errno.EADDRINUSE and not port:
                continue
            raise _not_bound(address, error) from None
        return address
    raise HostError(f"none of {_TRIES} ports of {literal} was free", remedy="name one that is")


def _not_bound(address: str, error: zmq.ZMQError) -> HostError | UsageError:
    host, port = split_address(address)
    match error.errno:
        case errno.EADDRINUSE:
            remedy = "another broker may be running: stop it, or choose another port"
            return HostError(f"port {port} of {host} is taken", remedy=remedy)
        case errno.EADDRNOTAVAIL | errno.ENODEV:
            return UsageError(
                f"this machine has no address {host}",
                remedy="name one of its own (ip address shows them), or 0.0.0.0 for all",
            )
        case errno.EACCES | errno.EPERM:
            return HostError(f"may not listen on port {port}", remedy="choose one above 1023")
        case _:
            return HostError(f"cannot listen on {address}: {zmq.strerror(error.errno or 0)}")


async def _literal(host: str) -> tuple[int, str]:
    try:
        found = await trio.socket.getaddrinfo(host.strip("[]"), None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UsageError(f"there is no address called {host!r}: {error}") from None
    family, _, _, _, where = found[0]
    return family, str(where[0])
