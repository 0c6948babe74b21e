"""Images by their names → layers of the store, environment, working directory.

Synchronous: a client pulls before it runs anything. What the store has is not brought again, and a
registry is not asked for what the lock file and the store know.
"""

import os
import platform as host
import stat
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

import attrs

from maelstrom_core.errors import HostError, InputError, MaelstromError, UsageError
from maelstrom_core.images import lock_file
from maelstrom_core.images.cache import ImageCache, Named
from maelstrom_core.images.documents import Platform
from maelstrom_core.images.events import (
    BytesCame,
    Event,
    LayerMade,
    Noticed,
    OnEvent,
    PullBegan,
    PullEnded,
)
from maelstrom_core.images.platform_plan import platform_of
from maelstrom_core.images.reference import InDockerArchive, InLayout, InRegistry, Reference, parse
from maelstrom_core.images.sources import (
    Part,
    Resolved,
    from_docker_archive,
    from_layout,
    from_registry,
)
from maelstrom_core.images.stop import Stop
from maelstrom_core.images.unpack import Layer, unpack
from maelstrom_core.images.user_plan import user_of
from maelstrom_core.model.digest import Digest
from maelstrom_core.model.images import Image
from maelstrom_core.model.layers import StoredLayer
from maelstrom_core.store.leases import Lease
from maelstrom_core.store.store import Store
from maelstrom_core.store.trees import OPAQUE

_MOST_USERS_BYTES = 4 << 20
"""Of a file of users or groups."""
_AT_ONCE = 4
"""Layers that are brought at once; registries and disks are seldom faster with more."""


@attrs.frozen(kw_only=True)
class Pulling:
    """How images are brought.

    :param project: what relative paths are relative to; where the lock file is
    :param insecure: hosts that may speak without TLS, or with certificates of nobody known
    :param platform: what machine images are for
    :param stop: set when nobody wants them any more
    """

    project: Path
    environment: Mapping[str, str] = attrs.field(factory=lambda: dict(os.environ))
    insecure: frozenset[str] = frozenset()
    platform: Platform = attrs.field(factory=lambda: platform_of(host.machine()))
    on_event: OnEvent = lambda _event: None
    stop: Stop = attrs.field(factory=Stop)


@attrs.frozen
class Pulled:
    """Images that are in the store.

    :param images: by name, as it was given
    :param lease: keeps their layers from eviction; release it when no job needs them any more
    """

    images: Mapping[str, Image]
    lease: Lease


def pull(names: Iterable[str], how: Pulling, *, store: Store, look_up: bool = False) -> Pulled:
    """Bring images.

    :param look_up: ask registries what tags stand for now, whatever the lock file says
    :raises maelstrom_core.errors.MaelstromError: which says whose fault it is
    """
    lock, told = threading.Lock(), how.on_event

    def one_at_a_time(event: Event) -> None:
        with lock:
            told(event)

    how = attrs.evolve(how, on_event=one_at_a_time)
    cache, images = ImageCache(store), {}
    locked = lock_file.read(how.project)
    found: dict[str, str] = {}
    with store.making() as lease:
        for name in dict.fromkeys(names):
            one = _One(name, how, cache, store, lease)
            known = "" if look_up else locked.get(str(one.reference), "")
            images[name] = one.pull(known)
            if one.is_to_be_locked:
                found[str(one.reference)] = images[name].digest
        changed = {name: digest for name, digest in found.items() if locked.get(name) != digest}
        if changed:
            _lock(changed, how)
        cache.sweep()
    store.evict()
    return Pulled(images, lease)


def _lock(changed: Mapping[str, str], how: Pulling) -> None:
    try:
        lock_file.change(how.project, changed)
    except OSError as error:
        what = f"{lock_file.FILE} could not be written: {error.strerror}; tags may change"
        how.on_event(Noticed(what))


class _One:
    """One image on its way."""

    def __init__(
        self, name: str, how: Pulling, cache: ImageCache, store: Store, lease: Lease
    ) -> None:
        self.reference: Reference = parse(name)
        self._name = name
        self._how = how
        self._cache = cache
        self._store = store
        self._lease = lease
        # Its own as well: a layer that fails ends the others of this image.
        self._stop = Stop(how.stop)

    @property
    def is_to_be_locked(self) -> bool:
        """Whether what its name stands for may change."""
        return isinstance(self.reference, InRegistry) and not self.reference.digest

    def pull(self, known: str) -> Image:
        """Bring it.

        :param known: digest that its tag stands for; empty if nobody knows
        """
        try:
            with self._source(known) as resolved:
                return self._bring(resolved)
        except MaelstromError as error:
            raise _told_of(self._name, error) from error

    def _source(self, known: str) -> AbstractContextManager[Resolved]:
        how, cache, platform = self._how, self._cache, self._how.platform
        match self.reference:
            case InRegistry() as reference:
                return from_registry(
                    reference,
                    reference.digest or known,
                    cache=cache,
                    platform=platform,
                    environment=how.environment,
                    insecure=how.insecure,
                    stop=self._stop,
                )
            case InLayout() as reference:
                return from_layout(reference, project=how.project, cache=cache, platform=platform)
            case InDockerArchive() as reference:
                return from_docker_archive(reference, project=how.project)

    def _bring(self, resolved: Resolved) -> Image:
        wanted = resolved.config.platform
        if (wanted.os, wanted.architecture) not in (
            (self._how.platform.os, self._how.platform.architecture),
            ("linux", "unknown"),
        ):
            raise UsageError(f"it is for {wanted}, and this machine is {self._how.platform}")
        layers = self._layers(resolved.parts)
        # A layer may say that nothing below it stays.
        first = max((i for i, layer in enumerate(layers) if layer.hides_all), default=0)
        self._cache.name(
            Named(
                name=str(self.reference),
                digest=resolved.digest,
                platform=str(wanted),
                documents=resolved.documents,
                diff_ids=resolved.config.diff_ids,
                size_bytes=sum(part.descriptor.size for part in resolved.parts if part.descriptor),
            )
        )
        return Image(
            name=str(self.reference),
            digest=resolved.digest,
            layers=tuple(
                StoredLayer(digest=digest, origin=self._name)
                for digest in _uppermost(layer.digest for layer in layers[first:])
            ),
            environment=resolved.config.environment,
            working_directory=resolved.config.working_directory,
            user=self._user(resolved.config.user, layers[first:]),
            user_text=resolved.config.user,
            entrypoint=resolved.config.entrypoint,
            command=resolved.config.command,
        )

    def _user(self, text: str, layers: list[Layer]) -> tuple[int, int] | None:
        if not text:
            return (0, 0)
        trees = self._store.lower_directories([layer.digest for layer in layers])
        return user_of(text, *(_file_in_etc(trees, name) for name in ("passwd", "group")))

    def _layers(self, parts: tuple[Part, ...]) -> list[Layer]:
        """All layers, those that are missing brought and made by several threads."""
        known = {part.diff_id: self._cache.layer(part.diff_id) for part in parts}
        missing = {part.diff_id: part for part in parts if known[part.diff_id] is None}
        if missing:
            size = sum(one.descriptor.size for one in missing.values() if one.descriptor)
            self._how.on_event(PullBegan(self._name, len(missing), size))
            with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="maelstrom-image") as pool:
                try:
                    made = list(pool.map(self._layer, missing.values()))
                except BaseException:
                    # Also for Ctrl-C: the others end at their next bytes.
                    self._stop.set()
                    pool.shutdown(cancel_futures=True)
                    raise
            known.update(zip(missing, made, strict=True))
            self._how.on_event(PullEnded(self._name))
        found = [known[part.diff_id] for part in parts]
        layers = [layer for layer in found if layer is not None]
        self._lease.add(layer.digest for layer in layers)
        self._store.lower_directories([layer.digest for layer in layers])
        return layers

    def _layer(self, part: Part) -> Layer:
        name = part.descriptor.digest if part.descriptor else part.diff_id
        total = part.descriptor.size if part.descriptor else 0

        def on_bytes(done: int) -> None:
            self._how.on_event(BytesCame(self._name, name, done, total))

        with self._cache.alone(part.diff_id, self._stop):
            layer = self._cache.layer(part.diff_id)
            if layer is None:
                with part.open(on_bytes) as archive:
                    layer = unpack(
                        archive,
                        descriptor=part.descriptor,
                        diff_id=part.diff_id,
                        store=self._store,
                        what=f"layer {name}",
                        cancelled=self._stop.is_set,
                    )
                self._cache.add_layer(part.diff_id, layer)
        self._how.on_event(LayerMade(self._name, name, layer.skipped))
        return layer


def _file_in_etc(trees: Sequence[Path], name: str) -> bytes:
    """A file as the layers show it, the lowest first; nothing if it is a link, or not there."""
    for tree in reversed(trees):
        directory = tree / "etc"
        if not os.path.lexists(directory):
            continue
        if not directory.is_dir() or directory.is_symlink():
            return b""
        path = directory / name
        if os.path.lexists(path):
            is_file = stat.S_ISREG(path.lstat().st_mode) and os.access(path, os.R_OK)
            return path.read_bytes()[:_MOST_USERS_BYTES] if is_file else b""
        if OPAQUE in os.listxattr(directory):
            return b""
    return b""


def _uppermost(digests: Iterable[Digest]) -> list[Digest]:
    """Each layer once: overlays refuse to have one twice, and the lower one does not show."""
    return list(reversed(dict.fromkeys(reversed(list(digests)))))


def _told_of(name: str, error: MaelstromError) -> MaelstromError:
    """The same error, with the image's name in front."""
    if isinstance(error, InputError):
        return InputError(f"{name} cannot be used", error.faults, remedy=error.remedy)
    kind: Callable[..., MaelstromError] = type(error)
    return kind(f"{name}: {error.message}", remedy=error.remedy)


__all__ = ["HostError", "Pulled", "Pulling", "pull"]
