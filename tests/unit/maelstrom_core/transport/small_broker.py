"""A broker that answers whatever it is told with the same, in a process of its own.

``python small_broker.py DIRECTORY [PORT] [--predictable]`` keeps its keys in the directory and says
where it listens in its file ``address``. Each line it prints is an event, or a peer's routing id.
"""

import sys
from pathlib import Path

import trio

from maelstrom_core.transport import listener as listener_module
from maelstrom_core.transport.endpoints import Listener, open_listener
from maelstrom_core.transport.keyring import Keyring


async def main() -> None:
    keyring = Keyring(Path(sys.argv[1]))
    keyring.ensure()
    port = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    keys, known = keyring.broker_keys(), keyring.authorized()
    async with open_listener(keys, known, port=port) as listener, trio.open_nursery() as nursery:
        keyring.publish_address(listener.address)
        nursery.start_soon(tell, listener)
        while True:
            for received in await listener.receive_batch():
                print(received.peer.hex(), received.payload, flush=True)
                listener.send_nowait(received.peer, received.payload)


async def tell(listener: Listener) -> None:
    async for event in listener.events:
        print(event, flush=True)


if __name__ == "__main__":
    if "--predictable" in sys.argv:
        sys.argv.remove("--predictable")
        listener_module.make_ids_unpredictable = lambda: None
    trio.run(main)
