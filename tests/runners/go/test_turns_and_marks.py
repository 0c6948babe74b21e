"""Tests of Go take turns, and are slow or leaky, in the same words as those of other runners."""

import json
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

from maelstrom_core.container.probe import probe

pytestmark = pytest.mark.skipif(not shutil.which("go"), reason="go is not installed")

FILES = {
    "go.mod": "module example.com/shop\n\ngo 1.20\n",
    "shop_test.go": """package shop

import (
	"os/exec"
	"testing"
	"time"
)

func TestLeaks(t *testing.T)    { exec.Command("sleep", "600").Start() }
func TestWaits(t *testing.T)    { time.Sleep(1500 * time.Millisecond) }
func TestPortOne(t *testing.T)  { time.Sleep(100 * time.Millisecond) }
func TestPortTwo(t *testing.T)  { time.Sleep(100 * time.Millisecond) }
func TestPortLast(t *testing.T) { time.Sleep(100 * time.Millisecond) }
""",
    "maelstrom-go-test.toml": """
[turns.port]

[[directives]]
filter = "name.starts_with(TestPort)"
turns = "port"
""",
}


@pytest.fixture
def run(tmp_path: Path) -> Any:
    refused = [finding for finding in probe() if finding.essential and not finding.ok]
    if refused:
        pytest.skip(f"this host refuses containers: {refused[0].name}: {refused[0].detail}")
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)

    def run_it(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "maelstrom_go.cli", "--ui", "lines", *arguments],
            cwd=tmp_path,
            env={**os.environ, "MAELSTROM_STATE": f"{tmp_path}/state", "GOFLAGS": ""},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run_it


def test_turns_are_taken_and_marks_are_told(run: Any, tmp_path: Path) -> None:
    done = run("--slots", "4", "--slow-after", "0.5", "--junit", "report.xml", "--events", "events")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "slow      >    0.5s  example.com/shop TestWaits\n" in done.stdout
    assert "example.com/shop TestLeaks  (" in done.stdout
    assert "leaky: left 1 process running: sleep 600)\n" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("5 passed, ")
    assert done.stdout.splitlines()[-1].endswith(" slow, 1 leaky")
    found = {
        case.get("name"): [one.get("value") for one in case.iter("property")]
        for case in ElementTree.parse(tmp_path / "report.xml").iter("testcase")
    }
    assert {name: values for name, values in found.items() if values} == {
        "TestLeaks": ["1", "sleep 600"]
    }

    events = [json.loads(line) for line in (tmp_path / "events").read_text().splitlines()]
    running: list[str] = []
    for one in events:
        if one["event"] == "case started" and "TestPort" in one["id"]:
            running.append(one["id"])
        elif one["event"] == "case ended" and "TestPort" in one["id"]:
            running.remove(one["id"])
        assert len(running) < 2, running

    failed = run("--leaky", "fail", "-run", "TestLeaks")
    assert failed.returncode == 1
    assert "passed, but left 1 process running: sleep 600" in failed.stdout
