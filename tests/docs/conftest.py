"""Where the documents are, and whether their commands can be tried here."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from maelstrom_core.container.probe import probe

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    """The top of this repository."""
    return ROOT


@pytest.fixture(scope="session")
def containers() -> None:
    """Skips where the host refuses containers, with the probe's reason."""
    refused = [finding for finding in probe() if finding.essential and not finding.ok]
    if refused:
        pytest.skip(f"this host refuses containers: {refused[0].name}: {refused[0].detail}")


@pytest.fixture
def program_of(
    tmp_path: Path, distribution: Callable[[Path, Path], Path]
) -> Callable[..., Callable[..., "subprocess.CompletedProcess[str]"]]:
    """An example's own program, by its module; it finds its hooks by their entry point."""

    def make(
        example: Path, module: str, **variables: str
    ) -> Callable[..., "subprocess.CompletedProcess[str]"]:
        site = distribution(example, tmp_path / "site")
        path = os.pathsep.join([str(site), str(example), os.environ.get("PYTHONPATH", "")])
        environment = {
            **os.environ,
            "PYTHONPATH": path,
            "MAELSTROM_STATE": str(tmp_path / "state"),
            "XDG_CONFIG_HOME": str(tmp_path),
            **variables,
        }
        return lambda *arguments: subprocess.run(
            [sys.executable, "-m", module, *arguments],
            env=environment,
            cwd=tmp_path,
            text=True,
            capture_output=True,
            timeout=120,
        )

    return make
