"""Where a job's time went, and why it ran where it did: what the machine remembers and tells."""

import json
from typing import Any

import pytest
from maelstrom_broker.stories_state import (
    MOST_FAILED,
    MOST_LATELY,
    MOST_PAST,
    MOST_SLOWEST,
    MOST_TAIL_BYTES,
    MOST_TRIES,
)

from maelstrom_core.cluster.bodies import body_of_job, job_bytes
from maelstrom_core.model.container import ContainerSpec
from maelstrom_core.model.job import JobSpec
from maelstrom_core.wire.administration import Answer, AskStory, Status
from maelstrom_core.wire.label_plan import HEAD_BYTES, label_of
from maelstrom_core.wire.messages import (
    Bye,
    Code,
    Done,
    Started,
)
from maelstrom_core.wire.rows import MOST_TAIL_BYTES as TAIL
from maelstrom_core.wire.rows import DoneJob, Ending


def named(name: str, *arguments: str) -> bytes:
    """A job's body as clients make it."""
    spec = JobSpec(
        container=ContainerSpec(layers=()), program="/bin/p", arguments=arguments, label=name
    )
    return body_of_job(job_bytes(spec))[0]


def ask(talk: Any, run: str = "ann", job: str = "") -> Any:
    admin = talk.hands.get(b"peer-admin") or talk.admin("admin")
    (answer,) = admin.say(AskStory(run, job))
    if isinstance(answer, Answer):
        return answer.fault
    assert type(answer) is Status
    return json.loads(answer.document)


def client(talk: Any, name: str = "ann") -> Any:
    hand = talk.stranger("client", name)
    hand.hello(name=name)
    hand.container()
    return hand


def ended(
    worker: Any, of: Any, tag: int, fault: str = "", tail: bytes = b"", attempt: int = 1
) -> None:
    row = DoneJob(tag, attempt, Ending.RAN, b"result", (fault, tail))
    worker.say(Done(of.session, (row,)))


def test_a_job_that_waited_and_fetched_and_failed(talk: Any) -> None:
    ann = client(talk)
    ann.submit(7, body=named("tests/test_a.py::test_b", "-x"))
    talk.wait(2)
    worker = talk.worker("rack7", slots=3)
    talk.wait(1.5)
    worker.say(Started(ann.session, (7,)))
    talk.wait(3)
    ended(worker, ann, 7, "exited with status 1", b"it broke\n")
    for job in ("7", "tests/test_a.py::test_b", "::test_b"):
        told = ask(talk, job=job)
        assert told["story"] == [
            "0.0 s: handed in by ann",
            "it waited for 2.00 s: no worker was there",
            "2.0 s: given to rack7, which had 3 slots free, the most there were",
            "rack7 fetched what it needs for 1.50 s",
            "3.5 s: started",
            "6.5 s: over on rack7 after 3.00 s: exited with status 1",
            "in all 6.50 s: 2.00 s waiting, 1.50 s fetching, 3.00 s running",
        ]
        assert told["output_tail"] == "it broke\n"
        assert (told["outcome"], told["fault"]) == ("failed", "exited with status 1")
    told = ask(talk)
    assert told["counts"] | {"failed": 1} == told["counts"]
    times = ("waited_seconds", "fetched_seconds", "ran_seconds")
    assert [told[name] for name in times] == [2.0, 1.5, 3.0]
    assert "nearest" not in ask(talk, job="test_c")
    assert "did you mean tests/test_a.py::test_b?" in ask(talk, job="tests/test_a.py::test_c")
    assert ask(talk, "anne") == "nothing is remembered of a run anne; did you mean ann?"


def test_why_it_waited_behind_others(talk: Any) -> None:
    worker = talk.worker("rack7", slots=1)
    ann, bob = client(talk), client(talk, "bob")
    ann.submit(1)
    ann.submit(2)
    ann.submit(3)
    bob.submit(1)
    talk.wait(1)
    ended(worker, ann, 1)
    talk.wait(1)
    ended(worker, bob, 1)
    assert "1 other run waited too" in ask(talk, "bob", "1")["story"][1]
    talk.wait(1)
    ended(worker, ann, 2)
    told = ask(talk, job="3")
    assert told["story"][1] == (
        "it waited for 3.00 s: no worker had a slot free that it could have; 1 job of its run waited "
        "before it"
    )
    assert told["story"][2].endswith("and knows its container already")
    assert told["outcome"] == "fetches"
    worker.say(Started(ann.session, (3,)))
    assert ask(talk, job="3")["outcome"] == "runs"
    ann.submit(4, slots=1)
    told = ask(talk, job="4")
    assert told["story"][-2] == "now: it has waited for 0.00 s: all slots are taken"
    assert told["outcome"] == "waits"


def test_a_job_whose_worker_died_is_told_of_with_both(talk: Any) -> None:
    ann = client(talk)
    first = talk.worker("rack7", slots=2)
    ann.submit(1)
    talk.cut(first)
    talk.wait(5)
    second = talk.worker("rack8")
    talk.wait(1)
    ended(second, ann, 1, attempt=2)
    told = ask(talk, job="1")
    assert [one["worker"] for one in told["tries"]] == ["rack7", "rack8"]
    story = "\n".join(told["story"])
    assert "over on rack7 after 2.00 s: it died" in story
    assert "it waited for 3.00 s: no worker was there" in story
    assert "given to rack8 (attempt 2)" in story
    assert "not to rack7, where it had failed" in story
    assert told["outcome"] == "ok"
    assert ask(talk)["counts"]["retried"] == 1


def test_a_job_that_was_given_back_has_not_failed(talk: Any) -> None:
    """Its worker stops, and says goodbye, before it has ended."""
    ann = client(talk)
    first = talk.worker("rack7", slots=2)
    ann.submit(1)
    first.say(Bye(0, "it stops"))
    second = talk.worker("rack8")
    ended(second, ann, 1, attempt=ask(talk, job="1")["tries"][-1]["attempt"])
    story = "\n".join(ask(talk, job="1")["story"])
    assert "over on rack7 after 0.00 s: it was given back" in story
    assert "; rack7 had given it back" in story
    assert "failed" not in story


def test_what_no_worker_could_run(talk: Any) -> None:
    talk.worker("rack7", slots=2)
    ann = client(talk)
    ann.submit(1, slots=2, labels=("gpu",))
    talk.wait(5)
    told = ask(talk, job="1")
    assert told["story"][0] == "0.0 s: handed in by ann; it asks for 2 slots and a worker with gpu"
    assert "refused: no worker has the label gpu" in told["story"][1]
    assert told["outcome"] == "refused"


def test_a_job_of_several_slots_says_who_was_kept_free(talk: Any) -> None:
    worker = talk.worker("rack7", slots=2)
    ann, bob = client(talk), client(talk, "bob")
    ann.submit(1, 2, 3, 4)
    bob.submit(1, slots=2)
    talk.wait(1)
    ended(worker, ann, 1)
    talk.wait(1)
    ended(worker, ann, 2)
    (try_,) = ask(talk, "bob", "1")["tries"]
    assert try_["why"] == "kept_free"
    assert "rack7 was kept free for it" in "\n".join(ask(talk, "bob", "1")["story"])


def test_a_job_that_goes_on_after_the_broker_was_started_again(talk: Any) -> None:
    ann = client(talk)
    ann.submit(1)
    worker = talk.stranger("worker", "rack7")
    worker.hello(boot=b"A" * 16, held=worker.holds(ann, (1, 1)))
    assert "which had it already" in ask(talk, job="1")["story"][1]


def test_a_run_that_is_over_is_remembered(talk: Any) -> None:
    worker = talk.worker("rack7")
    ann = client(talk)
    ann.submit(1, 2, body=named("case"))
    ended(worker, ann, 1, "killed by signal 9", b"x")
    ended(worker, ann, 2)
    session = ann.session
    ann.say(Bye(Code.GOODBYE, ""))
    told = ask(talk)
    assert told["ended_seconds_ago"] == 0
    assert told["counts"]["failed"] == told["counts"]["ok"] == 1
    assert ask(talk, session.hex()[:8], "1")["output_tail"] == "x"


def test_what_is_kept_is_bounded(talk_with: Any) -> None:
    talk = talk_with()
    stories = talk.machine.book.stories
    worker = talk.worker("rack7", slots=4096)
    ann = client(talk)
    jobs, together = 2 * MOST_FAILED, 20
    ann.submit(*range(jobs))
    for first in range(0, jobs, together):
        talk.now += 0.05
        tags = range(first, first + together)
        rows = (DoneJob(tag, 1, Ending.RAN, b"", ("failed", bytes(TAIL))) for tag in tags)
        worker.say(Done(ann.session, tuple(rows)))
    (run,) = [one.run for one in talk.machine.book.clients.values()]
    assert len(run.failed) == MOST_FAILED
    assert run.unkept == jobs - MOST_FAILED
    assert run.tail_bytes == MOST_TAIL_BYTES
    assert len(stories.lately) == MOST_LATELY
    slowest = {story.tag for story in run.slowest}
    assert slowest == set(range(jobs - MOST_SLOWEST, jobs)), "the last ran longest"
    told = ask(talk)
    assert told["stories_not_kept"] == jobs - MOST_FAILED
    for number in range(MOST_PAST + 3):
        one = client(talk, f"run {number}")
        one.submit(1)
        ended(worker, one, 1, "failed", b"tail")
        one.say(Bye(Code.GOODBYE, ""))
    assert len(stories.past) == MOST_PAST + 3
    assert [bool(run.failed) for run in stories.past] == [*[False] * 3, *[True] * MOST_PAST]
    assert ask(talk, "run 0")["counts"]["failed"] == 1
    assert ask(talk, "run 0", "1")["output_tail"] == "", "though it is among the last ones"
    talk.machine.check()


def test_reasons_are_bounded(talk: Any) -> None:
    ann = client(talk)
    ann.submit(1)
    worker = talk.worker("rack0")
    for number in range(3):
        row = DoneJob(1, number + 1, Ending.UNFIT, b"x" * 4000)
        worker.say(Done(ann.session, (row,)))
    told = ask(talk, job="1")
    assert told["outcome"] == "no worker could prepare it"
    assert [len(one["how"]) for one in told["tries"]] == [400] * 3
    assert len(talk.machine.book.stories.lately[-1].fault) == 1200
    assert "no worker could prepare it: rack0: xxx" in "\n".join(told["story"])


def test_a_job_that_is_given_back_again_and_again(talk: Any) -> None:
    ann = client(talk)
    ann.submit(1)
    worker = talk.worker("rack7")
    for number in range(2 * MOST_TRIES):
        talk.cut(worker)
        worker = worker.again(f"again-{number}")
    told = ask(talk, job="1")
    assert len(told["tries"]) == MOST_TRIES
    assert told["attempts"] == 1


def test_names_are_read_from_bodies() -> None:
    assert label_of(named("a name", *["an argument"] * 30)) == "a name"
    assert label_of(named("ä" * 100)[:HEAD_BYTES]) == "ä" * 100
    assert label_of(named("hidden", "x" * HEAD_BYTES)) == ""
    assert label_of(named("name", "\udcff")) == "name"
    whole = named("name", "a", "b")
    for end in range(len(whole)):
        assert label_of(whole[:end]) in ("", "name")


@pytest.mark.parametrize(
    "body", [b"", b"\1" + bytes(32), b"\0", b"\0\x9f", b"job", b"\0\x83\x1b" + b"\xff" * 20]
)
def test_what_is_no_body_has_no_name(body: bytes) -> None:
    assert label_of(body) == ""
