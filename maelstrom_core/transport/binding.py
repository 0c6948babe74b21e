"""Where a server listens: the addresses of a name, and a port that is free."""

import errno
import random

import zmq

from maelstrom_core.errors import HostError, UsageError
from maelstrom_core.transport.address_plan import join_address, split_address
from maelstrom_core.transport.finding import Resolve

_PORTS = range(20_000, 32_000)
"""Below those that the kernel gives to outgoing connections: binding one of these fails while one is
used so, or has just been."""
_TRIES = 100
MOST_ADDRESSES = 16
"""Of one name."""
_NOT_HERE = (errno.EADDRNOTAVAIL, errno.ENODEV, errno.EAFNOSUPPORT)
"""A name may have addresses of other machines, or of a family that this one does not speak."""


async def bind(
    bound: "zmq.Socket[bytes]", host: str, port: int, rng: random.Random, resolve: Resolve
) -> list[str]:
    """Bind a socket to all addresses of a host that this machine has, with one port.

    :param port: 0 for one that is free
    :param rng: chooses which one
    :param resolve: looks the host up
    :return: the addresses, ``HOST:PORT``, at least one
    :raises UsageError: if this machine has no such address
    :raises HostError: if the port is taken, or not ours to take
    """
    literals = await _literals(host, resolve)
    for candidate in [port] if port else rng.sample(_PORTS, _TRIES):
        try:
            return _bind_all(bound, [join_address(one, candidate) for one in literals])
        except _NotBound as why:
            if why.error.errno == errno.EADDRINUSE and not port:
                continue
            raise _not_bound(why.address, why.error) from None
    raise HostError(f"none of {_TRIES} ports of {host} was free", remedy="name one that is")


class _NotBound(Exception):
    def __init__(self, address: str, error: zmq.ZMQError) -> None:
        super().__init__(address)
        self.address = address
        self.error = error


def _bind_all(bound: "zmq.Socket[bytes]", addresses: list[str]) -> list[str]:
    """Bind to those that this machine has; to none if one of them is taken."""
    done: list[str] = []
    missing: _NotBound | None = None
    for address in addresses:
        # Of a socket that is told so, IPv6 addresses alone are looked at.
        bound.setsockopt(zmq.IPV6, ":" in split_address(address)[0])
        try:
            bound.bind(f"tcp://{address}")
        except zmq.ZMQError as error:
            why = _NotBound(address, error)
            if error.errno in _NOT_HERE:
                missing = missing or why
                continue
            for one in done:
                bound.unbind(f"tcp://{one}")
            raise why from None
        done.append(address)
    if missing is not None and not done:
        raise missing
    return done


def _not_bound(address: str, error: zmq.ZMQError) -> HostError | UsageError:
    host, port = split_address(address)
    match error.errno:
        case errno.EADDRINUSE:
            remedy = "another broker may be running: stop it, or choose another port"
            return HostError(f"port {port} of {host} is taken", remedy=remedy)
        case errno.EADDRNOTAVAIL | errno.ENODEV | errno.EAFNOSUPPORT:
            return UsageError(
                f"this machine has no address {host}",
                remedy="name one of its own (ip address shows them), or 0.0.0.0 for all",
            )
        case errno.EACCES | errno.EPERM:
            return HostError(f"may not listen on port {port}", remedy="choose one above 1023")
        case _:
            return HostError(f"cannot listen on {address}: {zmq.strerror(error.errno or 0)}")


async def _literals(host: str, resolve: Resolve) -> list[str]:
    try:
        found = await resolve(host.strip("[]"), 0)
    except OSError as error:
        raise UsageError(f"there is no address called {host!r}: {error}") from None
    return list(dict.fromkeys(found))[:MOST_ADDRESSES]
