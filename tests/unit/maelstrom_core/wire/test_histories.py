"""Cases as bytes: what is packed is unpacked, in messages that are not too long."""

from hypothesis import given
from hypothesis import strategies as st

from maelstrom_core.wire.codec import decode, encode
from maelstrom_core.wire.histories import (
    CASE_BYTES,
    LONGEST_MS,
    MOST_CASES,
    LearnedCases,
    packed,
    unpacked,
)

rows = st.tuples(
    st.binary(min_size=CASE_BYTES, max_size=CASE_BYTES), st.integers(0, LONGEST_MS), st.booleans()
)


@given(st.lists(rows, max_size=20))
def test_what_is_packed_is_unpacked(cases: list[tuple[bytes, int, bool]]) -> None:
    assert list(unpacked(b"".join(packed(cases)))) == cases


def test_many_cases_take_several_messages() -> None:
    cases = [(b"%016d" % number, number, False) for number in range(2 * MOST_CASES + 1)]
    parts = list(packed(cases))
    assert len(parts) == 3
    for part in parts:
        message = LearnedCases(b"p" * 32, part)
        assert decode(encode(message)) == message
    assert [row for part in parts for row in unpacked(part)] == cases


def test_what_is_longer_than_can_be_said_is_shortened() -> None:
    assert list(unpacked(*packed([(b"c" * 16, 1 << 40, True), (b"d" * 16, -5, False)]))) == [
        (b"c" * 16, LONGEST_MS, True),
        (b"d" * 16, 0, False),
    ]
