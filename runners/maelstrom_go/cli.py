"""The program ``maelstrom-go-test``."""

import argparse
import os
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from maelstrom_core.model.cases import Case
from maelstrom_core.program import Prepared, RunnerProgram, run_program
from maelstrom_core.program.early import Early
from maelstrom_core.program.here_options import HERE_FIELDS, add_here_options
from maelstrom_core.settings import Settings
from maelstrom_go.hookimpls import RUNNER
from maelstrom_go.json_look import GoEvents
from maelstrom_go.options import add_go_options, build_flags, cover_flags, test_flags
from maelstrom_go.selectors import SELECTORS

if TYPE_CHECKING:
    from maelstrom_go.begun import Begun

_DESCRIPTION = """\
Run the tests of Go packages, every test in a container of its own. Packages are named as for
`go test`; without any, it is ./...

  maelstrom-go-test                                 all tests below this directory
  maelstrom-go-test -run 'TestParse/empty' ./internal/...
  maelstrom-go-test -race -tags integration
  maelstrom-go-test --include 'package.ends_with(/cmd)'
  maelstrom-go-test --list                          which tests would run?
  maelstrom-go-test ./... -args -golden=update      the rest is for the test binaries
"""
_CANNOT = {
    "isolation": "there are no warm processes of Go to be forked: every test starts afresh",
    "group_by": "tests of Go do not share containers",
}
_OF_RUNS = ("maelstrom_go.collecting", "maelstrom_go.environment")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; its exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    for word in ("-args", "--args"):
        if word in given:
            at = given.index(word)
            given, rest = given[:at], given[at + 1 :]
            return run_program(program(tuple(rest)), given)
    return run_program(program(()), given)


def program(rest: tuple[str, ...]) -> RunnerProgram:
    """What it is.

    :param rest: what the command line has for test binaries
    """

    early: list[Early[Begun]] = []

    def begin(chosen: argparse.Namespace, settings: Settings) -> None:
        # Filters may leave out whole packages, and are not read yet.
        builds = not (chosen.include or chosen.exclude)
        early.append(Early(lambda: _begun(chosen, settings).ahead(builds=builds)))

    def prepare(chosen: argparse.Namespace, settings: Settings) -> Prepared:
        begun = early.pop().take() if early else _begun(chosen, settings)
        return _prepare(chosen, settings, rest, begun)

    return RunnerProgram(
        runner=RUNNER,
        program="maelstrom-go-test",
        prefix="MAELSTROM_GO_TEST",
        description=_DESCRIPTION,
        selectors=SELECTORS,
        prepare=prepare,
        begin=begin,
        add_options=_add_options,
        fields=HERE_FIELDS,
        looks={"test2json": GoEvents},
        cannot=_CANNOT,
        modules=_OF_RUNS,
    )


def _add_options(parser: argparse.ArgumentParser) -> None:
    text = "as for go test (default: ./..., or all modules of the workspace)"
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", help=text)
    add_go_options(parser)
    add_here_options(parser.add_argument_group("what a test may do"))


def _begun(chosen: argparse.Namespace, settings: Settings) -> "Begun":
    from maelstrom_go.begun import Begun
    from maelstrom_go.toolchain import Toolchain

    return Begun(
        toolchain=Toolchain.found(Path.cwd(), build_flags(chosen)),
        patterns=tuple(chosen.packages),
        binaries=Path(settings.store).parent / "go-test-binaries",
        at_once=chosen.p or max(2, (os.cpu_count() or 2) // 2),
    )


def _prepare(
    chosen: argparse.Namespace, settings: Settings, rest: tuple[str, ...], begun: "Begun"
) -> Prepared:
    from maelstrom_core.program.here import frame_here
    from maelstrom_go.environment import container_of_go, project_directory
    from maelstrom_go.request import GoRun

    toolchain = begun.toolchain
    project = project_directory(toolchain)
    go = GoRun(
        begun=begun,
        run=chosen.run,
        skip=chosen.skip,
        bench=chosen.bench,
        arguments=(*test_flags(chosen), *rest),
        shows=chosen.v,
        has_coverage=bool(cover_flags(chosen)),
        profile=Path(chosen.coverprofile) if chosen.coverprofile else None,
    )

    def touched(case: Case, changed: Collection[str]) -> bool:
        return go.is_touched(case.package, [os.path.join(project, path) for path in changed])

    return Prepared(
        project=project,
        container=container_of_go(toolchain, project, settings),
        frame=frame_here(project, settings),
        options={"go": go},
        touched=touched,
        writes=(go.profile,) if go.profile else (),
    )


if __name__ == "__main__":
    sys.exit(main())
