"""Hypothesis drives the connecting side of a link: it is never stuck, never noisy, never twice open."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from maelstrom_core.wire import link_state as link
from maelstrom_core.wire.messages import (
    VERSION,
    Bye,
    Code,
    Results,
    Welcome,
)

WELCOME = Welcome(VERSION, b"b" * 16, 200, 100, 9000)


class LinkRules(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.is_worker = True
        self.link = link.LinkState(is_worker=True)
        self.now = 0.0
        self.is_open = False
        self.greeted = False
        self.up = False
        self.over = False
        self.last_beat = -math.inf
        self.heard = 0.0

    def say(self, event: link.Event, jitter: float = 0.5) -> list[link.Effect]:
        effects = self.link.step(event, now=self.now, jitter=jitter)
        for effect in effects:
            assert not self.over, "nothing happens after the end"
            match effect:
                case link.Open():
                    assert not self.is_open
                    self.is_open = True
                case link.Close():
                    assert self.is_open
                    self.is_open = self.greeted = False
                case link.Greet():
                    assert self.is_open
                    assert not self.greeted
                    self.greeted = True
                case link.Send():
                    assert self.greeted
                case link.SendBeat():
                    assert self.up
                    self.last_beat = self.now
                case link.Up():
                    assert self.greeted
                    assert not self.up
                    self.up, self.heard, self.last_beat = True, self.now, self.now
                case link.Deliver():
                    assert self.up
                case link.Down():
                    assert self.up
                    assert not self.is_open
                    self.up = False
                case link.Failed():
                    assert not self.up
                    assert not self.is_open
                case link.Over():
                    assert not self.is_open
                    self.over = True
        self.link.check()
        assert self.link.is_up == self.up
        return effects

    @rule(seconds=st.floats(0, 20), jitter=st.floats(0, 1))
    def time_passes(self, seconds: float, jitter: float) -> None:
        # A shell is never late for long: it comes at each deadline.
        end = self.now + seconds
        while (deadline := self.link.next_deadline()) <= end:
            self.now = max(self.now, deadline)
            assert self.say(link.TimePassed(), jitter), "a deadline for nothing"
        self.now = end

    @rule()
    def time_passes_early(self) -> None:
        if self.link.next_deadline() > self.now:
            assert self.say(link.TimePassed()) == []

    @rule()
    def opened(self) -> None:
        self.say(link.Opened())

    @rule()
    def lost(self) -> None:
        was = self.is_open
        assert bool(self.say(link.Lost("cut"))) == was

    @rule()
    def denied(self) -> None:
        self.say(link.Denied("nobody knows this key"))
        assert not self.over

    @precondition(lambda self: self.greeted)
    @rule()
    def welcomed(self) -> None:
        was = self.up
        self.say(link.Heard(WELCOME))
        self.heard = self.now
        assert self.up
        assert was or self.link.next_deadline() == pytest.approx(self.now + 0.2)

    @rule(code=st.sampled_from([Code.SLOW, Code.STOPPED, Code.GOODBYE, Code.REPLACED]))
    def bye(self, code: Code) -> None:
        self.say(link.Heard(Bye(code, "for now")))
        assert not self.over

    @rule(message=st.sampled_from([None, Results(())]))
    def heard_something(self, message: Results | None) -> None:
        delivered = self.say(link.Heard(message))
        assert bool(delivered) == (self.up and message is not None)
        if self.up:
            self.heard = self.now

    @rule()
    def misspoken(self) -> None:
        self.say(link.Misspoken("no such kind"))
        assert not self.greeted

    @invariant()
    def it_is_never_stuck(self) -> None:
        assert self.over or self.link.next_deadline() < self.now + 30

    @invariant()
    def it_speaks_often_enough_and_believes_no_dead_broker(self) -> None:
        if self.up:
            assert self.now - self.last_beat <= 0.2 + 1e-6
            assert self.now - self.heard <= 1.0 + 1e-6


TestLinkRules = LinkRules.TestCase
TestLinkRules.settings = settings(max_examples=60, stateful_step_count=40)


def up(*, is_worker: bool) -> link.LinkState:
    state = link.LinkState(is_worker=is_worker)
    assert state.step(link.TimePassed(), now=0, jitter=0) == [link.Open()]
    assert state.step(link.Opened(), now=0, jitter=0) == [link.Greet(b"")]
    assert state.step(link.Heard(WELCOME), now=0, jitter=0) == [link.Up(WELCOME, False)]
    return state


@pytest.mark.parametrize("is_worker", [True, False])
@pytest.mark.parametrize("code", [Code.VERSION, Code.PROTOCOL, Code.ROLE])
def test_what_would_come_to_the_same_again_is_final(code: Code, is_worker: bool) -> None:
    state = up(is_worker=is_worker)
    effects = state.step(link.Heard(Bye(code, "no")), now=1, jitter=0)
    assert effects == [link.Close(), link.Down("no"), link.Over(code, "no")]
    assert state.next_deadline() == math.inf
    assert state.step(link.Opened(), now=2, jitter=0) == []


def test_a_stopped_broker_is_final_for_clients_alone() -> None:
    bye = link.Heard(Bye(Code.STOPPED, "stopped by ann"))
    assert up(is_worker=False).step(bye, now=1, jitter=0)[-1] == link.Over(
        Code.STOPPED, "stopped by ann"
    )
    assert up(is_worker=True).step(bye, now=1, jitter=0) == [
        link.Close(),
        link.Down("stopped by ann"),
    ]


def test_a_key_that_nobody_knows_is_final_for_clients_alone() -> None:
    for is_worker in (True, False):
        state = link.LinkState(is_worker=is_worker)
        state.step(link.TimePassed(), now=0, jitter=0)
        last = state.step(link.Denied("ask ann"), now=0, jitter=0)[-1]
        assert last == (link.Failed("ask ann") if is_worker else link.Over(None, "ask ann"))


def test_the_same_broker_is_known_again() -> None:
    state = up(is_worker=True)
    state.step(link.Lost("cut"), now=1, jitter=0)
    state.step(link.TimePassed(), now=2, jitter=0)
    assert state.step(link.Opened(), now=2, jitter=0) == [link.Greet(WELCOME.boot)]
    assert state.step(link.Heard(WELCOME), now=2, jitter=0) == [link.Up(WELCOME, True)]


def test_a_broker_of_another_time_is_left() -> None:
    state = link.LinkState(is_worker=False)
    state.step(link.TimePassed(), now=0, jitter=0)
    state.step(link.Opened(), now=0, jitter=0)
    effects = state.step(link.Heard(Welcome(9, b"b" * 16, 1, 1, 1)), now=0, jitter=0)
    assert isinstance(effects[-1], link.Over)
    assert "speaks version 9 of the protocol, this program 1 to 1" in effects[-1].reason


def test_who_leaves_says_so() -> None:
    effects = up(is_worker=True).step(link.Leave("TERM"), now=1, jitter=0)
    assert effects[:2] == [link.Send(Bye(Code.GOODBYE, "TERM")), link.Close()]


@given(st.integers(0, 200), st.floats(0, 1))
def test_waits_grow_and_are_spread(attempts: int, jitter: float) -> None:
    wait = link.wait_seconds(attempts, jitter)
    assert 0.05 <= wait <= link.LONGEST_WAIT_SECONDS
    assert link.wait_seconds(attempts + 1, jitter) >= wait
    assert link.wait_seconds(attempts, 1) == 2 * link.wait_seconds(attempts, 0)


def test_what_slips_in_before_hello_is_forgiven_for_a_while() -> None:
    state = link.LinkState(is_worker=False)
    ends = []
    for attempt in range(link.MOST_NOT_UNDERSTOOD):
        now = 100.0 * attempt
        state.step(link.TimePassed(), now=now, jitter=0)
        state.step(link.Opened(), now=now, jitter=0)
        bye = link.Heard(Bye(Code.PROTOCOL, "say Hello first"))
        ends.append(state.step(bye, now=now, jitter=0)[-1])
    reason = "say Hello first"
    assert ends == [link.Failed(reason), link.Failed(reason), link.Over(Code.PROTOCOL, reason)]
