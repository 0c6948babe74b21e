"""Hypothesis drives the engine's machine: every job ends exactly once, no slot runs two."""

import signal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from maelstrom_core.engine.effects import Finish, MakeRoot, SignalJob, StartJob
from maelstrom_core.engine.events import (
    CancelWanted,
    Event,
    JobEnded,
    JobGiven,
    RootFailed,
    RootReady,
    SlotLost,
    TimePassed,
)
from maelstrom_core.engine.state import EngineState
from maelstrom_core.model.ids import JobId
from maelstrom_core.model.outcome import Exited, HostFailed

SLOTS = 3


class EngineRules(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.engine = EngineState(SLOTS)
        self.now = 0.0
        self.given = 0
        self.finished: list[JobId] = []
        self.running: dict[JobId, int] = {}
        self.signals: dict[JobId, list[int]] = {}
        self.orders: dict[JobId, list[int]] = {}
        self.making: set[str] = set()

    def say(self, event: Event) -> None:
        self.now += 0.1
        for effect in self.engine.step(event, now=self.now):
            match effect:
                case Finish(job):
                    self.finished.append(job)
                    self.running.pop(job, None)
                case SignalJob(slot, job, number):
                    assert self.running[job] == slot
                    self.signals[job].append(number)
                case StartJob(slot, job):
                    self.signals[job] = []
                    assert slot not in self.running.values()
                    self.running[job] = slot
                case MakeRoot(root):
                    assert root not in self.making
                    self.making.add(root)

    @rule(
        root=st.sampled_from("ab"),
        slots=st.integers(1, SLOTS + 1),
        timeout=st.none() | st.floats(0.1, 3),
        priority=st.integers(-1, 1),
        stack_signal=st.sampled_from([0, 63]),
    )
    def give(
        self, root: str, slots: int, timeout: float | None, priority: int, stack_signal: int
    ) -> None:
        self.given += 1
        job = JobId(self.given)
        asked = [stack_signal] if stack_signal else []
        self.orders[job] = [*asked, signal.SIGTERM, signal.SIGKILL]
        self.say(
            JobGiven(
                job,
                root,
                priority=priority,
                slots=slots,
                timeout=timeout,
                stack_signal=stack_signal,
            )
        )

    @precondition(lambda self: self.making)
    @rule(fails=st.booleans())
    def root_made(self, fails: bool) -> None:
        root = sorted(self.making)[0]
        self.making.discard(root)
        self.say(RootFailed(root, HostFailed("full")) if fails else RootReady(root))

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        job = data.draw(st.sampled_from(sorted(self.running)))
        slot = self.running.pop(job)
        self.say(JobEnded(slot, job, Exited(0)))

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        job = data.draw(st.sampled_from(sorted(self.running)))
        self.say(SlotLost(self.running.pop(job), "killed"))

    @precondition(lambda self: self.given)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        self.say(CancelWanted(JobId(data.draw(st.integers(1, self.given))), "not wanted"))

    @rule()
    def wait(self) -> None:
        self.say(TimePassed())

    @invariant()
    def what_must_hold(self) -> None:
        self.engine.check()
        assert len(set(self.finished)) == len(self.finished)
        for job, sent in self.signals.items():
            # One that is not wanted any more is killed at any time, and once.
            known, order = [n for n in sent if n != signal.SIGKILL], self.orders[job]
            assert known == order[: len(known)]
            assert signal.SIGKILL not in sent[:-1] or sent[-2:] == [signal.SIGKILL] * 2

    def teardown(self) -> None:
        for _ in range(10 * self.given + 10):
            while self.making:
                self.say(RootReady(self.making.pop()))
            for job, slot in list(self.running.items()):
                del self.running[job]
                self.say(JobEnded(slot, job, Exited(0)))
        assert sorted(self.finished) == list(range(1, self.given + 1))
        assert self.engine.idle


TestEngineRules = EngineRules.TestCase
TestEngineRules.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
