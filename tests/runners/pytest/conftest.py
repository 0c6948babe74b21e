"""Small projects, run by plain pytest and by ours."""

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest

RECORD = Path(__file__).parents[2] / "real" / "record.py"


@attrs.frozen
class Ran:
    """How a run of pytest ended.

    :param cases: for each node id the categories that the terminal counts, in order
    """

    code: int
    cases: Mapping[str, list[str]]
    out: str

    def ended(self) -> tuple[int, Mapping[str, list[str]]]:
        """What must be the same, however it was run."""
        return self.code, self.cases


@pytest.fixture
def project(tmp_path: Path) -> Callable[[Mapping[str, str]], Path]:
    """Write files of a project; its directory."""

    def write(files: Mapping[str, str]) -> Path:
        directory = tmp_path / "project"
        for name, text in files.items():
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text), encoding="utf-8")
        return directory

    return write


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Ran]:
    """Run pytest in a directory, in containers or plainly."""

    def run_pytest(directory: Path, *arguments: str, ours: bool, **variables: str) -> Ran:
        recorded = tmp_path / "recorded.json"
        recorded.unlink(missing_ok=True)
        chosen = ["-p", "maelstrom"] if ours else []
        command = [sys.executable, str(RECORD), str(recorded), *chosen, *arguments]
        done = subprocess.run(
            command,
            cwd=directory,
            env={**os.environ, "MAELSTROM_STATE": str(tmp_path / "state"), **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )
        cases: dict[str, Any] = {}
        if recorded.exists():
            cases = json.loads(recorded.read_text())["cases"]
        return Ran(done.returncode, cases, done.stdout)

    return run_pytest


@pytest.fixture
def both(run: Callable[..., Ran]) -> Callable[..., tuple[Ran, Ran]]:
    """Run a directory's tests plainly, then in containers: the same must come of it."""

    def run_both(directory: Path, *arguments: str, **variables: str) -> tuple[Ran, Ran]:
        plain = run(directory, "-p", "no:cacheprovider", *arguments, ours=False, **variables)
        ours = run(directory, "-p", "no:cacheprovider", *arguments, ours=True, **variables)
        assert ours.ended() == plain.ended(), f"{plain.out}\n=== ours ===\n{ours.out}"
        return plain, ours

    return run_both


@pytest.fixture
def at_a_terminal(tmp_path: Path, on_a_terminal: Callable[..., Any]) -> Callable[..., Any]:
    """Run pytest in containers, in a directory, on a terminal."""

    def start(directory: Path, *arguments: str, **variables: str) -> Any:
        environment = {"MAELSTROM_STATE": str(tmp_path / "state"), "TERM": "dumb", "PS1": "$ "}
        command = [sys.executable, "-m", "pytest", "-p", "maelstrom", *arguments]
        return on_a_terminal(command, cwd=directory, env={**os.environ, **environment, **variables})

    return start
