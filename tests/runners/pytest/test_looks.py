"""``--ui``, ``--events``, ``--shard``, ``--rerun-failed`` and annotations: for pytest as for others."""

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FILES = {
    "pytest.ini": "[pytest]\n",
    "test_one.py": """
        import pytest
        def test_passes(): pass
        def test_fails():
            print("what it said")
            assert [1] == [2]
        @pytest.mark.skip(reason="not here")
        def test_is_skipped(): pass
        @pytest.fixture
        def broken(): raise ValueError("broken")
        def test_has_a_broken_fixture(broken): pass
        def test_unwanted(): pass
    """,
    "test_broken.py": "import there_is_no_such_module\n",
}


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    def run(directory: Path, *arguments: str, **more: str) -> Any:
        variables = {
            **os.environ,
            "MAELSTROM_STATE": str(tmp_path / "state"),
            "GITHUB_ACTIONS": "",
        }
        return subprocess.run(
            [sys.executable, "-m", "pytest_maelstrom.cli", *arguments],
            cwd=directory,
            env=variables | more,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run


def test_events_are_all_that_is_printed_and_say_what_reports_say(
    project: Any, program: Any
) -> None:
    directory = project(FILES)
    arguments = ["--continue-on-collection-errors", "--exclude", "name.equals(test_unwanted)"]
    arguments += ["--ui", "json", "--events", "events", "--junit", "report.xml"]
    ran = program(directory, *arguments)

    assert ran.returncode == 1, ran.stderr
    events = [json.loads(line) for line in ran.stdout.splitlines()]
    written = [json.loads(line) for line in (directory / "events").read_text().splitlines()]
    for event in (*events, *written):
        del event["time"]
    assert written == events
    assert events[0]["event"] == "run started"
    assert events[0]["program"] == "maelstrom-pytest"
    reports = {e["id"].partition("::")[2]: e for e in events if e["event"] == "case reported"}
    assert {name: report["status"] for name, report in reports.items()} == {
        "test_passes": "passed",
        "test_fails": "failed",
        "test_is_skipped": "skipped",
        "test_has_a_broken_fixture": "error",
    }
    assert "E       assert [1] == [2]" in reports["test_fails"]["message"]
    assert "--- Captured stdout call ---\nwhat it said" in reports["test_fails"]["message"]
    assert "not here" in reports["test_is_skipped"]["message"]
    assert "in setup:" in reports["test_has_a_broken_fixture"]["message"]
    (fault,) = [event["text"] for event in events if event["event"] == "fault"]
    assert "there_is_no_such_module" in fault
    assert events[-1]["counts"] == {
        "failed": 1,
        "error": 1,
        "passed": 1,
        "skipped": 1,
        "fault": 1,
        "not chosen": 1,
    }
    names = {
        case.get("name") for case in ElementTree.parse(directory / "report.xml").iter("testcase")
    }
    assert set(reports) <= names


def test_lines_of_shards_are_those_of_the_whole_and_failures_are_rerun(
    project: Any, program: Any
) -> None:
    directory = project({name: FILES[name] for name in ("pytest.ini", "test_one.py")})
    ended, plans = [], set()
    for part in ("1/2", "2/2"):
        # Each shard must know the same durations: here, none.
        ran = program(
            directory, "--shard", part, "--ui", "lines", MAELSTROM_STATE=f"state-{part[0]}"
        )
        lines = ran.stdout.splitlines()
        ended += [line.split()[2] for line in lines if line.count("  test_one.py::")]
        assert lines[-1].endswith("not chosen")
        plans.add(ran.stderr.partition("; plan ")[2].partition(",")[0])
    assert sorted(ended) == [
        f"test_one.py::test_{name}"
        for name in ("fails", "has_a_broken_fixture", "is_skipped", "passes", "unwanted")
    ]
    assert len(plans) == 1 and plans != {""}

    ran = program(directory, "-q", GITHUB_ACTIONS="true")
    annotated = [line for line in ran.stdout.splitlines() if line.startswith("::error ")]
    assert len(annotated) == 2
    assert all("file=test_one.py,title=" in line for line in annotated)
    # What failed last time comes first, and fails again.
    stopped = program(directory, "-q", "--slots", "1", "--stop-after", "1")
    assert "maelstrom: 4 tests were not run" in stopped.stdout.splitlines()
    listed = program(directory, "--rerun-failed", "--list")
    assert listed.stdout.splitlines() == [
        "test_one.py::test_fails",
        "test_one.py::test_has_a_broken_fixture",
    ]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--ui=lines", "--pdb"], "--pdb needs pytest's own terminal"),
        (
            ["--ui=json", "--events=no/such/directory"],
            "events cannot be written: no/such/directory",
        ),
    ],
)
def test_what_cannot_be_is_said(project: Any, program: Any, arguments: list[str], why: str) -> None:
    ran = program(project({"pytest.ini": "[pytest]\n"}), *arguments)
    assert ran.returncode == 4
    assert why in ran.stderr
    assert "Traceback" not in ran.stderr + ran.stdout


def test_keys_while_tests_run(project: Any, at_a_terminal: Callable[..., Any]) -> None:
    directory = project(
        {
            "pytest.ini": "[pytest]\n",
            "test_it.py": """
                import time
                def test_fails(): assert 0
                def test_sleeps(): time.sleep(3600)
            """,
        }
    )
    at = at_a_terminal(directory, "--maelstrom-ui=live", TERM="xterm", NO_COLOR="1")
    at.expect("building .*keys: r what runs", seconds=120)
    at.expect(r"failed +[\d.]+s +test_it.py::test_fails", seconds=120)
    at.type("r")
    at.expect(r"running +\d+\.\ds +test_it.py::test_sleeps\n")
    at.type("f")
    at.expect("failed +test_it.py::test_fails\n")
    at.type("q")
    at.expect("stopped by a key")
    assert at.end() == pytest.ExitCode.INTERRUPTED
    assert at.attributes == at.before
