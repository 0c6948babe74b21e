"""The example of docs/guide/write-a-runner.md, run as a stranger would."""

import importlib
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import trio

from maelstrom_core.cluster.local import open_local_backend
from maelstrom_core.hooks.manager import Plugins
from maelstrom_core.model.cases import CaseStatus
from maelstrom_core.model.views import Summary
from maelstrom_core.testrun.shell import TestRun

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


def test_its_hooks_run_checks_through_a_test_run(
    example: Path, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(example)
    hooks = importlib.import_module("shell_checks.hooks")
    # Blocked, should it be installed here as well: the copy is what is tested.
    plugins = Plugins(block=["shell-checks"], extra=[("shell-checks under test", hooks)])

    async def run() -> Summary:
        store = tmp_path / "store"
        async with open_local_backend(
            store_directory=store, project_directory=project, slots=2
        ) as backend:
            return await TestRun(
                runner=hooks.RUNNER,
                plugins=plugins,
                backend=backend,
                project_directory=project,
                options={"timeout": 1.0},
            ).run()

    reports = {report.id: report for report in trio.run(run).reports}

    assert {name: report.status for name, report in reports.items()} == {
        "fails.sh": CaseStatus.FAILED,
        "hangs.sh": CaseStatus.TIMED_OUT,
        "is_skipped.sh": CaseStatus.SKIPPED,
        "passes.sh": CaseStatus.PASSED,
        "passes_too.sh": CaseStatus.PASSED,
    }
    assert reports["fails.sh"].message == "exited with status 3\nnot here"


def installed(example: Path, target: Path) -> Path:
    """What an editable install leaves: metadata out of pyproject.toml, and where the code is.

    Without a build, for an environment may lack what building needs, and the network to get it.
    """
    project = tomllib.loads((example / "pyproject.toml").read_text())["project"]
    metadata = target / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    groups = project["entry-points"]
    lines = [
        "\n".join([f"[{group}]", *(f"{name} = {module}" for name, module in entries.items())])
        for group, entries in groups.items()
    ]
    (metadata / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return target


def test_its_program_finds_it_by_its_entry_point(
    example: Path, project: Path, tmp_path: Path
) -> None:
    (project / "checks" / "hangs.sh").unlink()
    target = installed(example, tmp_path / "site")
    path = os.pathsep.join([str(target), str(example), os.environ.get("PYTHONPATH", "")])

    done = subprocess.run(
        [sys.executable, "-m", "shell_checks.cli", str(project)],
        env={**os.environ, "PYTHONPATH": path, "SHELL_CHECKS_STORE": str(tmp_path / "store")},
        cwd=tmp_path,
        text=True,
        capture_output=True,
        timeout=120,
    )

    assert done.returncode == 1, done.stdout + done.stderr
    assert sorted(line.split()[-1] for line in done.stdout.splitlines() if ".sh" in line) == [
        "fails.sh",
        "is_skipped.sh",
        "passes.sh",
        "passes_too.sh",
    ]
    assert "passed     passes.sh" in done.stdout
    assert "not here" in done.stdout
