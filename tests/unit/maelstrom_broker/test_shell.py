"""The shell, on a socket in memory: what is taken in, what is sent, and in which order."""

import gc
from collections.abc import Callable
from typing import Any

import pytest
import trio
import trio.testing
from maelstrom_broker.shell import Shell
from maelstrom_broker.state import BrokerState

from maelstrom_core.model.digest import Digest
from maelstrom_core.transport.endpoints import PeerLeft, Principal, Received, Refused, Sending
from maelstrom_core.wire.codec import decode, encode
from maelstrom_core.wire.messages import (
    Beat,
    Bye,
    Code,
    ContainerBytes,
    Hello,
    Output,
    Submit,
    Welcome,
)
from maelstrom_core.wire.rows import SubmittedJob

CONTAINER = b"a container"
SESSION = b"s" * 16


class MemoryWire:
    def __init__(self) -> None:
        self.tell, self.events = trio.open_memory_channel[Any](100)
        self._put, self._get = trio.open_memory_channel[Received](1000)
        self.sent: list[tuple[bytes, Any]] = []
        self.dropped: list[bytes] = []
        self.refuses: dict[bytes, Sending] = {}

    def come(self, peer: str, role: str, *messages: Any) -> None:
        for message in messages:
            payload = message if isinstance(message, bytes) else encode(message)
            self._put.send_nowait(Received(peer.encode(), Principal(role, "one"), payload))

    async def receive_batch(self, limit: int = 256) -> list[Received]:
        found = [await self._get.receive()]
        while len(found) < limit:
            try:
                found.append(self._get.receive_nowait())
            except trio.WouldBlock:
                break
        return found

    def send_nowait(self, peer: bytes, payload: bytes) -> Sending:
        what = self.refuses.get(peer, Sending.SENT)
        if what is Sending.SENT:
            self.sent.append((peer, decode(payload)))
        return what

    def drop(self, peer: bytes) -> None:
        self.dropped.append(peer)

    def to(self, peer: str) -> list[Any]:
        return [message for name, message in self.sent if name == peer.encode()]


def hello(slots: int = 0, session: bytes = SESSION) -> Hello:
    return Hello(1, 1, "test", session, "name", slots=slots)


@pytest.fixture
def shell_run() -> Callable[..., MemoryWire]:
    """Runs a body beside a shell, on a clock that jumps."""

    def run(body: Callable[[MemoryWire, list[Any]], Any]) -> MemoryWire:
        said: list[Any] = []

        async def main() -> MemoryWire:
            wire = MemoryWire()
            machine = BrokerState(b"b" * 16, now=trio.current_time())
            shell = Shell(machine, wire, lambda *line: said.append(line))
            async with trio.open_nursery() as nursery:
                nursery.start_soon(shell.run)
                await body(wire, said)
                shell.stop("the test is over")
            assert gc.isenabled()
            return wire

        return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0.02))

    return run


def test_a_message_is_answered(shell_run: Any) -> None:
    async def body(wire: MemoryWire, said: list[Any]) -> None:
        wire.come("p", "client", hello(), Beat(7))
        await trio.testing.wait_all_tasks_blocked()
        assert [type(one) for one in wire.to("p")] == [Welcome, Beat]

    wire = shell_run(body)
    assert wire.to("p")[-1].code == Code.GOODBYE
    assert wire.dropped == [b"p"]


@pytest.mark.parametrize(
    ("payload", "code"), [(b"\xff", Code.PROTOCOL), (encode(Output(SESSION, 1, 1, b"")), Code.ROLE)]
)
def test_what_may_not_come_ends_the_link(shell_run: Any, payload: bytes, code: int) -> None:
    async def body(wire: MemoryWire, said: list[Any]) -> None:
        wire.come("p", "client", hello(), payload, Beat(1))
        await trio.testing.wait_all_tasks_blocked()
        assert [type(one) for one in wire.to("p")] == [Welcome, Bye]
        assert wire.to("p")[-1].code == code
        assert wire.dropped == [b"p"]

    shell_run(body)


def test_kinds_that_only_newer_peers_know_are_ignored(shell_run: Any) -> None:
    async def body(wire: MemoryWire, said: list[Any]) -> None:
        wire.come("p", "client", hello(), b"\x82\x18\xc8\x01", Beat(1))
        await trio.testing.wait_all_tasks_blocked()
        assert [type(one) for one in wire.to("p")] == [Welcome, Beat]

    shell_run(body)


def test_a_peer_that_is_full_is_told_to_go_and_one_that_is_gone_is_gone(shell_run: Any) -> None:
    async def body(wire: MemoryWire, said: list[Any]) -> None:
        wire.come("w", "worker", hello(2, b"w" * 16))
        wire.come("v", "worker", hello(2, b"v" * 16))
        wire.come("c", "client", hello(), ContainerBytes(digest(), CONTAINER))
        await trio.testing.wait_all_tasks_blocked()
        wire.refuses = {b"w": Sending.PEER_FULL, b"v": Sending.PEER_GONE}
        rows = tuple(SubmittedJob(tag, 0, -1, 1, b"") for tag in range(4))
        wire.come("c", "client", Submit(digest(), rows))
        await trio.testing.wait_all_tasks_blocked()
        assert wire.dropped == [b"w"]
        assert any("you do not take" in str(line) for line in said)

    shell_run(body)


def digest() -> bytes:
    return bytes.fromhex(Digest.of(CONTAINER).hex)


def test_what_a_peer_said_last_is_heard_though_it_is_gone(shell_run: Any) -> None:
    async def body(wire: MemoryWire, said: list[Any]) -> None:
        wire.come("p", "client", hello())
        await trio.testing.wait_all_tasks_blocked()
        wire.tell.send_nowait(PeerLeft(b"p", Principal("client", "one")))
        await trio.testing.wait_all_tasks_blocked()
        wire.come("p", "client", Beat(3))
        await trio.testing.wait_all_tasks_blocked()
        assert type(wire.to("p")[-1]) is Beat
        await trio.sleep(31)
        assert any(line[1] == "client is gone" for line in said)

    shell_run(body)


def test_time_passes_without_any_message(shell_run: Any) -> None:
    async def body(wire: MemoryWire, said: list[Any]) -> None:
        wire.come("p", "worker", hello(1))
        await trio.sleep(7)
        assert wire.to("p")[-1].code == Code.SLOW

    shell_run(body)


def test_strangers_are_written_down(shell_run: Any) -> None:
    async def body(wire: MemoryWire, said: list[Any]) -> None:
        wire.tell.send_nowait(Refused("10.0.0.1", "key"))
        await trio.testing.wait_all_tasks_blocked()
        assert said == [
            ("warning", "somebody was not let in", {"address": "10.0.0.1", "key": "key"})
        ]

    shell_run(body)
