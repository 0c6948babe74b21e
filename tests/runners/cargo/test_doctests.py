"""Doctests of the 2024 edition, which are one program, and of older compilers."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

MODERN = {
    "Cargo.toml": '[package]\nname = "modern"\nversion = "0.1.0"\nedition = "2024"\n',
    "data": "here",
    "src/lib.rs": """
/// ```
/// assert_eq!(modern::one(), 1);
/// // As for rustdoc, it is the package\'s directory.
/// assert_eq!(std::fs::read_to_string("data").unwrap(), "here");
/// ```
/// ```
/// println!("printed");
/// assert_eq!(modern::one(), 2, "so it says");
/// ```
/// ```should_panic
/// panic!("as it is to");
/// ```
/// ```should_panic
/// println!("it does not");
/// ```
/// ```no_run
/// loop {}
/// ```
/// ```ignore
/// nothing
/// ```
/// ```compile_fail
/// let n: u32 = "";
/// ```
/// ```standalone_crate
/// std::process::exit(modern::one() - 1);
/// ```
pub fn one() -> i32 {
    1
}
""",
}
ENDINGS = {
    "2": "passed",
    "7": "failed",
    "11": "passed",
    "14": "failed",
    "17": "passed",
    "20": "skipped",
    "23": "passed",
    "26": "passed",
}


def lines(ran: Any) -> dict[str, str]:
    return {name.rpartition(" ")[2].rstrip(")"): status for name, status in ran.statuses.items()}


@pytest.fixture(scope="module")
def modern(make_workspace: Callable[[dict[str, str]], Any]) -> Any:
    version = subprocess.run(["rustc", "--version"], capture_output=True, text=True).stdout
    match = re.search(r"1\.(\d+)", version)
    if match is None or int(match[1]) < 85:
        pytest.skip(f"{version.strip()} does not know the edition of 2024")
    return make_workspace(MODERN)


def test_doctests_that_are_one_program_are_run_by_themselves(modern: Any) -> None:
    ran = modern.run("--ui", "json", "--doc")

    assert lines(ran) == ENDINGS
    told = {name.rpartition(" ")[2].rstrip(")"): one for name, one in ran.reports.items()}
    assert "so it says" in told["7"]["message"]
    assert told["7"]["message"].startswith("printed\n")
    # What was compiled is removed.
    assert [
        path for path in Path(modern.directory, "target").iterdir() if "mael" in path.name
    ] == []


def test_a_rustdoc_that_runs_nothing_for_others_runs_each(modern: Any, tmp_path: Path) -> None:
    real = subprocess.run(["rustc", "--print=sysroot"], capture_output=True, text=True).stdout
    old = tmp_path / "rustdoc"
    refuses = 'case " $* " in *--test-runtool*) echo "Unrecognized option" >&2; exit 1 ;; esac'
    old.write_text(f'#!/bin/sh\n{refuses}\nexec {real.strip()}/bin/rustdoc "$@"\n')
    old.chmod(0o755)
    # Where containers can see it.
    place = Path(modern.directory, "rustdoc")
    shutil.copy(old, place)

    ran = modern.run("--ui", "json", "--doc", RUSTDOC=str(place))

    assert lines(ran) == ENDINGS


def test_what_was_left_by_a_process_that_was_killed_is_removed(modern: Any) -> None:
    gone = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True
    )
    left = Path(modern.directory, "target", f"maelstrom-doctests-{gone.stdout.decode().strip()}-x")
    own = Path(modern.directory, "target", f"maelstrom-doctests-{os.getpid()}-x")
    for directory in (left, own):
        directory.mkdir(parents=True)

    modern.run("--doc", "--list")

    assert not left.exists()
    assert own.exists()
    own.rmdir()
