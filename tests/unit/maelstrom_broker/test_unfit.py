"""Workers that cannot run what others can, since their disks are full: others are asked first."""

from typing import Any

import pytest
from maelstrom_broker.limits import MOST_ATTEMPTS, MOST_UNFIT, UNFIT_SECONDS

from maelstrom_core.wire.rows import Ending


def hand_of(workers: list[Any], tag: int, attempt: int) -> Any:
    """Who was given that attempt."""
    (found,) = [worker for worker in workers if (tag, attempt) in worker.runs()]
    return found


def test_a_job_comes_to_the_one_worker_of_five_that_has_room(talk: Any) -> None:
    workers = [talk.worker(f"w{number}") for number in range(5)]
    client = talk.client()
    client.submit(1)
    asked = []
    for attempt in range(1, 5):
        asked.append(hand_of(workers, 1, attempt))
        asked[-1].done(client, 1, attempt=attempt, ending=Ending.UNFIT, body=b"the disk is full")
    last = hand_of(workers, 1, 5)
    assert last not in asked and len({*map(id, asked)}) == 4
    last.done(client, 1, attempt=5)
    assert client.results()[1].ending == Ending.RAN


def test_what_no_worker_can_run_ends_and_says_where_it_was_tried(talk: Any) -> None:
    workers = [talk.worker(f"w{number}") for number in range(MOST_UNFIT + 2)]
    client = talk.client()
    client.submit(1)
    for attempt in range(1, MOST_UNFIT + 1):
        worker = hand_of(workers, 1, attempt)
        worker.done(client, 1, attempt=attempt, ending=Ending.UNFIT, body=b"full")
    row = client.results()[1]
    assert (row.ending, row.attempts) == (Ending.UNFIT, MOST_UNFIT)
    tried = [line.partition(":")[0] for line in row.body.decode().splitlines()]
    assert len(set(tried)) == MOST_UNFIT


def test_a_job_whose_workers_die_is_not_given_to_more_of_them(talk: Any) -> None:
    workers = [talk.worker(f"w{number}") for number in range(6)]
    client = talk.client()
    client.submit(1)
    for attempt in range(1, MOST_ATTEMPTS + 1):
        talk.cut(hand_of(workers, 1, attempt))
        talk.wait(3.0)
    assert client.results()[1].ending == Ending.LOST


@pytest.mark.parametrize("seconds", [UNFIT_SECONDS / 2, UNFIT_SECONDS])
def test_other_jobs_of_that_container_pass_it_over_for_a_while(talk: Any, seconds: float) -> None:
    full, client = talk.worker("full"), talk.client()
    client.submit(1)
    other = talk.worker("other")
    full.done(client, 1, ending=Ending.UNFIT, body=b"the disk is full")
    client.submit(2, 3, 4)
    assert full.runs() == [(1, 1)] and other.runs() == [(1, 2), (2, 1)], "they wait for the other"
    talk.wait(seconds)
    assert full.runs()[1:] == ([] if seconds < UNFIT_SECONDS else [(3, 1), (4, 1)])


def test_one_that_is_unfit_again_is_passed_over_for_longer(talk: Any) -> None:
    full, client = talk.worker("full", slots=2), talk.client()
    client.submit(1, 2)
    other = talk.worker("other")
    full.done(client, 1, ending=Ending.UNFIT)
    talk.wait(UNFIT_SECONDS / 2)
    full.done(client, 2, ending=Ending.UNFIT)
    client.submit(3)
    talk.wait(UNFIT_SECONDS / 2)
    assert full.runs() == [(1, 1), (2, 1)]
    talk.wait(UNFIT_SECONDS / 2)
    assert full.runs() == [(1, 1), (2, 1), (3, 1)]
    assert other.runs() == [(1, 2), (2, 2)]


def test_jobs_of_other_containers_go_there(talk: Any) -> None:
    full, ann = talk.worker("full"), talk.client("ann")
    ann.submit(1)
    other = talk.worker("other")
    full.done(ann, 1, ending=Ending.UNFIT)
    ann.submit(*range(2, 6))
    bob = talk.client("bob")
    bob.submit(1, 2, container=bob.container(b"another"))
    assert len(other.runs()) == 2, "ann's; hers wait, and are before bob's"
    assert full.runs() == [(1, 1), (1, 1), (2, 1)], "bob's"


def test_if_there_is_no_other_it_is_given_what_it_could_not_run(talk: Any) -> None:
    full, client = talk.worker("full"), talk.client()
    client.submit(1)
    for attempt in range(1, MOST_ATTEMPTS + 1):
        full.done(client, 1, attempt=attempt, ending=Ending.UNFIT)
    client.submit(2)
    assert full.runs()[-1] == (2, 1)
    other = talk.worker("other")
    client.submit(3, 4)
    assert other.runs() == [(3, 1), (4, 1)]
    client.submit(5)
    assert (5, 1) not in full.runs(), "there is another"
    talk.cut(other)
    talk.wait(3.0)
    assert (3, 2) in full.runs(), "there is none any more"
