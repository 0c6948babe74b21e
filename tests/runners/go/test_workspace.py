"""A workspace of modules, in Go's words for options; and tests that call go themselves."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from maelstrom_core.container.probe import probe

pytestmark = pytest.mark.skipif(not shutil.which("go"), reason="go is not installed")
FILES = {
    "go.work": "go 1.20\n\nuse (\n\t./shop\n\t./tool\n)\n",
    "shop/go.mod": "module example.com/shop\n\ngo 1.20\n",
    "shop/shop.go": "package shop\n\nfunc Price() int { return 2 }\n",
    "shop/shop_test.go": """
package shop

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

func TestPrice(t *testing.T) {
	fmt.Println("printed by", os.Args[1:])
	t.Log("logged")
	if Price() != 2 {
		t.Fatal()
	}
}

func TestGoIsThereWithWhatItHasBuilt(t *testing.T) {
	said, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	cache := string(said[:len(said)-1])
	if entries, err := os.ReadDir(cache); err != nil || len(entries) < 2 {
		t.Fatal(err, entries)
	}
	if err := os.WriteFile(cache+"/mine", nil, 0o600); err == nil {
		t.Fatal("written to")
	}
}
""",
    "tool/go.mod": "module example.com/tool\n\ngo 1.20\n",
    "tool/tool_test.go": """
package tool

import (
	"testing"

	"example.com/shop"
)

func TestUses(t *testing.T) {
	if shop.Price() != 2 {
		t.Fatal()
	}
}

func TestFails(t *testing.T) { t.Error("always") }
""",
    # Nobody who filters tests of others is told that it cannot be built.
    "tool/broken/broken_test.go": "package broken\n\nvar _ = nothing\n",
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Run the program in the workspace."""
    refused = [finding for finding in probe() if finding.essential and not finding.ok]
    if refused:
        pytest.skip(f"this host refuses containers: {refused[0].name}: {refused[0].detail}")
    directory = tmp_path_factory.mktemp("workspace")
    for name, text in FILES.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)
    private = {
        "MAELSTROM_STORE": str(tmp_path_factory.mktemp("kept") / "store"),
        "MAELSTROM_STATE": str(tmp_path_factory.mktemp("state")),
        "XDG_CONFIG_HOME": str(directory),
        "GOFLAGS": "",
    }

    def run_it(*arguments: str, at: str = ".") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "maelstrom_go.start", *arguments],
            cwd=directory / at,
            env={**os.environ, **private},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run_it


def test_all_modules_of_a_workspace(run: Callable[..., Any]) -> None:
    ran = run("--ui", "json", "--exclude", "package.ends_with(/broken)")

    events = [json.loads(line) for line in ran.stdout.splitlines()]
    statuses = {e["id"]: e["status"] for e in events if e["event"] == "case reported"}
    assert statuses == {
        "example.com/shop TestPrice": "passed",
        "example.com/shop TestGoIsThereWithWhatItHasBuilt": "passed",
        "example.com/tool TestUses": "passed",
        "example.com/tool TestFails": "failed",
    }, ran.stdout + ran.stderr
    # A package of which no test can be chosen is not built, so that nobody knows that it cannot be.
    assert not [event for event in events if event["event"] == "fault"]


def test_one_module_in_the_words_of_go(run: Callable[..., Any]) -> None:
    ran = run("-v", "-short", "-parallel", "3", "-timeout", "1m", "-run", "Price", at="shop")
    failed = run("-failfast", "-count", "3", "-run", "Fails", "--slots", "1", ".", at="tool")

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "    --- TestPrice\n    printed by " in ran.stdout
    assert "-test.short -test.parallel=3]" in ran.stdout
    assert "logged" in ran.stdout
    assert failed.stdout.splitlines()[-1] == "1 failed, 2 not run", failed.stdout
