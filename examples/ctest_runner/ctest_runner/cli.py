"""The program ``maelstrom-ctest [BUILD DIRECTORY]``, with all the options that runners share."""

import argparse
import os
import sys
from collections.abc import Collection
from pathlib import Path

from ctest_runner.hooks import RUNNER
from maelstrom_core.errors import UsageError
from maelstrom_core.filters import Kind, Selector, Selectors
from maelstrom_core.model.cases import Case
from maelstrom_core.program import Prepared, RunnerProgram, run_program
from maelstrom_core.program.here import container_here, project_around, variables_here
from maelstrom_core.program.here_options import HERE_FIELDS, add_here_options
from maelstrom_core.settings import Settings

SELECTORS = Selectors(
    [
        Selector(name="name", shortest="n", field="name", help="as add_test has it"),
        Selector(name="labels", shortest="l", field="markers", kind=Kind.NAMES, help="LABELS"),
    ]
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """What is ours alone."""
    parser.add_argument(
        "build", nargs="?", type=Path, default=Path(), help="directory of the build"
    )
    add_here_options(parser)


def prepare(chosen: argparse.Namespace, settings: Settings) -> Prepared:
    """The environment you have, with a copy of the project at its usual place."""
    if not (chosen.build / "CTestTestfile.cmake").is_file():
        raise UsageError(f"{chosen.build} is no build with tests: it has no CTestTestfile.cmake")
    project = project_around(chosen.build, what="build")

    def touched(case: Case, changed: Collection[str]) -> bool:
        return os.path.relpath(case.details["command"][0], project) in changed

    return Prepared(
        project=project,
        container=container_here(project, settings, in_place=(), environment=variables_here()),
        options={"build": chosen.build.resolve()},
        touched=touched,
    )


PROGRAM = RunnerProgram(
    runner=RUNNER,
    program="maelstrom-ctest",
    prefix="MAELSTROM_CTEST",
    description="Run every test that CTest knows of a build in a container of its own.",
    selectors=SELECTORS,
    prepare=prepare,
    add_options=add_options,
    fields=HERE_FIELDS,
)


def main() -> int:
    """Run the program; its exit status."""
    return run_program(PROGRAM)


if __name__ == "__main__":
    sys.exit(main())
