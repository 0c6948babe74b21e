"""What hostile peers do to a broker's socket, and that it goes on serving others each time.

A bystander is connected while each attack goes on, and has to be served as if nothing were; so has
whoever comes next.
"""

import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio
import zmq

from maelstrom_core.transport.endpoints import Connector, Limits, PeerLeft, Received, open_connector
from maelstrom_core.transport.join_plan import Join, print_join
from maelstrom_core.transport.keyring import Keyring
from maelstrom_core.transport.keys import new_key_pair, pair_of
from maelstrom_core.transport.options import client_socket, server_socket

OpenBroker = Callable[..., Any]
HERE = Path(__file__).parent
LIMITS = Limits(message_bytes=100_000, handshake_seconds=1.0)
OPENING = b"\xff\0\0\0\0\0\0\0\1\x7f\3\1"


@attrs.define
class Scene:
    """A broker under attack, that answers each message with the same, and a bystander."""

    broker: Any
    bystander: Connector
    heard: list[Received]

    @property
    def join(self) -> Join:
        return self.broker.join("worker")

    @property
    def port(self) -> int:
        return int(self.broker.listener.address.rpartition(":")[2])

    async def serves(self) -> None:
        """The bystander is, and so is somebody new."""
        await ask(self.bystander, b"still there?")
        async with self.broker.connect("admin") as newcomer:
            await ask(newcomer, b"anybody there?")

    def heard_from(self, role: str) -> list[bytes]:
        return [one.payload for one in self.heard if one.principal.role == role]


async def ask(connector: Connector, question: bytes) -> None:
    with trio.fail_after(5):
        await connector.send(question)
        assert await connector.receive_batch() == [question]


def under_attack(open_broker: OpenBroker, attack: Callable[[Scene], Any]) -> None:
    async def main() -> None:
        async with open_broker(limits=LIMITS) as broker, broker.connect("client") as bystander:
            scene = Scene(broker, bystander, [])

            async def answer() -> None:
                while True:
                    for received in await broker.listener.receive_batch():
                        scene.heard.append(received)
                        broker.listener.send_nowait(received.peer, received.payload)

            async with trio.open_nursery() as nursery:
                nursery.start_soon(answer)
                with trio.fail_after(30):
                    await scene.serves()
                    await attack(scene)
                    await scene.serves()
                nursery.cancel_scope.cancel()

    trio.run(main)


class Context:
    """Keeps its sockets: one that nobody knows of any more would close itself."""

    def __init__(self) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._sockets: list[zmq.Socket[bytes]] = []

    def socket(self, kind: int) -> "zmq.Socket[bytes]":
        self._sockets.append(self._context.socket(kind))
        return self._sockets[-1]

    def close(self) -> None:
        for socket in self._sockets:
            socket.close(linger=0)
        self._context.destroy(linger=0)


@contextmanager
def plain_zmq() -> Iterator[Context]:
    context = Context()
    try:
        yield context
    finally:
        context.close()


def armed(context: Context, join: Join, **options: bytes) -> "zmq.Socket[bytes]":
    """A socket of somebody who holds a key, and follows no rule of ours."""
    socket = client_socket(context, pair_of(join.secret_key), join.broker_key, Limits(1 << 30))
    for name, value in options.items():
        socket.setsockopt(getattr(zmq, name), value)
    socket.connect(f"tcp://{join.address}")
    return socket


async def sent(socket: "zmq.Socket[bytes]", frames: list[bytes]) -> None:
    while not socket.poll(0, zmq.POLLOUT):
        await trio.sleep(0.01)
    socket.send_multipart(frames, zmq.NOBLOCK)


async def is_cut(stream: trio.SocketStream, seconds: float = 5) -> bool:
    """Whether the other side hangs up within that time, whatever it says before."""
    with trio.move_on_after(seconds):
        try:
            while await stream.receive_some():
                pass
        except trio.BrokenResourceError:
            pass
        return True
    return False


# Without a key


@pytest.mark.parametrize("mechanism", ["NULL", "PLAIN"])
def test_whoever_uses_no_keys_is_not_let_in(open_broker: OpenBroker, mechanism: str) -> None:
    async def attack(scene: Scene) -> None:
        with plain_zmq() as context:
            for _ in range(20):
                socket = context.socket(zmq.DEALER)
                if mechanism == "PLAIN":
                    socket.plain_username, socket.plain_password = b"admin", b"admin"
                socket.connect(f"tcp://127.0.0.1:{scene.port}")
                socket.send(b"let me in", zmq.NOBLOCK)
            await trio.sleep(0.5)
        assert {one.payload for one in scene.heard} == {b"still there?", b"anybody there?"}

    under_attack(open_broker, attack)


def test_an_unknown_key_is_not_let_in(open_broker: OpenBroker) -> None:
    async def attack(scene: Scene) -> None:
        with plain_zmq() as context:
            for _ in range(20):
                stranger = attrs.evolve(scene.join, secret_key=new_key_pair().secret)
                armed(context, stranger)
            await trio.sleep(0.5)
        assert len(scene.heard) == 2

    under_attack(open_broker, attack)


def test_whoever_has_another_key_of_the_broker_s_is_not_let_in(open_broker: OpenBroker) -> None:
    async def attack(scene: Scene) -> None:
        with plain_zmq() as context:
            for _ in range(20):
                armed(context, attrs.evolve(scene.join, broker_key=new_key_pair().public))
            await trio.sleep(0.5)
        assert len(scene.heard) == 2

    under_attack(open_broker, attack)


def test_without_an_answer_to_zap_nobody_is_let_in(keyring: Keyring) -> None:
    """Neither is whoever would be, if somebody answered: a broker whose handler is gone is shut."""
    with plain_zmq() as context:
        server = server_socket(context, keyring.broker_keys(), Limits())
        port = server.bind_to_random_port("tcp://127.0.0.1", min_port=20000, max_port=32000)
        keyring.publish_address(f"127.0.0.1:{port}")
        with plain_zmq() as other:
            armed(other, keyring.local_join("client"))
            assert not server.poll(500)
            socket = armed(other, keyring.local_join("client"))
            assert not socket.poll(500, zmq.POLLOUT)


@pytest.mark.parametrize("size", [100_100, 1 << 20, 1 << 40, (1 << 63) - 1])
def test_a_large_frame_before_keys_are_exchanged_is_cut_at_once(
    open_broker: OpenBroker, size: int
) -> None:
    greeting = OPENING + b"CURVE".ljust(20, b"\0") + bytes(32)

    async def attack(scene: Scene) -> None:
        stream = await trio.open_tcp_stream("127.0.0.1", scene.port)
        async with stream:
            began = trio.current_time()
            await stream.send_all(greeting + b"\6" + size.to_bytes(8, "big") + bytes(1000))
            assert await is_cut(stream)
            assert trio.current_time() - began < LIMITS.handshake_seconds * 0.9

    under_attack(open_broker, attack)


def test_silent_connections_are_cut_and_others_are_served_meanwhile(
    open_broker: OpenBroker,
) -> None:
    async def attack(scene: Scene) -> None:
        streams = [await trio.open_tcp_stream("127.0.0.1", scene.port) for _ in range(200)]
        await scene.serves()
        async with trio.open_nursery() as nursery:

            async def wait(stream: trio.SocketStream) -> None:
                async with stream:
                    assert await is_cut(stream, LIMITS.handshake_seconds + 5)

            for stream in streams:
                nursery.start_soon(wait, stream)

    under_attack(open_broker, attack)


def test_whoever_greets_byte_by_byte_is_cut_all_the_same(open_broker: OpenBroker) -> None:
    async def attack(scene: Scene) -> None:
        stream = await trio.open_tcp_stream("127.0.0.1", scene.port)
        began = trio.current_time()
        with pytest.raises(trio.BrokenResourceError):
            for byte in OPENING + b"CURVE".ljust(200, b"\0"):
                await stream.send_all(bytes([byte]))
                await trio.sleep(0.05)
        assert trio.current_time() - began < LIMITS.handshake_seconds + 3
        await stream.aclose()

    under_attack(open_broker, attack)


def test_garbage_does_nothing(open_broker: OpenBroker) -> None:
    rng = random.Random(1)

    async def attack(scene: Scene) -> None:
        for number in range(150):
            stream = await trio.open_tcp_stream("127.0.0.1", scene.port)
            async with stream:
                beginning = OPENING + b"CURVE".ljust(20, b"\0") if number % 2 else b""
                with suppress(trio.BrokenResourceError):
                    await stream.send_all(beginning + rng.randbytes(rng.randint(1, 2000)))
        assert len(scene.heard) == 2

    under_attack(open_broker, attack)


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
    open_broker: OpenBroker,
) -> None:
    async def attack(scene: Scene) -> None:
        async with relay(scene.port, lambda data: data) as (port, record):
            join = attrs.evolve(scene.join, address=f"127.0.0.1:{port}")
            async with open_connector(join) as worker:
                await ask(worker, b"an order worth repeating")
                assert b"an order" not in b"".join(record)
        stream = await trio.open_tcp_stream("127.0.0.1", scene.port)
        async with stream:
            await stream.send_all(b"".join(record))
            assert await is_cut(stream)
        assert scene.heard_from("worker") == [b"an order worth repeating"]

    under_attack(open_broker, attack)


def test_what_was_changed_on_its_way_does_not_arrive(open_broker: OpenBroker) -> None:
    is_evil = False

    def change(data: bytes) -> bytes:
        return data[:-1] + bytes([data[-1] ^ 1]) if is_evil else data

    async def attack(scene: Scene) -> None:
        nonlocal is_evil
        async with relay(scene.port, change) as (port, _):
            join = attrs.evolve(scene.join, address=f"127.0.0.1:{port}")
            async with open_connector(join) as worker:
                await ask(worker, b"as it was")
                is_evil = True
                await worker.send(b"changed")
                await trio.sleep(0.3)
        assert scene.heard_from("worker") == [b"as it was"]

    under_attack(open_broker, attack)


# With a key


def test_a_message_that_is_too_large_costs_its_sender_the_connection(
    open_broker: OpenBroker,
) -> None:
    async def attack(scene: Scene) -> None:
        with plain_zmq() as context:
            socket = armed(context, scene.join)
            await sent(socket, [bytes(LIMITS.message_bytes)])
            await sent(socket, [bytes(LIMITS.message_bytes + 1)])
            event = await scene.broker.listener.events.receive()
            while event.principal.role != "worker":
                event = await scene.broker.listener.events.receive()
            assert isinstance(event, PeerLeft)
        assert [len(one) for one in scene.heard_from("worker")] == [LIMITS.message_bytes]

    under_attack(open_broker, attack)


def test_messages_of_no_shape_are_ignored(open_broker: OpenBroker) -> None:
    async def attack(scene: Scene) -> None:
        with plain_zmq() as context:
            socket = armed(context, scene.join)
            for frames in ([b"a", b"b"], [b"", b"", b""], [b""], [b"", b"x"], [b"good"]):
                await sent(socket, frames)
            with trio.fail_after(5):
                while not scene.heard_from("worker"):
                    await trio.sleep(0.01)
        assert scene.heard_from("worker") == [b"good"]
        assert scene.broker.listener.ignored == {"more than one frame": 3}

    under_attack(open_broker, attack)


@pytest.mark.parametrize("routing_id", [b"\xff\xfe not text", b"worker 1", b"x" * 255])
def test_whoever_names_himself_is_not_heard(open_broker: OpenBroker, routing_id: bytes) -> None:
    async def attack(scene: Scene) -> None:
        with plain_zmq() as context:
            await sent(armed(context, scene.join, ROUTING_ID=routing_id), [b"it is me"])
            with trio.fail_after(5):
                while not scene.broker.listener.ignored:
                    await trio.sleep(0.01)
        assert scene.heard_from("worker") == []
        assert scene.broker.listener.ignored == {"routing id of its own": 1}

    under_attack(open_broker, attack)


def test_the_routing_id_of_somebody_who_is_there_cannot_be_stolen(open_broker: OpenBroker) -> None:
    async def attack(scene: Scene) -> None:
        victim = scene.heard[0]
        assert victim.principal.role == "client"
        with plain_zmq() as context:
            thief = armed(context, scene.join, ROUTING_ID=victim.peer)
            await sent(thief, [b"send me his results"])
            await trio.sleep(0.3)
            scene.broker.listener.send_nowait(victim.peer, b"a result")
            with trio.fail_after(5):
                assert await scene.bystander.receive_batch() == [b"a result"]
            assert not thief.poll(100)
        assert scene.heard_from("worker") == []

    under_attack(open_broker, attack)


def test_a_flood_of_one_delays_others_by_little(open_broker: OpenBroker) -> None:
    async def attack(scene: Scene) -> None:
        with plain_zmq() as context:
            socket = armed(context, scene.join)
            flooding = True

            async def flood() -> None:
                while flooding:
                    try:
                        socket.send(bytes(10_000), zmq.NOBLOCK)
                    except zmq.Again:
                        await trio.sleep(0.001)
                    await trio.lowlevel.checkpoint()

            async with trio.open_nursery() as nursery:
                nursery.start_soon(flood)
                while len(scene.heard_from("worker")) < 1000:
                    await trio.sleep(0.01)
                for _ in range(20):
                    with trio.fail_after(2):
                        await ask(scene.bystander, b"still there?")
                flooding = False

    under_attack(open_broker, attack)


# The abort


@contextmanager
def broker_process(directory: Path, *options: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, str(HERE / "small_broker.py"), str(directory), "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        until = time.monotonic() + 30
        while not (directory / "address").exists():
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.02)
        yield process
    finally:
        process.kill()
        process.communicate()


def abort(directory: Path) -> int:
    """Status of the attack: 0 if the broker is gone."""
    join = print_join(Keyring(directory).local_join("client"))
    command = [sys.executable, str(HERE / "abort_by_key_holder.py")]
    return subprocess.run(command, input=join, text=True, timeout=60).returncode


def test_the_next_routing_id_aborts_a_broker_whose_numbers_are_known(tmp_path: Path) -> None:
    """If this fails, libzmq is mended, and `unpredictable.py` may go."""
    with broker_process(tmp_path / "cluster", "--predictable") as process:
        assert abort(tmp_path / "cluster") == 0
        _, told = process.communicate(timeout=20)
        assert process.returncode == -6
        assert "Assertion failed" in told


def test_a_broker_of_ours_has_numbers_that_are_not_known(tmp_path: Path) -> None:
    with broker_process(tmp_path / "cluster") as process:
        assert abort(tmp_path / "cluster") == 1
        assert process.poll() is None
