"""The options that all runners share, in the same words."""

import argparse
from collections.abc import Iterable
from typing import Any

from maelstrom_core.program.declared import RunnerProgram
from maelstrom_core.program.shard_plan import Shard
from maelstrom_core.settings.command_line import Version
from maelstrom_core.settings.schema import BadValue

_EPILOG = """\
A filter is made of SELECTOR.MATCHER(TEXT), and, or, not, minus and parentheses:
  selectors    {selectors}
  matchers     equals, contains, starts_with, ends_with, matches (a regular expression), globs

Exit status: 0 if all tests passed; 1 if one did not, or something could not be built; 4 for bad
options, settings and files; 5 if there was no test to run; 71 if this host refuses; 130 after Ctrl-C.
Can this machine run containers?  `maelstrom doctor`
"""
LOOKS = ("auto", "live", "lines", "quiet", "json")
PASSED_ON = {
    "slots": "N",
    "timeout": "SECONDS",
    "repeat": "N",
    "retries": "N",
    "stop-after": "N",
    "slow-after": "SECONDS",
    "leaky": "mark|fail|ignore",
    "store": "DIRECTORY",
    "broker": "BROKER",
    "cluster-only": "true|false",
}
"""Settings that the command line has, and what stands for their values."""


def parser_of(program: RunnerProgram) -> argparse.ArgumentParser:
    """The command line of a runner's program."""
    selectors = ", ".join(selector.name for selector in program.selectors)
    parser = argparse.ArgumentParser(
        prog=program.program,
        description=program.description,
        epilog=_EPILOG.format(selectors=selectors),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    program.add_options(parser)
    add_choosing(parser)
    group = add_running(parser, program.file)
    text = "file of settings instead of the usual ones; - for none"
    group.add_argument("-c", "--config-file", metavar="FILE", help=text)
    add_telling(parser, program.looks)
    return parser


def add_choosing(parser: argparse.ArgumentParser, *, has_packages: bool = True) -> None:
    """The options that say which tests run.

    :param has_packages: whether the runner's tests are of packages that can be listed
    """
    group = parser.add_argument_group("which tests")
    add = group.add_argument
    for name, text in (
        ("include", "run what fits; may be given several times (default: all)"),
        ("exclude", "and not what fits this one; may be given several times"),
    ):
        add(f"-{name[0]}", f"--{name}", metavar="FILTER", action="append", default=[], help=text)
    add("--rerun-failed", action="store_true", help="only what failed when it was run last")
    text = "run one of several parts of the tests, such as 2/5; they last equally long"
    add("--shard", metavar="I/N", type=_shard, help=text)
    text = "list the tests that would run, and run none"
    add("--list", action="store_const", const="cases", help=text)
    if has_packages:
        text = "list their packages"
        add("--list-packages", dest="list", action="store_const", const="packages", help=text)
        text = "list the binaries that hold them"
        add("--list-binaries", dest="list", action="store_const", const="binaries", help=text)


def add_running(parser: argparse.ArgumentParser, file: str) -> argparse._ArgumentGroup:
    """The options that say how they run, in a group of their own.

    :param file: the name of the runner's file of directives
    """
    group = parser.add_argument_group("how they run")
    helps = {
        "slots": "how many tests run at once",
        "timeout": "seconds after which a test is ended; 0: never",
        "repeat": "run each test N times",
        "retries": "run a test that failed again, up to N times; flaky if it passes then",
        "stop-after": "end the run after N failures",
        "slow-after": "seconds after which a test is told of as slow while it runs; 0: never",
        "leaky": "what becomes of a test that leaves processes running when it has ended",
        "store": "directory in which layers are kept",
        "broker": "run tests on a cluster: a join string, a file with one, HOST:PORT, or auto",
        "cluster-only": "whether nothing runs on this machine that the cluster can run",
    }
    for name, metavar in PASSED_ON.items():
        group.add_argument(f"--{name}", metavar=metavar, help=helps[name])
    text = "count a test that passes only when run again as a failure"
    group.add_argument("--fail-on-flaky", action="store_true", default=None, help=text)
    text = "run everything again and again, until something fails"
    group.add_argument("--until-fail", action="store_true", help=text)
    text = "stay, and run again when a file of the project changes: first what it may affect"
    group.add_argument("--watch", action="store_true", help=text)
    text = "show every setting, and where its value comes from"
    group.add_argument("-P", "--print-config", action="store_true", help=text)
    text = f"write a {file} to start from"
    group.add_argument("--init", action="store_true", help=text)
    return group


def add_telling(
    parser: argparse.ArgumentParser,
    looks: Iterable[str] = (),
    *,
    by_default: str = "live at a terminal, lines otherwise",
) -> None:
    """The options that say what is told.

    :param looks: the runner's own
    :param by_default: how a run looks of which nothing is said
    """
    add = parser.add_argument_group("what is told").add_argument
    text = f"auto: {by_default}; json: one event a line, and lists as JSON"
    add("--ui", choices=(*LOOKS, *looks), default="auto", help=text)
    add("--junit", metavar="FILE", help="write a JUnit XML report, with all attempts")
    text = "write all events to a file, as JSON, one a line; all other reports can be made of it"
    add("--events", metavar="FILE", help=text)
    text = "show the version of Maelstrom"
    add("--version", action=Version, nargs=0, help=text)


def _shard(text: str) -> Any:
    try:
        return Shard.read(text)
    except BadValue as bad:
        raise argparse.ArgumentTypeError(f"must be {bad}") from None
