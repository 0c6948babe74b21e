"""The programs ``cargo-maelstrom`` and ``cargo maelstrom``."""

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from maelstrom_cargo.hookimpls import RUNNER
from maelstrom_cargo.libtest_plan import IGNORED, INCLUDE_IGNORED, TELLING, Arguments
from maelstrom_cargo.options import (
    add_cargo_options,
    manifest_options,
    options_of,
    profile_of,
    target_directory_of,
    target_of,
)
from maelstrom_cargo.selectors import SELECTORS
from maelstrom_core.errors import UsageError
from maelstrom_core.program import Prepared, RunnerProgram, run_program
from maelstrom_core.program.early import Early
from maelstrom_core.program.here_options import HERE_FIELDS, add_here_options
from maelstrom_core.settings import Settings

if TYPE_CHECKING:
    from maelstrom_cargo.toolchain import Toolchain

PROGRAM = "cargo-maelstrom"
_DESCRIPTION = """\
Run the tests of Rust crates, every test in a container of its own. What is built and run is what
`cargo test` would build and run with the same options.

  cargo maelstrom                                   all tests of this workspace or package
  cargo maelstrom --features extra --test api       those of one file in tests/
  cargo maelstrom parse                             tests with "parse" in their names
  cargo maelstrom --include 'package.equals(core) and library'
  cargo maelstrom --list                            which tests would run?
  cargo maelstrom -- --skip slow --include-ignored  the rest is as for test binaries
"""
_CANNOT = {
    "isolation": "there are no warm processes of Rust to be forked: every test starts afresh",
    "group_by": "tests of Rust do not share containers",
}
_OF_RUNS = ("maelstrom_cargo.collecting", "maelstrom_cargo.environment")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; its exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["maelstrom"]:
        # Cargo passes on the name by which it was called: `cargo maelstrom`.
        given = given[1:]
    if "--" in given:
        at = given.index("--")
        return run_program(program(tuple(given[at + 1 :])), given[:at])
    return run_program(program(()), given)


def program(rest: tuple[str, ...]) -> RunnerProgram:
    """What it is.

    :param rest: what the command line has for test binaries
    """

    early: list[Early[Toolchain]] = []

    def begin(chosen: argparse.Namespace, _: Settings) -> None:
        early.append(Early(partial(_toolchain, chosen)))

    def prepare(chosen: argparse.Namespace, settings: Settings) -> Prepared:
        toolchain = early.pop().take() if early else _toolchain(chosen)
        return _prepare(chosen, settings, rest, toolchain)

    return RunnerProgram(
        runner=RUNNER,
        program=PROGRAM,
        prefix="CARGO_MAELSTROM",
        description=_DESCRIPTION,
        selectors=SELECTORS,
        prepare=prepare,
        begin=begin,
        add_options=_add_options,
        fields=HERE_FIELDS,
        cannot=_CANNOT,
        modules=_OF_RUNS,
    )


def _add_options(parser: argparse.ArgumentParser) -> None:
    text = "only tests with this in their names, as for cargo test"
    parser.add_argument("testname", nargs="?", metavar="TESTNAME", help=text)
    add_cargo_options(parser)
    group = parser.add_argument_group("as for test binaries, after --")
    add = group.add_argument
    add(IGNORED, dest="mode", action="store_const", const=IGNORED, help="only ignored tests")
    text = "ignored tests too"
    add(INCLUDE_IGNORED, dest="mode", action="store_const", const=INCLUDE_IGNORED, help=text)
    text = "show what passing tests print, too"
    add(
        "--nocapture", "--no-capture", "--show-output", dest="shows", action="store_true", help=text
    )
    add_here_options(group)


def _toolchain(chosen: argparse.Namespace) -> "Toolchain":
    from maelstrom_cargo.toolchain import Toolchain

    return Toolchain.found(
        Path.cwd(),
        manifest=manifest_options(chosen),
        target=target_of(chosen),
        kept=target_directory_of(chosen),
        options=options_of(chosen),
    )


def _prepare(
    chosen: argparse.Namespace, settings: Settings, rest: tuple[str, ...], toolchain: "Toolchain"
) -> Prepared:
    from maelstrom_cargo.environment import containers_of_rust
    from maelstrom_cargo.request import CargoRun

    rest = (*([chosen.mode] if chosen.mode else []), *rest)
    for word in rest:
        if word.partition("=")[0] in TELLING:
            raise UsageError(
                f"{word} is not for test binaries here, whose output is read",
                remedy="see --list, --ui, --junit and --events, before the --",
            )
    container, frame = containers_of_rust(toolchain, settings)
    cargo = CargoRun(
        toolchain=toolchain,
        here=container,
        arguments=(
            *([chosen.testname] if chosen.testname else []),
            *(["--", *rest] if rest else []),
        ),
        shows=chosen.shows or Arguments.read(rest).shows,
        only_lists=chosen.list is not None,
    )
    return Prepared(
        project=toolchain.root,
        container=container,
        frame=frame,
        options={"cargo": cargo},
        templates={"build-dir": toolchain.built_in(profile_of(chosen))},
    )


if __name__ == "__main__":
    sys.exit(main())
