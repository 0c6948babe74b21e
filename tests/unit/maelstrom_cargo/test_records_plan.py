"""What the scripts take down is what they were given."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from maelstrom_cargo.records_plan import (
    FILE,
    RUN_SCRIPT,
    RUSTDOC,
    RUSTDOC_SCRIPT,
    records,
    runner_variable,
)

ODD = ["", "a b", "line\nbreak", "$HOME `x` \"'", "--test", "é\udcff"]


@pytest.fixture
def scripts(tmp_path: Path) -> tuple[Path, Path]:
    found = []
    for name, text in (("run", RUN_SCRIPT), ("rustdoc", RUSTDOC_SCRIPT)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o700)
        found.append(tmp_path / name)
    return found[0], found[1]


def call(script: Path, arguments: list[str], **variables: str) -> str:
    own = {FILE: str(script.parent / "record"), RUSTDOC: shutil.which("echo") or "", "A": "b=c\nd"}
    return subprocess.run(
        [script, *arguments],
        cwd=script.parent,
        env={"PATH": os.environ["PATH"], **own, **variables},
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def test_what_is_taken_down_is_what_was_given(scripts: tuple[Path, Path]) -> None:
    run, rustdoc = scripts
    runner = runner_variable("x86_64-unknown-linux-gnu")

    call(run, ["/bin/one", *ODD], **{runner: "run", "EMPTY": ""})
    call(rustdoc, ["--crate-name", "x", "--test", "src/lib.rs"], RUSTDOC="this")
    call(run, [])

    one, two, three = records((run.parent / "record").read_bytes())
    assert runner == "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER"
    assert one.arguments == ("/bin/one", *ODD)
    assert one.directory == str(run.parent)
    assert dict(one.environment) == {"PATH": os.environ["PATH"], "A": "b=c\nd", "EMPTY": ""}
    assert (one.is_doctests, two.is_doctests, three.is_doctests) == (False, True, False)
    assert two.arguments[-1] == "src/lib.rs"
    assert "RUSTDOC" not in two.environment
    assert three.arguments == ()


def test_rustdoc_is_called_for_anything_else(scripts: tuple[Path, Path]) -> None:
    assert call(scripts[1], ["--version", "--test-args"]) == "--version --test-args\n"
    assert not (scripts[1].parent / "record").exists()


def test_nothing_was_taken_down() -> None:
    assert list(records(b"")) == []


def test_half_a_record_is_refused() -> None:
    with pytest.raises(ValueError, match="ends early"):
        list(records(b"program\0/\x002\0one"))
