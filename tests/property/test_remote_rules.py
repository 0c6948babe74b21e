"""Hypothesis drives a client's jobs against a broker that loses connections, lives and messages: each
ends once, the window is kept, and what was not ended is handed in again.
"""

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from maelstrom_core.cluster import remote_state as remote
from maelstrom_core.cluster.answers_state import MOST, MOST_BYTES
from maelstrom_core.wire.messages import (
    Cancel,
    ContainerBytes,
    Message,
    Output,
    Results,
    Started,
    Submit,
    Taken,
)
from maelstrom_core.wire.rows import (
    MOST_BODY_BYTES,
    MOST_ROWS,
    Ending,
    JobResultRow,
    SubmittedJob,
)

SESSION = b"s" * 16
NAMES = {name: name * 32 for name in (b"a", b"b")}


class RemoteRules(RuleBasedStateMachine):
    """The broker here knows a job until its result is taken, and forgets all when it dies."""

    def __init__(self) -> None:
        super().__init__()
        self.client = remote.RemoteState(SESSION)
        self.given: set[int] = set()
        self.endings: dict[int, str] = {}
        self.up = False
        self.window = 5
        self.over = False
        # Of the broker
        self.known: set[int] = set()
        self.results: dict[int, JobResultRow] = {}
        self.containers: set[bytes] = set()
        self.submitted_now: set[int] = set()
        self.cancelled: set[int] = set()
        self.recalled: set[int] = set()

    @initialize()
    def containers_are_known(self) -> None:
        for name in NAMES.values():
            self.say(remote.Known(name, name + b"bytes"))

    def say(self, event: remote.Event) -> list[remote.Effect]:
        effects = self.client.step(event)
        for effect in effects:
            match effect:
                case remote.Say(message):
                    assert self.up
                    self.broker_hears(message)
                case remote.Ended(tag, row):
                    assert tag in self.given
                    assert tag not in self.endings
                    self.endings[tag] = Ending(row.ending).name
                case remote.GivenBack(tag, reason):
                    assert tag in self.given
                    assert tag not in self.endings
                    may = tag in self.recalled or tag not in self.cancelled
                    assert may or reason, "it was not wanted by anybody"
                    self.endings[tag] = "given back"
                case remote.Began(tag) | remote.Wrote(tag):
                    assert tag in self.given
                    assert tag not in self.endings
        self.client.check()
        return effects

    def broker_hears(self, message: Message) -> None:
        match message:
            case ContainerBytes(name, data):
                assert data == name + b"bytes"
                assert name not in self.containers, "once for each connection"
                self.containers.add(name)
            case Submit(container, jobs):
                assert container in self.containers, "before the first job in it"
                assert 0 < len(jobs) <= MOST_ROWS
                tags = {job.tag for job in jobs}
                assert tags.isdisjoint(self.submitted_now), "once for each connection"
                self.submitted_now |= tags
                assert len(self.submitted_now) <= self.window
                self.known |= tags
            case Taken(session, tags):
                assert session == SESSION
                for tag in tags:
                    self.results.pop(tag, None)
                    self.known.discard(tag)
                    self.submitted_now.discard(tag)
            case Cancel(_, tags):
                self.cancelled |= set(tags)

    @precondition(lambda self: not self.over)
    @rule(jobs=st.integers(1, 4), container=st.sampled_from([*NAMES.values()]), long=st.booleans())
    def wants(self, jobs: int, container: bytes, long: bool) -> None:
        for _ in range(jobs):
            tag = len(self.given)
            self.given.add(tag)
            body = b"x" * (MOST_BODY_BYTES if long else 1)
            assert self.say(remote.Wanted(container, SubmittedJob(tag, 0, -1, 1, body))) == []
        self.say(remote.Flush(0.0))

    @precondition(lambda self: not self.over)
    @rule(window=st.integers(1, 7), forgets=st.booleans())
    def link_comes(self, window: int, forgets: bool) -> None:
        if forgets:
            self.known, self.results = set(), {}
        self.up, self.window = True, window
        self.containers, self.submitted_now = set(), set()
        self.say(remote.LinkUp(window))
        if self.results:
            self.say(remote.Came(Results(tuple(self.results.values()))))
        self.say(remote.Flush(0.0))

    @rule()
    def link_goes(self) -> None:
        self.up = False
        for effect in self.say(remote.LinkDown()):
            assert isinstance(effect, remote.Ended | remote.GivenBack)
            assert effect.tag in self.cancelled

    @precondition(lambda self: self.up and self.known)
    @rule(data=st.data(), times=st.integers(1, 2), arrives=st.booleans())
    def jobs_end(self, data: Any, times: int, arrives: bool) -> None:
        tag = data.draw(st.sampled_from(sorted(self.known)))
        ending = Ending.CANCELLED if tag in self.cancelled else Ending.RAN
        row = JobResultRow(tag, 1, ending, "w", b"")
        self.results[tag] = row
        if arrives:
            for _ in range(times):
                self.say(remote.Came(Results((row,))))
        self.say(remote.Flush(0.0))
        assert not arrives or tag not in self.results, "an answer for every arrival"

    @rule(data=st.data())
    def lossy(self, data: Any) -> None:
        tag = data.draw(st.integers(0, 30))
        self.say(remote.Came(Started(SESSION, (tag,))))
        self.say(remote.Came(Output(SESSION, tag, 1, b"x")))

    @precondition(lambda self: self.given)
    @rule(data=st.data())
    def cancels(self, data: Any) -> None:
        tag = data.draw(st.sampled_from(sorted(self.given)))
        self.say(remote.CancelWanted(tag))
        self.recalled.discard(tag)
        assert tag in self.endings or tag in self.cancelled, "ended, or the broker knows"

    @rule(jobs=st.integers(0, 3), since=st.sampled_from([-1.0, 0.0]))
    def takes_back(self, jobs: int, since: float) -> None:
        before = set(self.cancelled)
        effects = self.say(remote.TakeBack(jobs, since))
        back = [effect.tag for effect in effects if isinstance(effect, remote.GivenBack)]
        asked = self.cancelled - before
        assert len(back) + len(asked) <= jobs
        assert not self.known & set(back), "a worker might have it"
        assert since == 0.0 or not asked
        self.recalled |= asked
        self.say(remote.Flush(0.0))

    @precondition(lambda self: not self.over)
    @rule(unless=st.integers(0, 20))
    def gives_up(self, unless: int) -> None:
        if unless == 0:
            self.up, self.over = False, True
            self.say(remote.GivenUp("the broker is gone"))
            assert len(self.client) == 0

    @invariant()
    def nothing_is_lost(self) -> None:
        assert len(self.client) == len(self.given) - len(self.endings)
        if self.over:
            assert self.endings.keys() == self.given

    @invariant()
    def the_window_is_used(self) -> None:
        if self.up:
            free = self.window - len(self.submitted_now)
            assert free <= 0 or self.client.waiting == 0
        assert self.client.idle <= len(self.submitted_now) if self.up else not self.client.idle

    def teardown(self) -> None:
        """However it has come, with a broker that stays all jobs end."""
        if self.over:
            return
        self.link_comes(5, False)
        for _ in range(len(self.given) + 1):
            if not self.known:
                break
            rows = tuple(JobResultRow(tag, 1, Ending.RAN, "w", b"") for tag in sorted(self.known))
            self.say(remote.Came(Results(rows)))
            self.say(remote.Flush(0.0))
        assert self.endings.keys() == self.given


TestRemoteRules = RemoteRules.TestCase
TestRemoteRules.settings = settings(max_examples=80, stateful_step_count=40)


def test_jobs_that_come_at_once_go_together() -> None:
    client = remote.RemoteState(SESSION)
    client.step(remote.Known(b"c" * 32, b"container"))
    client.step(remote.LinkUp(1000))
    for tag in range(MOST_ROWS + 1):
        client.step(remote.Wanted(b"c" * 32, SubmittedJob(tag, 0, -1, 1, b"")))
    said = [
        effect.message
        for effect in client.step(remote.Flush(0.0))
        if isinstance(effect, remote.Say)
    ]
    assert said[0] == ContainerBytes(b"c" * 32, b"container")
    assert [len(message.jobs) for message in said[1:] if isinstance(message, Submit)] == [
        MOST_ROWS,
        1,
    ]


def test_results_are_answered_together_and_before_more_is_handed_in() -> None:
    client = remote.RemoteState(SESSION)
    client.step(remote.Known(b"c" * 32, b"container"))
    client.step(remote.LinkUp(3))
    for tag in range(4):
        client.step(remote.Wanted(b"c" * 32, SubmittedJob(tag, 0, -1, 1, b"")))
    client.step(remote.Flush(0.0))
    rows = [JobResultRow(tag, 1, Ending.RAN, "w", b"") for tag in range(3)]
    for row in rows[:2]:
        assert client.step(remote.Came(Results((row,)))) == [remote.Ended(row.tag, row)]
    assert len(client.answers) == 2
    assert client.step(remote.Flush(0.0)) == [
        remote.Say(Taken(SESSION, (0, 1))),
        remote.Say(Submit(b"c" * 32, (SubmittedJob(3, 0, -1, 1, b""),))),
    ]
    client.step(remote.Came(Results((rows[2],))))
    client.step(remote.LinkDown())
    assert not client.answers, "the next broker asks again"


@pytest.mark.parametrize(
    ("size", "number"), [(1, MOST), (MOST_BODY_BYTES, MOST_BYTES // MOST_BODY_BYTES)]
)
def test_many_results_and_large_ones_are_answered_at_once(size: int, number: int) -> None:
    client = remote.RemoteState(SESSION)
    client.step(remote.LinkUp(10))
    body = b"x" * size
    rows = [JobResultRow(tag, 1, Ending.RAN, "w", body) for tag in range(number)]
    for row in rows[:-1]:
        assert client.step(remote.Came(Results((row,)))) == []
    answer = Taken(SESSION, tuple(range(number)))
    assert client.step(remote.Came(Results((rows[-1],)))) == [remote.Say(answer)]


def test_labels_keep_jobs_apart() -> None:
    client = remote.RemoteState(SESSION)
    client.step(remote.Known(b"c" * 32, b"container"))
    client.step(remote.LinkUp(10))
    for tag, labels in enumerate([("gpu",), (), ("gpu",)]):
        client.step(remote.Wanted(b"c" * 32, SubmittedJob(tag, 0, -1, 1, b""), labels))
    said = [
        effect.message
        for effect in client.step(remote.Flush(0.0))
        if isinstance(effect, remote.Say)
    ]
    found = [(m.labels, [job.tag for job in m.jobs]) for m in said if isinstance(m, Submit)]
    assert found == [(("gpu",), [0, 2]), ((), [1])]


def test_what_was_asked_back_is_run_here_unless_it_has_ended() -> None:
    client = remote.RemoteState(SESSION)
    client.step(remote.Known(b"c" * 32, b"container"))
    client.step(remote.LinkUp(10))
    for tag in range(4):
        client.step(remote.Wanted(b"c" * 32, SubmittedJob(tag, 0, -1, 1, b"")))
    client.step(remote.Flush(1.0))
    # It has a slot, where its program waits for what it needs: it stays there, and does not run.
    assert client.step(remote.Came(Started(SESSION, (3,), waits=True))) == []
    assert client.step(remote.TakeBack(2, 0.5)) == []
    assert client.step(remote.TakeBack(2, 1.0)) == [remote.Say(Cancel(SESSION, (2, 1)))]
    assert client.step(remote.Came(Started(SESSION, (3,)))) == [remote.Began(3)]
    ran = JobResultRow(2, 1, Ending.RAN, "w", b"")
    never = JobResultRow(1, 0, Ending.CANCELLED, "", b"")
    assert client.step(remote.Came(Results((ran, never)))) == [
        remote.Ended(2, ran),
        remote.GivenBack(1),
    ]
    assert client.step(remote.Flush(1.0)) == [remote.Say(Taken(SESSION, (2, 1)))]
