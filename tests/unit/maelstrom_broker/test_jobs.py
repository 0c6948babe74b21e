"""What becomes of jobs: given, ended, failed, lost, cancelled, refused."""

from typing import Any

import pytest
from maelstrom_broker.limits import ENOUGH_FOR_A_SLOT, RESULTS_SECONDS

from maelstrom_core.wire.messages import (
    Beat,
    Bye,
    Cancel,
    Code,
    ContainerBytes,
    Had,
    Output,
    Results,
    Run,
    Started,
    Taken,
)
from maelstrom_core.wire.rows import Ending


def test_a_job_goes_to_a_worker_and_its_result_to_its_client(talk: Any) -> None:
    worker, client = talk.worker(), talk.client()

    client.submit(7)
    assert [type(one) for one in worker.got[1:]] == [ContainerBytes, Run]
    assert worker.runs() == [(7, 1)]

    worker.done(client, 7)
    row = client.results()[7]
    assert (row.ending, row.body, row.worker, row.attempts) == (Ending.RAN, b"result", "w1", 1)

    assert worker.of(Taken) == []
    client.take(7)
    assert worker.of(Taken) == [Taken(client.session, (7,))]


def test_a_container_is_sent_to_a_worker_once(talk: Any) -> None:
    worker, client = talk.worker(), talk.client()
    client.submit(1)
    client.submit(2)
    assert len(worker.of(ContainerBytes)) == 1


def test_jobs_of_one_submission_come_in_one_message(talk: Any) -> None:
    worker, client = talk.worker(slots=8), talk.client()
    client.submit(1, 2, 3)
    (run,) = worker.of(Run)
    assert [row.tag for row in run.jobs] == [1, 2, 3]


def test_large_bodies_are_spread_over_messages(talk: Any) -> None:
    worker, client = talk.worker(slots=8), talk.client()
    for tag in range(8):
        client.submit(tag, body=bytes(128 << 10))
    other = talk.worker("w2", slots=16)
    del other
    talk.wait(0.5)
    assert all(sum(len(r.body) for r in run.jobs) <= 640 << 10 for run in worker.of(Run))


def test_no_more_jobs_than_slots(talk: Any) -> None:
    worker, client = talk.worker(slots=2), talk.client()
    client.submit(1, 2, 3)
    assert worker.runs() == [(1, 1), (2, 1)]
    worker.done(client, 1)
    assert worker.runs()[2:] == [(3, 1)]


def test_a_job_that_is_known_is_not_run_again(talk: Any) -> None:
    worker, client = talk.worker(slots=4), talk.client()
    client.submit(1)
    client.submit(1)
    assert worker.runs() == [(1, 1)]


def test_of_a_known_job_that_ended_the_result_is_sent_again(talk: Any) -> None:
    worker, client = talk.worker(), talk.client()
    client.submit(1)
    worker.done(client, 1)
    (results,) = client.submit(1)
    assert results.jobs[0].body == b"result"
    assert worker.runs() == [(1, 1)]


def test_a_result_that_is_repeated_is_told_once(talk: Any) -> None:
    worker, client = talk.worker(), talk.client()
    client.submit(1)
    worker.done(client, 1)
    before = len(client.got)
    worker.done(client, 1, body=b"another")
    assert client.got[before:] == []
    client.take(1)
    assert worker.done(client, 1) == [Taken(client.session, (1,))]


def test_the_jobs_of_a_dead_worker_are_given_to_others_first_of_all(talk: Any) -> None:
    one, client = talk.worker("w1", slots=1), talk.client()
    client.submit(1)
    client.submit(2, priority=5)
    talk.wait(6, one)
    other = talk.worker("w2", slots=1)
    assert other.runs() == [(1, 2)]


def test_a_job_whose_workers_die_is_lost_with_their_names(talk: Any) -> None:
    client = talk.client()
    client.submit(1)
    for name in ("w1", "w2", "w3"):
        talk.wait(6, talk.worker(name))
    row = client.results()[1]
    assert (row.ending, row.attempts) == (Ending.LOST, 3)
    assert all(name in row.body.decode() for name in ("w1", "w2", "w3"))


def test_what_a_worker_cannot_run_is_given_to_another(talk: Any) -> None:
    one, other, client = talk.worker("w1"), talk.worker("w2"), talk.client()
    client.submit(1)
    first, second = (one, other) if one.runs() else (other, one)
    first.done(client, 1, ending=Ending.UNFIT, body=b"no disk")
    assert first.of(Taken) == [Taken(client.session, (1,))]
    assert second.runs() == [(1, 2)]


def test_alone_a_worker_is_given_what_it_failed_and_the_texts_are_told(talk: Any) -> None:
    worker, client = talk.worker(), talk.client()
    client.submit(1)
    for attempt in (1, 2, 3):
        assert worker.runs()[-1] == (1, attempt)
        worker.done(client, 1, attempt=attempt, ending=Ending.UNFIT, body=b"no disk %d" % attempt)
    row = client.results()[1]
    assert row.ending == Ending.UNFIT
    assert row.body.decode().splitlines() == [f"w1: no disk {n}" for n in (1, 2, 3)]
    client.take(1)
    assert worker.of(Taken) == [Taken(client.session, (1,))] * 3


def test_an_older_attempt_that_is_repeated_says_nothing_of_the_newer(talk: Any) -> None:
    worker, client = talk.worker(), talk.client()
    client.submit(1)
    worker.done(client, 1, ending=Ending.UNFIT)
    assert worker.done(client, 1, ending=Ending.UNFIT) == []
    assert worker.runs() == [(1, 1), (1, 2)]
    worker.done(client, 1, attempt=2)
    assert client.results()[1].attempts == 2


@pytest.mark.parametrize("ending", [Ending.LOST, Ending.REFUSED])
def test_a_worker_does_not_say_what_only_a_broker_says(talk: Any, ending: Ending) -> None:
    worker, client = talk.worker(), talk.client()
    client.submit(1)
    worker.done(client, 1, ending=ending)
    assert talk.byes(worker) == [Code.PROTOCOL]


def test_a_job_that_waits_is_cancelled_at_once(talk: Any) -> None:
    client = talk.client()
    client.submit(1)
    client.cancel(1, 99)
    assert client.results()[1].ending == Ending.CANCELLED


def test_a_job_that_runs_is_cancelled_by_its_worker(talk: Any) -> None:
    worker, client = talk.worker(), talk.client()
    client.submit(1)
    client.cancel(1)
    assert worker.of(Cancel) == [Cancel(client.session, (1,))]
    assert client.results() == {}
    worker.done(client, 1, ending=Ending.CANCELLED, body=b"")
    assert client.results()[1].ending == Ending.CANCELLED


def test_a_job_that_ended_before_it_was_cancelled_has_its_result(talk: Any) -> None:
    worker, client = talk.worker(), talk.client()
    client.submit(1)
    client.cancel(1)
    worker.done(client, 1)
    assert client.results()[1].ending == Ending.RAN


def test_a_cancelled_job_whose_worker_dies_is_not_run_again(talk: Any) -> None:
    worker, client = talk.worker("w1"), talk.client()
    client.submit(1)
    client.cancel(1)
    other = talk.worker("w2")
    talk.wait(6, worker)
    assert client.results()[1].ending == Ending.CANCELLED
    assert other.runs() == []


@pytest.mark.parametrize(
    ("wants", "said"),
    [
        ({"labels": ("gpu",)}, "no worker has the label gpu"),
        ({"labels": ("lunix",)}, "the nearest is linux"),
        ({"labels": ("linux", "arm")}, "no worker has all of the labels arm, linux"),
        ({"slots": 5}, "it takes 5 slots, and the largest worker has 4"),
        ({"slots": 4, "labels": ("arm",)}, "worker of those that have arm has 2"),
    ],
)
def test_what_nobody_can_ever_run_is_refused_at_once(talk: Any, wants: Any, said: str) -> None:
    talk.worker("w1", slots=4, labels=("linux",))
    talk.worker("w2", slots=2, labels=("arm",))
    client = talk.client()
    talk.wait(4)
    client.submit(1, **wants)
    row = client.results()[1]
    assert row.ending == Ending.REFUSED
    assert said in row.body.decode()


def test_nothing_is_refused_while_no_worker_is_there(talk: Any) -> None:
    client = talk.client()
    client.submit(1, labels=("gpu",))
    talk.wait(20)
    assert client.results() == {}
    assert talk.worker("w1", labels=("gpu",)).runs() == [(1, 1)]


def test_nothing_is_refused_while_workers_are_still_coming(talk: Any) -> None:
    client = talk.client()
    client.submit(1, labels=("gpu",))
    talk.worker("w1")
    talk.wait(2)
    assert talk.worker("w2", labels=("gpu",)).runs() == [(1, 1)]


def test_what_waits_for_workers_that_do_not_come_is_refused(talk: Any) -> None:
    client = talk.client()
    client.submit(1, labels=("gpu",))
    talk.worker("w1")
    talk.wait(4)
    assert client.results()[1].ending == Ending.REFUSED


def test_output_and_beginnings_are_passed_on(talk: Any) -> None:
    worker, client = talk.worker(), talk.client()
    client.submit(1)
    worker.say(Started(client.session, (1, 2)))
    worker.say(Output(client.session, 1, 1, b"hello"))
    assert client.got[-2:] == [
        Started(client.session, (1,)),
        Output(client.session, 1, 1, b"hello"),
    ]


def test_nobody_passes_for_the_worker_of_a_job(talk: Any) -> None:
    one, other, client = talk.worker("w1"), talk.worker("w2"), talk.client()
    client.submit(1)
    thief = other if one.runs() else one
    before = len(client.got)
    thief.say(Output(client.session, 1, 1, b"hello"))
    thief.say(Started(client.session, (1,)))
    thief.done(client, 1)
    assert client.got[before:] == []


def test_output_for_a_client_that_is_away_is_dropped(talk: Any) -> None:
    worker, client = talk.worker(), talk.client()
    client.submit(1)
    talk.cut(client)
    worker.say(Output(client.session, 1, 1, b"hello"))
    back = client.again("peer-back")
    assert back.of(Output) == []


def test_output_beyond_what_a_client_may_take_is_dropped_until_its_next_beat(talk: Any) -> None:
    worker, client = talk.worker(), talk.client()
    client.submit(1)
    for _ in range(200):
        worker.say(Output(client.session, 1, 1, bytes(64 << 10)))
    assert sum(len(one.data) for one in client.of(Output)) == 8 << 20
    client.say(Beat(1))
    worker.say(Output(client.session, 1, 1, b"more"))
    assert client.of(Output)[-1].data == b"more"


def test_output_in_order_is_no_part_of_what_a_client_may_take_and_is_acknowledged(
    talk: Any,
) -> None:
    worker, client = talk.worker(), talk.client()
    client.submit(1)
    for _ in range(200):
        worker.say(Output(client.session, 1, 1, bytes(64 << 10)))
    piece = Output(client.session, 1, 1, b"piece", 3, run=b"a run")
    worker.say(piece)
    assert client.of(Output)[-1] == piece
    client.say(Had(client.session, 1, b"a run", 4))
    client.say(Had(client.session, 2, b"a run", 4))
    assert worker.of(Had) == [Had(client.session, 1, b"a run", 4)]


def test_what_a_client_had_of_a_job_that_has_ended_or_that_nobody_runs_is_no_news(
    talk: Any,
) -> None:
    client = talk.client()
    client.submit(1)
    client.say(Had(client.session, 1, b"a run", 4))
    worker = talk.worker()
    worker.done(client, 1)
    client.say(Had(client.session, 1, b"a run", 4))
    assert worker.of(Had) == []


def test_nobody_says_what_another_client_had(talk: Any) -> None:
    talk.worker()
    ann, eve = talk.client("ann"), talk.client("eve")
    ann.submit(1)
    eve.say(Had(ann.session, 1, b"a run", 4))
    assert eve.of(Bye)[-1].code == Code.PROTOCOL


def test_results_go_together_while_many_jobs_wait(talk: Any) -> None:
    worker, client = talk.worker(slots=2), talk.client()
    many = 2 * ENOUGH_FOR_A_SLOT + 8
    client.submit(*range(many))
    worker.done(client, 0)
    assert list(client.results()) == [0], "the first one goes at once"
    for tag in (1, 2, 3):
        worker.done(client, tag)
    assert list(client.results()) == [0]
    talk.wait(RESULTS_SECONDS)
    assert [[row.tag for row in one.jobs] for one in client.of(Results)] == [[0], [1, 2, 3]]


def test_results_go_at_once_to_a_client_that_would_hand_in_more(talk: Any) -> None:
    worker, client = talk.worker(slots=2), talk.client()
    many = 2 * ENOUGH_FOR_A_SLOT
    client.submit(*range(many))
    for tag in range(many):
        worker.done(client, tag)
        assert list(client.results())[-1] == tag
    assert len(client.of(Results)) == many


def test_results_that_are_gathered_go_to_the_next_connection_at_once(talk: Any) -> None:
    worker, client = talk.worker(slots=2), talk.client()
    client.submit(*range(4 * ENOUGH_FOR_A_SLOT))
    worker.done(client, 0)
    worker.done(client, 1)
    talk.cut(client)
    client = client.again("again")
    assert sorted(client.results()) == [0, 1]
    talk.wait(2 * RESULTS_SECONDS)
    assert len(client.of(Results)) == 1
