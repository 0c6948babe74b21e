"""Layers that were made already: a recipe is collected once, however many containers name it.

Containers of one run are made by several threads, and most of their layers are the same recipes: the
host's ``/etc``, a copy of the project. Whoever wants one that is being made waits for it. So all of them
show one state of the project, too.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import Lock

from maelstrom_core.model.digest import Digest
from maelstrom_core.model.layers import LayerSpec


class KnownLayers:
    """Digests by recipe, for as long as somebody keeps the layers in the store. For threads."""

    def __init__(self) -> None:
        self._digests: dict[LayerSpec, Digest] = {}
        self._making: dict[LayerSpec, Lock] = {}
        self._lock = Lock()

    @contextmanager
    def alone(self, spec: LayerSpec) -> Iterator[Digest | None]:
        """Nobody else makes this layer meanwhile; its digest, if it was made before."""
        with self._lock:
            making = self._making.setdefault(spec, Lock())
        with making:
            yield self._digests.get(spec)

    def add(self, spec: LayerSpec, digest: Digest) -> None:
        """It is made; within `alone`."""
        self._digests[spec] = digest

    def drop(self, specs: Iterable[LayerSpec]) -> None:
        """These are about to be let go of, and may be evicted."""
        for spec in specs:
            self._digests.pop(spec, None)

    def clear(self) -> None:
        """All of them are."""
        with self._lock:
            self._digests.clear()
            self._making.clear()
