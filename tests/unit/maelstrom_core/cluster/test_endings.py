"""What a broker says of a job, in words that name whose fault it was; and output that may be lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from maelstrom_worker.live_state import LiveOutput as Gathered
from maelstrom_worker.live_state import told_of_waiting

from maelstrom_core.cluster.bodies import result_bytes
from maelstrom_core.cluster.endings_plan import result_of_row, row_of
from maelstrom_core.cluster.live_plan import LiveOutput
from maelstrom_core.model.container import ContainerSpec
from maelstrom_core.model.digest import Digest
from maelstrom_core.model.job import JobSpec
from maelstrom_core.model.outcome import (
    Cancelled,
    Captured,
    Exited,
    HostFailed,
    InputFailed,
    JobResult,
    describe,
)
from maelstrom_core.wire.messages import MOST_OUTPUT_BYTES, Output, Started
from maelstrom_core.wire.rows import Ending, JobResultRow, SubmittedJob

JOB = JobSpec(container=ContainerSpec(), program="true")


def told(ending: int, body: bytes, attempts: int = 1, worker: str = "rack7") -> JobResult:
    found = result_of_row(JobResultRow(5, attempts, ending, worker, body), "Ctrl-C")
    assert isinstance(found, JobResult)
    return found


def test_what_ran_is_what_the_worker_says() -> None:
    result = JobResult(outcome=Exited(3), stdout=Captured(head=b"x", total_bytes=1))
    assert told(Ending.RAN, result_bytes(result)) == result


def test_a_host_that_failed_is_named() -> None:
    failed = result_bytes(JobResult(outcome=HostFailed("the disk is full", "free some")))
    assert told(Ending.RAN, failed).outcome == HostFailed(
        "worker rack7: the disk is full", "free some"
    )


def test_a_long_result_is_elsewhere() -> None:
    digest = Digest.of(b"result")
    row = JobResultRow(5, 1, Ending.STORED, "rack7", bytes.fromhex(digest.hex))
    assert result_of_row(row, "") == digest


@pytest.mark.parametrize(
    ("ending", "body", "words"),
    [
        (Ending.RAN, b"\xff", "worker rack7 has sent a result that cannot be read"),
        (Ending.STORED, b"short", "worker rack7 has sent a result that cannot be read"),
        (Ending.UNFIT, b"no space left", "worker rack7 could not run it: no space left"),
        (Ending.UNFIT, b"", "worker rack7 could not run it: it does not say why"),
        (Ending.UNFIT, b"\x1b[2Jx\xff", "worker rack7 could not run it:  [2Jx"),
        (99, b"", "an ending that this program does not know"),
    ],
)
def test_what_a_worker_could_not_do(ending: int, body: bytes, words: str) -> None:
    outcome = told(ending, body).outcome
    assert isinstance(outcome, HostFailed)
    assert words in outcome.reason
    assert "\x1b" not in outcome.reason


def test_a_job_that_takes_workers_down_is_told_how_often() -> None:
    outcome = told(Ending.LOST, b"rack7: it died", attempts=3).outcome
    assert isinstance(outcome, HostFailed)
    assert "begun 3 times, and each time its worker was lost: rack7: it died" in outcome.reason
    assert "run it alone" in outcome.remedy


def test_what_no_worker_can_run_is_its_input() -> None:
    outcome = told(Ending.REFUSED, b"no worker has the label gpu", worker="").outcome
    assert outcome == InputFailed(("no worker can run it: no worker has the label gpu",))


def test_what_was_cancelled_may_have_run() -> None:
    assert told(Ending.CANCELLED, b"", attempts=0).outcome == Cancelled("Ctrl-C", ran=False)
    assert told(Ending.CANCELLED, b"").outcome == Cancelled("Ctrl-C", ran=True)
    assert "Ctrl-C" in describe(told(Ending.CANCELLED, b"").outcome)


def test_a_row_says_what_the_broker_can_count() -> None:
    import attrs

    job = attrs.evolve(JOB, priority=1000, expected_duration=1.5, slots=9999)
    assert row_of(7, job, b"b") == SubmittedJob(7, 127, 1500, 4096, b"b")
    assert row_of(7, JOB, b"b") == SubmittedJob(7, 0, -1, 1, b"b")


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=9), st.booleans(), st.booleans())))
def test_each_byte_is_passed_on_once_whatever_is_lost_on_its_way(
    writes: list[tuple[bytes, bool, bool]],
) -> None:
    passed: list[bytes] = []
    here = LiveOutput(lambda stream, data: passed.append(data))
    there = Gathered((b"s" * 16, 1))
    written = b""
    for data, sends, arrives in writes:
        there.add(1, data)
        written += data
        for message in there.messages() if sends else ():
            if arrives:
                here.take(message.stream, message.data, message.offset)
    here.take(9, b"of a stream of tomorrow", 0)
    captured = Captured(head=written, total_bytes=len(written))
    here.finish(JobResult(outcome=Exited(0), stdout=captured))
    assert b"".join(passed) == written


def test_what_is_not_kept_is_passed_on_as_far_as_it_is_there() -> None:
    passed: list[bytes] = []
    here = LiveOutput(lambda stream, data: passed.append(data))
    here.take(1, b"01234", 0)
    here.finish(
        JobResult(outcome=Exited(0), stdout=Captured(head=b"012", tail=b"89", total_bytes=10))
    )
    assert b"".join(passed) == b"0123489"


def test_more_than_a_message_holds_leaves_a_gap_that_is_seen() -> None:
    there = Gathered((b"s" * 16, 1))
    there.add(1, b"a" * MOST_OUTPUT_BYTES)
    there.add(1, b"b" * 10)
    (message,) = there.messages()
    assert (message.offset, message.data) == (MOST_OUTPUT_BYTES, b"b" * 10)
    assert list(there.messages()) == []


def test_of_a_program_that_had_to_wait_it_is_said_when_it_runs() -> None:
    soon, late = (Gathered((b"s", tag)) for tag in (1, 2))
    soon.began()
    live = {(b"s", 1): soon, (b"s", 2): late}
    assert list(told_of_waiting([Started(b"s", (1, 2, 3))], live)) == [
        Started(b"s", (1, 3)),
        Started(b"s", (2,), waits=True),
    ]
    assert list(soon.messages()) == []
    assert list(late.messages()) == []
    late.began()
    late.add(1, b"x")
    assert list(late.messages()) == [Started(b"s", (2,)), Output(b"s", 2, 1, b"x")]
    assert list(late.messages()) == []
