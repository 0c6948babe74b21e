"""The page about real projects tells of each one, and of each known difference with its reason."""

import importlib.util
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "guide" / "real-projects.md").read_text()


@pytest.fixture(scope="module")
def real() -> ModuleType:
    """``tests/real/verdicts.py``, and by it ``suites.py``: files side by side, not a package."""
    directory = str(ROOT / "tests" / "real")
    sys.path.insert(0, directory)
    try:
        spec = importlib.util.spec_from_file_location("verdicts", f"{directory}/verdicts.py")
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    finally:
        sys.path.remove(directory)


@pytest.fixture(scope="module")
def suites(real: ModuleType) -> Sequence[Any]:
    """What ``suites.toml`` says."""
    del real
    found: Sequence[Any] = sys.modules["suites"].SUITES
    return found


def test_every_project_is_in_the_table_with_its_version(suites: Sequence[Any]) -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ")]

    for suite in suites:
        (row,) = [row for row in rows if row.startswith(f"| {suite.name} |")]
        assert row.split("|")[2].strip() == suite.version


def test_every_known_difference_is_told_with_its_reason(suites: Sequence[Any]) -> None:
    prose = " ".join(PAGE.split())

    for suite in suites:
        for difference in suite.differences:
            assert difference.why in prose, f"{suite.name}: {difference.cases}"


def judged(
    real: ModuleType, plain: Mapping[str, Sequence[str]], ours: Mapping[str, Sequence[str]]
) -> Any:
    """What two recordings come to, where ``test_a[…]`` is said to differ."""
    difference = sys.modules["suites"].Difference("f.py::test_a[*]", "it counts")
    return real.judge([difference], plain, ours, whole=True)


def test_only_what_is_said_to_differ_may_differ(real: ModuleType) -> None:
    plain = {"f.py::test_a[1]": ["passed"], "f.py::test_b": ["passed"]}

    as_is_known = judged(real, plain, {**plain, "f.py::test_a[1]": ["failed"]})
    otherwise = judged(real, plain, {"f.py::test_a[1]": ["failed"]})

    assert as_is_known.equal
    assert as_is_known.summary == "0 differ, and 1 as is known"
    assert otherwise.lines == ("f.py::test_b: plain ['passed'], maelstrom None",)


def test_a_difference_that_is_no_more_is_a_fault(real: ModuleType) -> None:
    plain = {"f.py::test_a[1]": ["passed"]}

    assert judged(real, plain, plain).lines == (
        "f.py::test_a[*]: said to differ (it counts), but does not",
    )


def test_cases_of_one_node_id_may_end_in_any_order(real: ModuleType) -> None:
    known = {"f.py::test_a[1]": ["failed"]}

    verdict = judged(
        real,
        {"f.py::test_a[1]": ["passed"], "f.py::test_b": ["passed", "skipped"]},
        {**known, "f.py::test_b": ["skipped", "passed"]},
    )

    assert verdict.equal
