"""A broker's shell over a real file: what is told gets there, at the last moment too, and comes back."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio
from maelstrom_broker.effects import Learn, Recall
from maelstrom_broker.events import Recalled
from maelstrom_broker.history_file import HistoryFile
from maelstrom_broker.remembering import MOST_WAITING, Remembering
from maelstrom_broker.shell import Shell
from maelstrom_broker.state import BrokerState

from maelstrom_core.transport.endpoints import Principal, Received, Sending
from maelstrom_core.wire.codec import decode, encode
from maelstrom_core.wire.histories import AskCases, KnownCases, LearnedCases, packed
from maelstrom_core.wire.messages import Bye, Hello

PROJECT = b"p" * 32
(CASES,) = packed([(b"c" * 16, 1500, True)])


class MemoryWire:
    """Two peers; what the broker sends them can be waited for."""

    def __init__(self) -> None:
        self._tell, self.events = trio.open_memory_channel[Any](1)
        self._put, self._get = trio.open_memory_channel[Received](100)
        self._put_sent, self.sent = trio.open_memory_channel[Any](100)

    def come(self, name: str, message: Any) -> None:
        principal = Principal("client", name)
        self._put.send_nowait(Received(name.encode(), principal, encode(message)))

    async def receive_batch(self, limit: int = 256) -> list[Received]:
        return [await self._get.receive()]

    def send_nowait(self, peer: bytes, payload: bytes) -> Sending:
        self._put_sent.send_nowait((peer.decode(), decode(payload)))
        return Sending.SENT

    def drop(self, peer: bytes) -> None:
        pass

    async def hears(self, name: str, kind: type) -> Any:
        while True:
            peer, message = await self.sent.receive()
            if peer == name and isinstance(message, kind):
                return message


@pytest.fixture
def opened(tmp_path: Path) -> Callable[[], HistoryFile]:
    faults: list[str] = []
    return lambda: HistoryFile(tmp_path / "history.sqlite", most_bytes=1 << 20, tell=faults.append)


def hello(name: str) -> Hello:
    return Hello(1, 1, "test", name.encode().ljust(16), name)


def test_what_one_client_tells_another_is_told_and_the_next_broker_knows(
    opened: Callable[[], HistoryFile],
) -> None:
    async def serve(body: Callable[[MemoryWire], Any]) -> None:
        file, wire = opened(), MemoryWire()
        machine = BrokerState(b"b" * 16, now=trio.current_time(), keeps_history=True)
        shell = Shell(machine, wire, lambda *_: None, file)
        with trio.fail_after(60):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(shell.run)
                await body(wire)
                shell.stop("the test is over")
        file.close()

    async def first(wire: MemoryWire) -> None:
        wire.come("ann", hello("ann"))
        wire.come("bob", hello("bob"))
        wire.come("ann", LearnedCases(PROJECT, CASES))
        wire.come("bob", AskCases(3, PROJECT))
        assert await wire.hears("bob", KnownCases) == KnownCases(3, CASES)
        # The last that is heard of it, before the broker ends.
        (more,) = packed([(b"d" * 16, 7, False)])
        wire.come("ann", LearnedCases(PROJECT, more))
        wire.come("ann", Bye(0, "done"))
        while wire._get.statistics().current_buffer_used:
            await trio.sleep(0)

    async def second(wire: MemoryWire) -> None:
        wire.come("bob", hello("bob"))
        wire.come("bob", AskCases(1, PROJECT))
        (both,) = packed([(b"c" * 16, 1500, True), (b"d" * 16, 7, False)])
        assert await wire.hears("bob", KnownCases) == KnownCases(1, both)

    trio.run(serve, first)
    trio.run(serve, second)


def test_a_disk_that_does_not_keep_up_costs_answers_and_no_memory(
    opened: Callable[[], HistoryFile],
) -> None:
    async def main() -> None:
        file, answers = opened(), list[Recalled]()
        remembering = Remembering(file, answers.append)
        for number in range(MOST_WAITING):
            asking = Recall(b"s" * 16, "ann", number, PROJECT, b"")
            assert remembering.soon(asking) is None
        assert remembering.soon(Learn("ann", PROJECT, CASES)) is None
        late = Recall(b"s" * 16, "ann", 99, PROJECT, b"")
        assert remembering.soon(late) == Recalled(b"s" * 16, 99, ())
        remembering.finish()
        with trio.fail_after(60):
            await remembering.run()
        assert answers == [Recalled(b"s" * 16, number, ()) for number in range(MOST_WAITING)]
        file.close()

    trio.run(main)
