"""The five rules of the socket adapter, each by a case in which breaking it is a deadlock.

The signal is put in its place while trio cannot see it: this thread does it itself, over inproc. What
must break where a rule is left out does break: the last test leaves them out one by one.
"""

import time
from collections.abc import Awaitable, Callable, Iterator

import attrs
import pytest
import trio
import trio.testing
import zmq

from maelstrom_core.transport.zmq_trio import RECEIVE, SEND, TrioSocket, whole


@attrs.frozen
class Ends:
    """A socket under test, and the other end of its line, which is blocking and plain."""

    here: TrioSocket[list[bytes]]
    there: "zmq.Socket[bytes]"
    patience_seconds: float

    async def finish(self, call: Callable[[], Awaitable[object]]) -> None:
        """Call, for as long as patience lasts."""
        with trio.fail_after(self.patience_seconds):
            await call()

    def arrives(self, data: bytes) -> None:
        self.there.send(data)
        _let_throttling_pass()

    def fill(self) -> int:
        count = 0
        while self.here.send_nowait([b"filling"]):
            count += 1
        _let_throttling_pass()
        return count

    def drain(self, count: int) -> None:
        for _ in range(count):
            self.there.recv()
        _let_throttling_pass()


def _let_throttling_pass() -> None:
    # Within a millisecond or so of the last time libzmq does not look at its mailbox when it sends.
    time.sleep(0.01)


@pytest.fixture
def context() -> Iterator["zmq.Context[zmq.Socket[bytes]]"]:
    context = zmq.Context()
    yield context
    context.destroy(linger=0)


Make = Callable[[], Ends]
Adapter = type[TrioSocket[list[bytes]]]


def maker(
    context: "zmq.Context[zmq.Socket[bytes]]", adapter: Adapter, patience_seconds: float
) -> Make:
    def make() -> Ends:
        there, here = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
        for socket in (there, here):
            socket.set_hwm(1)
        there.bind("inproc://line")
        here.connect("inproc://line")
        return Ends(adapter(here, whole), there, patience_seconds)

    return make


@pytest.fixture
def make(context: "zmq.Context[zmq.Socket[bytes]]") -> Make:
    return maker(context, TrioSocket, 30)


# One scenario for each way in which a wake-up can get lost


async def a_receiver_is_woken_though_a_send_ate_its_signal(ends: Ends) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ends.finish, ends.here.recv)
        await trio.testing.wait_all_tasks_blocked()
        ends.arrives(b"1")
        ends.here.send_nowait([b"x"])


async def a_sender_is_woken_though_a_failed_receive_ate_its_signal(ends: Ends) -> None:
    count = ends.fill()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ends.finish, lambda: ends.here.send([b"x"]))
        await trio.testing.wait_all_tasks_blocked()
        ends.drain(count)
        assert ends.here.recv_nowait(1) == []


async def a_receiver_is_woken_though_a_look_for_room_ate_its_signal(ends: Ends) -> None:
    ends.fill()
    async with trio.open_nursery() as nursery:

        async def receive() -> None:
            await ends.finish(ends.here.recv)
            nursery.cancel_scope.cancel()

        nursery.start_soon(receive)
        await trio.testing.wait_all_tasks_blocked()
        ends.arrives(b"1")
        await ends.here.wait(SEND)


async def a_follower_is_served_when_the_leader_was_woken_for_it(ends: Ends) -> None:
    count = ends.fill()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ends.here.recv)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(ends.finish, lambda: ends.here.send([b"x"]))
        await trio.testing.wait_all_tasks_blocked()
        ends.drain(count)
        with trio.fail_after(30):
            while not ends.there.poll(0):
                await trio.sleep(0.01)
        ends.arrives(b"ends the leader")


async def a_follower_leads_when_the_leader_was_cancelled(ends: Ends) -> None:
    leader = trio.CancelScope()

    async def lead() -> None:
        with leader:
            await ends.here.recv()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(lead)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(ends.finish, ends.here.recv)
        await trio.testing.wait_all_tasks_blocked()
        leader.cancel()
        await trio.testing.wait_all_tasks_blocked()
        ends.arrives(b"1")


SCENARIOS = [
    a_receiver_is_woken_though_a_send_ate_its_signal,
    a_sender_is_woken_though_a_failed_receive_ate_its_signal,
    a_receiver_is_woken_though_a_look_for_room_ate_its_signal,
    a_follower_is_served_when_the_leader_was_woken_for_it,
    a_follower_leads_when_the_leader_was_cancelled,
]
Scenario = Callable[[Ends], Awaitable[None]]


def run(make: Make, scenario: Scenario) -> None:
    async def main() -> None:
        ends = make()
        try:
            await scenario(ends)
        finally:
            ends.here.close()
            ends.there.close(linger=0)

    trio.run(main)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.__name__)
def test_no_wakeup_is_lost(make: Make, scenario: Scenario) -> None:
    run(make, scenario)


class WithoutLookingAfterCalls(TrioSocket[list[bytes]]):
    """Breaks rule 2 for sending and receiving."""

    def _serve_others(self) -> None:
        pass


class WithoutWakingAfterLooks(TrioSocket[list[bytes]]):
    """Breaks rule 2 for those who only ask for EVENTS."""

    def _serve_others(self) -> None:
        if self._leader_wants or any(self._parked.values()):
            super()._look()

    def _look(self) -> int:
        return int(self._socket.getsockopt(zmq.EVENTS))


class WithoutWakingWhenTheLeaderLeaves(TrioSocket[list[bytes]]):
    """Breaks rule 3."""

    def _wake_all(self) -> None:
        pass


@pytest.mark.parametrize(
    ("adapter", "scenario"),
    [
        (WithoutLookingAfterCalls, a_receiver_is_woken_though_a_send_ate_its_signal),
        (WithoutLookingAfterCalls, a_sender_is_woken_though_a_failed_receive_ate_its_signal),
        (WithoutWakingAfterLooks, a_receiver_is_woken_though_a_look_for_room_ate_its_signal),
        (WithoutWakingWhenTheLeaderLeaves, a_follower_leads_when_the_leader_was_cancelled),
    ],
)
def test_each_rule_is_needed(
    context: "zmq.Context[zmq.Socket[bytes]]", adapter: Adapter, scenario: Scenario
) -> None:
    with pytest.raises(ExceptionGroup) as raised:
        run(maker(context, adapter, 1), scenario)
    assert raised.group_contains(trio.TooSlowError)


# Cancelling


def test_a_call_that_is_cancelled_before_it_begins_takes_and_sends_nothing(make: Make) -> None:
    async def scenario(ends: Ends) -> None:
        ends.arrives(b"1")
        with trio.CancelScope() as scope:
            scope.cancel()
            await ends.here.recv()
        assert scope.cancelled_caught
        with trio.CancelScope() as scope:
            scope.cancel()
            await ends.here.send([b"2"])
        assert scope.cancelled_caught

        assert await ends.here.recv() == [b"1"]
        assert not ends.there.poll(20)

    run(make, scenario)


def test_what_was_taken_is_returned_though_the_call_is_cancelled_then(make: Make) -> None:
    async def scenario(ends: Ends) -> None:
        with trio.CancelScope() as scope:

            def take_and_cancel(socket: "zmq.Socket[bytes]") -> list[bytes]:
                taken = whole(socket)
                scope.cancel()
                return taken

            ends.here._take = take_and_cancel
            ends.arrives(b"1")
            assert await ends.here.recv() == [b"1"]
            return
        pytest.fail("the message was lost")

    run(make, scenario)


def test_a_cancelled_sender_has_sent_nothing(make: Make) -> None:
    async def scenario(ends: Ends) -> None:
        count = ends.fill()
        with trio.move_on_after(0.02) as scope:
            await ends.here.send([b"never"])
        assert scope.cancelled_caught
        ends.drain(count)
        assert not ends.there.poll(20)

    run(make, scenario)


# Batches, frames, ends


def test_a_batch_is_what_there_is_and_not_more_than_was_asked_for(make: Make) -> None:
    async def scenario(ends: Ends) -> None:
        for data in (b"1", b"2"):
            ends.there.send_multipart([data, b"second frame"])
        assert await ends.here.recv_batch(1) == [[b"1", b"second frame"]]
        assert await ends.here.recv_batch(10) == [[b"2", b"second frame"]]
        assert ends.here.recv_nowait(10) == []

    run(make, scenario)


def test_a_batch_that_is_full_leaves_the_rest_to_others_who_wait(make: Make) -> None:
    async def scenario(ends: Ends) -> None:
        received: list[list[bytes]] = []

        async def receive() -> None:
            with trio.fail_after(30):
                received.append(await ends.here.recv())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(receive)
            nursery.start_soon(receive)
            await trio.testing.wait_all_tasks_blocked()
            ends.arrives(b"1")
            ends.arrives(b"2")
        assert sorted(received) == [[b"1"], [b"2"]]

    run(make, scenario)


def test_what_was_taken_before_an_error_is_not_lost(make: Make) -> None:
    async def scenario(ends: Ends) -> None:
        def take_once(socket: "zmq.Socket[bytes]") -> list[bytes]:
            taken = whole(socket)
            if taken == [b"bad"]:
                raise zmq.ZMQError(zmq.ETERM)
            return taken

        ends.here._take = take_once
        ends.arrives(b"good")
        ends.arrives(b"bad")
        assert await ends.here.recv_batch(10) == [[b"good"]]

    run(make, scenario)


def test_closing_tells_everybody_who_waits(make: Make) -> None:
    async def scenario(ends: Ends) -> None:
        ends.fill()
        told: list[str] = []

        async def wait(name: str, call: Callable[[], Awaitable[object]]) -> None:
            with pytest.raises(trio.ClosedResourceError):
                await ends.finish(call)
            told.append(name)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait, "leader", ends.here.recv)
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(wait, "receiver", ends.here.recv)
            nursery.start_soon(wait, "sender", lambda: ends.here.send([b"x"]))
            await trio.testing.wait_all_tasks_blocked()
            ends.here.close()
            ends.here.close()
        assert sorted(told) == ["leader", "receiver", "sender"]
        for call in (
            ends.here.recv,
            lambda: ends.here.send([b"x"]),
            lambda: ends.here.wait(RECEIVE),
        ):
            with pytest.raises(trio.ClosedResourceError):
                await ends.finish(call)

    run(make, scenario)
