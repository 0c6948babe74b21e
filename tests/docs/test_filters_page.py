"""The page about filters: its examples choose what it says, its tables are the parser's."""

import re
from pathlib import Path

import pytest

from maelstrom_core.filters import BadFilter, evaluate, parse
from maelstrom_core.filters.parse import MATCHERS
from maelstrom_core.model.cases import Case
from maelstrom_core.model.ids import CaseId
from pytest_maelstrom.selectors import SELECTORS

PAGE = (Path(__file__).parents[2] / "docs" / "guide" / "filters.md").read_text()
CASES = {"A": ("", ""), "B": ("slow", ""), "C": ("parametrize", "slow"), "D": ("", "net")}


def rows(title: str) -> list[list[str]]:
    """Cells of all tables below a title, without those of their heads."""
    section = PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    cells = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines]
    return [[one.strip().strip("`").replace(r"\|", "|") for one in row] for row in cells]


def case(letter: str) -> Case:
    node_id = next(row[1] for row in rows("Examples") if row[0] == letter)
    own, inherited = (words.split() for words in CASES[letter])
    return Case(
        id=CaseId(node_id),
        name=node_id.rpartition("::")[2],
        file=node_id.partition("::")[0],
        markers=(*own, *inherited),
        details={"node id": node_id, "own markers": own},
    )


EXAMPLES = [row for row in rows("Examples") if len(row) == 2 and row[0] != "filter"]


@pytest.mark.parametrize(("text", "letters"), EXAMPLES, ids=[row[0] for row in EXAMPLES])
def test_an_example_means_what_is_said(text: str, letters: str) -> None:
    tree = parse(text, SELECTORS)

    fitting = [one for one in CASES if evaluate(tree, SELECTORS.facts(case(one)))]
    assert fitting == letters.split()


def test_there_are_examples_of_every_selector_and_matcher() -> None:
    shown = " ".join(row[0] for row in EXAMPLES)

    assert [one.name for one in SELECTORS if f"{one.name}." not in shown] == ["package"]
    assert [one.value for one in MATCHERS if f".{one.value}" not in shown] == []


def test_the_tables_are_those_of_the_parser() -> None:
    selectors = [[one.name, one.shortest, one.help.replace("`", "")] for one in SELECTORS]
    shown = [[cell.replace("`", "") for cell in row] for row in rows("Selectors of pytest")[1:]]
    matchers = [[matcher.value, shortest] for matcher, shortest in MATCHERS.items()]

    assert shown == selectors
    assert [row[:2] for row in rows("Matchers")[1:]] == matchers


def test_the_fault_is_told_as_shown() -> None:
    shown = re.findall(r"```text\n(.*?)```", PAGE, re.S)[0]

    with pytest.raises(BadFilter) as raised:
        parse("all and nome.equals(x)", SELECTORS)
    assert f"{raised.value}\n" == shown
