"""The program `maelstrom-run`, as a person or a script meets it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from maelstrom_core.container.probe import probe

COMMAND = (sys.executable, "-m", "maelstrom_run.cli")


def _as_by_default() -> None:
    for number in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)


@attrs.frozen
class Ran:
    """How it ended, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all: layers are made once."""
    refused = [finding for finding in probe() if finding.essential and not finding.ok]
    if refused:
        pytest.skip(f"this host refuses containers: {refused[0].name}: {refused[0].detail}")
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="session")
def surroundings(store: Path) -> dict[str, str]:
    """Variables of the program: nobody's settings are read."""
    return {**os.environ, "MAELSTROM_STORE": str(store), "XDG_CONFIG_HOME": str(store)}


@pytest.fixture(scope="session")
def program(surroundings: dict[str, str]) -> Callable[..., "subprocess.Popen[bytes]"]:
    """Start the program; the test ends it."""

    def start(*arguments: str, **how: Any) -> "subprocess.Popen[bytes]":
        # Whoever runs these tests in the background has them ignored.
        how = {"preexec_fn": _as_by_default, **how}
        return subprocess.Popen([*COMMAND, *arguments], env=surroundings, **how)

    return start


@pytest.fixture
def run(surroundings: dict[str, str], tmp_path: Path) -> Callable[..., Ran]:
    """Run the program to its end, in a directory of the test's own."""

    def run_it(*arguments: str, given: Any = "", **variables: str) -> Ran:
        """
        :param given: what is on its standard input: a text, bytes, or objects
        """
        if isinstance(given, list):
            given = "\n".join(json.dumps(one) for one in given)
        done = subprocess.run(
            [*COMMAND, *arguments],
            input=given if isinstance(given, bytes) else given.encode(),
            env={**surroundings, **variables},
            cwd=tmp_path,
            capture_output=True,
            timeout=60,
        )
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run_it
