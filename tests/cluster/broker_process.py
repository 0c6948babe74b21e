"""A broker's machine on real sockets, in a process that tests can kill. Arguments: directory, port."""

import os
import sys
from pathlib import Path

import trio
from maelstrom_broker import effects as ef
from maelstrom_broker import events as ev
from maelstrom_broker.state import BrokerState

from maelstrom_core.transfer.server import open_bulk_server
from maelstrom_core.transport.endpoints import Listener, PeerLeft, Sending, open_listener
from maelstrom_core.transport.keyring import Keyring
from maelstrom_core.wire.codec import decode, encode
from maelstrom_core.wire.messages import Code
from maelstrom_core.wire.shapes import BadMessage


class Broker:
    def __init__(self, listener: Listener, state: BrokerState) -> None:
        self._listener = listener
        self._state = state
        self._moved = trio.Event()

    def tell(self, *events: ev.Event) -> None:
        now = trio.current_time()
        for event in events:
            self._state.take(event, now=now)
        for effect in self._state.settle(now=now):
            match effect:
                case ef.Send(peer, message, lossy):
                    sent = self._listener.send_nowait(peer, encode(message))
                    assert lossy or sent is not Sending.PEER_FULL
                case ef.Note(what, facts):
                    print(what, dict(facts), file=sys.stderr, flush=True)
                case ef.Forget() | ef.StopNow():
                    pass
        self._moved.set()

    async def receive(self) -> None:
        while True:
            events: list[ev.Event] = []
            for one in await self._listener.receive_batch():
                role, who = one.principal.role, str(one.principal)
                try:
                    message = decode(one.payload)
                except BadMessage as fault:
                    events.append(ev.CameBad(one.peer, Code.PROTOCOL, str(fault)))
                else:
                    if message is not None:
                        events.append(ev.Came(one.peer, role, who, message))
            self.tell(*events)

    async def watch(self) -> None:
        async for event in self._listener.events:
            if isinstance(event, PeerLeft):
                self.tell(ev.PeerGone(event.peer))

    async def keep_time(self) -> None:
        while True:
            self._moved = trio.Event()
            with trio.move_on_at(self._state.next_deadline()):
                await self._moved.wait()
            self.tell(ev.TimePassed())


async def main(directory: Path, port: int) -> None:
    keyring = Keyring(directory)
    keyring.ensure()
    keys, authorized = keyring.broker_keys(), keyring.authorized()
    bulk_port = port + 1

    def open_bulk():  # type: ignore[no-untyped-def]
        return open_listener(keys, authorized, port=bulk_port)

    async with (
        open_bulk_server(open_bulk, directory / "blobs"),
        open_listener(keys, authorized, port=port) as listener,
    ):
        state = BrokerState(os.urandom(16), now=trio.current_time(), bulk_port=bulk_port)
        broker = Broker(listener, state)
        keyring.publish_address(listener.address)
        print("ready", listener.address, flush=True)
        async with trio.open_nursery() as nursery:
            for task in (broker.receive, broker.watch, broker.keep_time):
                nursery.start_soon(task)


if __name__ == "__main__":
    trio.run(main, Path(sys.argv[1]), int(sys.argv[2]))
