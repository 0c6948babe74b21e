"""Hypothesis loses, repeats and delays what a job writes, and its worker: what is passed on is what one
run of it has written, byte by byte and in order, or the job is known to be broken off.
"""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from maelstrom_worker.order_state import AGAIN_SECONDS, WINDOW_BYTES, WINDOW_PIECES, OrderedOutput

from maelstrom_core.cluster.order_state import InOrder
from maelstrom_core.wire.codec import decode, encode
from maelstrom_core.wire.messages import MOST_OUTPUT_BYTES, Had, Output

KEY = (b"s" * 16, 7)


def joined(writes: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """As the order between streams has it, however it was cut."""
    found: list[tuple[int, bytes]] = []
    for stream, data in writes:
        if found and found[-1][0] == stream:
            found[-1] = (stream, found[-1][1] + data)
        elif data:
            found.append((stream, data))
    return found


class OrderRules(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.runs = 0
        self.here = InOrder()
        self.passed: list[tuple[int, bytes]] = []
        self.wrote: dict[bytes, list[tuple[int, bytes]]] = {}
        self.on_their_way: list[Any] = []
        self.begin()

    def begin(self) -> None:
        self.runs += 1
        run = b"run %d" % self.runs
        self.there = OrderedOutput(KEY, run)
        self.wrote[run] = []
        self.ended = False
        self.on_their_way = []  # of a worker that is lost nothing more comes

    @precondition(lambda self: not self.ended and not self.there.is_full)
    @rule(stream=st.integers(1, 3), size=st.sampled_from([1, 3, 70_000]), times=st.integers(1, 3))
    def writes(self, stream: int, size: int, times: int) -> None:
        for number in range(times):
            data = (b"%d" % number) * size
            self.there.add(stream, data)
            self.wrote[self.there.run].append((stream, data))

    @precondition(lambda self: not self.ended)
    @rule()
    def ends(self) -> None:
        self.ended = True
        self.there.end()

    @rule(seconds=st.sampled_from([0.1, AGAIN_SECONDS]), again=st.booleans())
    def sends(self, seconds: float, again: bool) -> None:
        self.now += seconds
        if again:
            self.there.send_again()
        was_due = self.there.send_at <= self.now
        sent = self.there.messages(now=self.now)
        assert bool(sent) == was_due
        assert all(len(one.data) <= MOST_OUTPUT_BYTES for one in sent)
        self.on_their_way += sent

    @precondition(lambda self: self.on_their_way)
    @rule(data=st.data(), twice=st.booleans())
    def one_arrives(self, data: Any, twice: bool) -> None:
        """Any: connections keep an order, and what goes over the next one comes before."""
        at = data.draw(st.integers(0, len(self.on_their_way) - 1))
        message = self.on_their_way[at] if twice else self.on_their_way.pop(at)
        self.arrives(message)

    @precondition(lambda self: self.on_their_way)
    @rule()
    def all_are_lost(self) -> None:
        self.on_their_way.clear()

    @rule(says=st.booleans())
    def passes_on(self, says: bool) -> None:
        while (piece := self.here.next()) is not None:
            self.passed.append(piece)
        if says and self.here.run:
            self.on_their_way.append(Had(*KEY, self.here.run, self.here.count))

    @precondition(lambda self: self.runs < 4)
    @rule()
    def the_worker_is_lost(self) -> None:
        self.begin()

    def arrives(self, message: Any) -> None:
        # As it travels.
        match decode(encode(message), (Output, Had)):
            case Output(_, _, stream, data, number, run):
                self.here.take(run, number, stream, data)
            case Had(_, _, run, count):
                self.there.had(run, count, now=self.now)

    @invariant()
    def what_was_passed_on_is_of_one_run_and_in_order(self) -> None:
        passed = joined([piece for piece in self.passed if piece[1]])
        assert bool(passed) == self.here.passed_on
        if passed:
            wrote = joined(self.wrote[self.here.run])
            whole, (stream, last) = passed[:-1], passed[-1]
            assert wrote[: len(whole)] == whole
            assert wrote[len(whole)][0] == stream
            assert wrote[len(whole)][1].startswith(last)

    @invariant()
    def it_is_held_up(self) -> None:
        assert self.there._bytes < WINDOW_BYTES + 3 * 70_000
        assert len(self.there._pieces) < WINDOW_PIECES + 10

    def teardown(self) -> None:
        """With connections that hold, all comes, or the job is broken off."""
        if not self.ended:
            self.ends()
        for _ in range(2000):
            if self.here.broken or self.there.is_over:
                break
            self.sends(AGAIN_SECONDS, again=False)
            for message in self.on_their_way:
                self.arrives(message)
            self.on_their_way.clear()
            self.passes_on(says=True)
        if self.here.broken:
            assert self.passed and self.here.run != self.there.run
        else:
            assert self.there.is_over
            assert self.here.is_whole
            assert joined([piece for piece in self.passed if piece[1]]) == joined(
                self.wrote[self.there.run]
            )


TestOrderRules = OrderRules.TestCase
TestOrderRules.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
