"""Brings images that jobs name. What that takes is imported when the first one does."""

import sys
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from maelstrom_core.images.stop import Stop
from maelstrom_core.model.images import Image
from maelstrom_core.settings import Settings

if TYPE_CHECKING:
    from maelstrom_core.images.bring import Bringer


class ImagesOfJobs:
    """Brings images, for any number of threads; lines of progress go to standard error.

    :param settings: of the program: store, and registries that may be insecure
    :param project: what relative paths are relative to; where the lock file is
    """

    def __init__(self, settings: Settings, project: Path) -> None:
        self._settings = settings
        self._project = project
        self._lock = threading.Lock()
        self._bringer: Bringer | None = None

    def bring(self, names: Iterable[str], *, stop: Stop | None = None) -> Mapping[str, Image]:
        """Images by their names.

        :param stop: set by whoever does not want them any more: it ends soon then
        :raises maelstrom_core.errors.MaelstromError: if one cannot be had
        """
        return self._known().bring(names, stop=stop)

    def _known(self) -> "Bringer":
        with self._lock:
            if self._bringer is None:
                from maelstrom_core.images.bring import Bringer

                self._bringer = Bringer(
                    Path(self._settings.store),
                    limit_bytes=self._settings.cache_size,
                    project=self._project,
                    insecure=self._settings.insecure_registries,
                    say=lambda line: print(f"maelstrom: {line}", file=sys.stderr, flush=True),
                )
            return self._bringer

    def close(self) -> None:
        """Let the store evict them; what is still being brought ends soon."""
        with self._lock:
            if self._bringer is not None:
                self._bringer.close()
