"""Which address of a host's name to connect to: it may have several, of IPv4 and of IPv6.

libzmq would take the first that it finds of one family, and stay with that, whether anybody listens
there or not. So whoever answers first is looked for by plain connections, each begun a moment after the
one before (RFC 8305 calls that happy eyeballs).
"""

import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import trio

from maelstrom_core.transport.address_plan import join_address, split_address

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Addresses of a host, those first that are to be tried first; no host's are an `OSError`."""
_STAGGER_SECONDS = 0.25
_ANSWER_SECONDS = 2.0


async def look_up(host: str, port: int) -> list[str]:
    """Addresses as the system knows them."""
    try:
        found = await trio.socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError(str(error)) from None
    return [str(where[0]) for *_, where in found]


def is_name(address: str) -> bool:
    """Whether the host of an address has to be looked up."""
    host = split_address(address)[0].partition("%")[0]
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return True
    return False


async def find(address: str, resolve: Resolve) -> list[str]:
    """Addresses for the name in one: that first at which somebody answers, if there is one.

    :return: empty if there are none
    """
    host, port = split_address(address)
    try:
        hosts = await resolve(host, port)
    except OSError:
        return []
    found = [join_address(one, port) for one in dict.fromkeys(hosts)]
    if len(found) < 2:
        return found
    answers = await _first_to_answer(found)
    return found if answers is None else [answers, *(one for one in found if one != answers)]


async def _first_to_answer(addresses: Sequence[str]) -> str | None:
    answered: list[str] = []
    with trio.move_on_after(_ANSWER_SECONDS + _STAGGER_SECONDS * len(addresses)):
        async with trio.open_nursery() as nursery:

            async def ask(number: int, address: str) -> None:
                await trio.sleep(number * _STAGGER_SECONDS)
                with suppress(OSError):
                    # It is an address already, so nothing is looked up.
                    stream = await trio.open_tcp_stream(*split_address(address))
                    answered.append(address)
                    nursery.cancel_scope.cancel()
                    await trio.aclose_forcefully(stream)

            for number, address in enumerate(addresses):
                nursery.start_soon(ask, number, address)
    return answered[0] if answered else None
