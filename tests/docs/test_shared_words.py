"""What all runners share is called the same everywhere, and ``--help`` says the same of it."""

import argparse
from collections.abc import Mapping
from typing import NoReturn

import maelstrom_cargo.cli
import maelstrom_go.cli
import pytest

from maelstrom_core.filters import Selectors
from maelstrom_core.program import RunnerProgram
from maelstrom_core.program.options import parser_of
from maelstrom_core.settings import Settings
from pytest_maelstrom import cli, plugin

PROMISED = [
    "--include",
    "--exclude",
    "--list",
    "--repeat",
    "--retries",
    "--stop-after",
    "--timeout",
    "--until-fail",
    "--watch",
    "--shard",
    "--rerun-failed",
    "--ui",
    "--junit",
    "--events",
    "--broker",
    "--fail-on-flaky",
    "--slow-after",
    "--leaky",
    "--slots",
    "--print-config",
    "--init",
]
NOT_PYTESTS = {
    "--list-binaries": "a test of pytest is in none",
    "--list-packages": "its tests are of no packages",
    "--config-file": "an option of pytest itself, as -c is",
}
NAMED = {"--init": "its own file", "--ui": "its own look by default"}


def helps(parser: argparse.ArgumentParser) -> Mapping[str, str]:
    return {
        name: str(action.help)
        for action in parser._actions
        for name in action.option_strings
        if name.startswith("--") and name != "--help"
    }


def prepare(_: argparse.Namespace, settings: Settings) -> NoReturn:
    raise AssertionError("nothing is run")


ANYBODY = RunnerProgram(
    runner="r",
    program="anybody",
    prefix="R",
    description="",
    selectors=Selectors([]),
    prepare=prepare,
)
SHARED = helps(parser_of(ANYBODY))
PARSERS = {
    "go": parser_of(maelstrom_go.cli.program(())),
    "cargo": parser_of(maelstrom_cargo.cli.program(())),
    "pytest": cli._parser(),
}


def test_a_stranger_s_program_has_all_that_was_promised() -> None:
    assert set(PROMISED) <= set(SHARED)


@pytest.mark.parametrize("name", PARSERS)
def test_a_runner_has_them_in_the_same_words(name: str) -> None:
    own = helps(PARSERS[name])
    expected = {
        option: text
        for option, text in SHARED.items()
        if option not in NAMED and not (name == "pytest" and option in NOT_PYTESTS)
    }
    assert {option: own.get(option) for option in expected} == expected
    assert set(NAMED) <= set(own)


@pytest.mark.parametrize("name", PARSERS)
def test_its_help_says_what_exit_statuses_mean(name: str) -> None:
    told = PARSERS[name].format_help()
    assert "Exit status: " in told
    for status in (
        "0 if all tests passed",
        "1 if one did not",
        "4 for bad",
        "5 if there was no test",
    ):
        assert status in told.replace("\n", " ")


def test_the_plugin_of_pytest_has_the_same_under_longer_names() -> None:
    parser = pytest.Config.fromdictargs({}, [])._parser
    known = {
        name
        for group in parser._groups
        for option in group.options
        for name in option.names()
        if name.startswith("--maelstrom-")
    }
    assert plugin.NAME == "maelstrom"
    renamed = {"--junit": "--junitxml of pytest", "--version": "of the program"}
    wanted = {option for option in SHARED if option not in NOT_PYTESTS and option not in renamed}
    assert {f"--maelstrom-{option[2:]}" for option in wanted} <= known
