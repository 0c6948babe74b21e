"""What plain pytest would not run is not run, and what did not pass is never said to have passed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SUITE = """
import pathlib, pytest, time

@pytest.fixture
def prepared():
    return 1

def test_first(prepared):
    pass

def test_fails_at_once():
    assert False

@pytest.mark.parametrize("turn", range(6))
def test_takes_its_time(turn):
    time.sleep(0.3)
"""
BREAKS_IN_THE_MIDDLE = """
def pytest_runtest_makereport(item, call):
    if call.when == "call":
        raise RuntimeError("a plugin's own fault")
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_suite.py").write_text(SUITE)
    return tmp_path


def run(suite: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "maelstrom"]
    environment = {**os.environ, "MAELSTROM_STATE": str(suite / "state")}
    return subprocess.run(
        [*command, *arguments],
        cwd=suite,
        env=environment,
        text=True,
        capture_output=True,
        timeout=120,
    )


def test_collect_only_lists_the_cases_and_runs_none(suite: Path) -> None:
    done = run(suite, "--collect-only")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "<Function test_fails_at_once>\n" in done.stdout
    assert "8 tests collected" in done.stdout
    assert "failed" not in done.stdout


def test_stopping_after_a_failure_cancels_what_was_just_handed_out(suite: Path) -> None:
    done = run(suite, "-x", "--maelstrom-slots=2")

    assert "RuntimeWarning" not in done.stdout + done.stderr
    assert "stopping after 1 failures" in done.stdout
    assert "1 failed" in done.stdout


def test_a_case_that_was_set_up_and_then_broke_pytest_has_not_passed(suite: Path) -> None:
    (suite / "conftest.py").write_text(BREAKS_IN_THE_MIDDLE)

    done = run(suite, "-k", "test_first")

    assert done.returncode == 1, done.stdout + done.stderr
    assert "a plugin's own fault" in done.stdout
    assert "1 failed" in done.stdout


def test_fixtures_are_not_shown_but_cases_are_run(suite: Path) -> None:
    done = run(suite, "--setup-show", "-k", "test_first")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
