"""What cases fit a filter, and what can be said before they are known."""

import pytest

from maelstrom_core.filters import combined, evaluate, parse
from maelstrom_core.model.cases import Case
from maelstrom_core.model.ids import CaseId
from pytest_maelstrom.selectors import SELECTORS

CASE = Case(
    id=CaseId("tests/test_fights.py::TestDuel::test_hit[a-1]"),
    name="test_hit[a-1]",
    file="tests/test_fights.py",
    markers=("parametrize", "slow"),
    details={
        "node id": "tests/test_fights.py::TestDuel::test_hit[a-1]",
        "own markers": ["parametrize"],
    },
)


@pytest.mark.parametrize(
    "text",
    [
        "name.equals(test_hit[a-1])",
        "name.starts_with(test_) and name.contains(hit)",
        "file.ends_with(_fights.py)",
        "node_id.matches(::TestDuel::test_h.t)",
        "file.globs(tests/*.py)",
        "file.globs(**/test_{fights,duels}.py)",
        "markers.contains(slow)",
        "own_markers.contains(parametrize)",
        "package.equals(default)",
        "all - name.equals(x) - file.equals(y)",
    ],
)
def test_the_case_fits(text: str) -> None:
    assert evaluate(parse(text, SELECTORS), SELECTORS.facts(CASE)) is True


@pytest.mark.parametrize(
    "text",
    [
        "name.equals(test_hit)",
        "file.globs(*.py)",
        "markers.contains(slo)",
        "own_markers.contains(slow)",
        "all - all - none",
        "name.matches(^hit)",
    ],
)
def test_the_case_does_not_fit(text: str) -> None:
    assert evaluate(parse(text, SELECTORS), SELECTORS.facts(CASE)) is False


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("package.equals(a)", True),
        ("package.equals(b)", False),
        ("name.equals(x)", None),
        ("not name.equals(x)", None),
        ("package.equals(a) or name.equals(x)", True),
        ("name.equals(x) or package.equals(b)", None),
        ("package.equals(b) and name.equals(x)", False),
        ("name.equals(x) and package.equals(b)", False),
        ("name.equals(x) and package.equals(a)", None),
        ("all - name.equals(x)", None),
        ("package.equals(a) - package.equals(a)", False),
    ],
)
def test_before_cases_are_known_the_answer_may_be_open(text: str, answer: bool | None) -> None:
    assert evaluate(parse(text, SELECTORS), {"package": "a"}) is answer


@pytest.mark.parametrize(
    ("include", "exclude", "fits"),
    [
        ([], [], True),
        (["none"], [], False),
        (["none", "all"], [], True),
        ([], ["all"], False),
        (["all"], ["none", "all"], False),
        (["name.contains(hit)"], ["name.contains(miss)"], True),
    ],
)
def test_includes_add_up_and_excludes_take_away(
    include: list[str], exclude: list[str], fits: bool
) -> None:
    tree = combined(
        tuple(parse(text, SELECTORS) for text in include),
        tuple(parse(text, SELECTORS) for text in exclude),
    )

    assert evaluate(tree, SELECTORS.facts(CASE)) is fits
