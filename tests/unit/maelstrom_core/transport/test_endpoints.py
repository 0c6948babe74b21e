"""Both ends of a link, over real sockets on loopback."""

from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import pytest
import trio
import trio.testing

from maelstrom_core.errors import InternalError, PeerError, UsageError
from maelstrom_core.transport.endpoints import (
    Connected,
    Disconnected,
    Failed,
    Limits,
    ListUnusable,
    PeerLeft,
    Principal,
    Refused,
    Sending,
    open_connector,
)
from maelstrom_core.transport.keys import new_key_pair

OpenBroker = Callable[..., Any]


def within_seconds(seconds: float, main: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        with trio.fail_after(seconds):
            await main()

    trio.run(limited)


def test_messages_go_both_ways_and_say_who_sent_them(open_broker: OpenBroker) -> None:
    async def main() -> None:
        async with (
            open_broker() as broker,
            broker.connect("client") as client,
            broker.connect("worker") as worker,
        ):
            await client.send(b"from the client")
            (one,) = await broker.listener.receive_batch()
            await worker.send(b"from the worker")
            (other,) = await broker.listener.receive_batch()

            assert (one.principal, one.payload) == (
                Principal("client", "local"),
                b"from the client",
            )
            assert other.principal == Principal("worker", "local")
            assert one.peer != other.peer
            assert broker.listener.address_of(one.peer) == "127.0.0.1"
            assert broker.listener.address_of(b"nobody") == ""

            assert broker.listener.send_nowait(one.peer, b"hello client") is Sending.SENT
            assert broker.listener.send_nowait(other.peer, b"hello worker") is Sending.SENT
            assert await client.receive_batch() == [b"hello client"]
            assert await worker.receive_batch() == [b"hello worker"]

    within_seconds(120, main)


def test_a_broker_that_has_moved_is_followed(open_broker: OpenBroker) -> None:
    async def main() -> None:
        async with open_broker() as second, open_broker() as first, first.connect() as client:
            await client.send(b"one")
            assert [one.payload for one in await first.listener.receive_batch()] == [b"one"]
            assert await client.events.receive() == Connected()
            client.move_to(second.join())
            assert await client.events.receive() == Disconnected()
            assert await client.events.receive() == Connected()
            await client.send(b"two")
            (two,) = await second.listener.receive_batch()
            assert two.payload == b"two"
            second.listener.send_nowait(two.peer, b"three")
            assert await client.receive_batch() == [b"three"]

    within_seconds(120, main)


def test_the_largest_message_goes_and_a_larger_one_is_our_bug(open_broker: OpenBroker) -> None:
    async def main() -> None:
        async with open_broker() as broker, broker.connect() as client:
            largest = bytes(Limits().message_bytes)
            await client.send(largest)
            (received,) = await broker.listener.receive_batch()
            assert received.payload == largest
            assert broker.listener.send_nowait(received.peer, largest) is Sending.SENT
            assert await client.receive_batch() == [largest]

            for bad in (largest + b"x", b""):
                with pytest.raises(InternalError, match=f"a message of {len(bad)} bytes"):
                    await client.send(bad)
                with pytest.raises(InternalError, match="from 1 to 1048576"):
                    broker.listener.send_nowait(received.peer, bad)

    within_seconds(120, main)


def test_a_peer_that_leaves_is_told_and_sending_to_it_is_refused(
    open_broker: OpenBroker,
) -> None:
    async def main() -> None:
        async with open_broker() as broker:
            async with broker.connect() as client:
                await client.send(b"1")
                (received,) = await broker.listener.receive_batch()
            assert await broker.listener.events.receive() == PeerLeft(
                received.peer, received.principal
            )
            assert broker.listener.send_nowait(received.peer, b"2") is Sending.PEER_GONE
            assert broker.listener.send_nowait(b"never seen", b"2") is Sending.PEER_GONE

    within_seconds(120, main)


def test_a_peer_that_was_gone_before_its_message_was_read_is_told_too(
    open_broker: OpenBroker,
) -> None:
    """Its descriptor is then another connection's, perhaps."""

    async def main() -> None:
        async with open_broker() as broker:
            async with open_connector(broker.join(), linger_seconds=2) as client:
                await client.send(b"last words")
            async with broker.connect("worker") as worker:
                await worker.wait_connected()
                (received,) = await broker.listener.receive_batch()
                assert received.payload == b"last words"
                assert await broker.listener.events.receive() == PeerLeft(
                    received.peer, received.principal
                )
                await worker.send(b"I live")
                (alive,) = await broker.listener.receive_batch()
                await trio.sleep(0.5)
                assert broker.listener.send_nowait(alive.peer, b"good") is Sending.SENT
                assert await worker.receive_batch() == [b"good"]

    within_seconds(120, main)


def test_a_peer_that_takes_nothing_is_full_and_others_are_served(open_broker: OpenBroker) -> None:
    async def main() -> None:
        limits = Limits(waiting_to_go=10)
        async with (
            open_broker(limits=limits) as broker,
            broker.connect("worker") as deaf,
            broker.connect("client") as client,
        ):
            await deaf.send(b"1")
            (received,) = await broker.listener.receive_batch()
            large = bytes(1 << 20)
            sent = 0
            while broker.listener.send_nowait(received.peer, large) is Sending.SENT:
                sent += 1
                assert sent < 2000
                await trio.sleep(0.002)
            await client.send(b"2")
            (other,) = await broker.listener.receive_batch()
            assert broker.listener.send_nowait(other.peer, b"3") is Sending.SENT
            assert await client.receive_batch() == [b"3"]

    within_seconds(20, main)


def test_a_dropped_peer_is_not_heard_and_nothing_goes_to_it(open_broker: OpenBroker) -> None:
    async def main() -> None:
        async with open_broker() as broker:
            async with broker.connect() as client:
                await client.send(b"1")
                (received,) = await broker.listener.receive_batch()
                broker.listener.drop(received.peer)
                await client.send(b"2")
                with trio.move_on_after(0.2) as scope:
                    await broker.listener.receive_batch()
                assert scope.cancelled_caught
                assert broker.listener.ignored == {"dropped": 1}
                assert broker.listener.send_nowait(received.peer, b"3") is Sending.PEER_GONE
            assert await broker.listener.events.receive() == PeerLeft(
                received.peer, received.principal
            )

    within_seconds(120, main)


# Keys that come and go


def test_a_revoked_key_is_not_heard_any_more(open_broker: OpenBroker) -> None:
    async def main() -> None:
        async with (
            open_broker() as broker,
            broker.connect("client") as client,
            broker.connect("worker") as worker,
        ):
            await client.send(b"1")
            (received,) = await broker.listener.receive_batch()
            broker.keyring.revoke("client", "local")
            assert await broker.listener.events.receive() == PeerLeft(
                received.peer, received.principal, was_revoked=True
            )
            await client.send(b"2")
            await worker.send(b"3")
            (other,) = await broker.listener.receive_batch()
            assert other.payload == b"3"
            assert broker.listener.send_nowait(received.peer, b"4") is Sending.PEER_GONE

    within_seconds(120, main)


def test_a_rotated_key_shuts_out_the_connection_made_with_the_old_one(
    open_broker: OpenBroker,
) -> None:
    async def main() -> None:
        async with open_broker() as broker, broker.connect() as old:
            await old.send(b"1")
            (received,) = await broker.listener.receive_batch()
            broker.keyring.rotate("client", "local")
            assert (await broker.listener.events.receive()).was_revoked
            async with broker.connect() as new:
                await old.send(b"old")
                await new.send(b"new")
                (other,) = await broker.listener.receive_batch()
                assert (other.payload, other.principal) == (b"new", received.principal)

    within_seconds(120, main)


def test_a_list_that_cannot_be_read_is_told_and_holds_as_it_was(open_broker: OpenBroker) -> None:
    async def main() -> None:
        async with open_broker() as broker:
            path = broker.keyring.directory / "authorized"
            path.write_text("client\n")
            event = await broker.listener.events.receive()
            assert isinstance(event, ListUnusable)
            assert f"{path}:1: expected role, name and public key" in str(event.error)
            path.chmod(0o666)
            event = await broker.listener.events.receive()
            assert "others may write it" in str(event.error)

    within_seconds(120, main)


def test_a_late_authorisation_lets_a_waiting_peer_in(open_broker: OpenBroker) -> None:
    async def main() -> None:
        async with open_broker() as broker:
            pair = new_key_pair()
            join = attrs.evolve(broker.join("worker"), secret_key=pair.secret)
            async with open_connector(join) as worker:
                with pytest.raises(
                    PeerError, match="does not know the key of worker:local"
                ) as told:
                    await worker.wait_connected()
                assert pair.public in str(told.value)
                assert pair.secret not in str(told.value)
                refused = await broker.listener.events.receive()
                assert refused == Refused("127.0.0.1", pair.public)

                broker.keyring.add("worker", "late", pair.public)
                await worker.send(b"let in")
                (received,) = await broker.listener.receive_batch()
                assert received.principal == Principal("worker", "late")
                # What it is told of its connection may come after what the connection brings.
                assert [type(await worker.events.receive()) for _ in range(2)] == [
                    Failed,
                    Connected,
                ]

    within_seconds(120, main)


# Connections that come and go


def test_a_broker_that_comes_back_is_found_again(open_broker: OpenBroker) -> None:
    async def main() -> None:
        async with open_broker() as broker:
            join = broker.join()
        port = int(join.address.rpartition(":")[2])
        async with open_connector(join) as client:
            for round_ in (b"1", b"2"):
                async with open_broker(port=port) as broker:
                    assert await client.events.receive() == Connected()
                    await client.wait_connected()
                    await client.send(round_)
                    (received,) = await broker.listener.receive_batch()
                    assert received.payload == round_
                assert await client.events.receive() == Disconnected()
                assert not client.is_connected
                # The event comes a moment before sending fails; what slips in between is lost.
                while client.send_nowait(b"to nobody"):
                    await trio.sleep(0.001)

    within_seconds(120, main)


def test_a_connection_can_be_renewed_while_others_wait_on_it(open_broker: OpenBroker) -> None:
    async def main() -> None:
        async with open_broker() as broker, broker.connect() as client:
            await client.send(b"1")
            (old,) = await broker.listener.receive_batch()
            received: list[bytes] = []

            async def receive() -> None:
                received.extend(await client.receive_batch())

            async with trio.open_nursery() as nursery:
                nursery.start_soon(receive)
                await trio.testing.wait_all_tasks_blocked(0.01)
                client.renew()
                assert not client.is_connected
                await client.wait_connected()
                await client.send(b"2")
                (new,) = await broker.listener.receive_batch()
                assert new.peer != old.peer
                broker.listener.send_nowait(new.peer, b"to whoever waits")
            assert received == [b"to whoever waits"]
            assert await broker.listener.events.receive() == PeerLeft(old.peer, old.principal)

    within_seconds(120, main)


def test_what_the_body_raises_comes_out_as_it_is(open_broker: OpenBroker) -> None:
    async def main() -> None:
        with pytest.raises(UsageError, match="of the body"):
            async with open_broker() as broker, broker.connect():
                raise UsageError("of the body")

    within_seconds(120, main)


def test_what_was_sent_last_leaves_within_the_linger(open_broker: OpenBroker) -> None:
    async def main() -> None:
        async with open_broker() as broker:
            async with open_connector(broker.join(), linger_seconds=5) as client:
                for _ in range(20):
                    await client.send(bytes(1 << 20))
            received = 0
            while received < 20:
                received += len(await broker.listener.receive_batch())

    within_seconds(20, main)
