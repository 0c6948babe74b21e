"""Brings the images that a run turns out to need, each once, and says so."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import attrs

from maelstrom_core.errors import InputError
from maelstrom_core.images.events import Event
from maelstrom_core.images.progress_state import Progress
from maelstrom_core.images.pull import Pulling, pull
from maelstrom_core.images.stop import Stop
from maelstrom_core.model.images import Image
from maelstrom_core.store import Store
from maelstrom_core.store.leases import Lease

_AT_ONCE = 4
"""Images; of each several layers come at once."""
_LOOK_UP_SECONDS = 0.05
_PATIENCE_SECONDS = 2.0
"""For threads that are to end: one that waits for a host to answer at all cannot be woken."""


class Bringer:
    """Brings images into a store; they stay there until it is closed. For any number of threads.

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
        self._lock = threading.Condition()
        self._places = threading.Semaphore(_AT_ONCE)
        self._running: set[Stop] = set()
        self._is_closed = False

    def bring(self, names: Iterable[str], *, stop: Stop | None = None) -> Mapping[str, Image]:
        """Images by their names; what the store has is not brought again.

        :param stop: set by whoever does not want them any more: it ends soon then, keeping nothing
        :raises maelstrom_core.errors.MaelstromError: if one cannot be had; which says whose fault it is
        """
        stop = Stop(stop)
        with self._lock:
            self._running.add(stop)
            if self._is_closed:
                stop.set()
        try:
            return self._bring(names, stop)
        finally:
            with self._lock:
                self._running.discard(stop)
                self._lock.notify_all()

    def _bring(self, names: Iterable[str], stop: Stop) -> Mapping[str, Image]:
        while not self._places.acquire(timeout=_LOOK_UP_SECONDS):
            _check(stop)
        try:
            _check(stop)
            with Store.open(self._store, limit_bytes=self._limit_bytes) as store:
                pulled = pull(names, attrs.evolve(self._how, stop=stop), store=store)
        finally:
            self._places.release()
        with self._lock:
            if not stop.is_set():
                self._leases.append(pulled.lease)
                return pulled.images
        pulled.lease.release()
        raise _not_wanted()

    def _show(self, event: Event) -> None:
        with self._lock:
            lines = self._progress.lines(event, now=time.monotonic())
        for line in lines:
            self._say(line)

    def close(self) -> None:
        """Let the store evict them; what is still being brought ends soon."""
        with self._lock:
            self._is_closed = True
            running = list(self._running)
        for stop in running:
            stop.set()
        with self._lock:
            self._lock.wait_for(lambda: not self._running, _PATIENCE_SECONDS)
            while self._leases:
                self._leases.pop().release()


def _check(stop: Stop) -> None:
    if stop.is_set():
        raise _not_wanted()


def _not_wanted() -> InputError:
    return InputError("cancelled", ["nobody wants this image any more"])
