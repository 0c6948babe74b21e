"""Pieces of output become whole lines, however they are cut."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_maelstrom.lines_plan import MOST_BYTES, Lines
from pytest_maelstrom.live import short

TEXTS = st.text(alphabet="ab \n\r\té€😀", max_size=60)


def lines_of(pieces):
    lines = Lines()
    return [line for piece in pieces for line in lines.take(piece, now=0.0)] + lines.end()


@given(TEXTS, st.lists(st.integers(0, 200), max_size=10))
def test_how_output_is_cut_does_not_matter(text, cuts):
    data = text.encode()
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[one:other] for one, other in pairwise(places)]
    assert lines_of(pieces) == lines_of([data])


@given(TEXTS, st.lists(st.integers(0, 200), max_size=10))
def test_impatience_loses_nothing(text, cuts):
    data = text.encode()
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    lines, shown = Lines(), []
    for number, (one, other) in enumerate(pairwise(places)):
        shown += lines.take(data[one:other], now=10.0 * number)
        shown += lines.due(now=10.0 * number + 5)
    shown += lines.end()
    assert "".join(shown) == re.sub(r"[\r\n]", "", text)


@given(st.lists(st.binary(max_size=40)))
def test_any_bytes_are_taken(pieces):
    assert all("\n" not in line for line in lines_of(pieces))


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"a\nb\n", ["a", "b"]),
        (b"a\n\nb", ["a", "", "b"]),
        (b"a\r\n\r\nb\r\n", ["a", "", "b"]),
        (b"\r10%\r20%\r30%\n", ["10%", "20%", "30%"]),
        (b"10%\n\r20%\r", ["10%", "20%"]),
        (b"", []),
    ],
)
def test_lines_end_where_people_see_them_end(data, lines):
    assert lines_of([data]) == lines


def test_an_unfinished_line_is_due_after_a_second():
    lines = Lines()
    assert lines.take(b"whole\nbegun", now=100.0) == ["whole"]
    assert lines.due(now=100.5) == []
    assert lines.due(now=101.0) == ["begun"]
    assert lines.due(now=200.0) == []
    assert lines.take(b" ended\n", now=200.0) == [" ended"]


def test_half_a_character_waits_for_its_end():
    lines, data = Lines(), "begun €".encode()
    lines.take(data[:-1], now=0.0)
    assert lines.due(now=2.0) == ["begun "]
    assert lines.due(now=4.0) == []
    assert lines.take(data[-1:] + b"\n", now=4.0) == ["€"]


def test_a_line_without_end_is_shown_in_parts():
    lines = Lines()
    parts = lines.take("€".encode() * MOST_BYTES, now=0.0)
    assert all(len(part.encode()) <= MOST_BYTES for part in parts)
    assert "".join([*parts, *lines.end()]) == "€" * MOST_BYTES


def test_a_run_of_returns_is_no_trap():
    # A search that starts anew at each of them would take minutes.
    assert lines_of([b"a" + b"\r" * 1_000_000 + b"b"]) == ["a", "b"]


def test_names_in_front_of_lines_are_short():
    case, file = "tests/unit/test_it.py::test_it[1/2]", "tests/unit/test_it.py"
    assert short(case, file, alone=True) == "test_it.py::test_it[1/2]"
    assert short(case, file, alone=False) == case
    assert short("test_it.py::test_it", "test_it.py", alone=True) == "test_it.py::test_it"
    long = short(f"test_it.py::test_it[{'x' * 500}end]", "test_it.py", alone=True)
    assert long.startswith("test_it.py::test_it[x")
    assert long.endswith("xend]")
    assert len(long) == 72
    assert short("t.py::t[\x1b[2J]", "t.py", alone=True) == r"t.py::t[\x1b[2J]"
