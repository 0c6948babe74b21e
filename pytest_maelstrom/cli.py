"""The program ``maelstrom-pytest``: pytest with ``-p maelstrom``, and options that all runners share.

It has no logic of its own: every option becomes one of the plugin's, so that both are one and the
same.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from maelstrom_core.program.options import PASSED_ON, add_choosing, add_running, add_telling

_DESCRIPTION = """\
Run the tests of a pytest suite, every one in a container of its own. The same as
`pytest -p maelstrom`, with shorter names for what all runners of Maelstrom have.

  maelstrom-pytest                                  run all tests
  maelstrom-pytest tests/unit -x -k duel            pytest's own arguments work as ever
  maelstrom-pytest --include 'markers.contains(net)'
  maelstrom-pytest --exclude 'file.globs(tests/slow/**)'
  maelstrom-pytest --list                           which tests would run?
  maelstrom-pytest --watch                          run again when files change
  maelstrom-pytest --init                           write a maelstrom-pytest.toml to start from

A filter is made of SELECTOR.MATCHER(TEXT), and, or, not, minus and parentheses:
  selectors    name, node_id, file, package; markers.contains(MARK), own_markers.contains(MARK)
  matchers     equals, contains, starts_with, ends_with, matches (a regular expression), globs
"""
_EPILOG = """\
Everything else goes to pytest, and so does all that follows `--`:
`maelstrom-pytest -- --help` shows pytest's own options, those of -p maelstrom among them.
Exit status: pytest's: 0 if all tests passed; 1 if one did not; 2 after Ctrl-C, or if tests could not be
collected; 3 for an internal error; 4 for bad options, settings and files; 5 if there was no test to run.
Can this machine run containers?  `maelstrom doctor`
"""
_SWITCHES = ("rerun-failed", "fail-on-flaky", "until-fail", "watch", "print-config", "init")
"""Options without a value that the plugin has under a longer name."""
_WITH_VALUES = (*PASSED_ON, "shard", "events")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; its exit status, which is pytest's."""
    import pytest

    ours = pytest_arguments(sys.argv[1:] if arguments is None else arguments)
    try:
        status = int(pytest.main(ours))
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has had enough (`maelstrom-pytest --list | head`).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status


def pytest_arguments(arguments: Sequence[str]) -> list[str]:
    """What pytest is given.

    :param arguments: those of this program; ``--help`` and faulty ones end it
    """
    before, after = list(arguments), []
    if "--" in before:
        at = before.index("--")
        before, after = before[:at], before[at + 1 :]
    parser = _parser()
    chosen, rest = parser.parse_known_args(before)
    if chosen.json and not chosen.list:
        parser.error("--json is for --list")
    given = ["-p", "maelstrom"]
    for name in ("include", "exclude"):
        given += [f"--maelstrom-{name}={text}" for text in getattr(chosen, name)]
    for name in _WITH_VALUES:
        value = getattr(chosen, name.replace("-", "_"))
        given += [f"--maelstrom-{name}={value}"] if value is not None else []
    for name in _SWITCHES:
        given += [f"--maelstrom-{name}"] if getattr(chosen, name.replace("-", "_")) else []
    as_json = chosen.json or chosen.ui == "json"
    if chosen.list:
        given.append(f"--maelstrom-list={'json' if as_json else 'text'}")
    elif chosen.ui != "auto":
        given.append(f"--maelstrom-ui={chosen.ui}")
    given += [f"--junitxml={chosen.junit}"] if chosen.junit else []
    return [*given, *rest, *after]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="maelstrom-pytest",
        usage="maelstrom-pytest [OPTIONS] [ARGUMENTS OF PYTEST]",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        # What is unknown is pytest's, and must not be taken for the beginning of ours.
        allow_abbrev=False,
    )
    add_choosing(parser, has_packages=False)
    parser.add_argument("--json", action="store_true", help="with --list: the same as --ui json")
    add_running(parser, "maelstrom-pytest.toml")
    add_telling(parser, by_default="as pytest does")
    return parser


if __name__ == "__main__":
    sys.exit(main())
