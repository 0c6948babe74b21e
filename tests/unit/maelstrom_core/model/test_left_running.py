"""What is said of processes that were left, whatever they say of themselves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maelstrom_core.model.left_running import (
    LINE_BYTES,
    MOST_CHARACTERS,
    MOST_NAMED,
    command_lines,
    left_words,
)
from maelstrom_core.model.outcome import Exited, JobResult


def said(*lines: bytes) -> bytes:
    return b"".join(line[:LINE_BYTES].ljust(LINE_BYTES, b"\0") for line in lines)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (b"sleep\x00600\x00", "sleep 600"),
        (b"/usr/bin/python3\x00-m\x00http.server\x00", "python3 -m http.server"),
        (b"sh\x00-c\x00\x1b[31m\n\t\x07\x00", "sh -c �[31m���"),
        (b"\xff\xfe", "��"),
        ("é\u202e".encode(), "é�"),
        (b"kworker/", "kworker/"),
        (b"x" * 400, "x" * (MOST_CHARACTERS - 1) + "…"),
        (b"a\x00\x00b\x00", "a  b"),
    ],
)
def test_a_command_line_is_made_harmless_and_short(line: bytes, shown: str) -> None:
    assert command_lines(said(line)) == (shown,)


def test_what_says_nothing_has_no_line() -> None:
    assert command_lines(said(b"", b"sleep")) == ("sleep",)
    assert command_lines(b"") == ()


@given(st.lists(st.text(), max_size=30))
def test_a_result_holds_a_few_short_lines_whoever_has_made_it(lines: list[str]) -> None:
    kept = JobResult(outcome=Exited(0), left_commands=lines).left_commands
    assert len(kept) <= MOST_NAMED
    assert all(line.isprintable() and 0 < len(line) <= MOST_CHARACTERS for line in kept)


@pytest.mark.parametrize(
    ("number", "commands", "words"),
    [
        (1, (), "left 1 process running"),
        (2, (), "left 2 processes running"),
        (1, ("sleep 600",), "left 1 process running: sleep 600"),
        (3, ("a", "b"), "left 3 processes running: a; b; and 1 more"),
        (4, ("a", "b", "a", "a"), "left 4 processes running: a (3 times); b"),
        (9, tuple("abcdefgh"), "left 9 processes running: a; b; c; d; and 5 more"),
    ],
)
def test_what_was_left_in_words(number: int, commands: tuple[str, ...], words: str) -> None:
    assert left_words(number, commands) == words
