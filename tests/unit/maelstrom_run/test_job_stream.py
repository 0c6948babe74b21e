"""JSON objects out of pieces, wherever these are cut; and what is no stream of them."""

import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from maelstrom_run.job_stream import MOST_BYTES, BadStream, Found, JobStream

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)
OBJECTS = st.dictionaries(st.text(), VALUES, max_size=4)
BETWEEN = st.sampled_from(["", " ", "\n", "\r\n\t", "\n\n"])


def read(*pieces: bytes) -> list[Found]:
    stream = JobStream()
    found = [one for piece in pieces for one in stream.take(piece)]
    stream.end()
    return found


@settings(max_examples=50)
@given(
    st.lists(st.tuples(OBJECTS, BETWEEN, st.sampled_from([None, 1]), st.booleans()), max_size=5),
    st.lists(st.integers(min_value=0), max_size=8),
    st.booleans(),
)
def test_objects_are_found_however_they_are_written_and_cut(
    written: list[tuple[dict[str, object], str, int | None, bool]], cuts: list[int], mark: bool
) -> None:
    text = "\ufeff" if mark else ""
    lines = []
    for table, between, indent, escaped in written:
        text += between
        lines.append(1 + text.count("\n"))
        text += json.dumps(table, indent=indent, ensure_ascii=escaped)
    data = text.encode("utf-8", "surrogatepass")
    if any(0xD800 <= ord(letter) < 0xE000 for letter in text):
        return  # no UTF-8
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})

    found = read(*(data[a:b] for a, b in itertools.pairwise(places)))

    assert [one.table for one in found] == [table for table, *_ in written]
    assert [one.line for one in found] == lines
    assert [one.number for one in found] == list(range(1, len(written) + 1))


def test_an_object_is_given_when_its_last_brace_has_come() -> None:
    stream = JobStream()

    assert list(stream.take(b'{"a": {"b": "}')) == []
    assert list(stream.take(b'"}')) == []
    assert [one.table for one in stream.take(b'} {"c"')] == [{"a": {"b": "}"}}]
    assert [one.table for one in stream.take(b": 1}")] == [{"c": 1}]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"[1]", "line 1: expected { of a JSON object, not '[1]'"),
        (b"{}\n\n nope", "line 3: expected { of a JSON object, not 'nope'"),
        (b'{"a": 1,}', "line 1: no JSON: "),
        (b'{"a": 1,\n"b": x}', "line 2: no JSON: "),
        (b'{"a": 1', "line 1: the JSON object that begins here does not end"),
        (b'\n{"a', "line 2: the JSON object that begins here does not end"),
        (b'{"a":\n"\xff"}', "line 2: not UTF-8"),
        (b'{"a": 1, "a": 2}', "line 1: no JSON: 'a' is there twice in one object"),
        (b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "line 1: maximum recursion depth"),
    ],
)
def test_what_is_no_stream_of_objects_is_told_with_its_line(text: bytes, told: str) -> None:
    with pytest.raises(BadStream) as raised:
        read(text)

    assert str(raised.value).startswith(told)


def test_what_has_no_end_does_not_fill_the_memory() -> None:
    stream = JobStream()
    piece = b'"' + b"x" * (1 << 22)

    with pytest.raises(BadStream, match="more than"):
        for data in [b"{", *[piece] * (MOST_BYTES // len(piece) + 1)]:
            list(stream.take(data))
