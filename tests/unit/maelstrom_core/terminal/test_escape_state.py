"""What keys mean: the job's, but for two behind the escape character."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maelstrom_core.terminal.escape_state import EscapeState, Interrupt, Suspend, Typed


@pytest.mark.parametrize(
    ("keys", "meanings"),
    [
        (b"abc\x03\x1a", [Typed(b"abc\x03\x1a")]),
        (b"ab\x1d\x03cd", [Typed(b"ab"), Interrupt(), Typed(b"cd")]),
        (b"\x1d\x1a\x1d\x1a", [Suspend(), Suspend()]),
        (b"\x1d\x1d\x03", [Typed(b"\x1d\x03")]),
        (b"\x1dx", [Typed(b"\x1dx")]),
        (b"a\x1d", [Typed(b"a")]),
    ],
)
def test_what_keys_mean(keys, meanings):
    assert EscapeState().take(keys) == meanings
    # However they come.
    state, one_by_one = EscapeState(), []
    for index in range(len(keys)):
        one_by_one += state.take(keys[index : index + 1])
    assert _joined(one_by_one) == meanings


@given(st.lists(st.sampled_from([b"a", b"\x1d", b"\x04", b"\xff"]), max_size=12))
def test_no_key_is_lost_or_made_up(keys):
    state = EscapeState()
    meanings = [meaning for key in keys for meaning in state.take(key)]
    assert state.waits == bool(state.expire())
    state = EscapeState()
    meanings = [meaning for key in keys for meaning in state.take(key)] + state.expire()
    typed = b"".join(meaning.data for meaning in meanings)
    assert typed.replace(b"\x1d", b"") == b"".join(keys).replace(b"\x1d", b"")
    assert not state.waits


def test_without_an_escape_character_all_keys_are_the_jobs():
    assert EscapeState(b"").take(b"\x1d\x03") == [Typed(b"\x1d\x03")]


def _joined(meanings):
    joined = []
    for meaning in meanings:
        if joined and isinstance(meaning, Typed) and isinstance(joined[-1], Typed):
            joined[-1] = Typed(joined[-1].data + meaning.data)
        else:
            joined.append(meaning)
    return joined
