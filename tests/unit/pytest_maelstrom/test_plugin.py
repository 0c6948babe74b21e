"""Whether a command asks for us is guessed before pytest has read it."""

import sys

import pytest

from pytest_maelstrom.plugin import _is_named_in


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("pytest -p maelstrom tests", True),
        ("pytest -pmaelstrom", True),
        ("pytest", False),
        ("pytest maelstrom", False),
        ("pytest -p no:maelstrom", False),
        ("pytest maelstrom -p", False),
    ],
)
def test_it_is_named(monkeypatch: pytest.MonkeyPatch, command: str, expected: bool) -> None:
    monkeypatch.delitem(sys.modules, "pytest_maelstrom.inside", raising=False)
    assert _is_named_in(command.split()) == expected


def test_within_a_container_the_outer_command_means_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "pytest_maelstrom.inside", sys)
    assert not _is_named_in(["pytest", "-p", "maelstrom"])
