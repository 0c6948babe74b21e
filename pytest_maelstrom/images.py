"""Brings the images that a run's directives name, and says so."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from maelstrom_core.images.bring import Bringer
from maelstrom_core.model.images import Image
from maelstrom_core.settings import Settings


def bring(
    names: Sequence[str], config: pytest.Config, settings: Settings, project: Path
) -> Mapping[str, Image]:
    """Bring images; they stay in the store until pytest ends.

    :raises maelstrom_core.errors.MaelstromError: if one cannot be had
    """
    reporter: Any = config.pluginmanager.getplugin("terminalreporter")

    def say(line: str) -> None:
        if reporter is not None:
            reporter.write_line(f"maelstrom: {line}")

    bringer = Bringer(
        Path(settings.store),
        limit_bytes=settings.cache_size,
        project=project,
        insecure=settings.insecure_registries,
        say=say,
    )
    config.add_cleanup(bringer.close)
    return bringer.bring(names)
