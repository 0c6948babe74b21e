"""Hypothesis drives the engine's machine: every job ends exactly once, no slot runs two, and forks
are made of templates alone that are ready.
"""

import signal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from maelstrom_core.engine.effects import (
    Finish,
    ForkJob,
    MakeRoot,
    SignalJob,
    StartJob,
    StartTemplate,
    StopTemplate,
)
from maelstrom_core.engine.events import (
    CancelWanted,
    Event,
    ForkRefused,
    JobEnded,
    JobGiven,
    JobStays,
    PartBegan,
    RootFailed,
    RootReady,
    SlotLost,
    TemplateEnded,
    TemplateMeasured,
    TemplateWarm,
    TerminalLeft,
    TerminalWanted,
    TimePassed,
)
from maelstrom_core.engine.state import EngineState
from maelstrom_core.engine.template_state import MOST_DEATHS
from maelstrom_core.model.ids import JobId
from maelstrom_core.model.outcome import Exited, HostFailed

SLOTS = 3
BUDGET = 100


class EngineRules(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.engine = EngineState(SLOTS, template_memory_bytes=BUDGET)
        self.now = 0.0
        self.given = 0
        self.finished: list[JobId] = []
        self.running: dict[JobId, int] = {}
        self.signals: dict[JobId, list[int]] = {}
        self.orders: dict[JobId, list[int]] = {}
        self.making: set[str] = set()
        self.roots: dict[JobId, str] = {}
        self.forks: dict[JobId, int] = {}
        self.warming: set[str] = set()
        self.warm: dict[str, int] = {}
        self.stayed: dict[JobId, str] = {}
        self.deaths = dict.fromkeys("ab", 0)
        self.later: dict[JobId, int] = {}
        self.parts: dict[JobId, int] = {}

    def say(self, event: Event) -> None:
        self.now += 0.1
        for effect in self.engine.step(event, now=self.now):
            match effect:
                case Finish(job):
                    self.finished.append(job)
                    self.running.pop(job, None)
                    self.forks.pop(job, None)
                case SignalJob(slot, job, number):
                    assert (self.running | self.forks)[job] == slot
                    self.signals[job].append(number)
                case StartJob(slot, job):
                    self.signals[job], self.parts[job] = [], 0
                    assert slot not in (*self.running.values(), *self.forks.values())
                    self.running[job] = slot
                case StartTemplate(root):
                    assert root not in self.warming | set(self.warm)
                    assert self.deaths[root] < MOST_DEATHS
                    self.warming.add(root)
                case StopTemplate(root):
                    assert sum(self.warm.values()) > BUDGET
                    assert root not in [self.roots[job] for job in self.forks]
                    assert root not in self.stayed.values()
                    del self.warm[root]
                case ForkJob(slot, job):
                    assert slot not in (*self.running.values(), *self.forks.values())
                    assert self.roots[job] in self.warm, "forked from what is not ready"
                    self.signals[job], self.parts[job] = [], 0
                    self.forks[job] = slot
                case MakeRoot(root):
                    assert root not in self.making
                    self.making.add(root)

    @rule(
        root=st.sampled_from("ab"),
        slots=st.integers(1, SLOTS + 1),
        timeout=st.none() | st.floats(0.1, 3),
        priority=st.integers(-1, 1),
        how=st.sampled_from(["afresh", "forked", "warm up"]),
        stack_signal=st.sampled_from([0, 63]),
        later=st.lists(st.none() | st.floats(0.1, 3), max_size=2),
    )
    def give(
        self,
        root: str,
        slots: int,
        timeout: float | None,
        priority: int,
        how: str,
        stack_signal: int,
        later: list[float | None],
    ) -> None:
        self.given += 1
        job = JobId(self.given)
        self.roots[job] = root
        self.later[job] = len(later)
        asked = [stack_signal] if stack_signal else []
        self.orders[job] = [*asked, signal.SIGTERM, signal.SIGKILL]
        self.say(
            JobGiven(
                job,
                root,
                priority=priority,
                slots=slots,
                timeout=timeout,
                fork=how == "forked",
                warm_up=how == "warm up",
                stack_signal=stack_signal,
                later_timeouts=tuple(later),
            )
        )

    @precondition(lambda self: self.warming)
    @rule(
        data=st.data(), unfit=st.sampled_from(["", "", "a thread runs"]), memory=st.integers(1, 90)
    )
    def template_ready(self, data: st.DataObject, unfit: str, memory: int) -> None:
        root = data.draw(st.sampled_from(sorted(self.warming)))
        self.warming.discard(root)
        self.warm[root] = memory
        self.say(TemplateWarm(root, unfit, memory))

    @precondition(lambda self: self.warm)
    @rule(data=st.data(), memory=st.integers(0, 150))
    def template_measured(self, data: st.DataObject, memory: int) -> None:
        root = data.draw(st.sampled_from(sorted(self.warm)))
        self.warm[root] = max(1, memory)
        self.say(TemplateMeasured(root, memory))
        # A shell may tell of one that was just stopped.
        self.say(TemplateMeasured("never started", 1000))

    @precondition(lambda self: self.warming or self.warm)
    @rule(data=st.data())
    def template_ends(self, data: st.DataObject) -> None:
        root = data.draw(st.sampled_from(sorted(self.warming | set(self.warm))))
        self.warming.discard(root)
        self.warm.pop(root, None)
        self.deaths[root] += 1
        self.stayed = {job: other for job, other in self.stayed.items() if other != root}
        ended = [job for job in self.forks if self.roots[job] == root]
        for job in ended:
            del self.forks[job]
        self.say(TemplateEnded(root, Exited(1)))
        for job in ended:
            # What has been told of its parts would be told again.
            assert not self.parts[job] or job in self.finished

    @precondition(lambda self: self.forks)
    @rule(data=st.data())
    def fork_ends(self, data: st.DataObject) -> None:
        job = data.draw(st.sampled_from(sorted(self.forks)))
        self.say(JobEnded(self.forks.pop(job), job, Exited(0)))

    @precondition(lambda self: self.forks)
    @rule(data=st.data())
    def fork_stays(self, data: st.DataObject) -> None:
        job = data.draw(st.sampled_from(sorted(self.forks)))
        slot = self.forks[job]
        self.stayed[job] = self.roots[job]
        self.say(JobStays(job))
        assert job in self.finished
        # Its end comes later, and is nobody's news.
        assert self.engine.step(JobEnded(slot, job, Exited(0)), now=self.now) == []

    @precondition(lambda self: self.running | self.forks)
    @rule(data=st.data(), seconds=st.floats(0, 10))
    def stand_still(self, data: st.DataObject, seconds: float) -> None:
        """Nobody's time is up while the user looks at it, unless it was before."""
        job = data.draw(st.sampled_from(sorted(self.running | self.forks)))
        before = len(self.signals[job])
        self.say(TerminalWanted(job))
        self.now += seconds
        self.say(TimePassed())
        assert before or not self.signals.get(job)
        self.say(TerminalLeft(job))

    @precondition(lambda self: self.forks)
    @rule(data=st.data())
    def fork_refused(self, data: st.DataObject) -> None:
        job = data.draw(st.sampled_from(sorted(self.forks)))
        del self.forks[job]
        self.say(ForkRefused(self.roots[job], job, "a thread runs"))

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

    @precondition(lambda self: self.running or self.forks)
    @rule(data=st.data())
    def next_part(self, data: st.DataObject) -> None:
        job = data.draw(st.sampled_from(sorted([*self.running, *self.forks])))
        if self.parts[job] == self.later[job]:
            return  # the shell tells of no more than there are
        self.parts[job] += 1
        late = signal.SIGTERM in self.signals[job]
        if not late:
            self.signals[job] = [n for n in self.signals[job] if n == signal.SIGKILL]
        self.say(PartBegan(job))
        # A part that goes on after its time is up takes nothing of the next one along.
        assert not late or self.signals[job][-1] == signal.SIGKILL

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
            # One that is not wanted any more is killed at any time; nothing follows that.
            known, order = [n for n in sent if n != signal.SIGKILL], self.orders[job]
            assert known == order[: len(known)]
            assert signal.SIGKILL not in sent[:-1] or sent[-2:] == [signal.SIGKILL] * 2

    def teardown(self) -> None:
        for _ in range(10 * self.given + 10):
            while self.making:
                self.say(RootReady(self.making.pop()))
            while self.warming:
                root = self.warming.pop()
                self.warm[root] = 1
                self.say(TemplateWarm(root, "", 1))
            for running in (self.running, self.forks):
                for job, slot in list(running.items()):
                    del running[job]
                    self.say(JobEnded(slot, job, Exited(0)))
        assert sorted(self.finished) == list(range(1, self.given + 1))
        assert self.engine.idle


TestEngineRules = EngineRules.TestCase
TestEngineRules.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
