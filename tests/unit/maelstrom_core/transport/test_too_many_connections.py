"""A holder of a key who opens connections without end, with real sockets."""

import os
import socket
from collections.abc import Callable
from typing import Any

import trio

from maelstrom_core.transport.endpoints import Limits

FEW = Limits(message_bytes=100_000, handshake_seconds=30.0, connections=42)
MOST_SILENT, MOST_OF_A_KEY = 14, 14


def connections_to(port: int) -> int:
    """Of this process, which is the broker and all of its peers: those that have come to a port."""
    found = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            copy = os.dup(int(name))
        except OSError:
            continue
        try:
            with socket.socket(fileno=copy) as one:
                is_tcp = one.family == socket.AF_INET
                listens = one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
                found += is_tcp and not listens and one.getsockname()[1] == port
        except OSError:
            os.close(copy)
    return found


async def until_there_are(port: int, most: int) -> None:
    with trio.fail_after(30):
        while connections_to(port) > most:
            await trio.sleep(0.02)


def test_those_that_have_spoken(under_attack: Callable[..., None], weapons: Any) -> None:
    async def main(scene: Any) -> None:
        others = connections_to(scene.port)
        links = []
        for _ in range(4 * MOST_OF_A_KEY):
            links.append(link := weapons.armed(scene.join, RECONNECT_IVL=-1))
            await weapons.sent(link, [b"I am one more"])
        await until_there_are(scene.port, others + MOST_OF_A_KEY)
        await scene.serves()
        answered = sum(bool(link.poll(0)) for link in links)
        assert 0 < answered <= MOST_OF_A_KEY
        for link in links:
            link.close(linger=0)
        await until_there_are(scene.port, others)
        again = weapons.armed(scene.join)
        await weapons.sent(again, [b"I am back"])
        with trio.fail_after(30):
            while not again.poll(0):
                await trio.sleep(0.02)

    under_attack(main, FEW)


def test_those_that_say_nothing(under_attack: Callable[..., None], weapons: Any) -> None:
    """Be it that they have exchanged keys, or have not."""

    async def main(scene: Any) -> None:
        others = connections_to(scene.port)
        links = [weapons.armed(scene.join, RECONNECT_IVL=-1) for _ in range(3 * MOST_SILENT)]
        plain = [socket.create_connection(("127.0.0.1", scene.port)) for _ in range(50)]
        await until_there_are(scene.port, others + MOST_SILENT + 1)
        await scene.serves()
        for one in (*links, *plain):
            one.close()

    under_attack(main, FEW)


def test_one_that_was_dropped_is_cut(under_attack: Callable[..., None], weapons: Any) -> None:
    async def main(scene: Any) -> None:
        others = connections_to(scene.port)
        link = weapons.armed(scene.join, RECONNECT_IVL=-1)
        await weapons.sent(link, [b"drop me"])
        with trio.fail_after(30):
            while not (mine := [one for one in scene.heard if one.payload == b"drop me"]):
                await trio.sleep(0.02)
        scene.broker.listener.drop(mine[0].peer)
        await until_there_are(scene.port, others)

    under_attack(main, FEW)
