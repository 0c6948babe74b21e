"""What a worker does with the jobs it holds, one event after the other."""

import math

import pytest
from maelstrom_broker.limits import MOST_TOLD, MOST_TOLD_BYTES
from maelstrom_worker import effects as ef
from maelstrom_worker import events as ev
from maelstrom_worker.containers_state import MOST_IDLE, MOST_KNOWN, MOST_KNOWN_BYTES
from maelstrom_worker.jobs_state import BEHIND_A_SLOT, TOLD_SECONDS, JobsState

from maelstrom_core.wire.messages import (
    Cancel,
    ContainerBytes,
    Done,
    GivenBack,
    Run,
    Started,
    Taken,
)
from maelstrom_core.wire.rows import Ending, RunJob

SLOTS = 4
SESSIONS = [b"s" * 16, b"t" * 16]
CONTAINERS = [b"a" * 32, b"b" * 32, b"bad" + b"c" * 29]


@pytest.fixture
def worker() -> JobsState:
    state = JobsState(SLOTS)
    state.step(ev.LinkUp(), now=0.0)
    return state


def test_a_job_waits_for_what_is_in_its_container(worker: JobsState) -> None:
    (read,) = worker.step(ev.Came(ContainerBytes(b"c" * 32, b"data")), now=0.0)
    assert read == ef.Read(b"c" * 32, b"data")
    rows = (RunJob(1, 1, 1, b"x"), RunJob(2, 1, 1, b"y"))
    assert worker.step(ev.Came(Run(SESSIONS[0], b"c" * 32, rows)), now=0.0) == [
        ef.MakeReady(b"c" * 32)
    ]
    assert worker.step(ev.Ready(b"c" * 32), now=0.0) == [
        ef.Start((SESSIONS[0], 1), b"c" * 32, rows[0]),
        ef.Start((SESSIONS[0], 2), b"c" * 32, rows[1]),
    ]
    assert worker.begun() == [Started(SESSIONS[0], (1, 2))]
    assert worker.begun() == []
    worker.check()


def test_what_stays_takes_no_slot_and_keeps_what_is_in_its_container(worker: JobsState) -> None:
    give(worker, [1])
    key = (SESSIONS[0], 0)
    worker.step(ev.Stays(key, b"a run"), now=1.0)
    worker.step(ev.Ended(key, Ending.RAN, b""), now=1.0)
    worker.check()
    assert worker.free_slots == SLOTS and worker.running == 0
    let_go = [e for e in many_others(worker) if isinstance(e, ef.Forget)]
    assert let_go and all(e.digest != b"c" * 32 for e in let_go)
    worker.step(ev.StayOver(b"a run"), now=2.0)
    worker.check()
    assert ef.Forget(b"c" * 32, for_good=False) in many_others(worker, b"z")


def many_others(worker: JobsState, letter: bytes = b"y") -> list[ef.Effect]:
    """Jobs in many other containers, one after the other."""
    effects: list[ef.Effect] = []
    for number in range(MOST_IDLE + 3):
        digest, key = letter + number.to_bytes(31, "big"), (SESSIONS[1], number)
        worker.step(ev.Came(ContainerBytes(digest, b"data")), now=1.0)
        row = RunJob(number, 1, 1, b"x")
        effects += worker.step(ev.Came(Run(SESSIONS[1], digest, (row,))), now=1.0)
        effects += worker.step(ev.Ready(digest), now=1.0)
        effects += worker.step(ev.Ended(key, Ending.RAN, b""), now=1.0)
        worker.step(ev.Came(Taken(SESSIONS[1], (number,))), now=1.0)
        worker.check()
    return effects


def test_jobs_wait_behind_slots_in_their_order(worker: JobsState) -> None:
    give(worker, [1] * SLOTS + [2, 1])
    assert worker.running == SLOTS + 2 and worker.behind == 2 and worker.free_slots == 0
    assert [one.tag for one in worker.held()] == list(range(SLOTS)), (
        "what has not begun is not held"
    )
    assert starts(worker.step(ev.Ended((SESSIONS[0], 0), Ending.RAN, b""), now=1.0)) == []
    assert starts(worker.step(ev.Ended((SESSIONS[0], 1), Ending.RAN, b""), now=1.0)) == [SLOTS]
    assert starts(worker.step(ev.Ended((SESSIONS[0], 2), Ending.RAN, b""), now=1.0)) == [SLOTS + 1]
    worker.check()


def test_endings_are_gathered_while_enough_waits(worker: JobsState) -> None:
    give(worker, [1] * (4 * SLOTS))
    assert told(worker.step(ev.Ended((SESSIONS[0], 0), Ending.RAN, b"x"), now=1.0)) == []
    assert told(worker.step(ev.Ended((SESSIONS[0], 1), Ending.RAN, b"y"), now=1.001)) == []
    assert worker.next_deadline() == 1.0 + TOLD_SECONDS
    (done,) = told(worker.step(ev.TimePassed(), now=2.0))
    assert [row.tag for row in done.jobs] == [0, 1]
    assert done.jobs[0].ran_us == 1_000_000 and done.jobs[0].stayed_us == 1_000_000
    assert worker.next_deadline() == math.inf
    # As soon as slots might stand idle, all is told at once.
    ended = [
        worker.step(ev.Ended((SESSIONS[0], n), Ending.RAN, b""), now=2.0) for n in range(2, 11)
    ]
    assert [len(one.jobs) for effects in ended for one in told(effects)] == [7, 1, 1]


def test_one_that_stops_gives_back_what_waits(worker: JobsState) -> None:
    give(worker, [1] * (SLOTS + 2))
    assert worker.step(ev.StopWanted(), now=1.0) == [
        ef.Say(GivenBack(0, SESSIONS[0], (SLOTS, SLOTS + 1)))
    ]
    assert worker.running == SLOTS


def test_no_more_wait_than_may(worker: JobsState) -> None:
    give(worker, [1] * SLOTS)
    rows = [RunJob(100 + n, 1, 1, b"") for n in range(BEHIND_A_SLOT * SLOTS + 1)]
    effects = [
        effect
        for row in rows
        for effect in worker.step(ev.Came(Run(SESSIONS[0], b"c" * 32, (row,))), now=0.0)
    ]
    worker.check()
    assert worker.behind == worker.most_behind == BEHIND_A_SLOT * SLOTS
    # It is told with what has ended next.
    effects += worker.step(ev.TimePassed(), now=1.0)
    (done,) = told(effects)
    assert b"all of them are taken" in done.jobs[0].body


def give(worker: JobsState, slots: list[int]) -> None:
    """Jobs of so many slots, named by their place; what is in their container is there."""
    worker.step(ev.Came(ContainerBytes(b"c" * 32, b"data")), now=0.0)
    rows = tuple(RunJob(tag, 1, wanted, b"x") for tag, wanted in enumerate(slots))
    worker.step(ev.Came(Run(SESSIONS[0], b"c" * 32, rows)), now=0.0)
    worker.step(ev.Ready(b"c" * 32), now=0.0)


def starts(effects: list[ef.Effect]) -> list[int]:
    return [effect.key[1] for effect in effects if isinstance(effect, ef.Start)]


def told(effects: list[ef.Effect]) -> list[Done]:
    said = (effect.message for effect in effects if isinstance(effect, ef.Say))
    return [message for message in said if isinstance(message, Done)]


def test_contents_that_nobody_uses_are_let_go_of_and_come_again(worker: JobsState) -> None:
    effects = []
    for number in range(MOST_IDLE + 3):
        digest = bytes([number]) * 32
        worker.step(ev.Came(ContainerBytes(digest, b"data")), now=0.0)
        row = RunJob(number, 1, 1, b"x")
        effects += worker.step(ev.Came(Run(SESSIONS[0], digest, (row,))), now=0.0)
        worker.step(ev.Ready(digest), now=0.0)
        worker.step(ev.Ended((SESSIONS[0], number), Ending.RAN, b""), now=0.0)
        worker.check()
    forgotten = [one for one in effects if isinstance(one, ef.Forget)]
    assert forgotten == [ef.Forget(bytes([n]) * 32, for_good=False) for n in (0, 1)]
    again = worker.step(ev.Came(Run(SESSIONS[0], bytes(32), (RunJob(900, 1, 1, b"x"),))), now=0.0)
    assert again[-1] == ef.MakeReady(bytes(32)), "the broker need not tell of it again"


def test_on_a_full_disk_what_nobody_uses_is_let_go_of_and_it_is_tried_once_more(
    worker: JobsState,
) -> None:
    idle, busy, new = (bytes([number]) * 32 for number in range(3))
    for tag, digest in enumerate((idle, busy, new)):
        worker.step(ev.Came(ContainerBytes(digest, b"data")), now=0.0)
        worker.step(ev.Came(Run(SESSIONS[0], digest, (RunJob(tag, 1, 1, b"x"),))), now=0.0)
        if digest != new:
            worker.step(ev.Ready(digest), now=0.0)
    worker.step(ev.Ended((SESSIONS[0], 0), Ending.RAN, b""), now=0.0)
    full = ev.NotReady(new, "the disk is full", is_full=True)
    assert worker.step(full, now=0.0) == [
        ef.Forget(idle, for_good=False),
        ef.MakeReady(new, make_room=True),
    ]
    worker.check()
    (said,) = worker.step(full, now=0.0)
    assert isinstance(said, ef.Say) and isinstance(said.message, Done)
    assert said.message.jobs[0][:3] == (2, 1, Ending.UNFIT)
    assert said.message.jobs[0].body == b"the disk is full"
    worker.check()
    worker.step(ev.Came(Run(SESSIONS[0], new, (RunJob(3, 1, 1, b"x"),))), now=0.0)
    assert worker.step(full, now=0.0) == [ef.MakeReady(new, make_room=True)], (
        "for another job again"
    )
    assert worker.step(ev.Ready(new), now=0.0)


def test_no_room_is_made_for_what_nobody_wants_any_more(worker: JobsState) -> None:
    worker.step(ev.Came(ContainerBytes(b"c" * 32, b"data")), now=0.0)
    worker.step(ev.Came(Run(SESSIONS[0], b"c" * 32, (RunJob(1, 1, 1, b"x"),))), now=0.0)
    worker.step(ev.Came(Cancel(SESSIONS[0], (1,))), now=0.0)
    assert worker.step(ev.NotReady(b"c" * 32, "the disk is full", is_full=True), now=0.0) == []
    worker.check()


def test_containers_are_remembered_for_as_long_as_a_broker_takes_them_to_be(
    worker: JobsState,
) -> None:
    effects = []
    for number in range(MOST_KNOWN + 1):
        effects += worker.step(
            ev.Came(ContainerBytes(number.to_bytes(32, "big"), b"data")), now=0.0
        )
    assert [one for one in effects if isinstance(one, ef.Forget)] == [
        ef.Forget(bytes(32), for_good=True)
    ]


def test_containers_are_remembered_up_to_so_many_bytes(worker: JobsState) -> None:
    large, effects = bytes(256 << 10), []
    for number in range(2 * MOST_KNOWN_BYTES // len(large)):
        effects += worker.step(ev.Came(ContainerBytes(number.to_bytes(32, "big"), large)), now=0.0)
        worker.check()
    forgotten = [one.digest for one in effects if isinstance(one, ef.Forget)]
    kept = MOST_KNOWN_BYTES // len(large)
    assert forgotten == [number.to_bytes(32, "big") for number in range(kept)]
    # Far more than a broker takes it to remember.
    assert MOST_KNOWN_BYTES >= 2 * MOST_TOLD_BYTES
    assert MOST_KNOWN >= 2 * MOST_TOLD


def test_what_runs_when_it_stops_is_for_others(worker: JobsState) -> None:
    worker.step(ev.Came(ContainerBytes(b"c" * 32, b"data")), now=0.0)
    worker.step(ev.Came(Run(SESSIONS[0], b"c" * 32, (RunJob(1, 1, 1, b"x"),))), now=0.0)
    worker.step(ev.Ready(b"c" * 32), now=0.0)
    worker.step(ev.StopWanted(), now=0.0)
    assert worker.end_all() == [ef.End((SESSIONS[0], 1))]
    assert worker.step(ev.Ended((SESSIONS[0], 1), Ending.RAN, b""), now=0.0) == [], "nobody is told"


def test_a_stopping_worker_takes_nothing(worker: JobsState) -> None:
    worker.step(ev.Came(ContainerBytes(b"c" * 32, b"data")), now=0.0)
    worker.step(ev.StopWanted(), now=0.0)
    (said,) = worker.step(ev.Came(Run(SESSIONS[0], b"c" * 32, (RunJob(1, 1, 1, b"x"),))), now=0.0)
    assert said == ef.Say(GivenBack(0, SESSIONS[0], (1,))), "others are to run it at once"
    assert worker.held() == ()
