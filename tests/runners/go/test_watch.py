"""``--watch`` and keys: somebody sits at a terminal and edits."""

import os
import shutil
import sys
import termios
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from maelstrom_core.container.probe import probe

pytestmark = pytest.mark.skipif(not shutil.which("go"), reason="go is not installed")

COMMAND = (sys.executable, "-m", "maelstrom_go.cli")
TEST = """package {name}

import "testing"

func Test{title}(t *testing.T) {{
	if 1+1 != {sum} {{
		t.Error("no")
	}}
}}
"""


@pytest.fixture
def module(tmp_path: Path) -> Path:
    """Two packages, of which the second uses the first."""
    refused = [finding for finding in probe() if finding.essential and not finding.ok]
    if refused:
        pytest.skip(f"this host refuses containers: {refused[0].name}: {refused[0].detail}")
    module = tmp_path / "module"
    for name in ("one", "two", "build"):
        (module / name).mkdir(parents=True)
    (module / "go.mod").write_text("module example.com/m\n\ngo 1.20\n")
    (module / ".gitignore").write_text("/build/\n")
    (module / "one/one.go").write_text("package one\n\nconst One = 1\n")
    (module / "one/one_test.go").write_text(TEST.format(name="one", title="One", sum=2))
    (module / "two/two.go").write_text(
        'package two\n\nimport "example.com/m/one"\n\nconst Two = 2 * one.One\n'
    )
    (module / "two/two_test.go").write_text(TEST.format(name="two", title="Two", sum=2))
    return module


@pytest.fixture
def user(on_a_terminal: Callable[..., Any], module: Path, tmp_path: Path) -> Callable[..., Any]:
    """Start the program at a terminal."""
    variables = {
        **os.environ,
        "MAELSTROM_STORE": str(tmp_path / "store"),
        # Below the project: what a run writes must not wake it.
        "MAELSTROM_STATE": str(module / "state"),
        "XDG_CONFIG_HOME": str(tmp_path),
        "GOFLAGS": "",
        "TERM": "xterm",
        "NO_COLOR": "1",
        "COLUMNS": "100",
    }
    return lambda *arguments: on_a_terminal([*COMMAND, *arguments], cwd=module, env=variables)


def test_tests_run_again_when_files_change(user: Callable[..., Any], module: Path) -> None:
    reports = ("--junit", str(module / "report.xml"), "-coverprofile", str(module / "cover.out"))
    at = user("--watch", "--slots", "1", *reports)
    at.expect("2 passed.*waiting for changes", seconds=120)

    # Neither what the run has written nor what git ignores: only what is edited.
    (module / "build/made").write_text("")
    (module / "two/two_test.go").write_text(TEST.format(name="two", title="Two", sum=3))
    changed = at.expect(r"\n([^\n]+) changed", seconds=60)
    assert changed[1] == "two/two_test.go"
    at.expect(
        r"failed +[\d.]+s +example.com/m/two TestTwo.*1 failed, 1 passed.*waiting", seconds=120
    )
    at.type("f")
    at.expect("failed +example.com/m/two TestTwo\n")

    (module / "two/two_test.go").write_text(TEST.format(name="two", title="Two", sum=2))
    at.expect("2 passed.*waiting for changes", seconds=120)
    at.type("\n")
    at.expect("nothing changed.*2 passed.*waiting for changes", seconds=120)
    at.type("q")
    assert at.process.wait(30) == 0
    assert termios.tcgetattr(at.master)[3] & termios.ECHO


def test_a_file_of_directives_that_cannot_be_read_waits_for_the_next_change(
    user: Callable[..., Any], module: Path
) -> None:
    at = user("--watch")
    at.expect("2 passed.*waiting for changes", seconds=120)
    (module / "maelstrom-go-test.toml").write_text("[nonsense]\n")
    at.expect("nonsense.*waiting for changes", seconds=60)
    (module / "maelstrom-go-test.toml").write_text("")
    at.expect("2 passed.*waiting for changes", seconds=120)
    at.type("\x03")
    assert at.process.wait(30) == 130
    assert termios.tcgetattr(at.master)[3] & termios.ECHO


def test_keys_while_tests_run(user: Callable[..., Any], module: Path) -> None:
    (module / "one/one_test.go").write_text(
        'package one\n\nimport (\n\t"testing"\n\t"time"\n)\n\n'
        'func TestFails(t *testing.T) { t.Error("no") }\n\n'
        "func TestSleeps(t *testing.T) { time.Sleep(time.Hour) }\n"
    )
    at = user("./one")
    at.expect("keys: r what runs", seconds=120)
    at.expect(r"failed +[\d.]+s +example.com/m/one TestFails", seconds=120)
    at.type("r")
    at.expect(r"running +\d+\.\ds +example.com/m/one TestSleeps\n")
    at.type("f")
    at.expect("failed +example.com/m/one TestFails\n")
    at.type("q")
    at.expect("stopped by a key")
    assert at.process.wait(30) == 130
    assert termios.tcgetattr(at.master)[3] & termios.ECHO


def test_until_something_fails(user: Callable[..., Any], module: Path) -> None:
    (module / "one/one_test.go").write_text(
        'package one\n\nimport (\n\t"testing"\n\t"time"\n)\n\nfunc TestSometimes(t *testing.T) {\n'
        '\tif time.Now().UnixNano()/1000%3 == 0 {\n\t\tt.Error("now")\n\t}\n}\n'
    )
    at = user("--until-fail", "--ui", "lines", "./one")
    at.expect("1 failed", seconds=120)
    assert at.process.wait(30) == 1
    assert "0 failed" not in at.shown
