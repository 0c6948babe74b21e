"""Asks the other side once more, by a plain connection, what libzmq does not say of it."""

import errno
import os
import socket
from contextlib import suppress
from typing import Any

import trio

from maelstrom_core.transport.address_plan import split_address

_SECONDS = 2.0
_OPENING = b"\xff\0\0\0\0\0\0\0\1\x7f\3\0"
"""How a peer of ZMTP 3 begins, up to the version; the other side then sends all of its greeting."""
_GREETING_BYTES, _SIGNATURE_BYTES = 64, 10
_MECHANISM = slice(12, 32)


async def why_unreachable(address: str) -> str:
    """What the system says when it connects there; empty if it does connect."""
    with trio.move_on_after(_SECONDS):
        try:
            (await _connect(address)).close()
        except (socket.gaierror, UnicodeError):
            return f"there is no host called {split_address(address)[0]!r}"
        except OSError as error:
            return os.strerror(error.errno or errno.EIO)
        return ""
    return "no answer at all"


async def mechanism_at(address: str) -> str:
    """By which mechanism of ZeroMQ (``NULL``, ``PLAIN``, ``CURVE``) messages are protected there.

    That is to be read before one's own is said, as libzmq hangs up on another in the middle of its
    greeting.

    :return: empty if what answers is no ZeroMQ; ``CURVE`` if nothing could be learned
    """
    greeting = b""
    try:
        with trio.move_on_after(_SECONDS), await _connect(address) as connection:
            await connection.send(_OPENING)
            while len(greeting) < _GREETING_BYTES:
                if not (more := await connection.recv(_GREETING_BYTES - len(greeting))):
                    break
                greeting += more
    except OSError:
        pass
    signature = greeting[:_SIGNATURE_BYTES]
    if len(greeting) == _GREETING_BYTES and signature[:1] == b"\xff" and signature[-1:] == b"\x7f":
        return greeting[_MECHANISM].rstrip(b"\0").decode(errors="replace")
    return "" if greeting[:1] not in (b"", b"\xff") else "CURVE"


async def _connect(address: str) -> trio.socket.SocketType:
    host, port = split_address(address)
    found = await trio.socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for family, kind, protocol, _, where in found[:-1]:
        with suppress(OSError):
            return await _connect_to(trio.socket.socket(family, kind, protocol), where)
    family, kind, protocol, _, where = found[-1]
    return await _connect_to(trio.socket.socket(family, kind, protocol), where)


async def _connect_to(connection: trio.socket.SocketType, where: Any) -> trio.socket.SocketType:
    try:
        await connection.connect(where)
    except BaseException:
        connection.close()
        raise
    return connection
