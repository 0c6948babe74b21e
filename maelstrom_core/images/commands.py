"""``maelstrom image``: look after the images of the store, and of a project's lock file."""

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from maelstrom_core.errors import InputError, UsageError
from maelstrom_core.images import lock_file
from maelstrom_core.images.cache import ImageCache, Named
from maelstrom_core.images.events import Event
from maelstrom_core.images.progress_state import Progress
from maelstrom_core.images.pull import Pulling, pull
from maelstrom_core.images.reference import BadReference, parse
from maelstrom_core.store.store import Store


def run(action: str, names: Sequence[str], *, store: Store, insecure: frozenset[str]) -> int:
    """Do what the command line says; the exit status.

    :param names: of images; some actions need none
    """
    canonical = _canonical(names)
    project, cache = Path.cwd(), ImageCache(store)
    if action in ("pull", "inspect", "remove") and not names:
        raise UsageError(f"maelstrom image {action}: which image?", remedy="name one or more")
    match action:
        case "pull" | "update":
            chosen = canonical or list(lock_file.read(project))
            pulled = pull(
                chosen,
                Pulling(project=project, insecure=insecure, on_event=_Shown().show),
                store=store,
                look_up=action == "update",
            )
            pulled.lease.release()
            for name, image in pulled.images.items():
                print(f"{name} {image.digest}")
        case "list":
            for named in cache.names():
                print(f"{named.name} {named.digest[:19]} {named.platform} {_size(named)}")
        case "inspect":
            for name in canonical:
                print("\n".join(_described(_found(cache, name), cache)))
        case "remove":
            for name in canonical:
                _found(cache, name)
                cache.forget(name)
    return 0


class _Shown:
    def __init__(self) -> None:
        self._progress = Progress()

    def show(self, event: Event) -> None:
        for line in self._progress.lines(event, now=time.monotonic()):
            print(line, file=sys.stderr, flush=True)


def _canonical(names: Sequence[str]) -> list[str]:
    canonical, faults = [], []
    for name in names:
        try:
            canonical.append(str(parse(name)))
        except BadReference as bad:
            faults.append(f"{name}: expected {bad}")
    if faults:
        raise InputError("no names of images", faults)
    return canonical


def _found(cache: ImageCache, name: str) -> Named:
    for named in cache.names():
        if named.name == name:
            return named
    raise UsageError(f"{name} is not in the store", remedy=f"maelstrom image pull {name}")


def _described(named: Named, cache: ImageCache) -> Iterator[str]:
    yield f"name        {named.name}"
    yield f"digest      {named.digest}"
    yield f"platform    {named.platform}"
    yield f"size        {_size(named)}"
    for diff_id in named.diff_ids:
        layer = cache.layer(diff_id)
        yield f"layer       {diff_id}" + (f"  {layer.digest.short}" if layer else "")
        yield from (f"            left out: {one}" for one in (layer.skipped if layer else ()))


def _size(named: Named) -> str:
    return f"{named.size_bytes / 1e6:.1f} MB"
