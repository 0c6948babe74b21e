"""What a job in parts writes is sorted into them, however it is cut into pieces."""

import itertools
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from maelstrom_core.testrun.parts_plan import Kept, Parts


def cut(data: bytes, places: list[int]) -> Iterator[bytes]:
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    yield from (data[a:b] for a, b in itertools.pairwise(edges))


@given(
    reports=st.lists(st.binary(max_size=9).filter(lambda one: b"\x1e" not in one), min_size=1),
    more=st.integers(0, 2),
    places=st.lists(st.integers(0, 99)),
)
def test_parts_are_those_that_were_written(reports, more, places):
    parts = Parts(len(reports), 100)
    # Whoever writes more separators than there are cases has written them in the last one.
    written = b"\x1e".join(reports) + b"\x1e" * more
    ended = [part for piece in cut(written, places) for part in parts.take(3, piece)]

    assert [bytes(part.report) for part in (*ended, parts.current)] == [
        *reports[:-1],
        reports[-1] + b"\x1e" * more,
    ]
    assert parts.begun == len(reports)


def test_what_is_printed_is_of_the_part_that_has_begun():
    parts = Parts(2, 100)
    parts.take(1, b"one, \x1e no separator here")
    parts.take(2, b"error")
    (first,) = parts.take(3, b"a\x1eb")
    parts.take(1, b"two")

    assert first.streams[1].captured.head == b"one, \x1e no separator here"
    assert first.streams[2].captured.head == b"error"
    assert parts.current.streams[1].captured.head == b"two"


@given(pieces=st.lists(st.binary(max_size=7)), limit=st.integers(1, 8))
def test_the_first_and_the_last_bytes_are_kept(pieces, limit):
    kept = Kept(limit)
    for piece in pieces:
        kept.take(piece)
    data, captured = b"".join(pieces), kept.captured

    assert captured.total_bytes == len(data)
    assert captured.head == data[:limit]
    assert captured.tail == data[limit:][-limit:]
