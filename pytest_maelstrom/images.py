"""Brings the images that a run's directives name, and says so."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from maelstrom_core.images.events import Event
from maelstrom_core.images.progress_state import Progress
from maelstrom_core.images.pull import Pulling, pull
from maelstrom_core.model.images import Image
from maelstrom_core.settings import Settings
from maelstrom_core.store import Store


def bring(
    names: Sequence[str], config: pytest.Config, settings: Settings, project: Path
) -> Mapping[str, Image]:
    """Bring images; they stay in the store until pytest ends.

    :raises maelstrom_core.errors.MaelstromError: if one cannot be had
    """
    progress = Progress()
    reporter: Any = config.pluginmanager.getplugin("terminalreporter")

    def show(event: Event) -> None:
        for line in progress.lines(event, now=time.monotonic()):
            if reporter is not None:
                reporter.write_line(f"maelstrom: {line}")

    how = Pulling(project=project, insecure=frozenset(settings.insecure_registries), on_event=show)
    with Store.open(Path(settings.store), limit_bytes=settings.cache_size) as store:
        pulled = pull(names, how, store=store)
    config.add_cleanup(pulled.lease.release)
    return pulled.images
