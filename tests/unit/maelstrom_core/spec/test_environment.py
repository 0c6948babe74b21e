"""Variables with ``$env{…}`` and ``$prev{…}``."""

from collections.abc import Mapping
from typing import Any

import pytest

from maelstrom_core.errors import InputError
from maelstrom_core.settings.schema import BadValue
from maelstrom_core.spec.environment import elements, evaluated, template
from maelstrom_core.spec.reading import Place

CLIENT = {"WHO": "ann", "EMPTY": ""}


def come_to(written: object, before: Mapping[str, str] | None = None) -> dict[str, str]:
    place = Place("environment", [])
    read: Any = place.read(elements, written)
    assert place.faults == []
    return evaluated(read, before or {}, CLIENT)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("", ""),
        ("$env{WHO}", "ann"),
        ("<$env{WHO}-$env{WHO}>", "<ann-ann>"),
        ("$$env{WHO}", "$env{WHO}"),
        ("$$$$", "$$"),
        ("$env{NOPE:-a default}", "a default"),
        ("$env{EMPTY:-a default}", "a default"),
        ("$env{EMPTY}", ""),
        ("$env{NOPE:-}", ""),
        ("$env{WHO:-b}", "ann"),
        ("$prev{PATH}:/opt", "/bin:/opt"),
        ("$prev{WHO:-nobody}", "nobody"),
        ("}{", "}{"),
    ],
)
def test_references_are_filled_in(text: str, value: str) -> None:
    assert come_to({"A": text}, {"PATH": "/bin"})["A"] == value


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("$WHO", "after every $"),
        ("costs 5$", "after every $"),
        ("${WHO}", "after every $"),
        ("$env{WHO", "a } for the { of $env{"),
        ("$env{}", "the name of a variable"),
        ("$prev{a-b}", "the name of a variable"),
        ("$env{ WHO }", "the name of a variable"),
    ],
)
def test_what_is_no_reference_is_a_fault(text: str, what: str) -> None:
    with pytest.raises(BadValue) as raised:
        template(text)
    assert what in str(raised.value)


def test_a_table_adds_and_a_list_may_replace() -> None:
    before = {"A": "1", "B": "2"}

    assert come_to({"B": "3"}, before) == {"A": "1", "B": "3"}
    assert come_to([{"vars": {"B": "3"}, "extend": True}], before) == {"A": "1", "B": "3"}
    assert come_to([{"vars": {"B": "$prev{A}"}, "extend": False}], before) == {"B": "1"}


def test_what_was_before_is_what_was_before_the_element_not_the_variable() -> None:
    written = [
        {"vars": {"A": "new", "B": "$prev{A}"}, "extend": True},
        {"vars": {"C": "$prev{A}"}, "extend": True},
    ]

    assert come_to(written, {"A": "old"}) == {"A": "new", "B": "old", "C": "new"}


def test_all_that_is_not_set_is_told_with_its_place() -> None:
    with pytest.raises(InputError) as raised:
        come_to({"A": "$env{NOPE}", "B": "$prev{NOPE}"})

    assert [fault.partition(";")[0] for fault in raised.value.faults] == [
        "environment.A: $env{NOPE} is not set",
        "environment.B: $prev{NOPE} is not set",
    ]
