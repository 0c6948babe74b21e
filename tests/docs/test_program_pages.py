"""The pages about runners' programs: their commands can be given, their tables are the programs'."""

import argparse
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import attrs
import maelstrom_cargo.cli
import maelstrom_go.cli
import pytest

from maelstrom_core.filters import parse
from maelstrom_core.model.container import ContainerSpec
from maelstrom_core.program import RunnerProgram
from maelstrom_core.program.options import parser_of
from maelstrom_core.testrun.directives import read_directives
from maelstrom_core.testrun.directives_plan import Planner

GUIDE = Path(__file__).parents[2] / "docs" / "guide"


@attrs.frozen
class Page:
    """A page, and the program that it is about."""

    text: str
    program: RunnerProgram
    words: tuple[str, ...]
    templates: tuple[tuple[str, str], ...] = ()

    def blocks(self, language: str) -> list[str]:
        return re.findall(rf"^```{language}\n(.*?)^```$", self.text, re.M | re.S)

    def commands(self) -> Iterator[list[str]]:
        for block in self.blocks("sh"):
            for line in block.splitlines():
                words = shlex.split(line, comments=True)
                assert tuple(words[: len(self.words)]) == self.words
                yield words[len(self.words) :]

    def parser(self) -> argparse.ArgumentParser:
        return parser_of(self.program)


PAGES = [
    Page((GUIDE / "go.md").read_text(), maelstrom_go.cli.program(()), ("maelstrom-go-test",)),
    Page(
        (GUIDE / "cargo.md").read_text(),
        maelstrom_cargo.cli.program(()),
        ("cargo", "maelstrom"),
        (("build-dir", "/p/target/debug"),),
    ),
]
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.program.program)


@every_page
def test_every_command_can_be_given(page: Page) -> None:
    commands = list(page.commands())

    assert len(commands) > 3
    for command in commands:
        own = command[
            : next((i for i, word in enumerate(command) if word in ("--", "-args")), None)
        ]
        chosen = page.parser().parse_args(own)
        for text in (*chosen.include, *chosen.exclude):
            parse(text, page.program.selectors)


@every_page
def test_every_option_is_there(page: Page) -> None:
    parser = page.parser()
    known = {name for action in parser._actions for name in action.option_strings}
    named = {
        word.partition("=")[0].partition(" ")[0]
        for word in re.findall(r"`(--?[a-zA-Z][^`]*)`", page.text.partition("\nNot there yet")[0])
    }
    # Some are those of test binaries, or of a command that the page compares with.
    others = {"--format", "--logfile"}
    assert named - known - others == set()


@every_page
def test_the_selectors_are_the_program_s(page: Page) -> None:
    (table,) = re.findall(r"\| selector \| \|\n\|---\|---\|\n((?:\|.*\n)+)", page.text)
    named = [
        name for line in table.splitlines() for name in re.findall(r"`(\w+)`", line.split("|")[1])
    ]

    assert sorted(named) == sorted(selector.name for selector in page.program.selectors)


@every_page
def test_every_file_of_directives_can_be_used(page: Page) -> None:
    for block in page.blocks("toml"):
        directives = read_directives(
            tomllib.loads(block),
            page.program.selectors,
            file=page.program.file,
            cannot=page.program.cannot,
            templates=dict(page.templates),
        )
        planner = Planner(
            directives, page.program.selectors, default=ContainerSpec(), client={}, project="/p"
        )
        assert planner.for_collecting({}).container == ContainerSpec()
