"""Names that a container says are harmless on the host, or refused."""

import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_maelstrom.output_plan import Refused, directory_name, parts_of

names = st.text(st.characters(codec=None), max_size=12) | st.sampled_from(["..", ".", "/", "a"])


@given(st.lists(names, max_size=5).map("/".join))
def test_a_path_is_plainly_below_its_directory_or_refused(path):
    try:
        parts = parts_of(path)
    except Refused:
        return
    assert "/".join(parts) == path
    assert os.path.normpath(os.path.join("/top", path)) == f"/top/{path}"
    assert not any(part in ("", ".", "..") or "\0" in part for part in parts)
    os.fsencode(path)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/etc/passwd", "leads elsewhere"),
        ("../up", "leads elsewhere"),
        ("a/", "leads elsewhere"),
        ("a\x1b[2J", "control characters"),
        ("\ud800", "cannot be written down"),
        ("x" * 256, "too long"),
        ("a/" * 32 + "a", "too long"),
        (b"bytes", "no text"),
    ],
)
def test_what_is_refused_says_why(path, why):
    with pytest.raises(Refused, match=why):
        parts_of(path)


def test_ordinary_and_odd_names_are_taken_as_they_are():
    assert parts_of("a b/ü/-x.txt") == ["a b", "ü", "-x.txt"]
    assert parts_of(os.fsdecode(b"\xff")) == ["\udcff"]


ids = st.text(st.characters(codec=None), max_size=40)


@given(ids, st.integers(1, 3))
def test_a_directory_s_name_is_one_harmless_name(case, attempt):
    name = directory_name(case, attempt)
    assert re.fullmatch(r"[\w\[\]=,+-][\w.\[\]=,+-]*", name), name
    assert len(os.fsencode(name)) <= 255


@given(st.lists(st.tuples(ids, st.integers(1, 3)), unique=True, min_size=2, max_size=6))
def test_no_two_cases_share_one(cases):
    assert len({directory_name(case, attempt) for case, attempt in cases}) == len(cases)


def test_it_can_be_read():
    name = directory_name("tests/test_a.py::TestIt::test_b[1-x]", 2)
    assert re.fullmatch(r"tests\.test_a\.py-TestIt-test_b\[1-x\]-[0-9a-f]{8}\.attempt-2", name)
