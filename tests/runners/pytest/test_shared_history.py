"""Runs of one project at the same time share what they remember of tests."""

import os
import re
import subprocess
import sys
from pathlib import Path

from maelstrom_core.model.ids import CaseId
from maelstrom_core.testrun.history import History

FILES = {
    "pytest.ini": "[pytest]\n",
    "test_left.py": """
        import time
        def test_left_quick(): pass
        def test_left_slow(): time.sleep(2)
        def test_left_fails(): assert False
    """,
    "test_right.py": """
        import time
        def test_right_fails(): assert False
        def test_right_quick(): pass
        def test_right_slow(): time.sleep(4)
    """,
}
CASES = ("left_fails", "left_quick", "left_slow", "right_fails", "right_quick", "right_slow")


def started(directory: Path, state: Path, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "maelstrom", "-p", "no:cacheprovider", *arguments],
        cwd=directory,
        env={**os.environ, "MAELSTROM_STATE": str(state)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_each_knows_afterwards_what_the_other_saw(project, tmp_path):
    directory, state = project(FILES), tmp_path / "state"
    both = [started(directory, state, name) for name in ("test_left.py", "test_right.py")]
    for process in both:
        out, _ = process.communicate(timeout=200)
        assert process.returncode == 1, out
        assert "1 failed, 2 passed" in out

    with History(state / "history.sqlite", runner="pytest", project=directory) as history:
        known = {
            name: history.of(CaseId(f"test_{name.partition('_')[0]}.py::test_{name}"))
            for name in CASES
        }
    assert {name for name, one in known.items() if one is not None and one.failed} == {
        "left_fails",
        "right_fails",
    }
    durations = [known[name].duration for name in ("left_quick", "left_slow", "right_slow")]
    assert durations == sorted(durations)

    third = started(directory, state, "-v", "--maelstrom-slots=1")
    out, _ = third.communicate(timeout=200)
    told = re.findall(r"^test_\w+\.py::test_(\w+) ", out, re.M)
    assert set(told[:2]) == {"left_fails", "right_fails"}
    assert told[2:4] == ["right_slow", "left_slow"]
    assert set(told) == set(CASES)
