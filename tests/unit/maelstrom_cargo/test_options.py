"""Options of cargo test are passed on as they are."""

import argparse
from pathlib import Path

import pytest
from maelstrom_cargo.messages_plan import Workspace
from maelstrom_cargo.options import add_cargo_options, manifest_options, options_of, profile_of
from maelstrom_cargo.toolchain import Toolchain


def test_options_are_passed_on() -> None:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    add_cargo_options(parser)
    parser.set_defaults(ui="auto")
    words = "-p one -p two --exclude-package=three --lib --test api -F a,b --features c -r -vv"
    words += " --target x --locked -Z unstable --config net.offline=true --no-fail-fast"

    chosen = parser.parse_args(words.split())
    quiet = parser.parse_args(["-q"])

    # Nobody sees colours here: standard error is captured.
    assert options_of(chosen) == [
        "--package=one", "--package=two", "--exclude=three", "--lib", "--test=api",
        "--features=a,b", "--features=c", "--release", "--target=x", "--verbose", "--verbose",
        "--locked", "--config=net.offline=true", "-Zunstable", "--color=never",
    ]  # fmt: skip
    assert manifest_options(chosen) == ["--locked", "--config=net.offline=true", "-Zunstable"]
    assert quiet.ui == "quiet"
    assert options_of(quiet) == ["--color=never", "--quiet"]


@pytest.mark.parametrize(
    ("words", "is_for_named", "directory"),
    [
        ("", False, "/w/target/debug"),
        ("--profile dev", False, "/w/target/debug"),
        ("--profile=bench", False, "/w/target/release"),
        ("--release", False, "/w/target/release"),
        ("--profile own", True, "/w/target/x86_64-unknown-linux-musl/own"),
    ],
)
def test_where_programs_are_built(words: str, is_for_named: bool, directory: str) -> None:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    add_cargo_options(parser)
    toolchain = Toolchain(
        cargo="cargo",
        directory=Path("/w"),
        sysroot="/rust",
        triples=("x86_64-unknown-linux-musl",),
        runners={},
        workspace=Workspace(root="/w", kept=("/w/target",), members=()),
        is_for_named=is_for_named,
    )

    assert toolchain.built_in(profile_of(parser.parse_args(words.split()))) == directory
