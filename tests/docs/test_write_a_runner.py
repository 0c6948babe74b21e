"""docs/guide/write-a-runner.md, followed word for word by a newcomer in an empty directory."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("containers")
SECONDS = re.compile(r"\d+\.\d\ds")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.M | re.S)


def section(guide: str, title: str) -> str:
    return re.split(r"^## ", guide.partition(f"\n## {title}\n")[2], maxsplit=1, flags=re.M)[0]


def steps(block: str) -> list[tuple[list[str], list[str]]]:
    """Commands of a session, each with the lines that are shown of what it prints."""
    parts = [part.splitlines() for part in block.split("$ ")[1:]]
    return [(shlex.split(command), printed) for command, *printed in parts]


@pytest.fixture
def newcomer(tmp_path: Path, distribution: Callable[[Path, Path], Path]) -> Callable[..., Any]:
    """Does what a command says, in a directory of its own."""
    paths: list[str] = []

    def do(command: list[str]) -> "subprocess.CompletedProcess[str]":
        program, *arguments = command
        if program == ".venv/bin/pip":
            assert arguments[0] == "install"
            package = tmp_path / arguments[1]
            paths.extend([str(distribution(package, tmp_path / "site")), str(package)])
            return subprocess.CompletedProcess(command, 0, "", "")
        assert program == ".venv/bin/shell-checks"
        variables = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([*paths, os.environ.get("PYTHONPATH", "")]),
            "MAELSTROM_SLOTS": "2",
            "MAELSTROM_STATE": str(tmp_path / "state"),
            "MAELSTROM_CLUSTER_DIRECTORY": str(tmp_path / "cluster"),
            "XDG_CONFIG_HOME": str(tmp_path),
        }
        return subprocess.run(
            [sys.executable, "-m", "shell_checks.cli", *arguments],
            cwd=tmp_path,
            env=variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
        )

    return do


@pytest.fixture
def guide(root: Path) -> str:
    return (root / "docs" / "guide" / "write-a-runner.md").read_text()


@pytest.fixture
def hooks(guide: str, tmp_path: Path) -> Path:
    """The file of hooks, of a package that is written as the guide says."""
    begin = section(guide, "A package, and something to run")
    (commands,), (pyproject,) = blocks(begin, "sh"), blocks(begin, "toml")
    subprocess.run(["sh", "-euc", commands], cwd=tmp_path, check=True)
    package = tmp_path / "my-runner"
    (package / "pyproject.toml").write_text(pyproject)
    (program,) = blocks(section(guide, "A program"), "python")
    (package / "shell_checks" / "cli.py").write_text(program)
    file = package / "shell_checks" / "hooks.py"
    file.write_text("\n\n".join(blocks(section(guide, "Hooks"), "python")))
    return file


@pytest.mark.usefixtures("hooks")
def test_from_nothing_to_a_working_runner(
    guide: str, tmp_path: Path, newcomer: Callable[..., Any]
) -> None:
    first, second = blocks(section(guide, "Run it"), "console")
    done = [(shown, newcomer(command)) for command, shown in steps(first)]
    shown, ran = done[-1]
    assert ran.returncode == 1
    printed = [SECONDS.sub("0.02s", line) for line in ran.stdout.splitlines()]
    # Which of two that run at once ends first, nobody knows.
    assert sorted(printed) == sorted(shown), ran.stdout
    listed, repeated, failed, elsewhere = [
        (shown, newcomer(command)) for command, shown in steps(second)
    ]
    assert listed[1].stdout.splitlines() == listed[0]
    assert repeated[1].stdout.splitlines()[-1] == "2 passed, 1 not chosen"
    assert (tmp_path / "report.xml").exists()
    assert '"id": "searches.sh"' in failed[1].stdout
    assert "notes.sh" not in failed[1].stdout
    assert elsewhere[1].stdout.splitlines()[-1] == "1 failed, 1 passed"


def test_faults_are_told_as_its_table_says(hooks: Path, newcomer: Callable[..., Any]) -> None:
    newcomer([".venv/bin/pip", "install", "./my-runner"])
    command = [".venv/bin/shell-checks", "demo"]
    written = hooks.read_text()
    hooks.write_text(written.replace("maelstrom_collect", "maelstrom_colect"))
    ran = newcomer(command)
    assert ran.returncode == 4
    assert "unknown hook maelstrom_colect\n  did you mean maelstrom_collect?" in ran.stdout

    # A hook that raises costs the case that it raised for.
    raising = "    if case.name == 'notes':\n        raise ValueError('mine')\n    match"
    hooks.write_text(written.replace("    match", raising))
    ran = newcomer(command)
    assert ran.returncode == 1
    assert "plugin shell-checks: maelstrom_report raised ValueError: mine" in ran.stdout
    assert ran.stdout.splitlines()[-1] == "1 failed, 1 error"

    hooks.write_text(written.replace('program="sh"', 'program="no-such-shell"'))
    assert "could not start" in newcomer(command).stdout
