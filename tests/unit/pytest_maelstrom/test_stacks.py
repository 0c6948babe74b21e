"""Stacks of a hung test are found between messages, whatever else is there."""

from hypothesis import given
from hypothesis import strategies as st

from pytest_maelstrom.inside import stacks as inside
from pytest_maelstrom.stacks import SIGNAL, stacks_in

ONE = b"""\
Current thread 0x00007f0536057b80 (most recent call first):
  File "/p/test_it.py", line 2 in helper
  File "/p/test_it.py", line 5 in test_hangs
  File "/v/site-packages/_pytest/python.py", line 100 in pytest_pyfunc_call
  File "/v/site-packages/pluggy/_callers.py", line 10 in _multicall
  File "/.maelstrom/python/pytest_maelstrom/inside/main.py", line 9 in main
"""
MESSAGE = b'{"kind": "report", "report": {"when": "setup"}}\n'


def test_both_sides_mean_the_same_signal():
    assert SIGNAL == inside.SIGNAL


def test_frames_of_pytest_at_the_bottom_are_left_out():
    assert stacks_in(MESSAGE + ONE).splitlines() == [
        "Current thread 0x00007f0536057b80 (most recent call first):",
        '  File "/p/test_it.py", line 2 in helper',
        '  File "/p/test_it.py", line 5 in test_hangs',
        "  … 3 frames of pytest",
    ]


def test_one_that_hangs_in_pytest_is_shown_whole():
    lines = ONE.splitlines(keepends=True)
    stack = b"".join(lines[:1] + lines[3:])
    assert stacks_in(stack).encode() == stack.rstrip()


def test_all_threads_are_shown_and_a_message_that_was_cut_is_not():
    other = ONE.replace(b"Current thread", b"Thread")
    found = stacks_in(b'{"kind": "repo' + other + b"\n" + ONE + b'rt"}\n' + MESSAGE)
    assert found.count("in helper") == 2
    assert "kind" not in found


def test_where_there_are_none_none_are_found():
    assert stacks_in(MESSAGE) == stacks_in(b"") == ""


@given(before=st.binary(), after=st.binary())
def test_garbage_around_them_does_not_matter(before, after):
    assert "in helper" in stacks_in(before + ONE + after)
    stacks_in(before)
