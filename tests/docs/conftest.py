"""Where the documents are, and whether their commands can be tried here."""

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
