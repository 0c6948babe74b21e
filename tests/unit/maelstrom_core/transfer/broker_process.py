"""A bulk server as a process of its own: ``python broker_process.py DIRECTORY PORT``."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from maelstrom_core.transfer.server import MOST_WAITING, open_bulk_server
from maelstrom_core.transport import endpoints
from maelstrom_core.transport.keyring import Keyring


async def main(directory: Path, port: int) -> None:
    keyring = Keyring(directory / "cluster")

    @asynccontextmanager
    async def listening() -> AsyncIterator[endpoints.Listener]:
        limits = endpoints.Limits(waiting_to_go=MOST_WAITING, waiting_to_come=MOST_WAITING)
        keys, authorized = keyring.broker_keys(), keyring.authorized()
        async with endpoints.open_listener(keys, authorized, port=port, limits=limits) as listener:
            print(listener.address, flush=True)
            yield listener

    async with open_bulk_server(listening, directory / "broker"):
        await trio.sleep_forever()


if __name__ == "__main__":
    trio.run(main, Path(sys.argv[1]), int(sys.argv[2]))
