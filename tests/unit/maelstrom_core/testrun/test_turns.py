"""Turns and slots in a file of directives: all that is wrong with them, what they come to for a case."""

import tomllib

import pytest

from maelstrom_core.errors import InputError
from maelstrom_core.model.cases import Case
from maelstrom_core.model.container import ContainerSpec
from maelstrom_core.model.ids import CaseId
from maelstrom_core.testrun.directives import Directives, read_directives
from maelstrom_core.testrun.directives_plan import CasePlan, Planner
from pytest_maelstrom.selectors import SELECTORS


def read(text: str) -> Directives:
    return read_directives(tomllib.loads(text), SELECTORS, file="f.toml", cannot={})


def planner(text: str) -> Planner:
    return Planner(read(text), SELECTORS, default=ContainerSpec(), client={}, project="/project")


def plan(text: str, *markers: str) -> CasePlan:
    case = Case(id=CaseId("a"), name="a", markers=markers, details={"node id": "a"})
    return planner(text).for_case(case)


TURNS = """
[turns.database]

[turns.port]
at_once = 3

[[directives]]
turns = "port"
slots = 2

[[directives]]
filter = "markers.contains(m)"
turns = ["database", "port"]

[[directives]]
filter = "markers.contains(alone)"
turns = []
slots = 1
"""


def test_turns_and_slots_are_what_the_last_one_says() -> None:
    assert read(TURNS).turns == {"database": 1, "port": 3}
    assert planner(TURNS).turns == {"database": 1, "port": 3}
    assert (plan(TURNS).turns, plan(TURNS).slots) == (("port",), 2)
    assert plan(TURNS, "m").turns == ("database", "port")
    assert (plan(TURNS, "m", "alone").turns, plan(TURNS, "m", "alone").slots) == ((), 1)


def test_what_a_runner_says_of_turns_stays() -> None:
    case = Case(id=CaseId("a"), name="a", turns=("lock", "port"), slots=4, details={"node id": "a"})
    assert planner("").demanding(case) is case
    demanding = planner(TURNS).demanding(case)
    assert (demanding.turns, demanding.slots) == (("lock", "port"), 2)


def test_what_is_wrong_with_turns_is_told() -> None:
    text = """
        [turns.database]
        at_once = 0
        [turns.port]
        most = 2
        [[directives]]
        turns = ["databse", "port"]
        slots = 0
        [[directives]]
        turns = 3
    """
    with pytest.raises(InputError) as raised:
        read(text)
    assert list(raised.value.faults) == [
        "turns.database.at_once: expected a whole number of at least 1, not 0",
        "turns.port.most: unknown; known: at_once",
        "directives[0].slots: expected a whole number of at least 1, not 0",
        "directives[1].turns: expected a text, not 3",
        "directives[0].turns: no turns databse; did you mean database?",
    ]
