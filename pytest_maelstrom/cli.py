"""The program ``maelstrom-pytest``: pytest with ``-p maelstrom``, and options that all runners share.

It has no logic of its own: every option becomes one of the plugin's, so that both are one and the
same.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version

_DESCRIPTION = """\
Run the tests of a pytest suite, every one in a container of its own. The same as
`pytest -p maelstrom`, with shorter names for what all runners of Maelstrom have.

  maelstrom-pytest                                  run all tests
  maelstrom-pytest tests/unit -x -k duel            pytest's own arguments work as ever
  maelstrom-pytest --include 'markers.contains(net)'
  maelstrom-pytest --exclude 'file.globs(tests/slow/**)'
  maelstrom-pytest --list                           which tests would run?
  maelstrom-pytest --init                           write a maelstrom-pytest.toml to start from

A filter is made of SELECTOR.MATCHER(TEXT), and, or, not, minus and parentheses:
  selectors    name, node_id, file, package; markers.contains(MARK), own_markers.contains(MARK)
  matchers     equals, contains, starts_with, ends_with, matches (a regular expression), globs
"""
_EPILOG = """\
Everything else goes to pytest, and so does all that follows `--`:
`maelstrom-pytest -- --help` shows pytest's own options, those of -p maelstrom among them.
Can this machine run containers?  `maelstrom doctor`
"""
_PASSED_ON = (
    ("--repeat", "N", "run each test N times"),
    ("--stop-after", "N", "end the run after N failures"),
    ("--timeout", "SECONDS", "seconds after which a test is ended; 0: never"),
    ("--retries", "N", "run a test that failed again, up to N times"),
    ("--slots", "N", "how many tests run at once"),
)
"""Options with a value that the plugin has under a longer name."""


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
    for option, _, _ in _PASSED_ON:
        value = getattr(chosen, option[2:].replace("-", "_"))
        given += [f"--maelstrom-{option[2:]}={value}"] if value is not None else []
    if chosen.list:
        given.append(f"--maelstrom-list={'json' if chosen.json else 'text'}")
    given += ["--maelstrom-init"] if chosen.init else []
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
    add = parser.add_argument
    add("--version", action="version", version=version("pytest-maelstrom"))
    for name, text in (
        ("include", "run what fits; may be given several times (default: all)"),
        ("exclude", "and not what fits this one; may be given several times"),
    ):
        add(f"--{name}", metavar="FILTER", action="append", default=[], help=text)
    add("--list", action="store_true", help="list the tests that would run, and run none")
    add("--json", action="store_true", help="list them as JSON")
    for option, metavar, text in _PASSED_ON:
        add(option, metavar=metavar, help=text)
    add("--init", action="store_true", help="write a maelstrom-pytest.toml to start from")
    return parser


if __name__ == "__main__":
    sys.exit(main())
