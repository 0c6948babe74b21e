"""The bulk server's thread: it ends with its context, and says plainly what is wrong."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from maelstrom_core.errors import HostError
from maelstrom_core.transfer.server import open_bulk_server


class Deaf:
    def __init__(self) -> None:
        self._tell, self.events = trio.open_memory_channel[object](0)

    async def receive_batch(self):
        await trio.sleep_forever()


class Dying(Deaf):
    async def receive_batch(self):
        await trio.sleep(0.05)
        raise HostError("the network is gone")


def opens(listener):
    @asynccontextmanager
    async def opened() -> AsyncIterator[object]:
        yield listener

    return opened


@asynccontextmanager
async def refuses() -> AsyncIterator[object]:
    raise HostError("the port is taken")
    yield


def test_it_ends_with_its_context(tmp_path) -> None:
    async def main() -> None:
        with trio.fail_after(30):
            for _ in range(3):  # and lets go of the directory
                async with open_bulk_server(opens(Deaf()), tmp_path / "blobs"):
                    pass

    trio.run(main)


def test_what_the_body_raises_comes_out_as_it_is(tmp_path) -> None:
    async def main() -> None:
        async with open_bulk_server(opens(Deaf()), tmp_path / "blobs"):
            raise LookupError("of the body")

    with pytest.raises(LookupError, match="of the body"):
        trio.run(main)


@pytest.mark.parametrize(
    ("listening", "what"), [(refuses, "port is taken"), (opens(Dying()), "network is gone")]
)
def test_what_the_listener_raises_comes_out_as_it_is(tmp_path, listening, what) -> None:
    async def main() -> None:
        with trio.fail_after(30):
            async with open_bulk_server(listening, tmp_path / "blobs"):
                await trio.sleep_forever()

    with pytest.raises(HostError, match=what):
        trio.run(main)


def test_a_body_that_is_cancelled_ends_the_thread(tmp_path) -> None:
    async def main() -> None:
        with trio.move_on_after(0.2) as scope:
            async with open_bulk_server(opens(Deaf()), tmp_path / "blobs"):
                await trio.sleep_forever()
        assert scope.cancelled_caught

    trio.run(main)
