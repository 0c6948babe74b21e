"""The example of docs/guide/write-a-runner.md, run as a stranger would."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("containers")


@pytest.fixture
def example(root: Path, tmp_path: Path) -> Path:
    source = root / "examples" / "own_runner"
    built = shutil.ignore_patterns("*.egg-info", "build", "__pycache__")
    return Path(shutil.copytree(source, tmp_path / "own_runner", ignore=built))


@pytest.fixture
def project(example: Path) -> Path:
    checks = example / "demo" / "checks"
    (checks / "fails.sh").write_text("echo not here >&2\nexit 3\n")
    (checks / "hangs.sh").write_text("while :; do :; done\n")
    return checks.parent


@pytest.fixture
def run(example: Path, tmp_path: Path, program_of: Callable[..., Any]) -> Callable[..., Any]:
    """Run the example's own program."""
    return program_of(example, "shell_checks.cli", MAELSTROM_STORE=str(tmp_path / "store"))


def test_its_program_runs_all_checks(run: Callable[..., Any], project: Path) -> None:
    done = run("--ui", "json", "--timeout", "1", str(project))

    assert done.returncode == 1, done.stdout + done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    reports = {event["id"]: event for event in events if event["event"] == "case reported"}
    assert {name: report["status"] for name, report in reports.items()} == {
        "fails.sh": "failed",
        "hangs.sh": "timed out",
        "is_skipped.sh": "skipped",
        "passes.sh": "passed",
        "passes_too.sh": "passed",
    }
    assert reports["fails.sh"]["message"] == "exited with status 3\nnot here"


def test_its_program_has_the_options_that_all_runners_share(
    run: Callable[..., Any], project: Path, tmp_path: Path
) -> None:
    (project / "checks" / "hangs.sh").unlink()
    (project / "checks" / "fails.sh").write_text("test -e /tmp/never\n")
    listed = run("--list", str(project))
    assert listed.stdout.splitlines() == ["fails.sh", "is_skipped.sh", "passes.sh", "passes_too.sh"]

    report = tmp_path / "report.xml"
    chosen = ["--include", "name.starts_with(passes)", "--repeat", "2", "--junit", str(report)]
    done = run(*chosen, str(project))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith("4 passed")
    assert report.read_text().count("<testcase ") == 4

    done = run(
        "--retries", "1", "--stop-after", "1", "--include", "name.equals(fails)", str(project)
    )
    assert done.returncode == 1
    assert run("--rerun-failed", "--list", str(project)).stdout.splitlines() == ["fails.sh"]
    wrong = run("--include", "title.equals(x)", str(project))
    assert wrong.returncode == 4
    assert "title" in wrong.stderr
    assert "Traceback" not in wrong.stderr


def test_a_file_of_directives_changes_its_containers(
    run: Callable[..., Any], project: Path
) -> None:
    (project / "checks" / "fails.sh").write_text('test "$COLOUR" = blue\n')
    (project / "shell-checks.toml").write_text(
        '[[directives]]\nfilter = "name.equals(fails)"\nadded_environment = { COLOUR = "blue" }\n'
    )
    done = run("--include", "name.equals(fails)", str(project))
    assert done.returncode == 0, done.stdout + done.stderr
