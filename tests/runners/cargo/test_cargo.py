"""``cargo-maelstrom`` on a workspace of its own, as a person meets it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CORE = "shop-core"
DOC = f"{CORE}::doc core/src/lib.rs -"
# What does not pass.
HARD = r"--exclude=name.matches(fails|exits|aborts|hangs|line 6)"


def test_every_ending(shop: Any) -> None:
    ran = shop.run("--ui", "json", "--timeout", "10")

    assert ran.statuses == {
        f"{CORE} tests::price": "passed",
        f"{CORE} tests::data": "passed",
        f"{CORE} tests::data_again": "passed",
        f"{CORE} tests::what_the_build_script_made": "passed",
        f"{CORE} tests::slow": "skipped",
        f"{CORE} tests::too_much": "passed",
        f"{CORE} tests::fails": "failed",
        f"{CORE} tests::fails_with_an_error": "failed",
        f"{CORE} tests::exits": "crashed",
        f"{CORE} tests::aborts": "crashed",
        f"{CORE} tests::hangs": "timed out",
        f"{CORE}::own own": "passed",
        "tool::bin/tool of_a_binary": "passed",
        "tool::api the_binary_is_in_place": "passed",
        "tool::api there_is_room": "passed",
        "tool::shared a_library_of_the_workspace": "passed",
        f"{DOC} (line 2)": "passed",
        f"{DOC} price (line 6)": "failed",
        f"{DOC} price (line 9)": "passed",
        f"{DOC} price (line 12)": "skipped",
        f"{DOC} price (line 15)": "passed",
    }, ran.err
    told = {name.rpartition(" ")[2]: one["message"] for name, one in ran.reports.items()}
    assert told["tests::slow"] == "takes a year"
    assert told["tests::fails"].startswith("printed\n--- stderr\n")
    assert "panicked at" in told["tests::fails"]
    assert "core/src/lib.rs" in told["tests::fails"]
    assert "oh no" in told["tests::fails"]
    assert told["tests::fails_with_an_error"] == 'Error: "not today"'
    assert told["tests::exits"] == (
        "exited with status 0 before the test had ended\nbefore it exits"
    )
    assert told["tests::aborts"] == "killed by signal 6"
    assert told["tests::hangs"].splitlines()[:2] == [
        "timed out after 10 s, ended on SIGTERM", "before it hangs",
    ]  # fmt: skip
    assert "so it says" in told["6)"]
    assert ran.code == 1


def test_it_says_of_building_what_cargo_says_and_not_that_it_runs(shop: Any) -> None:
    ran = shop.run("--release", "-p", CORE, "--lib", "tests::price")

    assert "Compiling shop-core v0.1.0" in ran.err
    assert re.search("Finished .*release.* target", ran.err)
    assert "Running" not in ran.err
    assert ran.out.splitlines()[-1] == "1 passed"
    assert shop.run("-p", "plugin").code == 5


@pytest.mark.parametrize(
    ("options", "binaries"),
    [
        (["--lib", "-p", CORE], {CORE}),
        (["-p", CORE, "--tests", "--doc"], None),
        (["--bins"], {"tool::bin/tool"}),
        (["--test", "api"], {"tool::api"}),
        (["-p", "tool"], {"tool::bin/tool", "tool::api", "tool::shared"}),
        (["--doc"], {f"{CORE}::doc"}),
        (
            ["--workspace", "--exclude-package", CORE],
            {"tool::bin/tool", "tool::api", "tool::shared"},
        ),
        (["--manifest-path", "tool/Cargo.toml", "--test", "shared"], {"tool::shared"}),
    ],
)
def test_targets_are_chosen_as_with_cargo_test(
    shop: Any, options: list[str], binaries: set[str] | None
) -> None:
    ran = shop.run("--list", *options)

    if binaries is None:
        assert ran.code == 1
        assert "mix --doc with other target selecting options" in ran.out
    else:
        assert {line.partition(" ")[0] for line in ran.out.splitlines()} == binaries
        assert ran.code == 0


def test_features(shop: Any) -> None:
    one = shop.run("-p", CORE, "--features", "dear", "tests::price")
    all_of_them = shop.run("-p", CORE, "--all-features", "tests::price")
    none = shop.run("-p", CORE, "--features", "cheap", "tests::price")

    assert one.out.splitlines()[0].endswith("shop-core tests::price")
    assert "left: 6" in one.out
    assert "left: 6" in all_of_them.out
    assert none.code == 1
    assert "does not contain this feature: cheap" in none.err


def test_arguments_of_test_binaries(shop: Any) -> None:
    names = shop.run("--list", "--lib", "data", "--", "--skip", "again", "--skip", "data_too")
    exact = shop.run("--list", "--lib", "--", "--exact", "tests::price")
    ignored = shop.run("--ui", "json", "--lib", "--", "--ignored")
    too = shop.run("--ui", "json", "--include-ignored", "--lib", "slow")
    shown = shop.run("--lib", "tests::price", "--", "--nocapture")
    own = shop.run("--test", "own", "--", "fail")
    as_json = shop.run("--", "--format", "json")

    assert names.out.splitlines() == [f"{CORE} tests::data"]
    assert exact.out.splitlines() == [f"{CORE} tests::price"]
    assert ignored.statuses == too.statuses == {f"{CORE} tests::slow": "passed"}
    assert shown.out.splitlines()[1:] == ["    it is four", "1 passed"]
    assert own.out.splitlines()[1:] == [
        "    exited with status 3", '    given ["fail"]', "1 failed",
    ]  # fmt: skip
    assert as_json.code == 4
    assert "--ui" in as_json.err


def test_choosing(shop: Any) -> None:
    library = shop.run("--list", "-i", "library and name.contains(data)")
    test = shop.run("--list", "-i", "test.equals(api)")
    documented = shop.run("--list", "--exclude", "not doctest")
    packages = shop.run("--list-packages", "--ui", "json")
    binaries = shop.run("--list-binaries", "--exclude", "not (library or test)")
    bad = shop.run("--include", "libary")
    # Nobody asks rustdoc for what cannot be chosen.
    none = shop.run("--include", "library and name.equals(tests::price)", RUSTDOC="/nowhere")

    assert library.out.splitlines() == [f"{CORE} tests::data", f"{CORE} tests::data_again"]
    assert len(test.out.splitlines()) == 2
    assert len(documented.out.splitlines()) == 5
    assert json.loads(packages.out) == [CORE, "tool"]
    assert binaries.out.splitlines() == [CORE, f"{CORE}::own", "tool::api", "tool::shared"]
    assert bad.code == 4
    assert "library" in bad.err
    assert none.out.splitlines()[-1] == "1 passed, 10 not chosen"


def test_reports_for_others(shop: Any, tmp_path: Path) -> None:
    ran = shop.run(HARD, "--junit", str(tmp_path / "junit.xml"))

    assert ran.code == 0, ran.out
    assert ran.out.splitlines()[-1] == "13 passed, 2 skipped, 6 not chosen"
    (suite,) = ElementTree.parse(tmp_path / "junit.xml").getroot()
    files = {case.get("name"): case.get("file") for case in suite}
    assert files["the_binary_is_in_place"] == "tool/tests/api.rs"
    assert files["core/src/lib.rs - (line 2)"] == "core/src/lib.rs"


def test_what_failed_is_run_again_alone(shop: Any) -> None:
    shop.run("--lib", "-i", "name.matches(price|fails)")

    again = shop.run("--rerun-failed", "--list", "--lib", "-i", "name.matches(price|fails)")

    assert again.out.splitlines() == [f"{CORE} tests::fails", f"{CORE} tests::fails_with_an_error"]


def test_directives(shop: Any) -> None:
    shop.write(
        {
            "cargo-maelstrom.toml": """
[containers.bare]
layers = [{ stubs = ["/{proc,sys,tmp}/", "/dev/"] }]

[[directives]]
filter = "name.equals(tests::price) or name.equals(tests::aborts) or test.equals(shared)"
parent = "bare"

[[directives]]
filter = "name.equals(tests::hangs)"
timeout = 1

[[directives]]
filter = "name.equals(tests::aborts)"
include_shared_libraries = false

[[directives]]
filter = "name.contains(fails)"
ignore = true
"""
        }
    )
    try:
        ran = shop.run("--ui", "json", "--lib", "--test", "shared", "--exclude", "name.contains(d)")
    finally:
        (shop.directory / "cargo-maelstrom.toml").unlink()

    # Of this machine, the bare container has nothing but the libraries that a test needs.
    assert ran.statuses[f"{CORE} tests::price"] == "passed"
    assert ran.statuses["tool::shared a_library_of_the_workspace"] == "passed"
    assert ran.statuses[f"{CORE} tests::aborts"] == "error"
    assert ran.statuses[f"{CORE} tests::hangs"] == "timed out"
    assert f"{CORE} tests::fails" not in ran.statuses


def test_nothing_is_run_of_what_cannot_be_built(
    make_workspace: Callable[[dict[str, str]], Any],
) -> None:
    workspace = make_workspace(
        {
            "Cargo.toml": '[package]\nname = "broken"\nversion = "0.1.0"\nedition = "2021"\n',
            "src/lib.rs": "#[test]\nfn would_pass() {}\n",
            "tests/broken.rs": "#[test]\nfn never() { nothing(); }\n",
        }
    )

    ran = workspace.run()
    told = workspace.run("--ui", "json")
    rest = workspace.run("--lib")

    assert "error[E0425]: cannot find function `nothing` in this scope" in ran.err
    assert " --> tests/broken.rs:2:14" in ran.err
    lines = ran.out.splitlines()
    assert lines[:2] == [
        "cargo test could not build what is to be tested:",
        "error[E0425]: cannot find function `nothing` in this scope",
    ]
    assert lines[2].startswith('error: could not compile `broken` (test "broken")')
    assert lines[3:] == ["1 fault"]
    assert ran.code == 1
    assert told.statuses == {}
    assert rest.out.splitlines()[-1] == "1 passed"


def test_ctrl_c_ends_a_build(make_workspace: Callable[[dict[str, str]], Any]) -> None:
    workspace = make_workspace(
        {
            "Cargo.toml": '[package]\nname = "dear"\nversion = "0.1.0"\nedition = "2021"\n',
            "build.rs": """
fn main() {
    std::fs::write("pid", std::process::id().to_string()).unwrap();
    std::thread::sleep(std::time::Duration::from_secs(600));
}
""",
            "src/lib.rs": "",
        }
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "maelstrom_cargo.cli"],
        cwd=workspace.directory,
        env={**os.environ, **workspace.private},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # Of a shell's job in the background, which would be deaf to Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    pid = workspace.directory / "pid"
    deadline = time.monotonic() + 120
    while not (pid.exists() and pid.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)

    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)

    assert process.returncode == 130, out
    assert "stopped: interrupted by SIGINT" in out
    # It is at an end, even if nobody has asked yet how it has ended.
    stat = Path("/proc", pid.read_text(), "stat")
    while stat.exists() and " Z " not in stat.read_text() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not stat.exists() or " Z " in stat.read_text()


def test_it_is_a_command_of_cargo(shop: Any, tmp_path: Path) -> None:
    program = tmp_path / "cargo-maelstrom"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m maelstrom_cargo.cli "$@"\n')
    program.chmod(0o755)

    ran = shop.call(
        "cargo", "maelstrom", "--lib", "tests::price", PATH=f"{tmp_path}:{os.environ['PATH']}"
    )

    assert ran.out.splitlines()[-1] == "1 passed", ran.err


def test_a_runner_of_the_users_runs_the_tests(shop: Any) -> None:
    triple = subprocess.run(["rustc", "-vV"], capture_output=True, text=True).stdout
    triple = triple.partition("host: ")[2].splitlines()[0]
    shop.write({".cargo/config.toml": f'[target.{triple}]\nrunner = ["/usr/bin/env", "GIVEN=1"]\n'})
    try:
        ran = shop.run("--lib", "tests::price")
        own = shop.run("--test", "own", "--nocapture", "--", "a word")
    finally:
        (shop.directory / ".cargo" / "config.toml").unlink()

    assert ran.out.splitlines()[-1] == "1 passed", ran.out
    assert 'given ["a word"]' in own.out


def test_where_there_is_no_package(shop: Any, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "maelstrom_cargo.cli"], cwd=tmp_path, capture_output=True, text=True
    )
    none = shop.run(PATH="/nowhere")

    assert done.returncode == 4
    assert "could not find `Cargo.toml`" in done.stderr
    assert none.code == 71
    assert "there is no cargo in the PATH" in none.err
