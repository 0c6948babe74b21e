"""Whose turn it is, and where."""

import json
from typing import Any

import pytest
from maelstrom_broker.events import Came
from maelstrom_broker.limits import FILL_AT_ONCE
from maelstrom_broker.queue_state import key_of

from maelstrom_core.wire.administration import Answer, AskStatus, CancelRun, Drain, Status
from maelstrom_core.wire.messages import Cancel, Hello, Run
from maelstrom_core.wire.rows import Ending


def order(talk: Any, worker: Any, client: Any) -> list[int]:
    """Runs all of a client's jobs on a worker of one slot; in which order."""
    done = 0
    while done < len(worker.runs()):
        tag, attempt = worker.runs()[done]
        worker.done(client, tag, attempt=attempt)
        done += 1
    return [tag for tag, _ in worker.runs()]


def test_priority_then_the_unknown_then_the_longest_then_the_first(talk: Any) -> None:
    client = talk.client()
    client.submit(1, estimate_ms=100)
    client.submit(2, estimate_ms=5000)
    client.submit(3)
    client.submit(4)
    client.submit(5, estimate_ms=0, priority=1)
    client.submit(6, estimate_ms=99999, priority=-1)
    client.submit(7, estimate_ms=5000)
    assert order(talk, talk.worker(slots=1), client) == [5, 3, 4, 2, 7, 1, 6]


@pytest.mark.parametrize("estimate", [-1, 0, 1, 2**40, 2**63 - 1])
@pytest.mark.parametrize("priority", [-128, 127])
def test_places_are_never_mixed_up(priority: int, estimate: int) -> None:
    here = key_of(priority, estimate, 7)
    assert key_of(priority, estimate, 6) < here < key_of(priority, estimate, 8)
    if priority > -128:
        assert here < key_of(priority - 1, -1, 0)


def test_clients_share_what_there_is(talk: Any) -> None:
    many, few = talk.client("many"), talk.client("few")
    many.submit(*range(100))
    worker = talk.worker(slots=4)
    for tag in range(4):
        assert worker.runs()[tag][0] == tag
    few.submit(1, 2, 3)
    for tag in range(4):
        worker.done(many, tag)
    sessions = [run.session for run in worker.of(Run) for _ in run.jobs][4:]
    assert sessions.count(few.session) == 2  # half of them, and no more


def test_a_client_of_twice_the_weight_has_twice_the_slots(talk: Any) -> None:
    heavy, light = talk.client("heavy", weight=2), talk.client("light")
    heavy.submit(*range(30))
    light.submit(*range(30))
    worker = talk.worker(slots=9)
    sessions = [run.session for run in worker.of(Run) for _ in run.jobs]
    assert sessions.count(heavy.session) == 6
    assert sessions.count(light.session) == 3


def test_jobs_go_where_their_container_is_known(talk: Any) -> None:
    workers = [talk.worker(f"w{number}", slots=4) for number in range(5)]
    client = talk.client()
    client.submit(1)
    (warm,) = [worker for worker in workers if worker.runs()]
    client.submit(2, 3)
    assert [tag for tag, _ in warm.runs()] == [1, 2, 3]


def test_without_any_that_knows_it_the_one_most_free_is_taken(talk: Any) -> None:
    one, other, client = talk.worker("w1", slots=4), talk.worker("w2", slots=4), talk.client()
    client.submit(1, 2)
    busy, idle = (one, other) if one.runs() else (other, one)
    client.submit(3, container=client.container(b"another"))
    assert [tag for tag, _ in idle.runs()] == [3]
    assert [tag for tag, _ in busy.runs()] == [1, 2]


def test_labels_are_respected(talk: Any) -> None:
    plain, gpu = talk.worker("w1"), talk.worker("w2", labels=("gpu", "linux"))
    client = talk.client()
    client.submit(1, 2, 3, labels=("gpu",))
    assert plain.runs() == []
    assert len(gpu.runs()) == 2
    client.submit(4)
    assert [tag for tag, _ in plain.runs()] == [4]


def test_slots_are_respected(talk: Any) -> None:
    worker, client = talk.worker(slots=4), talk.client()
    client.submit(1, slots=3)
    client.submit(2, 3)
    assert [tag for tag, _ in worker.runs()] == [1, 2]
    (first, second) = worker.of(Run)
    assert (first.jobs[0].slots, second.jobs[0].slots) == (3, 1)


def test_a_job_of_several_slots_does_not_starve(talk: Any) -> None:
    """Jobs of one slot of the same length come without end; each slot that is freed goes to one."""
    small, large = talk.client("small"), talk.client("large")
    worker = talk.worker(slots=3)
    small.submit(*range(3))
    large.submit(1, slots=3)
    ended = 0
    for tag in range(3, 20):
        small.submit(tag)
        rows = [(run.session, row.tag) for run in worker.of(Run) for row in run.jobs]
        if (large.session, 1) in rows:
            break
        worker.done(small, rows[ended][1])
        ended += 1
    assert (large.session, 1) in rows
    assert ended == 3
    worker.done(large, 1)
    assert len(worker.runs()) > 4  # and then the others go on


def test_a_reservation_ends_with_the_job_it_was_for(talk: Any) -> None:
    small, large = talk.client("small"), talk.client("large")
    worker = talk.worker(slots=2)
    small.submit(*range(10))
    large.submit(1, slots=2)
    worker.done(small, 0)
    assert len(worker.runs()) == 2  # a slot is kept free
    large.cancel(1)
    assert len(worker.runs()) == 3


def test_only_one_worker_is_kept_free_for_it(talk: Any) -> None:
    small, large = talk.client("small"), talk.client("large")
    one, other = talk.worker("w1", slots=2), talk.worker("w2", slots=2)
    small.submit(*range(20))
    large.submit(1, slots=2)
    for worker in (one, other):
        worker.done(small, worker.runs()[0][0])
    assert sorted((len(one.runs()), len(other.runs()))) == [2, 3]


def test_a_job_of_several_slots_has_its_turn_though_it_was_not_first_when_it_came(
    talk: Any,
) -> None:
    small, tiny, large = talk.client("small"), talk.client("tiny"), talk.client("large")
    worker = talk.worker(slots=3)
    small.submit(*range(100))
    tiny.submit(1)
    large.submit(1, slots=3)
    rows = []
    for ended in range(20):
        rows = [(run.session, row.tag) for run in worker.of(Run) for row in run.jobs]
        if (large.session, 1) in rows:
            break
        owner = {one.session: one for one in (small, tiny)}[rows[ended][0]]
        worker.done(owner, rows[ended][1])
    assert (large.session, 1) in rows
    assert rows[3] == (tiny.session, 1)  # its turn was first


def test_a_worker_is_not_kept_free_for_more_than_the_next_job(talk: Any) -> None:
    small, large = talk.client("small"), talk.client("large")
    worker = talk.worker(slots=3)
    small.submit(*range(100))
    large.submit(1, 2, slots=2)
    for tag in (0, 1):
        worker.done(small, tag)
    rows = [(run.session, row.tag) for run in worker.of(Run) for row in run.jobs]
    assert rows[3:] == [(large.session, 1)]
    worker.done(small, 2)
    rows = [(run.session, row.tag) for run in worker.of(Run) for row in run.jobs]
    assert rows[4:] == [(small.session, 3)]


def test_whoever_failed_gets_it_again_when_the_others_are_drained(talk: Any) -> None:
    one, other = talk.worker("w1", slots=2), talk.worker("w2", slots=1)
    client, busy, admin = talk.client("c1"), talk.client("c2"), talk.admin()
    client.submit(1)
    assert one.runs() == [(1, 1)]
    admin.say(Drain("w1"))
    busy.submit(7)
    assert other.runs() == [(7, 1)]
    admin.say(Drain("w1", on=False))
    one.done(client, 1, ending=Ending.UNFIT)
    assert one.runs() == [(1, 1)]  # it waits for the other one
    admin.say(Drain("w2"))
    assert one.runs() == [(1, 1), (1, 2)]


def test_whoever_failed_gets_it_again_when_the_others_do_not_come_back(talk: Any) -> None:
    one, client = talk.worker("w1"), talk.client()
    client.submit(1)
    other = talk.worker("w2")
    talk.cut(other)
    one.done(client, 1, ending=Ending.UNFIT)
    assert one.runs() == [(1, 1)]
    talk.wait(2.5)
    assert one.runs() == [(1, 1), (1, 2)]


def test_slots_are_kept_for_the_first_in_order_when_smaller_jobs_come(talk: Any) -> None:
    running, large, small = (talk.client(name) for name in ("running", "large", "small"))
    worker = talk.worker(slots=3)
    running.submit(1, slots=2)
    large.submit(2, slots=2)
    small.submit(3)
    assert worker.runs() == [(1, 1)]
    worker.done(running, 1)
    assert worker.runs() == [(1, 1), (2, 1), (3, 1)]


def test_a_drained_worker_gets_nothing_new(talk: Any) -> None:
    worker, client, admin = talk.worker("w1"), talk.client(), talk.admin()
    admin.say(Drain("w1"))
    assert admin.of(Answer) == [Answer("")]
    client.submit(1)
    assert worker.runs() == []
    talk.cut(worker)
    back = worker.again("back")
    assert back.runs() == []
    admin.say(Drain("w1", on=False))
    assert back.runs() == [(1, 1)]


def test_to_drain_who_is_not_there_is_answered_with_the_nearest(talk: Any) -> None:
    admin = talk.admin()
    talk.worker("rack-7")
    admin.say(Drain("rack-1"))
    assert "did you mean rack-7?" in admin.of(Answer)[0].fault


def test_all_jobs_of_a_client_can_be_cancelled(talk: Any) -> None:
    worker, client, admin = talk.worker(), talk.client(), talk.admin()
    for start in range(0, 6000, 500):
        client.submit(*range(start, start + 500))
    admin.say(CancelRun(client.session))
    assert admin.of(Answer) == [Answer("")]
    assert worker.of(Cancel) == [Cancel(client.session, (0, 1))]
    for tag in (0, 1):
        worker.done(client, tag, ending=Ending.CANCELLED)
    taken = 0
    while results := client.results():
        client.got.clear()
        assert {row.ending for row in results.values()} == {Ending.CANCELLED}
        taken += len(results)
        tags = list(results)
        for start in range(0, len(tags), 4000):
            client.take(*tags[start : start + 4000])
    assert taken == 6000
    admin.say(CancelRun(bytes(16)))
    assert "no client" in admin.of(Answer)[-1].fault


def test_the_status_says_what_is_there_and_why_jobs_wait(talk: Any) -> None:
    client, admin = talk.client(), talk.admin()
    client.submit(1, 2, 3, 4)

    def status(details: bool = False) -> Any:
        admin.say(AskStatus(details))
        return json.loads(admin.of(Status)[-1].document)

    assert status()["waiting"] == "no worker is connected"
    worker = talk.worker("w1", labels=("x",))
    worker.done(client, 1)
    client.submit(5, labels=("gpu",))
    talk.wait(4)
    found = status(details=True)
    (one,) = found["workers"]
    assert (one["name"], one["slots"], one["running"], one["labels"]) == ("w1", 2, 2, ["x"])
    (one,) = found["clients"]
    assert (one["queued"], one["running"], one["done"]) == (1, 2, 2)
    assert found["waiting"] == "all slots are taken"
    assert found["totals"]["ran"] == 1
    assert "no worker has the label gpu" in found["recent"][0]["why"]
    assert found["demands"][0]["queued"] == 1


def test_the_status_of_a_large_cluster_fits_into_a_message(talk: Any) -> None:
    admin = talk.admin()
    for number in range(1200):
        hand = talk.stranger("worker", f"w{number}")
        fields = {"labels": tuple(f"label-{n}-{number}" for n in range(60)), "slots": 1}
        del talk.hands[hand.peer]
        hello = Hello(1, 1, "t", hand.session, f"w{number}", **fields)
        talk.machine.step(Came(hand.peer, "worker", "k", hello), now=talk.now)
    admin.say(AskStatus())
    document = admin.of(Status)[0].document
    assert len(document) < 1 << 20
    assert json.loads(document)["totals"]["workers"] == 1200


def test_a_first_fill_is_done_in_slices(talk: Any) -> None:
    client = talk.client()
    for start in range(0, 3000, 500):
        client.submit(*range(start, start + 500))
    worker = talk.stranger("worker", "w1")
    slices = []
    real = talk.machine.step

    def counted(event: Any, *, now: float) -> Any:
        effects = real(event, now=now)
        slices.append(sum(len(one.message.jobs) for one in effects if is_run(one)))
        return effects

    talk.machine.step = counted
    worker.hello(slots=4000)
    assert slices == [FILL_AT_ONCE, FILL_AT_ONCE, 3000 - 2 * FILL_AT_ONCE]


def is_run(effect: Any) -> bool:
    return type(getattr(effect, "message", None)) is Run


def test_heaps_do_not_fill_up_with_what_is_gone(talk: Any) -> None:
    """A client that hands in and cancels for ever leaves nothing behind."""
    client = talk.client()
    client.submit(10**6, priority=127)
    for start in range(0, 4000, 200):
        client.submit(*range(start, start + 200))
        client.cancel(*range(start, start + 200))
        client.take(*range(start, start + 200))
    # `check` of every queue and demand says that none is longer than it must be.
    (demand,) = talk.machine.book.dispatch.demands.values()
    demand.check()
    assert len(demand.queues) == 1
