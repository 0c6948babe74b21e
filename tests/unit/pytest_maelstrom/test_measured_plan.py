"""What a container says that it has measured is such that coverage's data takes it, or refused."""

from typing import Any

import coverage
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_maelstrom.measured_plan import LAST_LINE, Gathered, Refused, checked


def said(branch: bool = False, **others: Any) -> dict[str, Any]:
    message = {"branch": branch, "contexts": {"": {"/a.py": [1, 2]}}, "tracers": {}, "touched": {}}
    return {**message, **others}


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)
numbers = st.lists(st.integers(-3, 9) | st.just(LAST_LINE), max_size=6)
files = st.dictionaries(st.text(st.characters(codec=None), max_size=3), numbers | json, max_size=3)
messages = st.fixed_dictionaries(
    {
        "branch": st.booleans() | json,
        "contexts": st.dictionaries(st.text(max_size=3), files | json, max_size=3) | json,
        "tracers": st.dictionaries(st.text(max_size=3), st.text(max_size=3)) | json,
        "touched": st.dictionaries(st.text(max_size=3), st.text(max_size=3)) | json,
    }
)


@given(messages, st.booleans())
def test_coverage_takes_all_that_is_not_refused(message, branch):
    try:
        measure = checked(message, branch=branch)
    except Refused:
        return
    gathered = Gathered()
    gathered.add(measure)
    gathered.add(measure)
    data = coverage.CoverageData(no_disk=True)
    for context, found in gathered.take_contexts().items():
        data.set_context(context)
        data.add_arcs(found) if branch else data.add_lines(found)
        assert set(found) <= data.measured_files() | {name for name in found if not found[name]}
    data.close(force=True)


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (said(branch=True), "branches"),
        (said(contexts={"": {"/a.py": [0]}}), "beyond"),
        (said(contexts={"": {"/a.py": [LAST_LINE + 1]}}), "beyond"),
        (said(contexts={"": {"/a.py": [True]}}), "no numbers"),
        (said(contexts={"": {"/a.py": "12"}}), "no numbers"),
        (said(contexts={"": {"\0": [1]}}), "cannot be written down"),
        (said(contexts={"\ud800": {}}), "cannot be written down"),
        (said(contexts={"": {f"/{n}.py": [LAST_LINE] for n in range(200)}}), "more than"),
        (said(contexts=[]), "no table"),
        (said(tracers={"/a.py": 1}), "no text"),
        ({"kind": "measured"}, "branches"),
    ],
)
def test_what_is_refused_says_why(message, why):
    with pytest.raises(Refused, match=why):
        checked(message, branch=False)


def test_half_a_branch_is_refused():
    with pytest.raises(Refused, match="not whole"):
        checked(said(True, contexts={"": {"/a.py": [1, 2, 3]}}), branch=True)


def test_what_was_gathered_is_what_all_have_measured():
    gathered = Gathered()
    gathered.add(checked(said(tracers={"/t": "one"}), branch=False))
    gathered.add(checked(said(contexts={"": {"/a.py": [7]}, "b": {"/a.py": [8]}}), branch=False))
    gathered.add(checked(said(tracers={"/t": "two"}, touched={"/u.py": ""}), branch=False))
    assert gathered.contexts == {"": {"/a.py": {1, 2, 7}}, "b": {"/a.py": {8}}}
    assert gathered.tracers == {"/t": "one"}
    assert gathered.touched == {"/u.py": ""}
    gathered.take_contexts()
    assert gathered.contexts == {}
