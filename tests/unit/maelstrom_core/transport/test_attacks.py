"""What whoever has no key does to a broker's socket, and that it goes on serving others each time.

A bystander is connected while each attack goes on, and has to be served as if nothing were; so has
whoever comes next.
"""

import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import attrs
import pytest
import trio
import zmq

from maelstrom_core.transport.endpoints import Limits, open_connector
from maelstrom_core.transport.keyring import Keyring
from maelstrom_core.transport.keys import new_key_pair

UnderAttack = Callable[..., None]
OPENING = b"\xff\0\0\0\0\0\0\0\1\x7f\3\1"


async def is_cut(stream: trio.SocketStream) -> bool:
    """Whether the other side hangs up within that time, whatever it says before."""
    with trio.move_on_after(30):
        try:
            while await stream.receive_some():
                pass
        except trio.BrokenResourceError:
            pass
        return True
    return False


# Without a key


@pytest.mark.parametrize("mechanism", ["NULL", "PLAIN"])
def test_whoever_uses_no_keys_is_not_let_in(
    under_attack: UnderAttack, mechanism: str, weapons: Any
) -> None:
    async def attack(scene: Any) -> None:
        for _ in range(20):
            socket = weapons.socket(zmq.DEALER)
            if mechanism == "PLAIN":
                socket.plain_username, socket.plain_password = b"admin", b"admin"
            socket.connect(f"tcp://127.0.0.1:{scene.port}")
            socket.send(b"let me in", zmq.NOBLOCK)
        await trio.sleep(0.5)
        assert {one.payload for one in scene.heard} == {b"still there?", b"anybody there?"}

    under_attack(attack)


def test_an_unknown_key_is_not_let_in(under_attack: UnderAttack, weapons: Any) -> None:
    async def attack(scene: Any) -> None:
        for _ in range(20):
            stranger = attrs.evolve(scene.join, secret_key=new_key_pair().secret)
            weapons.armed(stranger)
        await trio.sleep(0.5)
        assert len(scene.heard) == 2

    under_attack(attack)


def test_whoever_has_another_key_of_the_broker_s_is_not_let_in(
    under_attack: UnderAttack, weapons: Any
) -> None:
    async def attack(scene: Any) -> None:
        for _ in range(20):
            weapons.armed(attrs.evolve(scene.join, broker_key=new_key_pair().public))
        await trio.sleep(0.5)
        assert len(scene.heard) == 2

    under_attack(attack)


def test_without_an_answer_to_zap_nobody_is_let_in(keyring: Keyring, weapons: Any) -> None:
    """Neither is whoever would be, if somebody answered: a broker whose handler is gone is shut."""
    server = weapons.serving(keyring.broker_keys())
    port = server.bind_to_random_port("tcp://127.0.0.1", min_port=20000, max_port=32000)
    keyring.publish_address(f"127.0.0.1:{port}")
    weapons.armed(keyring.local_join("client"))
    assert not server.poll(500)
    socket = weapons.armed(keyring.local_join("client"))
    assert not socket.poll(500, zmq.POLLOUT)


@pytest.mark.parametrize("size", [100_100, 1 << 20, 1 << 40, (1 << 63) - 1])
def test_a_large_frame_before_keys_are_exchanged_is_cut_at_once(
    under_attack: UnderAttack, size: int
) -> None:
    greeting = OPENING + b"CURVE".ljust(20, b"\0") + bytes(32)

    async def attack(scene: Any) -> None:
        stream = await trio.open_tcp_stream("127.0.0.1", scene.port)
        async with stream:
            await stream.send_all(greeting + b"\6" + size.to_bytes(8, "big") + bytes(1000))
            assert await is_cut(stream)

    # Not because it takes too long, which it may.
    under_attack(attack, Limits(message_bytes=100_000, handshake_seconds=300))


def test_silent_connections_are_cut_and_others_are_served_meanwhile(
    under_attack: UnderAttack,
) -> None:
    async def attack(scene: Any) -> None:
        streams = [await trio.open_tcp_stream("127.0.0.1", scene.port) for _ in range(200)]
        await scene.serves()
        async with trio.open_nursery() as nursery:

            async def wait(stream: trio.SocketStream) -> None:
                async with stream:
                    assert await is_cut(stream)

            for stream in streams:
                nursery.start_soon(wait, stream)

    under_attack(attack)


def test_whoever_greets_byte_by_byte_is_cut_all_the_same(under_attack: UnderAttack) -> None:
    async def attack(scene: Any) -> None:
        stream = await trio.open_tcp_stream("127.0.0.1", scene.port)
        with pytest.raises(trio.BrokenResourceError):
            for byte in OPENING + b"CURVE".ljust(200, b"\0"):
                await stream.send_all(bytes([byte]))
                await trio.sleep(0.05)
        await stream.aclose()

    under_attack(attack)


def test_garbage_does_nothing(under_attack: UnderAttack) -> None:
    rng = random.Random(1)

    async def attack(scene: Any) -> None:
        for number in range(150):
            stream = await trio.open_tcp_stream("127.0.0.1", scene.port)
            async with stream:
                beginning = OPENING + b"CURVE".ljust(20, b"\0") if number % 2 else b""
                with suppress(trio.BrokenResourceError):
                    await stream.send_all(beginning + rng.randbytes(rng.randint(1, 2000)))
        assert len(scene.heard) == 2

    under_attack(attack)


# Between a peer and its broker


@asynccontextmanager
async def relay(
    port: int, change: Callable[[bytes], bytes]
) -> AsyncIterator[tuple[int, list[bytes]]]:
    """Passes bytes on, those to the broker changed; and a record of them."""
    record: list[bytes] = []

    async def pump(source: trio.SocketStream, sink: trio.SocketStream, is_up: bool) -> None:
        try:
            async for data in source:
                if is_up:
                    record.append(data)
                await sink.send_all(change(data) if is_up else data)
            await sink.aclose()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            await sink.aclose()

    async def serve(stream: trio.SocketStream) -> None:
        up = await trio.open_tcp_stream("127.0.0.1", port)
        async with stream, up, trio.open_nursery() as nursery:
            nursery.start_soon(pump, stream, up, True)
            nursery.start_soon(pump, up, stream, False)

    async with trio.open_nursery() as nursery:
        (listening,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, serve, [listening])
        yield listening.socket.getsockname()[1], record
        nursery.cancel_scope.cancel()


def test_what_was_recorded_is_worth_nothing_when_it_is_played_again(
    under_attack: UnderAttack,
) -> None:
    async def attack(scene: Any) -> None:
        async with relay(scene.port, lambda data: data) as (port, record):
            join = attrs.evolve(scene.join, address=f"127.0.0.1:{port}")
            async with open_connector(join) as worker:
                await scene.ask(worker, b"an order worth repeating")
                assert b"an order" not in b"".join(record)
        stream = await trio.open_tcp_stream("127.0.0.1", scene.port)
        async with stream:
            await stream.send_all(b"".join(record))
            assert await is_cut(stream)
        assert scene.heard_from("worker") == [b"an order worth repeating"]

    under_attack(attack)


def test_what_was_changed_on_its_way_does_not_arrive(under_attack: UnderAttack) -> None:
    is_evil = False

    def change(data: bytes) -> bytes:
        return data[:-1] + bytes([data[-1] ^ 1]) if is_evil else data

    async def attack(scene: Any) -> None:
        nonlocal is_evil
        async with relay(scene.port, change) as (port, _):
            join = attrs.evolve(scene.join, address=f"127.0.0.1:{port}")
            async with open_connector(join) as worker:
                await scene.ask(worker, b"as it was")
                is_evil = True
                await worker.send(b"changed")
                await trio.sleep(0.3)
        assert scene.heard_from("worker") == [b"as it was"]

    under_attack(attack)
