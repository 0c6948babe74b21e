"""A workspace as people have them, and ``cargo-maelstrom`` in it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from maelstrom_core.container.probe import probe

FILES = {
    "Cargo.toml": '[workspace]\nmembers = ["core", "plugin", "tool"]\nresolver = "2"\n',
    # Built for every crate; nothing of it may be in a test's copy of the project.
    "core/Cargo.toml": """
[package]
name = "shop-core"
version = "0.1.0"
edition = "2021"

[features]
dear = []

[[test]]
name = "own"
harness = false
""",
    "core/build.rs": """
fn main() {
    let out = std::env::var("OUT_DIR").unwrap();
    std::fs::write(format!("{out}/made"), "by build.rs").unwrap();
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-env=FROM_BUILD=yes");
}
""",
    "core/data/name": "a name",
    "core/src/lib.rs": """
//! ```
//! assert_eq!(shop_core::price(1), 2);
//! ```

/// ```
/// assert_eq!(shop_core::price(1), 3, "so it says");
/// ```
/// ```compile_fail
/// let n: u32 = shop_core::price("one");
/// ```
/// ```ignore
/// not even Rust
/// ```
/// ```should_panic
/// shop_core::price(1000);
/// ```
pub fn price(n: u32) -> u32 {
    assert!(n < 100, "too much");
    if cfg!(feature = "dear") { 3 * n } else { 2 * n }
}

#[cfg(test)]
mod tests {
    use std::{env, fs, io, process, thread, time};

    #[test]
    fn price() {
        assert_eq!(super::price(2), 4);
        println!("it is four");
    }

    #[test]
    fn data() {
        assert_eq!(fs::read_to_string("data/name").unwrap(), "a name");
        assert_eq!(env::current_dir().unwrap().to_str(), Some(env!("CARGO_MANIFEST_DIR")));
        // Nothing that others leave is here, and this is not theirs either.
        assert_eq!(fs::metadata("/tmp/left").unwrap_err().kind(), io::ErrorKind::NotFound);
        fs::write("/tmp/left", "").unwrap();
        fs::write("data/name", "").unwrap();
    }

    #[test]
    fn data_again() {
        data();
    }

    #[test]
    fn what_the_build_script_made() {
        let path = concat!(env!("OUT_DIR"), "/made");
        assert_eq!(fs::read_to_string(path).unwrap(), "by build.rs");
        assert_eq!(env!("FROM_BUILD"), "yes");
        assert_eq!(env::var("CARGO_PKG_NAME").unwrap(), "shop-core");
    }

    #[test]
    #[ignore = "takes a year"]
    fn slow() {}

    #[test]
    #[should_panic(expected = "too much")]
    fn too_much() {
        super::price(100);
    }

    #[test]
    fn fails() {
        print!("printed");
        panic!("oh no");
    }

    #[test]
    fn fails_with_an_error() -> Result<(), String> {
        Err("not today".into())
    }

    #[test]
    fn exits() {
        println!("before it exits");
        process::exit(0);
    }

    #[test]
    fn aborts() {
        process::abort();
    }

    #[test]
    fn hangs() {
        println!("before it hangs");
        thread::sleep(time::Duration::from_secs(3600));
    }
}
""",
    "core/tests/own.rs": """
fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    println!("given {arguments:?}");
    std::process::exit(if arguments.iter().any(|one| one == "fail") { 3 } else { 0 });
}
""",
    "core/examples/shown.rs": 'fn main() {\n    println!("{}", shop_core::price(1));\n}\n',
    # A shared library of Rust's own kind: whoever uses it needs the shared standard library, too.
    "plugin/Cargo.toml": """
[package]
name = "plugin"
version = "0.1.0"
edition = "2021"

[lib]
crate-type = ["dylib"]
doctest = false
test = false
""",
    "plugin/src/lib.rs": 'pub fn name() -> String {\n    "plugin".to_string()\n}\n',
    "tool/Cargo.toml": """
[package]
name = "tool"
version = "0.1.0"
edition = "2021"

[dependencies]
shop-core = { path = "../core" }

[dev-dependencies]
plugin = { path = "../plugin" }
""",
    "tool/src/main.rs": """
fn main() {
    println!("{}", shop_core::price(21));
}

#[test]
fn of_a_binary() {}
""",
    "tool/tests/api.rs": """
use std::process::Command;

fn run(path: &str) -> String {
    String::from_utf8(Command::new(path).output().unwrap().stdout).unwrap()
}

#[test]
fn the_binary_is_in_place() {
    assert_eq!(run(env!("CARGO_BIN_EXE_tool")), "42\\n");
    // As old versions of assert_cmd find it.
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    assert_eq!(run(path.join("tool").to_str().unwrap()), "42\\n");
}

#[test]
fn there_is_room() {
    std::fs::write(concat!(env!("CARGO_TARGET_TMPDIR"), "/mine"), "").unwrap();
}
""",
    "tool/tests/shared.rs": """
#[test]
fn a_library_of_the_workspace() {
    assert_eq!(plugin::name(), "plugin");
}
""",
}


@attrs.frozen
class Ran:
    """What came of a run."""

    code: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def reports(self) -> dict[str, dict[str, Any]]:
        return {one["id"]: one for one in self.events if one["event"] == "case reported"}

    @property
    def statuses(self) -> dict[str, str]:
        return {name: report["status"] for name, report in self.reports.items()}


@attrs.frozen
class Workspace:
    """A workspace with a store, a history and settings of its own.

    :param private: variables
    """

    directory: Path
    private: dict[str, str]

    def run(self, *arguments: str, **variables: str) -> Ran:
        """Run the program in it."""
        return self.call(sys.executable, "-m", "maelstrom_cargo.cli", *arguments, **variables)

    def call(self, *command: str, **variables: str) -> Ran:
        """Run something else in it."""
        done = subprocess.run(
            command,
            cwd=self.directory,
            env={**os.environ, **self.private, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def write(self, files: dict[str, str]) -> None:
        """Put files into it."""
        for name, text in files.items():
            path = self.directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


@pytest.fixture(scope="session")
def make_workspace(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[dict[str, str]], Workspace]]:
    """Make a workspace of files."""
    if not shutil.which("cargo"):
        pytest.skip("cargo is not installed")
    refused = [finding for finding in probe() if finding.essential and not finding.ok]
    if refused:
        pytest.skip(f"this host refuses containers: {refused[0].name}: {refused[0].detail}")

    def make(files: dict[str, str]) -> Workspace:
        directory = tmp_path_factory.mktemp("workspace")
        private = {
            "MAELSTROM_STORE": str(tmp_path_factory.mktemp("kept") / "store"),
            "MAELSTROM_STATE": str(tmp_path_factory.mktemp("state")),
            "XDG_CONFIG_HOME": str(directory),
            "CARGO_NET_OFFLINE": "true",
            "CARGO_INCREMENTAL": "0",
            "RUST_BACKTRACE": "0",
        }
        workspace = Workspace(directory, private)
        workspace.write(files)
        return workspace

    yield make


@pytest.fixture(scope="module")
def shop(make_workspace: Callable[[dict[str, str]], Workspace]) -> Workspace:
    """The workspace above, built once for the tests of a module."""
    return make_workspace(FILES)
