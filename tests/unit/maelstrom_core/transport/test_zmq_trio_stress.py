"""Both directions of one socket, with calls that are cancelled all the time: nothing is lost or
comes twice, and nobody waits for ever.

The windows are small: a window of two with one task for each direction turns any wake-up that gets
lost into a deadlock, while in a flood the next message would hide it.
"""

import random
import subprocess
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import attrs
import pytest
import trio
import zmq

from maelstrom_core.transport.zmq_trio import TrioSocket, whole

Result = TypeVar("Result")
ECHO = Path(__file__).parent / "echo.py"


@attrs.define
class Meddler:
    """Cancels calls: before they begin, by a deadline, or from another task."""

    rng: random.Random
    chance: float
    cancelled: int = 0
    victims: list[trio.CancelScope] = attrs.field(factory=list)

    async def persist(self, call: Callable[[], Awaitable[Result]]) -> Result:
        """Call until it is not cancelled."""
        while True:
            with trio.CancelScope() as scope:
                match self.rng.random() / self.chance * 3:
                    case way if way < 1:
                        scope.cancel()
                    case way if way < 2:
                        scope.deadline = trio.current_time() + self.rng.random() * 0.0005
                    case way if way < 3:
                        self.victims.append(scope)
                return await call()
            self.cancelled += 1

    async def cancel_from_elsewhere(self) -> None:
        while True:
            await trio.sleep(self.rng.random() * 0.0005)
            for victim in self.victims:
                victim.cancel()
            self.victims.clear()


@attrs.frozen
class Traffic:
    messages: int
    window: int
    senders: int
    receivers: int
    chance: float


async def exchange(socket: TrioSocket[list[bytes]], traffic: Traffic, seed: int) -> Meddler:
    """Send numbers, and receive each of them again from whoever is at the other end."""
    meddler = Meddler(random.Random(seed), traffic.chance)
    window = trio.Semaphore(traffic.window)
    received: Counter[int] = Counter()

    async def send(numbers: range) -> None:
        for number in numbers:
            await window.acquire()
            await meddler.persist(lambda data=b"%d" % number: socket.send([data]))

    async def receive(scope: trio.CancelScope) -> None:
        while received.total() < traffic.messages:
            limit = meddler.rng.randint(1, 3)
            for (data,) in await meddler.persist(lambda limit=limit: socket.recv_batch(limit)):
                received[int(data)] += 1
                window.release()
        scope.cancel()

    with trio.fail_after(300):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(meddler.cancel_from_elsewhere)
            for start in range(traffic.senders):
                nursery.start_soon(send, range(start, traffic.messages, traffic.senders))
            for _ in range(traffic.receivers):
                nursery.start_soon(receive, nursery.cancel_scope)
    assert received == Counter(range(traffic.messages))
    return meddler


async def echo(socket: TrioSocket[list[bytes]]) -> None:
    while True:
        for frames in await socket.recv_batch(4):
            await socket.send(frames)


@contextmanager
def line(
    address: str,
) -> Iterator[tuple["zmq.Socket[bytes]", str, "zmq.Context[zmq.Socket[bytes]]"]]:
    context = zmq.Context()
    socket = context.socket(zmq.DEALER)
    socket.set_hwm(8)
    try:
        if address.startswith("tcp"):
            port = socket.bind_to_random_port(address, min_port=20000, max_port=32000)
            address = f"{address}:{port}"
        else:
            socket.bind(address)
        yield socket, address, context
    finally:
        socket.close(linger=0)
        context.destroy(linger=0)


PING_PONG = Traffic(messages=3000, window=2, senders=1, receivers=1, chance=0.3)
SINGLE = Traffic(messages=4000, window=16, senders=1, receivers=1, chance=0.2)
CROWD = Traffic(messages=6000, window=64, senders=2, receivers=3, chance=0.2)


@pytest.mark.parametrize("traffic", [PING_PONG, SINGLE, CROWD], ids=["2", "16", "64"])
@pytest.mark.parametrize("address", ["inproc://line", "tcp://127.0.0.1"])
def test_nothing_is_lost_or_comes_twice_in_one_loop(address: str, traffic: Traffic) -> None:
    with line(address) as (bound, there, context):

        async def main() -> Meddler:
            other = context.socket(zmq.DEALER)
            other.set_hwm(8)
            other.connect(there)
            far = TrioSocket(other, whole)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(echo, far)
                meddler = await exchange(TrioSocket(bound, whole), traffic, seed=1)
                nursery.cancel_scope.cancel()
            far.close()
            return meddler

        assert trio.run(main).cancelled > traffic.messages * traffic.chance / 3


@pytest.mark.parametrize("traffic", [PING_PONG, SINGLE, CROWD], ids=["2", "16", "64"])
def test_nothing_is_lost_or_comes_twice_with_another_process(traffic: Traffic) -> None:
    with line("tcp://127.0.0.1") as (bound, there, _):
        process = subprocess.Popen([sys.executable, ECHO, there])
        try:

            async def main() -> Meddler:
                return await exchange(TrioSocket(bound, whole), traffic, seed=2)

            assert trio.run(main).cancelled > traffic.messages * traffic.chance / 3
        finally:
            process.kill()
            process.wait()
