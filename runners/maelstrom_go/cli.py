"""The program ``maelstrom-go-test``."""

import argparse
import os
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

from maelstrom_core.filters import Kind, Selector, Selectors
from maelstrom_core.model.cases import Case
from maelstrom_core.program import Prepared, RunnerProgram, run_program
from maelstrom_core.program.here import HERE_FIELDS, add_here_options
from maelstrom_core.settings import Settings
from maelstrom_go.environment import container_of_go, project_directory
from maelstrom_go.hookimpls import RUNNER
from maelstrom_go.json_look import GoEvents
from maelstrom_go.request import GoRun
from maelstrom_go.toolchain import Toolchain

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
SELECTORS = Selectors(
    [
        Selector(name="name", shortest="n", field="name", help="of the test's function"),
        Selector(
            name="package",
            shortest="p",
            field="package",
            help="import path of the package",
        ),
        Selector(
            name="package_import_path",
            shortest="package_i",
            field="package",
            help="the same, as the Rust Maelstrom calls it",
        ),
        Selector(
            name="package_path",
            shortest="package_p",
            field="details.package path",
            help="directory of the package",
        ),
        Selector(
            name="package_name",
            shortest="package_n",
            field="details.package name",
            help="name of the package, as its files declare it",
        ),
        Selector(
            name="kinds",
            shortest="k",
            field="markers",
            kind=Kind.NAMES,
            help="test, example, fuzz or benchmark",
        ),
    ]
)
_CANNOT = {
    "isolation": "there are no warm processes of Go to be forked: every test starts afresh",
    "group_by": "tests of Go do not share containers",
    "include_shared_libraries": "the container has all libraries of this machine",
}


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

    def prepare(chosen: argparse.Namespace, settings: Settings) -> Prepared:
        return _prepare(chosen, settings, rest)

    return RunnerProgram(
        runner=RUNNER,
        program="maelstrom-go-test",
        prefix="MAELSTROM_GO_TEST",
        description=_DESCRIPTION,
        selectors=SELECTORS,
        prepare=prepare,
        add_options=_add_options,
        fields=HERE_FIELDS,
        looks={"test2json": GoEvents},
        binary_of=lambda case: f"{case.package}.test",
        cannot=_CANNOT,
    )


def _add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("packages", nargs="*", metavar="PACKAGE", help="as for go test (default: ./...)")
    group = parser.add_argument_group("as for go test")
    add = group.add_argument
    add("-run", metavar="REGEX", default="", help="tests and subtests that fit")
    add("-skip", metavar="REGEX", default="", help="and not these")
    add("-bench", metavar="REGEX", default="", help="benchmarks that fit, too")
    add("-benchtime", metavar="TIME", help="how long, or how often (100x), each of them runs")
    add("-short", action="store_true", help="tests may do less")
    add("-count", dest="repeat", metavar="N", help="the same as --repeat")
    add("-race", action="store_true", help="find data races")
    add("-tags", metavar="TAGS", help="build tags, with commas between them")
    add("-cover", action="store_true", help="measure what is covered")
    add("-coverpkg", metavar="PATTERNS", help="of these packages (implies -cover)")
    add("-coverprofile", metavar="FILE", help="write the profile of all tests (implies -cover)")
    add("-covermode", choices=("set", "count", "atomic"), help="whether, or how often")
    add("-vet", metavar="LIST", help="what go vet checks while it is built; off for nothing")
    add("-mod", metavar="MODE", help="readonly, vendor or mod")
    add("-ldflags", metavar="FLAGS", help="for the linker")
    add("-gcflags", metavar="FLAGS", help="for the compiler")
    add("-p", metavar="N", type=int, help="packages that are built at once")
    text = "print events as go test does (--ui test2json)"
    # Without a default of its own, which would come before that of --ui.
    default = argparse.SUPPRESS
    add("-json", dest="ui", action="store_const", const="test2json", default=default, help=text)
    add("-args", metavar="…", help="what follows is for every test binary")
    add_here_options(group)


def _prepare(chosen: argparse.Namespace, settings: Settings, rest: tuple[str, ...]) -> Prepared:
    toolchain = Toolchain.found(Path.cwd(), _build_flags(chosen))
    project = project_directory(toolchain)
    arguments = ["-test.short"] if chosen.short else []
    if chosen.benchtime:
        arguments.append(f"-test.benchtime={chosen.benchtime}")
    go = GoRun(
        toolchain=toolchain,
        patterns=tuple(chosen.packages) or ("./...",),
        binaries=Path(settings.store).parent / "go-test-binaries",
        at_once=chosen.p or max(2, (os.cpu_count() or 2) // 2),
        run=chosen.run,
        skip=chosen.skip,
        bench=chosen.bench,
        arguments=(*arguments, *rest),
        has_coverage=bool(_cover_flags(chosen)),
        profile=Path(chosen.coverprofile) if chosen.coverprofile else None,
    )

    def touched(case: Case, changed: Collection[str]) -> bool:
        return go.is_touched(case.package, [os.path.join(project, path) for path in changed])

    return Prepared(
        project=project,
        container=container_of_go(toolchain, project, settings),
        options={"go": go},
        touched=touched,
        writes=(go.profile,) if go.profile else (),
    )


def _cover_flags(chosen: argparse.Namespace) -> list[str]:
    flags = [
        f"-{name}={getattr(chosen, name)}"
        for name in ("coverpkg", "covermode")
        if getattr(chosen, name)
    ]
    if chosen.cover or chosen.coverprofile or flags:
        return ["-cover", *flags]
    return []


def _build_flags(chosen: argparse.Namespace) -> list[str]:
    flags = ["-race"] if chosen.race else []
    for name in ("tags", "vet", "mod", "ldflags", "gcflags"):
        value = getattr(chosen, name)
        flags += [f"-{name}={value}"] if value else []
    return [*flags, *_cover_flags(chosen)]


if __name__ == "__main__":
    sys.exit(main())
