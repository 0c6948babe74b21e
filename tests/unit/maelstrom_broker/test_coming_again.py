"""Connections, workers, clients and brokers are lost and come again."""

from typing import Any

import pytest
from maelstrom_broker.events import Came
from maelstrom_broker.limits import AWAY_SECONDS, GRACE_SECONDS, ORPHAN_SECONDS

from maelstrom_core.wire.messages import (
    Bye,
    Cancel,
    ContainerBytes,
    Done,
    Hello,
    Results,
    Taken,
    Welcome,
)
from maelstrom_core.wire.rows import DoneJob, Ending, HeldJob

OTHER_BOOT, BOOT = b"A" * 16, b"B" * 16


def test_a_worker_that_comes_back_at_once_keeps_its_jobs(talk: Any) -> None:
    worker, other, client = talk.worker("w1"), talk.worker("w2"), talk.client()
    client.submit(1, 2, 3, 4)
    mine = worker.runs()
    talk.cut(worker)
    talk.wait(1)
    assert len(other.runs()) == 2
    back = worker.again("back", held=worker.holds(client, *mine), boot=b"B" * 16)
    talk.wait(10)
    assert back.runs() == []
    for tag, attempt in mine:
        back.done(client, tag, attempt=attempt)
    assert sorted(client.results()) == sorted(tag for tag, _ in mine)


def test_a_worker_that_does_not_come_back_loses_them(talk: Any) -> None:
    worker, client = talk.worker("w1"), talk.client()
    client.submit(1)
    other = talk.worker("w2")
    talk.cut(worker)
    assert other.runs() == []
    talk.wait(2.5)
    assert other.runs() == [(1, 2)]


def test_a_worker_that_says_goodbye_gives_its_jobs_back_uncounted(talk: Any) -> None:
    worker, client = talk.worker("w1"), talk.client()
    client.submit(1)
    other = talk.worker("w2")
    worker.say(Bye(0, "stopped"))
    assert other.runs() == [(1, 1)]


def test_what_was_lost_on_its_way_to_a_worker_is_given_again_uncounted(talk: Any) -> None:
    worker, client = talk.worker(), talk.client()
    client.submit(1, 2)
    talk.cut(worker)
    back = worker.again("back", held=worker.holds(client, (2, 1)), boot=b"B" * 16)
    assert back.runs() == [(1, 1)]


def test_a_container_is_sent_again_by_a_new_connection(talk: Any) -> None:
    worker, client = talk.worker(), talk.client()
    client.submit(1)
    talk.cut(worker)
    back = worker.again("back")
    assert len(back.of(ContainerBytes)) == 1


def test_a_worker_that_comes_late_goes_on_with_what_nobody_else_has(talk: Any) -> None:
    worker, client = talk.worker(), talk.client()
    client.submit(1)
    talk.wait(7, worker)  # given up
    back = worker.again("back", held=worker.holds(client, (1, 1)), boot=b"B" * 16)
    assert back.runs() == []
    back.done(client, 1)
    assert client.results()[1].attempts == 1


def test_what_others_have_meanwhile_is_ended_at_a_worker_that_comes_late(talk: Any) -> None:
    worker, client = talk.worker("w1"), talk.client()
    client.submit(1)
    talk.wait(7, worker)
    other = talk.worker("w2")
    assert other.runs() == [(1, 2)]
    back = worker.again("back", held=worker.holds(client, (1, 1)), boot=b"B" * 16, slots=1)
    assert back.of(Cancel) == [Cancel(client.session, (1,))]
    # Until it has ended its slot is taken.
    client.submit(2, 3)
    assert back.runs() == []
    assert back.done(client, 1, ending=Ending.CANCELLED)[0] == Taken(client.session, (1,))
    other.done(client, 1, attempt=2)
    assert client.results()[1].worker == "w2"
    assert [tag for tag, _ in back.runs()] == [3]


def test_an_ended_job_whose_client_has_it_is_not_wanted_any_more(talk: Any) -> None:
    worker, client = talk.worker(), talk.client()
    client.submit(1)
    worker.done(client, 1)
    talk.cut(worker)
    client.take(1)
    back = worker.again("back", held=worker.holds(client, (1, 1)), boot=b"B" * 16)
    assert back.of(Cancel) == [Cancel(client.session, (1,))]
    back.done(client, 1)
    assert back.of(Taken) == [Taken(client.session, (1,))]


def test_an_ended_job_stays_at_its_worker_until_its_client_has_it(talk: Any) -> None:
    worker, client = talk.worker(), talk.client()
    client.submit(1)
    worker.done(client, 1)
    talk.cut(worker)
    held = (HeldJob(client.session, 1, 1, 0),)
    back = worker.again("back", held=held, boot=b"B" * 16)
    assert back.of(Cancel) == []
    client.take(1)
    assert back.of(Taken) == [Taken(client.session, (1,))]


def test_what_was_to_be_said_to_the_connection_before_is_not_said_to_the_next(talk: Any) -> None:
    """A result is taken, and its worker says in the same moment, by a new connection, that it has it."""
    worker, client = talk.worker(), talk.client()
    client.submit(1)
    worker.done(client, 1)
    taken = Came(client.peer, "client", "client-key", Taken(client.session, (1,)))
    held = (HeldJob(client.session, 1, 1, 0),)
    hello = Hello(1, 1, "t", worker.session, "w1", b"B" * 16, slots=2, held=held)
    talk.machine.take(taken, now=talk.now)
    talk.machine.take(Came(b"back", "worker", "worker-key", hello), now=talk.now)
    sent = talk.machine.settle(now=talk.now)
    to_new = [one.message for one in sent if getattr(one, "peer", b"") == b"back"]
    assert [type(message) for message in to_new] == [Welcome, Cancel]


# The broker was started anew


def test_what_a_worker_holds_since_before_runs_on_once_its_client_asks(talk: Any) -> None:
    client = talk.stranger("client", "c1")
    worker = talk.worker(boot=OTHER_BOOT, held=client_holds(client, 1, 2))
    assert worker.of(Cancel) == []
    client.hello(boot=OTHER_BOOT)
    client.container()
    client.submit(1, 2, 3)
    talk.wait(5)
    assert worker.runs() == []
    worker.done(client, 1)
    assert worker.runs() == [(3, 1)]
    assert client.results()[1].body == b"result"


def client_holds(client: Any, *tags: int) -> tuple[HeldJob, ...]:
    return tuple(HeldJob(client.session, tag, 1) for tag in tags)


def test_what_ended_before_its_client_asks_is_kept_for_it(talk: Any) -> None:
    client = talk.stranger("client", "c1")
    worker = talk.worker(boot=OTHER_BOOT, held=client_holds(client, 1))
    assert worker.done(client, 1) == []
    client.hello(boot=OTHER_BOOT)
    client.container()
    client.submit(1)
    assert client.results()[1].body == b"result"
    client.take(1)
    assert worker.of(Taken) == [Taken(client.session, (1,))]


def test_what_is_handed_in_again_waits_for_whoever_may_have_it(talk: Any) -> None:
    worker = talk.worker("w1")
    client = talk.client(boot=OTHER_BOOT)
    client.submit(1, 2)
    talk.wait(2)
    assert worker.runs() == []
    late = talk.worker("w2", boot=OTHER_BOOT, held=client_holds(client, 1))
    talk.wait(2)
    assert worker.runs() == [(2, 1)]
    assert late.runs() == []
    late.done(client, 1)
    assert client.results()[1].worker == "w2"


def test_a_client_that_was_never_welcomed_elsewhere_does_not_wait(talk: Any) -> None:
    worker, client = talk.worker(), talk.client(boot=b"")
    client.submit(1)
    assert worker.runs() == [(1, 1)]


def test_what_nobody_asks_for_is_ended_after_a_minute(talk: Any) -> None:
    ghost = talk.stranger("client", "ghost")
    held = client_holds(ghost, 1, 2)
    del talk.hands[ghost.peer]
    worker = talk.worker(boot=OTHER_BOOT, held=held)
    worker.done(ghost, 2)
    client = talk.client()
    talk.wait(55)
    assert worker.of(Cancel) == worker.of(Taken) == []
    client.submit(5, 6)
    assert worker.runs() == [(5, 1)]  # the other slot is the orphan's
    talk.wait(6)
    assert worker.of(Cancel) == [Cancel(ghost.session, (1,))]
    assert worker.of(Taken) == [Taken(ghost.session, (2,))]
    assert worker.runs() == [(5, 1)]
    worker.done(ghost, 1, ending=Ending.CANCELLED)
    assert worker.runs() == [(5, 1), (6, 1)]


def test_orphans_outlast_a_broken_connection(talk: Any) -> None:
    client = talk.stranger("client", "c1")
    worker = talk.worker(boot=OTHER_BOOT, held=client_holds(client, 1))
    talk.cut(worker)
    back = worker.again("back", boot=b"B" * 16, held=client_holds(client, 1))
    assert back.of(Cancel) == []
    client.hello(boot=OTHER_BOOT)
    client.container()
    client.submit(1)
    back.done(client, 1)
    assert client.results()[1].attempts == 1


def test_an_orphan_that_its_worker_holds_no_more_takes_no_slot(talk: Any) -> None:
    ghost = talk.stranger("client", "ghost")
    worker = talk.worker(boot=OTHER_BOOT, held=client_holds(ghost, 1, 2))
    talk.cut(worker)
    back = worker.again("back", boot=b"B" * 16, held=client_holds(ghost, 2))
    client = talk.client()
    client.submit(5, 6)
    assert back.runs() == [(5, 1)]


def test_orphans_of_several_slots_take_as_many(talk: Any) -> None:
    ghost = talk.stranger("client", "ghost")
    worker = talk.worker(slots=4, boot=OTHER_BOOT, held=(HeldJob(ghost.session, 1, 1, 3),))
    client = talk.client()
    client.submit(1, 2)
    assert len(worker.runs()) == 1


# Clients


def test_a_client_that_comes_again_gets_what_it_has_not_taken(talk: Any) -> None:
    worker, client = talk.worker(), talk.client()
    client.submit(1, 2)
    worker.done(client, 1)
    talk.cut(client)
    worker.done(client, 2)
    talk.wait(20)
    back = client.again("back")
    assert sorted(back.results()) == [1, 2]


@pytest.mark.parametrize("how", ["cut", "goodbye"])
def test_a_client_that_stays_away_is_wanted_no_more(talk: Any, how: str) -> None:
    worker, client = talk.worker(slots=2), talk.client()
    client.submit(1, 2, 3)
    worker.done(client, 1)
    assert worker.runs() == [(1, 1), (2, 1), (3, 1)]
    client.submit(4)
    if how == "cut":
        talk.cut(client)
        talk.wait(29)
        assert worker.of(Cancel) == []
        talk.wait(2)
    else:
        client.say(Bye(0, "done"))
    assert worker.of(Cancel) == [Cancel(client.session, (2, 3))]
    assert worker.of(Taken) == [Taken(client.session, (1,))]
    worker.done(client, 2, ending=Ending.CANCELLED)
    worker.done(client, 3)
    assert worker.of(Taken)[1:] == [Taken(client.session, (2,)), Taken(client.session, (3,))]
    assert len(worker.runs()) == 3
    book = talk.machine.book
    assert not (book.clients or book.zombies or book.containers or book.dispatch.demands)


def test_a_client_that_was_given_up_may_come_again(talk: Any) -> None:
    worker, client = talk.worker(), talk.client()
    client.submit(1)
    talk.cut(client)
    talk.wait(31)
    back = client.again("back", boot=b"B" * 16)
    back.container()
    back.submit(1)
    assert worker.runs() == [(1, 1)]  # it is about to end there
    worker.done(client, 1, ending=Ending.CANCELLED)
    assert worker.runs() == [(1, 1), (1, 1)]
    worker.done(client, 1)
    assert back.results()[1].ending == Ending.RAN


def test_results_on_their_way_are_limited(talk: Any) -> None:
    worker, client = talk.worker(slots=4000), talk.client()
    for start in range(0, 400, 40):
        client.submit(*range(start, start + 40))
    rows = [DoneJob(tag, 1, 0, bytes(128 << 10)) for tag in range(400)]
    for row in rows:
        worker.say(Done(client.session, (row,)))
    sent = client.results()
    assert sum(len(row.body) for row in sent.values()) == 8 << 20
    assert all(len(one.jobs) < 10 for one in client.of(Results))
    while len(client.results()) < 400:
        client.take(*client.results())
    client.take(*client.results())
    assert not talk.machine.book.clients[client.session].jobs


@pytest.mark.parametrize("ending", [Ending.CANCELLED, Ending.RAN])
def test_a_job_that_comes_where_it_is_being_ended_is_run_when_that_is_over(
    talk: Any, ending: Ending
) -> None:
    """A client that stood still for long comes again: its job was nobody's, and ends slowly."""
    worker, client = talk.stranger("worker", "w1"), talk.stranger("client", "c1")
    worker.hello(boot=OTHER_BOOT, held=worker.holds(client, (1, 1)))
    talk.wait(ORPHAN_SECONDS + 1)
    assert worker.of(Cancel) == [Cancel(client.session, (1,))]
    client.hello(boot=OTHER_BOOT)
    client.container()
    client.submit(1)
    talk.wait(GRACE_SECONDS + 1)
    assert worker.runs() == [], "it would go on as the one that is being ended"
    worker.done(client, 1, ending=ending)
    if ending is Ending.CANCELLED:
        assert worker.runs() == [(1, 1)]
        worker.done(client, 1)
    assert client.results()[1].ending == Ending.RAN
    client.take(1)


def test_a_job_that_waits_again_does_not_go_on_where_it_was_told_to_end(talk: Any) -> None:
    """Two are taken for dead, of which the first comes again, and then has a new connection, by which it
    still says that it holds the job."""
    first, client = talk.worker("w1", slots=1), talk.client()
    client.submit(1)
    assert first.runs() == [(1, 1)]
    talk.cut(first)
    talk.wait(AWAY_SECONDS + 1)
    second = talk.worker("w2", slots=1)
    assert second.runs() == [(1, 2)]
    held = first.holds(client, (1, 1))
    back = first.again("back", slots=1, held=held, boot=BOOT)
    assert back.of(Cancel) == [Cancel(client.session, (1,))]
    talk.cut(second)
    talk.wait(AWAY_SECONDS + 1)
    assert back.runs() == [], "its slot is not free"
    talk.cut(back)
    once_more = back.again("once more", slots=1, held=held, boot=BOOT)
    once_more.done(client, 1, ending=Ending.CANCELLED)
    assert once_more.runs() == [(1, 3)]
    once_more.done(client, 1, attempt=3)
    assert client.results()[1].ending == Ending.RAN
