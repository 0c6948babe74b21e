"""What the plugin does before it knows anything: it guesses whether a command asks for us, and tells of
its options."""

import re
import sys

import pytest

from pytest_maelstrom.plugin import _is_named_in, pytest_addoption
from pytest_maelstrom.settings import schema


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


_DEFAULT = re.compile(r"([\w-]+) \(default\)")


def test_the_help_tells_the_default_that_holds() -> None:
    # It is written once more there: whoever runs pytest plainly does not pay for importing the settings.
    parser = pytest.Parser(_ispytest=True)
    pytest_addoption(parser)
    told = {}
    for option in parser.getgroup("maelstrom").options:
        if found := _DEFAULT.search(option.attrs()["help"]):
            told[option.names()[0].removeprefix("--maelstrom-")] = found[1]
    holds = {field.name: field.default for field in schema()}
    assert {"immortal", "leaky", "isolation", "group"} <= told.keys()
    assert told == {name: holds[name] for name in told}
