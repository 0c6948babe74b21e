"""Why there is no connection, and no listener: said at once, with what to do."""

import contextlib
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import pytest
import trio
import zmq

from maelstrom_core.errors import HostError, PeerError, UsageError
from maelstrom_core.transport.endpoints import Failed, open_connector, open_listener
from maelstrom_core.transport.keyring import Keyring
from maelstrom_core.transport.keys import new_key_pair

OpenBroker = Callable[..., Any]


def within_seconds(seconds: float, main: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        with trio.fail_after(seconds):
            await main()

    trio.run(limited)


def fails(join: Any, seconds: float = 30) -> str:
    told: list[str] = []

    async def main() -> None:
        async with open_connector(join, reach_seconds=1) as connector:
            with pytest.raises(PeerError) as raised:
                await connector.wait_connected()
            told.append(str(raised.value))
            assert await connector.events.receive() == Failed(raised.value)

    within_seconds(seconds, main)
    assert join.secret_key not in told[0]
    return told[0]


def test_another_key_of_the_broker_is_explained(open_broker: OpenBroker) -> None:
    async def main() -> None:
        async with open_broker() as broker:
            join = attrs.evolve(broker.join(), broker_key=new_key_pair().public)
            async with open_connector(join) as client:
                with pytest.raises(PeerError, match="has another key than the broker should have"):
                    await client.wait_connected()

    within_seconds(120, main)


def a_join(keyring: Keyring, address: str) -> Any:
    keyring.publish_address(address)
    return keyring.local_join("client")


@pytest.mark.parametrize("mechanism", ["NULL", "PLAIN"])
def test_a_server_without_keys_is_explained(keyring: Keyring, mechanism: str) -> None:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    server = context.socket(zmq.ROUTER)
    server.plain_server = mechanism == "PLAIN"
    try:
        port = server.bind_to_random_port("tcp://127.0.0.1", min_port=20000, max_port=32000)
        assert "uses no keys" in fails(a_join(keyring, f"127.0.0.1:{port}"))
    finally:
        context.destroy(linger=0)


def test_what_is_no_broker_is_explained(keyring: Keyring) -> None:
    """It says something, as servers of other protocols do."""
    told: list[str] = []

    async def answer(stream: trio.SocketStream) -> None:
        with contextlib.suppress(trio.BrokenResourceError):
            await stream.send_all(b"SSH-2.0-OpenSSH_9.7\r\n")
            await stream.receive_some()

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
            nursery.start_soon(trio.serve_listeners, answer, [listener])
            port = listener.socket.getsockname()[1]
            async with open_connector(a_join(keyring, f"127.0.0.1:{port}")) as client:
                with pytest.raises(PeerError) as raised:
                    await client.wait_connected()
                told.append(str(raised.value))
            nursery.cancel_scope.cancel()

    within_seconds(120, main)
    assert "is no broker of Maelstrom" in told[0]


def test_nobody_at_the_port_is_explained(keyring: Keyring) -> None:
    told = fails(a_join(keyring, "127.0.0.1:19999"))
    assert told.startswith("cannot reach the broker at 127.0.0.1:19999: Connection refused")
    assert "check that it runs" in told


def test_an_unknown_host_is_explained(keyring: Keyring) -> None:
    told = fails(a_join(keyring, "no-such-host.invalid:19999"))
    assert "there is no host called 'no-such-host.invalid'" in told


def test_somebody_who_says_nothing_is_explained(keyring: Keyring) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        told = fails(a_join(keyring, f"127.0.0.1:{silent.getsockname()[1]}"))
    assert "says nothing for 5 seconds" in told


def test_a_port_that_is_taken_is_explained(open_broker: OpenBroker) -> None:
    async def main() -> None:
        async with open_broker() as broker:
            port = int(broker.listener.address.rpartition(":")[2])
            with pytest.raises(HostError, match=f"port {port} of 127.0.0.1 is taken"):
                async with open_broker(port=port):
                    pass

    within_seconds(120, main)


@pytest.mark.parametrize(
    ("host", "told"),
    [
        ("192.0.2.1", "this machine has no address 192.0.2.1"),
        ("no-such-host.invalid", "there is no address called 'no-such-host.invalid'"),
    ],
)
def test_an_address_of_another_machine_is_explained(keyring: Keyring, host: str, told: str) -> None:
    async def main() -> None:
        with pytest.raises(UsageError, match=told):
            async with open_listener(keyring.broker_keys(), keyring.authorized(), host=host):
                pass

    within_seconds(40, main)
