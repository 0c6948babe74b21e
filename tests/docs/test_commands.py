"""What can be run: tox lists all of it with a word on each, and CI runs what tox lists for it."""

import configparser
import re
import shlex
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOX = configparser.ConfigParser()
TOX.read(ROOT / "tox.ini")
SCRIPT = (ROOT / ".ci" / "run").read_text()
FOR_CI = [name.strip() for name in TOX["tox"]["env_list"].split(",")]
SECTIONS = [name for name in TOX.sections() if name.startswith("testenv")]
PROMISED = ("lint", "types", "unit", "property", "container", "architecture", "docs", "bench")


def commands(name: str) -> list[list[str]]:
    lines = TOX[f"testenv:{name}"]["commands"].strip().splitlines()
    return [shlex.split(line.replace("{posargs}", "")) for line in lines]


@pytest.mark.parametrize("section", SECTIONS)
def test_every_environment_says_in_one_line_what_it_is_for(section: str) -> None:
    assert re.fullmatch(r"\S.{10,90}", TOX[section]["description"])


def test_everything_promised_is_listed() -> None:
    assert {f"testenv:{name}" for name in (*PROMISED, "nightly", *FOR_CI)} <= set(SECTIONS)


@pytest.mark.parametrize("name", FOR_CI)
def test_ci_runs_it(name: str, request: pytest.FixtureRequest) -> None:
    by_default = request.config.getini("testpaths")
    for command in commands(name):
        *options, directory = command
        if options[:2] == ["pytest", "-q"] and directory in by_default:
            # Part of what `pytest` runs without a path, which is the README's command.
            assert options[2:] in ([], ["-n", "auto"])
            assert (ROOT / directory).is_dir()
            assert directory.startswith("tests/")
        else:
            assert shlex.join(command) in SCRIPT


def test_every_directory_of_tests_is_run_by_an_environment() -> None:
    named = {word for section in SECTIONS for word in TOX[section].get("commands", "").split()}
    directories = {
        f"tests/{path.name}"
        for path in (ROOT / "tests").iterdir()
        if path.is_dir() and path.name not in ("samples", "__pycache__")
    }
    assert {one for one in directories if not any(w.startswith(one) for w in named)} == set()


@pytest.mark.parametrize("words", re.findall(r'readme "(.+?)"', SCRIPT))
def test_what_ci_takes_from_the_readme_is_one_command_there(words: str) -> None:
    assert sum(words in line for line in (ROOT / "README.md").read_text().splitlines()) == 1
