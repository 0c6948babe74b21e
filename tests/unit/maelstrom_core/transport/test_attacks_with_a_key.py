"""What holders of keys do who keep to no rule, and that others are served each time."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
import zmq

from maelstrom_core.transport.endpoints import PeerLeft
from maelstrom_core.transport.join_plan import print_join
from maelstrom_core.transport.keyring import Keyring

UnderAttack = Callable[..., None]
HERE = Path(__file__).parent
MESSAGE_BYTES = 100_000


def test_a_message_that_is_too_large_costs_its_sender_the_connection(
    under_attack: UnderAttack,
    weapons: Any,
) -> None:
    async def attack(scene: Any) -> None:
        socket = weapons.armed(scene.join)
        await weapons.sent(socket, [bytes(MESSAGE_BYTES)])
        await weapons.sent(socket, [bytes(MESSAGE_BYTES + 1)])
        event = await scene.broker.listener.events.receive()
        while event.principal.role != "worker":
            event = await scene.broker.listener.events.receive()
        assert isinstance(event, PeerLeft)
        assert [len(one) for one in scene.heard_from("worker")] == [MESSAGE_BYTES]

    under_attack(attack)


def test_messages_of_no_shape_are_ignored(under_attack: UnderAttack, weapons: Any) -> None:
    async def attack(scene: Any) -> None:
        socket = weapons.armed(scene.join)
        for frames in ([b"a", b"b"], [b"", b"", b""], [b""], [b"", b"x"], [b"good"]):
            await weapons.sent(socket, frames)
        with trio.fail_after(30):
            while not scene.heard_from("worker"):
                await trio.sleep(0.01)
        assert scene.heard_from("worker") == [b"good"]
        assert scene.broker.listener.ignored == {"more than one frame": 3}

    under_attack(attack)


@pytest.mark.parametrize("routing_id", [b"\xff\xfe not text", b"worker 1", b"x" * 255])
def test_whoever_names_himself_is_not_heard(
    under_attack: UnderAttack, routing_id: bytes, weapons: Any
) -> None:
    async def attack(scene: Any) -> None:
        await weapons.sent(weapons.armed(scene.join, ROUTING_ID=routing_id), [b"it is me"])
        with trio.fail_after(30):
            while not scene.broker.listener.ignored:
                await trio.sleep(0.01)
        assert scene.heard_from("worker") == []
        assert scene.broker.listener.ignored == {"routing id of its own": 1}

    under_attack(attack)


def test_the_routing_id_of_somebody_who_is_there_cannot_be_stolen(
    under_attack: UnderAttack, weapons: Any
) -> None:
    async def attack(scene: Any) -> None:
        victim = scene.heard[0]
        assert victim.principal.role == "client"
        thief = weapons.armed(scene.join, ROUTING_ID=victim.peer)
        await weapons.sent(thief, [b"send me his results"])
        await trio.sleep(0.3)
        scene.broker.listener.send_nowait(victim.peer, b"a result")
        with trio.fail_after(30):
            assert await scene.bystander.receive_batch() == [b"a result"]
        assert not thief.poll(100)
        assert scene.heard_from("worker") == []

    under_attack(attack)


def test_a_flood_of_one_delays_others_by_little(under_attack: UnderAttack, weapons: Any) -> None:
    async def attack(scene: Any) -> None:
        socket = weapons.armed(scene.join)
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
                await scene.ask(scene.bystander, b"still there?")
            flooding = False

    under_attack(attack)


# The abort


@contextmanager
def broker_process(directory: Path, *options: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, str(HERE / "small_broker.py"), str(directory), "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        until = time.monotonic() + 60
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
