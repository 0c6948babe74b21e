"""Every ending is told in one line, is somebody's doing, and travels; so it is with errors."""

import typing

import pytest

from maelstrom_core import errors
from maelstrom_core.model.limits import Limit, LimitHit
from maelstrom_core.model.outcome import (
    Cancelled,
    Captured,
    CouldNotStart,
    Exited,
    HostFailed,
    InputFailed,
    Outcome,
    OverLimit,
    Signaled,
    TimedOut,
    Whose,
    describe,
    whose_fault,
)
from maelstrom_core.model.plain import decode, encode, from_plain, to_plain

COULD_NOT = ("show /etc/hosts to the job", "move_mount", 2, "it is not there", "make it")
ENDINGS = {
    Exited(3): (Whose.JOB, "exited with status 3"),
    Signaled(11, core_dumped=True): (Whose.JOB, "killed by signal 11 (core dumped)"),
    OverLimit(LimitHit(Limit.MEMORY, 64 << 20, "control group"), 9): (
        Whose.JOB,
        "ended by its limit of memory: 64 MiB, by control group; limits.memory raises it",
    ),
    TimedOut(1.5, killed=False): (Whose.JOB, "timed out after 1.5 s, ended on SIGTERM"),
    TimedOut(2.0, killed=True): (Whose.JOB, "timed out after 2 s, killed"),
    CouldNotStart(*COULD_NOT, Whose.HOST): (
        Whose.HOST,
        "could not start: show /etc/hosts to the job: move_mount failed: it is not there; make it",
    ),
    CouldNotStart(*COULD_NOT, Whose.USER): (Whose.USER, "could not start: "),
    HostFailed("the disk is full", "free some"): (
        Whose.HOST,
        "this host failed: the disk is full; free some",
    ),
    InputFailed(("a: gone", "b: gone")): (
        Whose.USER,
        "its inputs could not be made ready: a: gone; b: gone",
    ),
    Cancelled("Ctrl-C", ran=False): (Whose.USER, "cancelled (Ctrl-C) before it started"),
}


def test_every_kind_of_ending_is_below() -> None:
    assert {type(ending) for ending in ENDINGS} == set(typing.get_args(Outcome))


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: type(ending).__name__)
def test_an_ending_says_in_one_line_what_happened_and_is_somebodys_doing(ending: Outcome) -> None:
    whose, words = ENDINGS[ending]
    assert whose_fault(ending) is whose
    assert describe(ending).startswith(words)
    assert "\n" not in describe(ending)


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: type(ending).__name__)
def test_an_ending_is_the_same_after_its_journey(ending: Outcome) -> None:
    travelled = decode(encode(to_plain(ending, union=Outcome)))
    assert from_plain(typing.cast(typing.Any, Outcome), travelled) == ending


def test_what_is_missing_of_an_output_is_said() -> None:
    captured = Captured(head=b"first", tail=b"last", total_bytes=1009)
    assert captured.omitted_bytes == 1000
    assert captured.text() == "first\n[… 1000 bytes omitted …]\nlast"


KINDS = [errors.UsageError, errors.HostError, errors.PeerError, errors.InternalError]


def test_a_script_can_tell_errors_apart_and_none_from_failed_tests() -> None:
    codes = [kind.exit_code for kind in KINDS]
    assert len(set(codes)) == len(codes)
    assert set(codes).isdisjoint({0, 1, 2})
    assert len({kind.whose for kind in KINDS}) == len(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_ends_with_what_to_do(kind: type[errors.MaelstromError]) -> None:
    assert str(kind("no room on /data", remedy="free some")) == "no room on /data\n  free some"
    assert str(kind("no room on /data")) == "no room on /data"


def test_all_faults_of_an_input_are_told_together() -> None:
    error = errors.InputError("bad settings", ["a.toml: x: unknown", "a.toml: y: unknown"])
    assert str(error).splitlines() == [
        "bad settings:",
        "  a.toml: x: unknown",
        "  a.toml: y: unknown",
    ]
