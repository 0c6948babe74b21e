"""The options of ``cargo test``, in Cargo's own words: passed on as they are.

Source: "cargo test" of the Cargo Book.
"""

import argparse
import sys
from collections.abc import Iterator

import attrs


@attrs.frozen
class _Option:
    """One of Cargo's options.

    :param names: as Cargo has them; the last one is passed on, unless `passed` says another
    :param metavar: what stands for its value; empty for a switch
    :param is_many: whether it may be given several times
    """

    names: tuple[str, ...]
    metavar: str
    help: str
    is_many: bool = False
    passed: str = ""

    @property
    def attribute(self) -> str:
        return f"cargo_{self.names[-1].strip('-').replace('-', '_')}"

    def words(self, chosen: argparse.Namespace) -> Iterator[str]:
        """What is passed on of it."""
        value = getattr(chosen, self.attribute)
        name = self.passed or self.names[-1]
        if not self.metavar:
            yield from [name] * (value or 0)
            return
        for one in value if self.is_many else [value]:
            if one is not None:
                yield f"{name}={one}" if name.startswith("--") else f"{name}{one}"


_PACKAGES = (
    _Option(("-p", "--package"), "SPEC", "tests of this package", is_many=True),
    _Option(("--workspace",), "", "tests of all packages of the workspace"),
    _Option(("--all",), "", "the same"),
    _Option(
        ("--exclude-package",),
        "SPEC",
        "and not of this one (cargo test calls it --exclude)",
        is_many=True,
        passed="--exclude",
    ),
)
_TARGETS = (
    _Option(("--lib",), "", "tests of the library"),
    _Option(("--bins",), "", "of all binaries"),
    _Option(("--bin",), "NAME", "of this binary", is_many=True),
    _Option(("--examples",), "", "of all examples"),
    _Option(("--example",), "NAME", "of this example", is_many=True),
    _Option(("--tests",), "", "of all targets that have test = true"),
    _Option(("--test",), "NAME", "of this file in tests/", is_many=True),
    _Option(("--benches",), "", "of all targets that have bench = true"),
    _Option(("--bench",), "NAME", "of this file in benches/", is_many=True),
    _Option(("--all-targets",), "", "of all targets; no doctests"),
    _Option(("--doc",), "", "doctests alone"),
)
_FEATURES = (
    _Option(("-F", "--features"), "FEATURES", "with these features", is_many=True),
    _Option(("--all-features",), "", "with all features"),
    _Option(("--no-default-features",), "", "without the default ones"),
)
_COMPILING = (
    _Option(("-r", "--release"), "", "with optimizations"),
    _Option(("--profile",), "NAME", "with this profile"),
    _Option(("--target",), "TRIPLE", "for this platform"),
    _Option(("--target-dir",), "DIRECTORY", "where what is built is kept"),
    _Option(("-j", "--jobs"), "N", "how many things are built at once"),
    _Option(("--ignore-rust-version",), "", "whatever Rust the packages want"),
    _Option(("--no-fail-fast",), "", "as it is in any case: see --stop-after"),
    _Option(("-v", "--verbose"), "", "let Cargo say more"),
)
_RESOLVING = (
    _Option(("--manifest-path",), "FILE", "path of Cargo.toml"),
    _Option(("--locked",), "", "Cargo.lock must not change"),
    _Option(("--offline",), "", "without the network"),
    _Option(("--frozen",), "", "both"),
    _Option(("--config",), "KEY=VALUE", "a setting of Cargo's, or a file of some", is_many=True),
    _Option(("-Z",), "FLAG", "what only Rust's nightly has", is_many=True),
)
_OURS_ANYWAY = "--no-fail-fast"


def add_cargo_options(parser: argparse.ArgumentParser) -> None:
    """Add all of them."""
    for title, options in (
        ("which packages, as for cargo test", _PACKAGES),
        ("which of their targets, as for cargo test", _TARGETS),
        ("features, as for cargo test", _FEATURES),
        ("how they are built, as for cargo test", _COMPILING),
        ("Cargo.toml, as for cargo test", _RESOLVING),
    ):
        group = parser.add_argument_group(title)
        for one in options:
            _add(group, one)
    text = "the same as --ui quiet"
    parser.add_argument(
        "-q",
        "--quiet",
        dest="ui",
        action="store_const",
        const="quiet",
        default=argparse.SUPPRESS,
        help=text,
    )


def _add(group: argparse._ArgumentGroup, one: _Option) -> None:
    if not one.metavar:
        group.add_argument(*one.names, dest=one.attribute, action="count", help=one.help)
    elif one.is_many:
        group.add_argument(
            *one.names,
            dest=one.attribute,
            metavar=one.metavar,
            action="append",
            default=[],
            help=one.help,
        )
    else:
        group.add_argument(*one.names, dest=one.attribute, metavar=one.metavar, help=one.help)


def manifest_options(chosen: argparse.Namespace) -> list[str]:
    """Those that `cargo metadata` has too."""
    return [word for one in _RESOLVING for word in one.words(chosen)]


def target_of(chosen: argparse.Namespace) -> str:
    """The platform for which is built, if that was said."""
    return chosen.cargo_target or ""


def target_directory_of(chosen: argparse.Namespace) -> str:
    """Where what is built is kept, if that was said."""
    return chosen.cargo_target_dir or ""


def profile_of(chosen: argparse.Namespace) -> str:
    """The profile, if one was said."""
    return "release" if chosen.cargo_release else chosen.cargo_profile or ""


def options_of(chosen: argparse.Namespace) -> list[str]:
    """All of them, and how much Cargo says and in which colours."""
    options = (*_PACKAGES, *_TARGETS, *_FEATURES, *_COMPILING, *_RESOLVING)
    words = [word for one in options if _OURS_ANYWAY not in one.names for word in one.words(chosen)]
    is_seen = sys.stderr.isatty() and chosen.ui != "json"
    return [
        *words,
        f"--color={'always' if is_seen else 'never'}",
        *(["--quiet"] if chosen.ui == "quiet" else []),
    ]
