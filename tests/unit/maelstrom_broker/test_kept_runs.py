"""What of runs outlives the broker: what goes to the disk, and what comes back from there."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from maelstrom_broker.effects import KeepRun
from maelstrom_broker.kept_plan import MOST_BYTES, Unreadable, packed, unpacked
from maelstrom_broker.runs_file import Drawn, KeptRun, RunsFile
from maelstrom_broker.stories_state import MOST_BARS, MOST_PAST

from maelstrom_core.cluster.bodies import body_of_job, job_bytes
from maelstrom_core.model.container import ContainerSpec
from maelstrom_core.model.job import JobSpec
from maelstrom_core.wire.administration import AskStory, Status
from maelstrom_core.wire.messages import Bye, Code, Done, Started
from maelstrom_core.wire.rows import DoneJob, Ending


def named(name: str) -> bytes:
    spec = JobSpec(container=ContainerSpec(layers=()), program="/bin/p", label=name)
    return body_of_job(job_bytes(spec))[0]


def ask(talk: Any, run: str, job: str = "") -> dict[str, Any]:
    admin = talk.hands.get(b"peer-admin") or talk.admin("admin")
    (answer,) = admin.say(AskStory(run, job))
    assert type(answer) is Status, answer
    found: dict[str, Any] = json.loads(answer.document)
    return found


def a_run(talk: Any, name: str = "ann", bad: int = 1, fault: str = "exited with status 1") -> Any:
    """Of some jobs; the first one fails, the second is tried again, and the third takes long."""
    ann = talk.stranger("client", name)
    ann.hello(name=name)
    ann.container()
    for tag in range(bad + 2):
        ann.submit(tag, body=named(f"tests/test_a.py::test_{tag}"))
    first = talk.worker(f"{name}-first", slots=bad + 2)
    first.say(Started(ann.session, (1,)))
    talk.wait(1)
    talk.cut(first)
    talk.wait(5)
    second = talk.worker(f"{name}-second", slots=bad + 2, labels=("gpu",))
    for tag in range(bad + 2):
        second.say(Started(ann.session, (tag,)))
        talk.wait(0.5)
        told = (fault, b"secret output") if tag < bad else ("", b"")
        row = DoneJob(tag, 2, Ending.RAN, b"result", told)
        second.say(Done(ann.session, (row,)))
    ann.take(*range(bad + 2))
    second.say(Bye(Code.GOODBYE, ""))
    return ann


def without_output(told: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if name != "output_tail"}


def test_the_next_broker_tells_of_a_run_as_this_one_does(talk_with: Any) -> None:
    talk, after = talk_with(keeps_runs=True), talk_with(keeps_runs=True)
    ann = a_run(talk)
    assert talk.kept == [], "it is not over"
    ann.say(Bye(Code.GOODBYE, ""))
    (kept,) = talk.kept
    assert (kept.owner, kept.session) == ("client-key", ann.session)
    assert b"secret output" not in kept.told, "what jobs write is not kept"

    run = unpacked(kept.session, kept.told, after.now - 100.0)
    after.machine.book.stories.begin_with([run])
    before = ask(talk, "ann")
    told = ask(after, "ann")
    assert told.pop("ended_seconds_ago") == 100.0 + before.pop("ended_seconds_ago")
    assert told.pop("began_seconds_ago") == 100.0 + before.pop("began_seconds_ago")
    assert told == before
    assert told["counts"]["failed"] == 1 and told["counts"]["retried"] == 3
    for job in ("test_0", "test_1", "test_2"):
        assert without_output(ask(after, "ann", job)) == without_output(ask(talk, "ann", job))
    assert ask(talk, "ann", "test_0")["output_tail"] == "secret output"
    assert ask(after, "ann", "test_0")["output_tail"] == ""
    after.machine.check()


def test_nothing_goes_to_the_disk_that_is_not_wanted_or_says_nothing(talk_with: Any) -> None:
    talk = talk_with()
    a_run(talk).say(Bye(Code.GOODBYE, ""))
    assert talk.kept == []
    talk = talk_with(keeps_runs=True)
    talk.client("idle").say(Bye(Code.GOODBYE, ""))
    assert talk.kept == [], "it has had no jobs"


def test_who_was_asked_for_is_said_with_the_next_run(talk_with: Any) -> None:
    talk = talk_with(keeps_runs=True)
    ann = a_run(talk, "ann")
    ask(talk, "ann")
    ann.say(Bye(Code.GOODBYE, ""))
    ask(talk, "ann")
    a_run(talk, "bob").say(Bye(Code.GOODBYE, ""))
    assert [one.asked_for for one in talk.kept] == [frozenset(), {ann.session}]


def test_a_run_takes_no_more_than_it_may(talk_with: Any) -> None:
    talk = talk_with(keeps_runs=True)
    a_run(talk, bad=100, fault="why" * 133 + "\N{SNOWMAN}").say(Bye(Code.GOODBYE, ""))
    (kept,) = talk.kept
    assert len(kept.told) <= MOST_BYTES
    run = unpacked(kept.session, kept.told, 0.0)
    assert 20 < len(run.failed) < 100
    assert len(run.failed) + run.unkept == run.counts["failed"] == 100


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # it is a class
@given(data=st.binary(max_size=99), drawn=st.data())
def test_bytes_that_are_no_run_are_refused(
    talk_with: Any, data: bytes, drawn: st.DataObject
) -> None:
    talk = talk_with(keeps_runs=True)
    a_run(talk).say(Bye(Code.GOODBYE, ""))
    told = json.loads(talk.kept[0].told)
    for damaged in (data, json.dumps(spoilt(told, drawn)).encode()):
        try:
            run = unpacked(b"s" * 16, damaged, 0.0)
        except Unreadable:
            continue
        talk.machine.book.stories.begin_with([run])  # what is left of it is of use
        ask(talk, run.session.hex())


def spoilt(value: Any, drawn: st.DataObject) -> Any:
    """The same, but for one value somewhere in it."""
    if isinstance(value, dict | list) and value and drawn.draw(st.integers(0, 9)):
        copy: Any = value.copy()
        key = drawn.draw(
            st.sampled_from(list(value) if isinstance(value, dict) else range(len(value)))
        )
        copy[key] = spoilt(value[key], drawn)
        return copy
    return drawn.draw(st.sampled_from([None, "", -1, 1e300, [], {}, [[]], "text", True, 7]))


def test_a_broker_that_begins_with_many_runs_keeps_as_many_as_others(talk_with: Any) -> None:
    talk = talk_with(keeps_runs=True)
    a_run(talk).say(Bye(Code.GOODBYE, ""))
    told = talk.kept[0].told
    after = talk_with()
    runs = [unpacked(b"%016d" % number, told, float(number)) for number in range(MOST_BARS + 5)]
    after.machine.book.stories.begin_with(runs)
    past = after.machine.book.stories.past
    assert len(past) == MOST_BARS
    assert [bool(run.failed) for run in past] == [False] * (MOST_BARS - MOST_PAST) + [
        True
    ] * MOST_PAST
    assert past[0].unkept == 1
    after.machine.check()


# The file


Opened = Callable[..., RunsFile]


@pytest.fixture
def faults() -> list[str]:
    return []


@pytest.fixture
def opened(tmp_path: Path, faults: list[str]) -> Opened:
    def open_it(most_bytes: int = 1 << 20) -> RunsFile:
        return RunsFile(tmp_path / "runs.sqlite", most_bytes=most_bytes, tell=faults.append)

    return open_it


def a_kept(number: int, size: int = 10) -> KeptRun:
    return KeptRun(b"%016d" % number, 1e9 + number, bytes([number % 256]) * size)


def test_what_was_kept_is_there_when_the_broker_comes_again(
    opened: Opened, faults: list[str], tmp_path: Path
) -> None:
    first = opened()
    for number in (1, 2, 3):
        first.keep("ann", a_kept(number))
    drawn = Drawn(((5.0, 1, 2, 3), (10.0, 4, 5, 6)), ((0, 7, 1), (1800, 9, 2)))
    first.draw(drawn, since=(0.0, 0.0))  # and it is killed: nothing is closed
    again = opened()
    assert again.runs() == [a_kept(number) for number in (1, 2, 3)]
    assert again.drawn() == drawn
    again.draw(Drawn((), ((1800, 11, 3),)), since=(7.0, 900.0))
    assert again.drawn() == Drawn(((10.0, 4, 5, 6),), ((1800, 11, 3),))
    assert faults == []
    files = [*tmp_path.glob("runs.sqlite*")]
    assert files and not any(file.stat().st_mode & 0o077 for file in files), "it is nobody else's"


def test_room_is_made_by_whoever_takes_most_of_what_nobody_wanted_to_see(
    opened: Opened, faults: list[str]
) -> None:
    file = opened(most_bytes=2 << 20)
    file.keep("bob", a_kept(0))
    for number in range(1, 40):
        file.keep("ann", a_kept(number, MOST_BYTES), frozenset({a_kept(1).session}))
    there = [int(run.session) for run in file.runs()]
    assert there[:2] == [0, 1], "another's, and the one that was looked at"
    assert there[2:] == list(range(there[2], 40)) and 10 < there[2] < 30
    assert faults == []


def test_there_are_so_many_runs_and_no_more(opened: Opened) -> None:
    file = opened(most_bytes=16 << 20)
    for number in range(MOST_BARS + 3):
        file.keep("ann", a_kept(number))
    assert [int(run.session) for run in file.runs()] == list(range(3, MOST_BARS + 3))


def test_the_file_stays_as_small_as_was_said(
    opened: Opened, faults: list[str], tmp_path: Path
) -> None:
    most, dice = 1 << 20, random.Random(5)
    file = opened(most_bytes=most)
    for number in range(150):
        owner = f"client:{number % 3}"
        told = dice.randbytes(dice.choice([50, 3_000, 5_000, MOST_BYTES]))
        file.keep(owner, KeptRun(b"%016d" % number, float(number), told))
        samples = tuple((number * 30.0 + part, 1, 2, 3) for part in range(0, 30, 5))
        file.draw(Drawn(samples, ((number, 1, 0),)), since=(0.0, 0.0))
    assert faults == [], "the fuse has blown"
    file.close()
    assert (tmp_path / "runs.sqlite").stat().st_size <= most


def test_a_damaged_file_is_begun_anew_and_that_is_said(
    opened: Opened, faults: list[str], tmp_path: Path
) -> None:
    file = opened()
    file.keep("ann", a_kept(1))
    file.close()
    (tmp_path / "runs.sqlite").write_bytes(b"what is this" * 900)
    again = opened()
    assert again.runs() == []
    (fault,) = faults
    assert fault.startswith("what is kept of runs is damaged, and begun anew: ")
    again.keep("ann", a_kept(2))
    assert again.runs() == [a_kept(2)]


def test_a_full_disk_costs_what_is_kept_and_is_said_once(opened: Opened, faults: list[str]) -> None:
    file = opened()
    assert file._connection is not None
    file.keep("ann", a_kept(1))
    ((pages,),) = file._connection.execute("PRAGMA page_count")
    file._connection.execute(f"PRAGMA max_page_count={pages}")
    for number in (2, 3):
        file.keep("ann", a_kept(number, MOST_BYTES))
    assert faults == ["what is kept of runs cannot be written: database or disk is full"]
    assert file.runs() == [a_kept(1)]
    file._connection.execute("PRAGMA max_page_count=1000")
    file.keep("ann", a_kept(4))
    assert file.runs() == [a_kept(1), a_kept(4)]


def test_the_effect_has_what_the_file_wants(talk_with: Any, opened: Opened) -> None:
    talk = talk_with(keeps_runs=True)
    a_run(talk).say(Bye(Code.GOODBYE, ""))
    (effect,) = talk.kept
    assert isinstance(effect, KeepRun)
    file = opened()
    file.keep(effect.owner, KeptRun(effect.session, 50.0, effect.told), effect.asked_for)
    (back,) = file.runs()
    run = unpacked(back.session, back.told, back.ended)
    assert packed(run) == effect.told, "it does not change on its way"
