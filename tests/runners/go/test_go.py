"""``maelstrom-go-test`` on a module of its own, as a person meets it."""

import json
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from maelstrom_core.container.probe import probe
from maelstrom_core.model.digest import Digest
from maelstrom_core.store import Store

pytestmark = pytest.mark.skipif(not shutil.which("go"), reason="go is not installed")

MODULE = {
    "go.mod": "module example.com/shop\n\ngo 1.20\n",
    "shop.go": """package shop

func Price(n int) int {
	if n > 2 {
		return n
	}
	return 2 * n
}
""",
    "testdata/names": "a name\n",
    "shop_test.go": """
package shop

import (
	"errors"
	"fmt"
	"os"
	"testing"
	"time"
)

func TestPrice(t *testing.T) {
	for _, n := range []int{1, 2} {
		t.Run(fmt.Sprint("of ", n), func(t *testing.T) {
			if Price(n) != 2*n {
				t.Error("wrong")
			}
		})
	}
}

func TestData(t *testing.T) {
	if data, err := os.ReadFile("testdata/names"); err != nil || string(data) != "a name\\n" {
		t.Fatal(err, string(data))
	}
	// Nothing that others leave is here, and this is not theirs either.
	if _, err := os.Stat("/tmp/left"); !errors.Is(err, os.ErrNotExist) {
		t.Fatal("not alone")
	}
	os.WriteFile("/tmp/left", nil, 0o600)
	os.WriteFile("testdata/names", nil, 0o600)
}

func TestDataAgain(t *testing.T) { TestData(t) }

func TestSkipped(t *testing.T) { t.Skip("not here") }

func TestFails(t *testing.T) {
	fmt.Println("printed")
	t.Run("part", func(t *testing.T) { t.Error("this part") })
}

func TestPanics(t *testing.T) { panic("oh no") }

func TestExits(t *testing.T) { os.Exit(0) }

func TestHangs(t *testing.T) { time.Sleep(time.Hour) }

func BenchmarkPrice(b *testing.B) {
	for i := 0; i < b.N; i++ {
		Price(i)
	}
}

func FuzzPrice(f *testing.F) {
	f.Add(1)
	f.Fuzz(func(t *testing.T, n int) { Price(n) })
}

func ExamplePrice() {
	fmt.Println(Price(1))
	// Output: 2
}
""",
    "broken/broken.go": "package broken\n\nfunc Broken() int { return nothing }\n",
    "broken/broken_test.go": 'package broken\n\nimport "testing"\n\nfunc TestNever(t *testing.T) {}\n',
    "untested/untested.go": "package untested\n",
}


@attrs.frozen
class Ran:
    code: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Ran]]:
    """Run the program in the module; the store, the binaries and the history are all tests'."""
    refused = [finding for finding in probe() if finding.essential and not finding.ok]
    if refused:
        pytest.skip(f"this host refuses containers: {refused[0].name}: {refused[0].detail}")
    directory = tmp_path_factory.mktemp("shop")
    for name, text in MODULE.items():
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).write_text(text)
    private = {
        "MAELSTROM_STORE": str(tmp_path_factory.mktemp("kept") / "store"),
        "MAELSTROM_STATE": str(tmp_path_factory.mktemp("state")),
        "XDG_CONFIG_HOME": str(directory),
        "GOFLAGS": "",
    }

    def run_it(*arguments: str, **variables: str) -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", "maelstrom_go.cli", *arguments],
            cwd=directory,
            env={**os.environ, **private, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    run_it.store = Path(private["MAELSTROM_STORE"])  # type: ignore[attr-defined]
    yield run_it


def test_every_ending(run: Callable[..., Ran]) -> None:
    ran = run("--ui", "json", "--timeout", "3", "-bench", "Price", "-benchtime", "10x")

    reports = {e["id"].partition(" ")[2]: e for e in ran.events if e["event"] == "case reported"}
    assert {name: report["status"] for name, report in reports.items()} == {
        "TestPrice": "passed",
        "TestData": "passed",
        "TestDataAgain": "passed",
        "TestSkipped": "skipped",
        "TestFails": "failed",
        "TestPanics": "failed",
        "TestExits": "failed",
        "TestHangs": "timed out",
        "BenchmarkPrice": "passed",
        "FuzzPrice": "passed",
        "ExamplePrice": "passed",
    }
    assert reports["TestPrice"]["parts"] == [
        {"name": "TestPrice/of_1", "status": "pass", "seconds": 0.0},
        {"name": "TestPrice/of_2", "status": "pass", "seconds": 0.0},
    ]
    assert reports["TestSkipped"]["message"] == "shop_test.go:36: not here"
    assert "printed" in reports["TestFails"]["message"]
    assert "--- TestFails/part\n    shop_test.go" in reports["TestFails"]["message"]
    assert "panic: oh no" in reports["TestPanics"]["message"]
    assert "shop_test.go" in reports["TestPanics"]["message"]
    # Where all goroutines were when its time was up.
    assert "shop.TestHangs" in reports["TestHangs"]["message"]
    assert "ns/op" in reports["BenchmarkPrice"]["message"]
    (fault,) = [event["text"] for event in ran.events if event["event"] == "fault"]
    assert "broken.go:3:28: undefined: nothing" in fault
    assert fault.endswith("FAIL\texample.com/shop/broken [build failed]")
    assert ran.code == 1


def test_reports_for_others(run: Callable[..., Ran], tmp_path: Path) -> None:
    files = ["--junit", str(tmp_path / "junit.xml"), "--events", str(tmp_path / "events")]
    ran = run(
        "-run", "Price/of_1|Data|Skipped", "-coverprofile", str(tmp_path / "cover"), *files, "."
    )

    assert ran.code == 0, ran.out
    assert ran.out.splitlines()[-1] == "5 passed, 1 skipped"
    (suite,) = ElementTree.parse(tmp_path / "junit.xml").getroot()
    assert {case.get("name") for case in suite} == {
        "TestPrice", "TestData", "TestDataAgain", "TestSkipped", "FuzzPrice", "ExamplePrice",
    }  # fmt: skip
    events = [json.loads(line) for line in (tmp_path / "events").read_text().splitlines()]
    assert events[0]["event"] == "run started"
    assert events[-1]["event"] == "run ended"
    (price,) = [e for e in events if e["event"] == "case reported" and " TestPrice" in e["id"]]
    assert [part["name"] for part in price["parts"]] == ["TestPrice/of_1"]
    assert "coverage: " in ran.err
    profile = (tmp_path / "cover").read_text().splitlines()
    assert profile[0] == "mode: set"
    assert profile[1] == "example.com/shop/shop.go:3.23,4.11 1 1"
    # TestPrice/of_1 and others leave the block above 2 alone.
    assert profile[2].endswith(" 0")


def test_choosing(run: Callable[..., Ran]) -> None:
    names = run("--list", "--include", "kinds.contains(test)", "--exclude", "n.contains(Data)", ".")
    packages = run("--list-packages", "--ui", "json", ".")
    binaries = run("--list-binaries", ".")
    shards = [run("--shard", f"{index}/2", "--list", ".") for index in (1, 2)]
    bad = run("--include", "nme.equals(x)")

    assert [line.partition(" ")[2] for line in names.out.splitlines()] == [
        "TestPrice", "TestSkipped", "TestFails", "TestPanics", "TestExits", "TestHangs",
    ]  # fmt: skip
    assert json.loads(packages.out) == ["example.com/shop"]
    assert binaries.out.splitlines() == ["example.com/shop"]
    parts = [set(shard.out.splitlines()) for shard in shards]
    assert not parts[0] & parts[1]
    assert len(parts[0] | parts[1]) == 10
    assert len({shard.err.partition("plan ")[2].partition(",")[0] for shard in shards}) == 1
    assert bad.code == 4
    assert "^" in bad.err


def test_what_failed_is_run_again_alone(run: Callable[..., Ran]) -> None:
    run("-run", "Price$|Fails", ".")

    again = run("--rerun-failed", "-run", "Price|Fails", ".")
    none = run("--rerun-failed", "-run", "TestPrice", ".")

    assert [line.split()[-1] for line in again.out.splitlines() if line.startswith("failed")] == [
        "TestFails"
    ]
    assert again.out.splitlines()[-1].startswith("1 failed, ")
    assert none.code == 5


def test_a_binary_that_is_still_right_is_no_new_layer(run: Callable[..., Ran]) -> None:
    def holders() -> set[str]:
        """Layers with a test binary."""
        with Store.open(run.store) as store:  # type: ignore[attr-defined]
            kept = [Digest(path.name) for path in store.directory.glob("manifests/??/*")]
            return {
                digest.hex
                for digest in kept
                if any(entry.path.endswith(b"/shop.test") for entry in store.manifest(digest))
            }

    first = run("-run", "TestPrice", ".")
    before = holders()
    again = run("-run", "TestPrice", ".")

    assert (first.code, again.code) == (0, 0), again.err
    assert before
    assert holders() == before


@pytest.mark.nightly
def test_gotestsum_can_read_it(run: Callable[..., Ran], tmp_path: Path) -> None:
    """It comes from the module proxy, and takes a while to build."""
    install = ["go", "install", "gotest.tools/gotestsum@v1.13.0"]
    subprocess.run(install, env={**os.environ, "GOBIN": str(tmp_path)}, check=True)
    events = run("-json", "-run", "Price|Skipped|Fails")
    (tmp_path / "events").write_text(events.out)

    read = subprocess.run(
        [tmp_path / "gotestsum", "--raw-command", "--", "cat", tmp_path / "events"],
        capture_output=True,
        text=True,
    )

    assert "DONE 9 tests, 1 skipped, 3 failures, 1 error" in read.stdout, read.stdout + read.stderr
    assert "undefined: nothing" in read.stdout


def test_where_there_is_no_module(run: Callable[..., Ran], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "maelstrom_go.cli"], cwd=tmp_path, capture_output=True, text=True
    )
    none = run(PATH="/nowhere")

    assert done.returncode == 4
    assert "is in no Go module" in done.stderr
    assert none.code == 71
    assert "there is no go in the PATH" in none.err
