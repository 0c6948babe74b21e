"""Short jobs wait behind the slots of a worker whose link is slow; and are asked for again."""

import json
from typing import Any

import pytest
from maelstrom_broker.allowance_state import (
    A_SLOT,
    LEAST_SECONDS,
    MOST_SECONDS,
    SHORT_SECONDS,
    TURNS,
    turn_seconds,
)
from maelstrom_broker.queue_state import estimate_of, key_of, to_the_front
from maelstrom_broker.records import SEEN_BEFORE, Pace

from maelstrom_core.wire.administration import AskStatus, AskStory, Drain, Status
from maelstrom_core.wire.messages import GiveBack, GivenBack
from maelstrom_core.wire.rows import Ending

TURN_MS = 10
JOB_MS = 5


def seen(talk: Any, worker: Any, client: Any, tag: int = 9_000, turn_ms: float = TURN_MS) -> None:
    """The worker's turn is seen, by a job of another kind than those that follow."""
    client.submit(tag, estimate_ms=60_000)
    talk.now += (turn_ms + 100) / 1000
    worker.done(client, tag, ran_ms=100)
    worker.got.clear()


def behind(talk: Any, name: str = "w1") -> list[int]:
    """Tags of jobs that wait behind the slots of a worker."""
    (found,) = [one for one in talk.machine.book.workers.values() if one.name == name]
    return [job.tag for job in found.behind]


def test_a_job_waits_behind_a_slot_once_a_turn_was_seen(talk: Any) -> None:
    worker, client = talk.worker(slots=1, most_behind=40), talk.client()
    client.submit(1, 2, estimate_ms=JOB_MS)
    assert worker.runs() == [(1, 1)], "nothing is known yet of its link"
    talk.now += (TURN_MS + JOB_MS) / 1000
    worker.done(client, 1, ran_ms=JOB_MS)
    client.submit(*range(3, 30), estimate_ms=JOB_MS)
    most = int(TURNS * TURN_MS / JOB_MS)
    assert len(worker.runs()) == 2 + most and behind(talk) == [3, 4, 5, 6]
    worker.done(client, 2, ran_ms=JOB_MS)
    assert behind(talk) == [4, 5, 6, 7], "the first has begun, and another one waits"


@pytest.mark.parametrize(
    ("most_behind", "estimate_ms", "slots"),
    [
        pytest.param(0, JOB_MS, 1, id="a worker of an older version"),
        pytest.param(40, 1000 * SHORT_SECONDS + 1, 1, id="long jobs"),
        pytest.param(40, 2 * TURNS * TURN_MS, 1, id="jobs that are longer than turns by far"),
        pytest.param(40, -1, 1, id="jobs of which nothing is known"),
        pytest.param(40, JOB_MS, 2, id="jobs of several slots"),
    ],
)
def test_some_never_wait_there(talk: Any, most_behind: int, estimate_ms: int, slots: int) -> None:
    worker, client = talk.worker(slots=2, most_behind=most_behind), talk.client()
    seen(talk, worker, client)
    if estimate_ms > TURN_MS:
        estimate_ms *= 2  # there are two slots, one of which is free in half the time
    client.submit(*range(10), estimate_ms=int(estimate_ms), slots=slots)
    assert len(worker.runs()) == 2 // slots and behind(talk) == []


def test_what_nobody_knew_is_learned_from_others_of_the_run(talk: Any) -> None:
    worker, client = talk.worker(slots=1, most_behind=40), talk.client()
    client.submit(*range(20))
    for tag in range(SEEN_BEFORE):
        assert behind(talk) == []
        talk.now += (TURN_MS + JOB_MS) / 1000
        worker.done(client, tag, ran_ms=JOB_MS)
    assert behind(talk)
    other = talk.client("other")
    other.submit(*range(20))
    talk.now += 0.01
    tags = behind(talk)
    worker.done(client, SEEN_BEFORE, ran_ms=JOB_MS)
    assert set(behind(talk)) < set(tags), "it is the other's turn, of whom nothing is known"


def test_a_slot_that_is_free_elsewhere_comes_first(talk: Any) -> None:
    worker, client = talk.worker(slots=1, most_behind=40), talk.client()
    seen(talk, worker, client)
    other = talk.worker("w2", slots=1)
    client.submit(1, 2, 3, estimate_ms=JOB_MS)
    assert {*worker.runs()[:1], *other.runs()} == {(1, 1), (2, 1)} and behind(talk) == [3]


def asked(worker: Any) -> Any:
    (wish,) = worker.of(GiveBack)
    worker.got.clear()
    return wish


def one_waits(talk: Any) -> tuple[Any, Any]:
    """Job 1 runs on the only worker, 2 waits behind its slot."""
    worker, client = talk.worker(slots=1, most_behind=40), talk.client()
    seen(talk, worker, client)
    client.submit(1, 2, estimate_ms=JOB_MS)
    assert behind(talk) == [2] and worker.of(GiveBack) == []
    return worker, client


def test_what_waits_is_asked_for_when_a_slot_elsewhere_has_nothing_to_do(talk: Any) -> None:
    worker, client = one_waits(talk)
    other = talk.worker("w2", slots=3)
    wish = asked(worker)
    assert wish.tags == (2,) and wish.session == client.session and other.runs() == []
    worker.say(GivenBack(wish.number, client.session, (2,)))
    assert other.runs() == [(2, 1)], "it has not begun before, so this is its first attempt"
    other.done(client, 2)
    worker.done(client, 1)
    assert {tag: row.attempts for tag, row in client.results().items() if tag < 9} == {1: 1, 2: 1}


def test_one_that_has_begun_meanwhile_stays(talk: Any) -> None:
    worker, client = one_waits(talk)
    other = talk.worker("w2", slots=3)
    wish = asked(worker)
    # This is on its way already.
    worker.done(client, 1, ran_ms=JOB_MS)
    worker.say(GivenBack(wish.number, client.session, ()))
    assert behind(talk) == [] and other.runs() == [] and worker.of(GiveBack) == []
    worker.done(client, 2, ran_ms=JOB_MS)
    assert client.results()[2].ending == Ending.RAN


def test_it_is_asked_for_once_and_an_answer_counts_once(talk: Any) -> None:
    worker, client = one_waits(talk)
    other = talk.worker("w2", slots=3)
    wish = asked(worker)
    talk.wait(3.0)
    assert worker.of(GiveBack) == []
    for _ in range(2):
        worker.say(GivenBack(wish.number, client.session, (2,)))
    assert other.runs() == [(2, 1)]


@pytest.mark.parametrize("lie", [(1,), (7,), (9_000,)])
def test_no_more_is_given_back_than_was_asked_for(talk: Any, lie: tuple[int, ...]) -> None:
    worker, client = one_waits(talk)
    other = talk.worker("w2", slots=3)
    wish = asked(worker)
    worker.say(GivenBack(wish.number, client.session, lie))
    assert other.runs() == []
    worker.say(GivenBack(12345, client.session, (2,)))
    assert other.runs() == []


def test_a_worker_that_is_drained_gives_back_what_waits(talk: Any) -> None:
    worker, client = one_waits(talk)
    talk.admin().say(Drain("w1"))
    wish = asked(worker)
    assert wish.tags == (2,)
    worker.say(GivenBack(wish.number, client.session, (2,)))
    assert behind(talk) == []
    worker.done(client, 1, ran_ms=JOB_MS)
    assert worker.runs() == [], "it gets nothing more"


def test_they_wait_in_the_order_in_which_they_are_sent(talk: Any) -> None:
    """Jobs of one container go together; whichever comes first begins first, and is not asked for."""
    worker, client = talk.worker(slots=1, most_behind=40), talk.client()
    other = client.container(b"another container")
    for number in range(2):
        client.submit(9_000 + number, estimate_ms=60_000, container=other)
        worker.done(client, 9_000 + number)
    client.submit(1, 2, estimate_ms=3)
    client.submit(3, 4, estimate_ms=4, container=other)
    client.submit(5, 6, estimate_ms=5)
    talk.now += (TURN_MS + 3) / 1000
    worker.got.clear()
    worker.done(client, 1, ran_ms=3)
    sent = [tag for tag, _ in worker.runs()]
    assert len(sent) > 4 and behind(talk) == sent[1:]


def test_one_that_stops_gives_back_all_by_itself(talk: Any) -> None:
    worker, client = one_waits(talk)
    worker.got.clear()
    worker.say(GivenBack(0, client.session, (2,)))
    assert worker.got == [] and behind(talk) == []
    assert talk.worker("w2", slots=1).runs() == [(2, 1)]


def test_one_that_stops_gives_back_what_was_on_its_way(talk: Any) -> None:
    """As far as we know it runs there."""
    worker, client = talk.worker(slots=1), talk.client()
    client.submit(1)
    worker.say(GivenBack(0, client.session, (1,)))
    assert worker.runs() == [(1, 1)] and client.results() == {}
    client.submit(2)
    assert worker.runs() == [(1, 1)], "it gets nothing more"
    assert talk.worker("w2", slots=2).runs() == [(1, 1), (2, 1)], "that was no attempt"


def test_a_job_of_several_slots_is_not_kept_waiting(talk: Any) -> None:
    worker, client = talk.worker(slots=2, most_behind=40), talk.client()
    seen(talk, worker, client)
    client.submit(1, 2, 3, 4, estimate_ms=JOB_MS)
    assert behind(talk) == [3, 4]
    other = talk.client("other")
    other.submit(5, slots=2, estimate_ms=100)
    client.submit(6, 7, 8, 9, estimate_ms=JOB_MS)
    (reserved,) = [one.reserved for one in talk.machine.book.workers.values()]
    assert reserved is not None
    assert behind(talk) == [3, 4], "nothing more waits there"
    assert {3, 4} == {tag for wish in worker.of(GiveBack) for tag in wish.tags}


def test_a_cancelled_one_ends_without_having_run(talk: Any) -> None:
    worker, client = one_waits(talk)
    client.cancel(2)
    worker.done(client, 2, ending=Ending.CANCELLED)
    assert client.results()[2].ending == Ending.CANCELLED and behind(talk) == []


def test_a_death_costs_those_that_wait_no_attempt(talk: Any) -> None:
    worker, _ = one_waits(talk)
    talk.cut(worker)
    talk.wait(5.0, worker)
    other = talk.worker("w2", slots=2, most_behind=40)
    assert sorted(other.runs()) == [(1, 2), (2, 1)]


def test_who_may_have_killed_a_worker_never_waits_again(talk: Any) -> None:
    worker, _ = one_waits(talk)
    talk.cut(worker)
    talk.wait(5.0, worker)
    other = talk.worker("w2", slots=1, most_behind=40)
    seen(talk, other, talk.client("other"), 1)
    assert behind(talk, "w2") == [], "1 and 2 may both have begun there"


def test_a_broken_connection_gives_back_what_waits(talk: Any) -> None:
    worker, client = one_waits(talk)
    talk.cut(worker)
    back = worker.again("peer-again", slots=1, most_behind=40, held=worker.holds(client, (1, 1)))
    assert back.runs() == [(2, 1)], "it is given again, and is no new attempt"
    back.done(client, 1, ran_ms=JOB_MS)
    assert behind(talk) == []


def test_what_has_begun_while_the_connection_was_broken_goes_on(talk: Any) -> None:
    worker, client = one_waits(talk)
    talk.cut(worker)
    held = worker.holds(client, (2, 1))
    back = worker.again("peer-again", slots=1, most_behind=40, held=held)
    assert behind(talk) == [1], "what the worker does not name has not come to it"
    assert back.runs() == [(1, 1)]


def test_those_that_wait_count_in_shares(talk: Any) -> None:
    worker, first, second = talk.worker(slots=1, most_behind=40), talk.client(), talk.client("c2")
    seen(talk, worker, first)
    first.submit(*range(10), estimate_ms=JOB_MS)
    second.submit(*range(10), estimate_ms=JOB_MS)
    for tag in range(4):
        worker.done(first, tag, ran_ms=JOB_MS)
    sessions = [run.session for run in worker.of(type(worker.got[-1]))[-3:]]
    assert sessions.count(second.session) >= 2, "who waits at a worker has its share already"


def test_the_status_and_the_story_say_who_waits_there(talk: Any) -> None:
    worker, client = one_waits(talk)
    admin = talk.admin()
    (status,) = admin.say(AskStatus(False))
    told = json.loads(status.document)
    (of_worker,) = told["workers"]
    assert (of_worker["running"], of_worker["behind_slots"], of_worker["turn_ms"]) == (1, 1, 10.0)
    assert (told["totals"]["running"], told["totals"]["queued"]) == (1, 1)
    assert told["totals"]["behind_slots"] == told["clients"][0]["behind_slots"] == 1
    assert (told["clients"][0]["running"], told["clients"][0]["queued"]) == (1, 1)
    talk.now += 0.2
    story = story_of(admin, 2)
    assert story["outcome"] == "waits behind the slots of w1"
    assert "now: it has waited behind the slots of w1 for 0.20 s" in story["story"]
    worker.done(client, 1, ran_ms=200)
    talk.now += 0.3
    worker.done(client, 2, ran_ms=250)
    story = story_of(admin, 2)
    assert "it waited behind the slots of w1 for 0.25 s" in story["story"]
    assert (story["waited_seconds"], story["ran_seconds"]) == (0.25, 0.25)


def story_of(admin: Any, tag: int) -> dict[str, Any]:
    (answer,) = admin.say(AskStory("somebody", str(tag)))
    assert type(answer) is Status
    found: dict[str, Any] = json.loads(answer.document)
    return found


def test_no_more_wait_than_is_good(talk: Any) -> None:
    worker, client = talk.worker(slots=2, most_behind=4000), talk.client()
    seen(talk, worker, client, turn_ms=900)
    client.submit(*range(500), estimate_ms=0)
    assert len(behind(talk)) == 2 * A_SLOT, "however slow the link is, and short the jobs"
    client.cancel(*range(500))
    for tag in range(2 + 2 * A_SLOT):
        worker.done(client, tag, ending=Ending.CANCELLED)
    client.submit(*range(1000, 1500), estimate_ms=20)
    assert len(behind(talk)) == 2 * MOST_SECONDS / 0.02
    assert LEAST_SECONDS <= MOST_SECONDS < SHORT_SECONDS


def test_a_turn_is_a_mean_of_the_last_ones() -> None:
    turn = turn_seconds(0.0, 0.2)
    assert turn == 0.2
    for _ in range(50):
        turn = turn_seconds(turn, 0.01)
    assert 0.01 < turn < 0.011
    assert turn_seconds(0.01, 500.0) < 0.2, "a machine that stood still says nothing of its link"
    assert turn_seconds(0.0, -3.0) > 0.0


def test_a_pace_is_told_by_the_last_jobs() -> None:
    pace = Pace()
    for _ in range(20):
        pace.add(0.005)
    assert pace.expected() == 0.005 and pace.longest() < 0.006
    pace.add(2.0)
    assert pace.longest() > 0.5, "after a long one none is expected to be short for a while"
    for _ in range(50):
        pace.add(0.005)
    assert pace.longest() < 0.02


@pytest.mark.parametrize("estimate", [-1, 0, 1, 5000, 1 << 31])
def test_an_estimate_is_in_the_place_of_a_job(estimate: int) -> None:
    key = key_of(-128, estimate, 77)
    assert estimate_of(key) == estimate_of(to_the_front(key)) == estimate
