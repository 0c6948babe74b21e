"""Where the documents are, and whether their commands can be tried here."""

import tomllib
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


def _installed(example: Path, target: Path) -> Path:
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


@pytest.fixture
def installed() -> Callable[[Path, Path], Path]:
    """Installs a distribution into a directory."""
    return _installed
