"""Where a broker is: addresses and names, in both families; over real sockets on loopback."""

import socket
from collections.abc import Awaitable, Callable

import pytest
import trio

from maelstrom_core.errors import HostError
from maelstrom_core.transport.endpoints import open_connector, open_listener
from maelstrom_core.transport.keyring import Keyring


def within_seconds(seconds: float, main: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        with trio.fail_after(seconds):
            await main()

    trio.run(limited)


def there_is_ipv6() -> None:
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError as error:
            pytest.skip(f"no IPv6 on loopback: {error}")


def test_links_go_over_ipv6_too(keyring: Keyring) -> None:
    there_is_ipv6()

    async def main() -> None:
        keys, known = keyring.broker_keys(), keyring.authorized()
        async with open_listener(keys, known, host="::1") as listener:
            assert listener.address.startswith("[::1]:")
            keyring.publish_address(listener.address)
            async with open_connector(keyring.local_join("client")) as client:
                await client.send(b"1")
                (received,) = await listener.receive_batch()
                assert received.payload == b"1"

    within_seconds(120, main)


@pytest.mark.parametrize(
    ("listens_at", "hosts"),
    [
        ("::1", ["::1"]),
        ("::1", ["127.0.0.1", "::1"]),
        ("127.0.0.1", ["::1", "127.0.0.1"]),
        ("127.0.0.1", ["127.0.0.1"]),
    ],
)
def test_a_name_is_looked_up_in_both_families(
    keyring: Keyring, listens_at: str, hosts: list[str]
) -> None:
    """Where several addresses have a name, the one is taken at which somebody answers."""
    there_is_ipv6()

    async def resolve(host: str, port: int) -> list[str]:
        assert host == "broker.example"
        return hosts

    async def main() -> None:
        keys, known = keyring.broker_keys(), keyring.authorized()
        async with open_listener(keys, known, host=listens_at) as listener:
            port = listener.address.rpartition(":")[2]
            keyring.publish_address(f"broker.example:{port}")
            async with open_connector(keyring.local_join("client"), resolve=resolve) as client:
                await client.send(b"1")
                (received,) = await listener.receive_batch()
                assert received.payload == b"1"

    within_seconds(120, main)


def test_all_addresses_of_a_name_are_listened_at(keyring: Keyring) -> None:
    """That of another machine is left out."""
    there_is_ipv6()

    async def resolve(host: str, port: int) -> list[str]:
        assert host == "broker.example"
        return ["127.0.0.1", "192.0.2.1", "::1", "127.0.0.1"]

    async def main() -> None:
        keys, known = keyring.broker_keys(), keyring.authorized()
        async with open_listener(keys, known, host="broker.example", resolve=resolve) as listener:
            port = listener.address.rpartition(":")[2]
            assert listener.addresses == [f"127.0.0.1:{port}", f"[::1]:{port}"]
            for address in listener.addresses:
                keyring.publish_address(address)
                async with open_connector(keyring.local_join("client")) as client:
                    await client.send(b"1")
                    (received,) = await listener.receive_batch()
                    assert received.payload == b"1"
                keyring.withdraw_address(address)

    within_seconds(120, main)


def test_a_port_that_is_taken_at_one_of_them_is_nobody_s(keyring: Keyring) -> None:
    there_is_ipv6()

    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.1", "::1"]

    async def main() -> None:
        keys, known = keyring.broker_keys(), keyring.authorized()
        async with open_listener(keys, known, host="::1") as other:
            port = int(other.address.rpartition(":")[2])
            with pytest.raises(HostError, match=f"port {port} of ::1 is taken"):
                async with open_listener(keys, known, host="two", port=port, resolve=resolve):
                    pytest.fail("it listens")
            async with open_listener(keys, known, host="127.0.0.1", port=port) as free:
                assert free.addresses == [f"127.0.0.1:{port}"]

    within_seconds(120, main)


def test_a_name_that_leads_elsewhere_now_is_followed(keyring: Keyring) -> None:
    there_is_ipv6()
    asked: list[str] = []

    async def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        if len(asked) < 2:
            raise OSError("not known yet")
        return ["127.0.0.1"] if len(asked) < 3 else ["::1"]

    async def main() -> None:
        keys, known = keyring.broker_keys(), keyring.authorized()
        async with open_listener(keys, known, host="::1") as listener:
            port = listener.address.rpartition(":")[2]
            keyring.publish_address(f"broker.example:{port}")
            async with open_connector(keyring.local_join("client"), resolve=resolve) as client:
                await client.send(b"1")
                (received,) = await listener.receive_batch()
                assert received.payload == b"1"
                assert len(asked) >= 3

    within_seconds(120, main)
