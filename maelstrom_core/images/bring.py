"""Brings the images that a run turns out to need, each once, and says so."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from maelstrom_core.images.events import Event
from maelstrom_core.images.progress_state import Progress
from maelstrom_core.images.pull import Pulling, pull
from maelstrom_core.model.images import Image
from maelstrom_core.store import Store
from maelstrom_core.store.leases import Lease


class Bringer:
    """Brings images into a store; they stay there until it is closed.

    :param store: its directory
    :param limit_bytes: how large the store may grow
    :param project: what relative paths are relative to; where the lock file is
    :param insecure: hosts that may speak without TLS, or with certificates of nobody known
    :param say: told a line of progress now and then, in whichever thread brings
    """

    def __init__(
        self,
        store: Path,
        *,
        limit_bytes: int,
        project: Path,
        insecure: Iterable[str],
        say: Callable[[str], None],
    ) -> None:
        self._store = store
        self._limit_bytes = limit_bytes
        self._say = say
        self._progress = Progress()
        self._how = Pulling(project=project, insecure=frozenset(insecure), on_event=self._show)
        self._leases: list[Lease] = []
        self._lock = threading.Lock()

    def bring(self, names: Iterable[str]) -> Mapping[str, Image]:
        """Images by their names; what the store has is not brought again.

        :raises maelstrom_core.errors.MaelstromError: if one cannot be had; which says whose fault it is
        """
        with self._lock, Store.open(self._store, limit_bytes=self._limit_bytes) as store:
            pulled = pull(names, self._how, store=store)
        self._leases.append(pulled.lease)
        return pulled.images

    def _show(self, event: Event) -> None:
        for line in self._progress.lines(event, now=time.monotonic()):
            self._say(line)

    def close(self) -> None:
        """Let the store evict them."""
        while self._leases:
            self._leases.pop().release()
