"""What the program decides without the world: endings, lines, events, places of files."""

import json
import signal

import attrs
import pytest
from maelstrom_run import event_plan
from maelstrom_run.endings_plan import Ending, of_many, of_one
from maelstrom_run.files import directory_name, place_of
from maelstrom_run.lines_plan import MOST_BYTES, PrefixedLines

from maelstrom_core.model.container import ContainerSpec
from maelstrom_core.model.job import JobSpec
from maelstrom_core.model.limits import Limit, LimitHit
from maelstrom_core.model.outcome import (
    Cancelled,
    Captured,
    CouldNotStart,
    Exited,
    HostFailed,
    InputFailed,
    JobResult,
    Outcome,
    OverLimit,
    Signaled,
    TimedOut,
    Whose,
)

JOB = JobSpec(container=ContainerSpec(), program="x", label="l")


def not_started(errno: int, whose: Whose) -> CouldNotStart:
    return CouldNotStart("start", "execve", errno, "cause", "remedy", whose)


@pytest.mark.parametrize(
    ("outcome", "ending"),
    [
        (Exited(0), Ending(0)),
        (Exited(255), Ending(255)),
        (Signaled(signal.SIGHUP), Ending(129, signal.SIGHUP)),
        (OverLimit(LimitHit(Limit.OUTPUT, 10, "maelstrom"), 9), Ending(137, 9)),
        (TimedOut(1.0, killed=True), Ending(124)),
        (not_started(2, Whose.USER), Ending(127)),
        (not_started(13, Whose.USER), Ending(126)),
        (not_started(13, Whose.HOST), Ending(71)),
        (not_started(13, Whose.US), Ending(70)),
        (HostFailed("x"), Ending(71)),
        (InputFailed(("x",)), Ending(4)),
        (Cancelled("x", ran=True), Ending(130)),
    ],
    ids=str,
)
def test_one_job_ends_the_program_as_it_has_ended(outcome: Outcome, ending: Ending) -> None:
    assert of_one(outcome) == ending


def test_many_jobs_end_the_program_by_the_worst_of_it() -> None:
    assert of_many(failed=0, faults=0) == Ending(0)
    assert of_many(failed=3, faults=0) == Ending(1)
    assert of_many(failed=3, faults=1) == Ending(4)


def test_lines_get_their_prefix_when_they_are_whole() -> None:
    lines = PrefixedLines(b"a| ")

    assert lines.take(b"on") == b""
    assert lines.take(b"e\ntwo\n\nthr\xff") == b"a| one\na| two\na| \n"
    assert lines.end() == b"a| thr\xff\n"
    assert lines.end() == b""


def test_a_line_without_end_is_shown_in_parts() -> None:
    lines = PrefixedLines(b"")

    assert lines.take(b"x" * (2 * MOST_BYTES + 1)) == (b"x" * MOST_BYTES + b"\n") * 2
    assert lines.end() == b"x\n"


def test_an_event_of_an_end_has_all_that_is_known() -> None:
    result = JobResult(
        outcome=not_started(2, Whose.USER),
        stdout=Captured(head=b"a", tail=b"z", total_bytes=100),
        stderr=Captured(head=b"\xff", total_bytes=1),
    )
    text = event_plan.ended(3, JOB, result, {"/o": "d/o"}, ["x"], with_streams=True)
    event = json.loads(text)

    assert text.endswith(b"\n")
    assert (event["event"], event["job"], event["label"]) == ("ended", 3, "l")
    assert event["outcome"]["kind"] == "could not start"
    assert event["outcome"]["whose"] == "you"
    assert event["outcome"]["words"].startswith("could not start: start: execve failed")
    assert (event["stdout"], event["stdout_end"], event["stdout_omitted_bytes"]) == ("a", "z", 98)
    assert event["stderr_base64"] == "/w=="
    assert (event["outputs"], event["outputs_missing"]) == ({"/o": "d/o"}, ["x"])
    assert event["usage"]["wall_seconds"] == 0.0


def test_events_are_utf_8_whatever_jobs_are_called() -> None:
    job = attrs.evolve(JOB, label="\udcff")

    assert json.loads(event_plan.given(1, job).decode())["command"] == ["x"]


@pytest.mark.parametrize(
    ("path", "working_directory", "place"),
    [
        ("/tmp/a/b", "/tmp", "a/b"),
        ("/var/log/x", "/tmp", "var/log/x"),
        ("/tmpx/a", "/tmp", "tmpx/a"),
        ("/a", "", "a"),
    ],
)
def test_a_file_goes_where_it_was(path: str, working_directory: str, place: str) -> None:
    assert place_of(path, working_directory) == place


@pytest.mark.parametrize("path", ["/tmp/../../etc/passwd", "a", ""])
def test_a_path_that_leads_elsewhere_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="elsewhere"):
        place_of(path, "/tmp")


@pytest.mark.parametrize(
    ("label", "name"), [("", "7"), ("a b/../c", "7-a_b_.._c"), ("..", "7"), ("ä" * 300, "7-_")]
)
def test_a_job_s_directory_is_harmless(label: str, name: str) -> None:
    assert directory_name(7, label) == name
