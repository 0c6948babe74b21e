"""Hypothesis drives what a worker holds against a broker that forgets and repeats: nothing runs twice at
once, each ending is told until it is taken, and no slot is lost. What waits behind its slots gets them
in order, and is given back when it is asked for; what runs is not.
"""

import math
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from maelstrom_worker import effects as ef
from maelstrom_worker import events as ev
from maelstrom_worker.jobs_state import TOLD_SECONDS, JobsState

from maelstrom_core.wire.messages import (
    Cancel,
    ContainerBytes,
    Done,
    GiveBack,
    GivenBack,
    Run,
    Taken,
)
from maelstrom_core.wire.rows import Ending, RunJob

SLOTS = 4
SESSIONS = [b"s" * 16, b"t" * 16]
CONTAINERS = [b"a" * 32, b"b" * 32, b"bad" + b"c" * 29]
Key = tuple[bytes, int]


class WorkerRules(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.worker = JobsState(SLOTS)
        self.up = False
        self.told_containers: set[bytes] = set()
        self.running: dict[Key, int] = {}
        self.ending: set[Key] = set()
        self.making: set[bytes] = set()
        self.wanted: dict[Key, int] = {}
        """What the broker has given and not been told the ending of, with the attempt."""
        self.done: dict[Key, int] = {}
        self.stopping = False
        self.told_begun: set[Key] = set()
        self.now = 0.0
        self.wish = 0
        self.given_back: list[GivenBack] = []

    @property
    def behind(self) -> set[Key]:
        """What waits for slots: it has come, and is not among what is held."""
        return self.wanted.keys() - {(one.session, one.tag) for one in self.worker.held()}

    def say(self, event: ev.Event) -> None:
        for effect in self.worker.step(event, now=self.now):
            match effect:
                case ef.Say(GivenBack(_, session, tags) as given):
                    assert self.up
                    self.given_back.append(given)
                    for tag in tags:
                        assert (session, tag) not in self.running, "it has begun"
                        del self.wanted[session, tag]
                case ef.Say(Done(session, rows)):
                    assert self.up
                    for row in rows:
                        key = (session, row.tag)
                        assert key not in self.running, "it goes on after its end"
                        if key in self.wanted:
                            assert row.attempt == self.wanted.pop(key)
                        self.done[key] = row.ending
                case ef.Read(digest, data):
                    assert data
                    if digest == CONTAINERS[2]:
                        self.say(ev.Unreadable(digest, "no container"))
                case ef.MakeReady(digest):
                    assert digest not in self.making, "brought twice at once"
                    assert digest != CONTAINERS[2]
                    self.making.add(digest)
                case ef.Start(key, container, row):
                    assert key not in self.running, "run twice at once"
                    assert container not in self.making
                    self.running[key] = row.slots
                case ef.End(key):
                    assert key in self.running
                    self.ending.add(key)
        self.worker.check()

    @rule()
    def link_comes(self) -> None:
        if self.up:
            self.say(ev.LinkDown())
        self.up, self.told_containers = True, set()
        held = {(one.session, one.tag): one for one in self.worker.held()}
        assert all(held[key].slots == slots for key, slots in self.running.items())
        # What the broker has given and what has not come is given again, if at all.
        self.wanted = {key: held[key].attempt for key in {*self.wanted, *self.done} if key in held}
        self.wish = 0
        self.say(ev.LinkUp())
        assert not any(held[key].slots == 0 for key in self.wanted), "not told again"

    @rule()
    def link_goes(self) -> None:
        self.up = False
        self.say(ev.LinkDown())
        assert self.worker.behind == 0, "the broker gives it again, and it would be run twice"

    @precondition(lambda self: self.up)
    @rule(
        session=st.sampled_from(SESSIONS),
        tag=st.integers(0, 6),
        container=st.sampled_from(CONTAINERS),
        slots=st.sampled_from([1, 1, 1, 2, SLOTS + 1]),
        tells=st.booleans(),
        repeats=st.integers(1, 2),
    )
    def gives(
        self, session: bytes, tag: int, container: bytes, slots: int, tells: bool, repeats: int
    ) -> None:
        key = (session, tag)
        if key in self.wanted:
            return
        if tells or container not in self.told_containers:
            self.told_containers.add(container)
            self.say(ev.Came(ContainerBytes(container, b"data")))
        attempt = max((one.attempt for one in self.worker.held()), default=0) + 1
        if key in self.running:
            slots = self.running[key]
        self.wanted[key] = attempt
        self.done.pop(key, None)
        for _ in range(repeats if key not in self.behind else 1):
            if key in self.wanted:  # a worker that stops has given it back
                self.say(ev.Came(Run(session, container, (RunJob(tag, attempt, slots, b"x"),))))

    @precondition(lambda self: self.making)
    @rule(data=st.data(), works=st.booleans())
    def contents_come(self, data: Any, works: bool) -> None:
        digest = data.draw(st.sampled_from(sorted(self.making)))
        self.making.discard(digest)
        is_full = not works and data.draw(st.booleans())
        came = ev.Ready(digest) if works else ev.NotReady(digest, "it is full", is_full=is_full)
        self.say(came)

    @precondition(lambda self: self.running)
    @rule(data=st.data(), ending=st.sampled_from([Ending.RAN, Ending.STORED, Ending.UNFIT]))
    def ends(self, data: Any, ending: Ending) -> None:
        key = data.draw(st.sampled_from(sorted(self.running)))
        del self.running[key]
        self.told_begun.discard(key)
        cancelled = key in self.ending
        self.ending.discard(key)
        self.say(ev.Ended(key, ending, b"result"))
        if self.up and self.worker.next_deadline() == math.inf:
            assert self.done[key] == (Ending.CANCELLED if cancelled else ending)

    @rule(seconds=st.floats(0.001, 2 * TOLD_SECONDS))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        gathered = self.worker.next_deadline() <= self.now
        self.say(ev.TimePassed())
        if gathered:
            assert self.worker.next_deadline() == math.inf
            held = {(one.session, one.tag) for one in self.worker.held() if not one.slots}
            assert held.isdisjoint(self.wanted), "not told, though it is time"

    @precondition(lambda self: self.up)
    @rule(
        session=st.sampled_from(SESSIONS),
        tags=st.lists(st.integers(0, 6), unique=True),
        repeats=st.booleans(),
    )
    def asks_for_some(self, session: bytes, tags: list[int], repeats: bool) -> None:
        self.wish += 1
        waited = {tag for tag in tags if (session, tag) in self.behind}
        runs = set(self.running)
        self.given_back.clear()
        for _ in range(1 + repeats):
            self.say(ev.Came(GiveBack(self.wish, session, tuple(tags))))
        (given,) = self.given_back
        assert given.number == self.wish and set(given.tags) == waited
        assert self.running.keys() >= runs
        assert self.worker.next_deadline() == math.inf, "what has ended is told before"

    @rule()
    def a_moment_passes(self) -> None:
        begun = [(one.session, tag) for one in self.worker.begun() for tag in one.tags]
        assert self.up or not begun
        assert set(begun) <= self.running.keys(), "it is over already"
        assert self.told_begun.isdisjoint(begun), "once is enough"
        self.told_begun.update(begun)
        assert not self.up or self.told_begun == self.running.keys()

    @precondition(lambda self: self.up)
    @rule(session=st.sampled_from(SESSIONS), tag=st.integers(0, 6))
    def cancels(self, session: bytes, tag: int) -> None:
        key = (session, tag)
        self.say(ev.Came(Cancel(session, (tag,))))
        assert key in self.ending or key not in self.running
        if key in self.wanted and self.worker.next_deadline() == math.inf:
            assert key in self.ending, "it ends all the same, and that is told"

    @precondition(lambda self: self.up and self.done)
    @rule(data=st.data())
    def takes(self, data: Any) -> None:
        session, tag = key = data.draw(st.sampled_from(sorted(self.done)))
        del self.done[key]
        self.say(ev.Came(Taken(session, (tag,))))
        if key not in self.wanted:
            assert key not in {(one.session, one.tag) for one in self.worker.held()}

    @rule(unless=st.integers(0, 30))
    def stops(self, unless: int) -> None:
        if not unless:
            self.stopping = True
            self.say(ev.StopWanted())
            assert self.worker.behind == 0, "it will not begin any more"

    @invariant()
    def slots_are_counted(self) -> None:
        assert sum(self.running.values()) <= SLOTS
        if not self.making and not self.stopping:
            assert self.worker.free_slots == max(0, SLOTS - sum(self.running.values()))
        assert self.worker.running >= len(self.running)
        assert not self.stopping or self.worker.free_slots == 0


TestWorkerRules = WorkerRules.TestCase
TestWorkerRules.settings = settings(max_examples=100, stateful_step_count=50)
