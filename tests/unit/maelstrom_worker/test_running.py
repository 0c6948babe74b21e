"""What a worker tells people of an ending."""

import pytest
from maelstrom_worker.running import told_of

from maelstrom_core.model.outcome import Captured, Exited, JobResult, Signaled, TimedOut
from maelstrom_core.wire.rows import MOST_FAULT, MOST_TAIL_BYTES, DoneJob, done


def heard(told: tuple[str, bytes]) -> tuple[object, ...]:
    """What a broker makes of it."""
    row: list[object] = [1, 1, 0, b"", list(told)]
    return done(row).told


def test_of_what_holds_nothing_is_told() -> None:
    result = JobResult(outcome=Exited(0), stdout=Captured(head=b"much", total_bytes=4))
    assert told_of(result) == ("", b"")
    assert heard(told_of(result)) == ("", b"")
    assert done([1, 1, 0, b""]) == done([1, 1, 0, b"", []]) == DoneJob(1, 1, 0, b"")


def test_of_what_fails_the_end_of_its_output_is_told() -> None:
    result = JobResult(
        outcome=Exited(3),
        stdout=Captured(head=b"begins", tail=b"ends", total_bytes=100),
        stderr=Captured(head=b"an error\n", total_bytes=9),
    )
    assert told_of(result) == ("exited with status 3", b"ends\nan error\n")
    assert heard(told_of(result)) == told_of(result)
    assert told_of(JobResult(outcome=Signaled(9))) == ("killed by signal 9", b"")
    fault, tail = told_of(
        JobResult(outcome=TimedOut(5, killed=True), stderr=Captured(head=b"x" * 9000 + b"end"))
    )
    assert fault == "timed out after 5 s, killed"
    assert len(tail) == MOST_TAIL_BYTES
    assert tail.endswith(b"end")


def test_a_runner_tells_in_its_report_what_people_can_read() -> None:
    report = (
        b'{"kind": "report", "report": {"longrepr": [1, 2]}}\n'
        b'{"kind": "told", "text": "tests/test_a.py::test_b (call)\\nassert 3 == \\ud800"}\n'
        b'{"kind": "told", "text"\n{"kind": "told"}\n{"kind": "told", "text": 17}\n\x1e'
    )
    fault, tail = told_of(JobResult(outcome=Exited(1), report=report))
    assert tail == b"tests/test_a.py::test_b (call)\nassert 3 == ?\n17"
    assert heard((fault, tail)) == (fault, tail)


@pytest.mark.parametrize("told", [["x"], ["x", "y"], ["x" * 401, b""], ["", bytes(5000)], "ab", 7])
def test_a_broker_takes_no_more_than_that(told: object) -> None:
    assert MOST_FAULT == 400
    with pytest.raises(Exception, match="not what is told"):
        done([1, 1, 0, b"", told])
