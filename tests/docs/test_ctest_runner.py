"""The example of a runner for a framework that is not ours: outcomes are those of ``ctest`` itself."""

import json
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [
    pytest.mark.usefixtures("containers"),
    pytest.mark.skipif(not shutil.which("ctest"), reason="ctest is not installed"),
]
TESTS = r"""
add_test(passes "/bin/sh" "-c" "test \"$COLOUR\" = blue && test $PWD = /tmp")
set_tests_properties(passes PROPERTIES ENVIRONMENT "COLOUR=blue" LABELS "quick;unit")
set_tests_properties(passes PROPERTIES WORKING_DIRECTORY "/tmp")
add_test(fails "/bin/sh" "-c" "echo it said this; exit 3")
add_test(reads "/bin/cat" "data.txt")
set_tests_properties(reads PROPERTIES PASS_REGULAR_EXPRESSION "from the (build|source)" LABELS "quick")
add_test(fails_as_it_must "/bin/false")
set_tests_properties(fails_as_it_must PROPERTIES WILL_FAIL TRUE)
add_test(says_that_it_failed "/bin/echo" "ERROR: no")
set_tests_properties(says_that_it_failed PROPERTIES FAIL_REGULAR_EXPRESSION "ERROR")
add_test(is_skipped "/bin/sh" "-c" "exit 77")
set_tests_properties(is_skipped PROPERTIES SKIP_RETURN_CODE 77)
add_test(hangs "/bin/sh" "-c" "while :; do :; done")
set_tests_properties(hangs PROPERTIES TIMEOUT 1)
add_test(dies "/bin/sh" "-c" "kill -SEGV $$")
add_test(locks_one "/bin/sleep" "0.2")
add_test(locks_two "/bin/sleep" "0.2")
set_tests_properties(locks_one locks_two PROPERTIES RESOURCE_LOCK "port;other" PROCESSORS 2)
add_test(is_disabled "/bin/false")
set_tests_properties(is_disabled PROPERTIES DISABLED TRUE)
"""
LEAVES = 'add_test(leaves_{n} "/bin/sh" "-c" "test ! -e left && touch left")\n'
STATUSES = {"run": {"passed"}, "fail": {"failed", "timed out", "crashed"}, "notrun": {"skipped"}}


@pytest.fixture
def run(root: Path, program_of: Callable[..., Any]) -> Callable[..., Any]:
    return program_of(root / "examples" / "ctest_runner", "ctest_runner.cli")


@pytest.fixture
def build(tmp_path: Path) -> Path:
    build = tmp_path / "build"
    build.mkdir()
    (build / "CTestTestfile.cmake").write_text(TESTS)
    (build / "data.txt").write_text("from the build\n")
    return build


def reports(printed: str) -> dict[str, dict[str, Any]]:
    events = [json.loads(line) for line in printed.splitlines()]
    return {one["id"]: one for one in events if one["event"] == "case reported"}


def test_outcomes_are_those_of_ctest(run: Callable[..., Any], build: Path, tmp_path: Path) -> None:
    told = tmp_path / "ctest.xml"
    command = ["ctest", "--test-dir", build, "--output-junit", told]
    subprocess.run(command, capture_output=True, timeout=120)
    native = {
        case.get("name"): case.get("status") for case in ElementTree.parse(told).iter("testcase")
    }
    assert native.pop("is_disabled") == "disabled"

    done = run("--ui", "json", "build")

    assert done.returncode == 1, done.stdout + done.stderr
    found = reports(done.stdout)
    assert found.keys() == native.keys()
    for name, status in native.items():
        assert found[name]["status"] in STATUSES[str(status)], name
    events = [json.loads(line) for line in done.stdout.splitlines()]
    began, ended = (
        [one["time"] for one in events if one["event"] == what and "locks" in one["id"]]
        for what in ("case started", "case ended")
    )
    assert began[1] >= ended[0], "what one lock keeps apart ran at once"
    assert "it said this" in found["fails"]["message"]
    assert {name: found[name]["status"] for name in ("hangs", "dies", "is_skipped")} == {
        "hangs": "timed out",
        "dies": "crashed",
        "is_skipped": "skipped",
    }


def test_it_has_shared_options_and_each_test_a_build_of_its_own(
    run: Callable[..., Any], build: Path
) -> None:
    listed = run("--list", "--include", "labels.contains(quick)", "build")
    assert listed.stdout.splitlines() == ["passes", "reads"], listed.stderr

    (build / "CTestTestfile.cmake").write_text(LEAVES.format(n=1) + LEAVES.format(n=2))
    done = run("--repeat", "2", "build")
    assert done.stdout.splitlines()[-1] == "4 passed", done.stdout + done.stderr
    assert not (build / "left").exists()
    nowhere = run("no/such/build")
    assert nowhere.returncode == 4
    assert "Traceback" not in nowhere.stderr
