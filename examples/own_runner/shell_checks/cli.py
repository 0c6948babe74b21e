"""The program ``shell-checks [DIRECTORY]``, with all the options that runners share."""

import argparse
import sys
from pathlib import Path

from maelstrom_core.filters import Selector, Selectors
from maelstrom_core.program import Prepared, RunnerProgram, run_program
from maelstrom_core.settings import Settings
from shell_checks.hooks import CONTAINER, RUNNER

SELECTORS = Selectors([Selector(name="name", shortest="n", field="name", help="of the script")])


def add_options(parser: argparse.ArgumentParser) -> None:
    """What is ours alone."""
    text = "where checks/*.sh are (default: here)"
    parser.add_argument("directory", nargs="?", type=Path, default=Path(), help=text)


def prepare(chosen: argparse.Namespace, settings: Settings) -> Prepared:
    """Look around, when the command line is known."""
    return Prepared(project=chosen.directory.resolve(), container=CONTAINER)


PROGRAM = RunnerProgram(
    runner=RUNNER,
    program=RUNNER,
    prefix="SHELL_CHECKS",
    description="Run every checks/*.sh in a container of its own.",
    selectors=SELECTORS,
    prepare=prepare,
    add_options=add_options,
)


def main() -> int:
    """Run the program; its exit status."""
    return run_program(PROGRAM)


if __name__ == "__main__":
    sys.exit(main())
