"""Where images come from: a registry, an OCI layout, an archive of one, an archive of Docker's.

A source finds what a name stands for and opens layers; all bytes that it gives are checked by those
who asked. ``tarfile`` is used for reading members of archives that are images, not layers.
"""

import json
import os
import tarfile
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import attrs

from maelstrom_core.errors import UsageError
from maelstrom_core.images.cache import ImageCache, sha256_of
from maelstrom_core.images.documents import (
    MANIFESTS,
    MOST_BYTES,
    BadImage,
    Choice,
    Config,
    Descriptor,
    Platform,
    kind_of,
    read_config,
    read_index,
    read_manifest,
)
from maelstrom_core.images.platform_plan import choose
from maelstrom_core.images.reference import InDockerArchive, InLayout, InRegistry
from maelstrom_core.images.stop import Stop

OnBytes = Callable[[int], None]
_DEEPEST = 4
"""Indexes may name indexes; no tool goes further than this."""


@attrs.frozen
class Part:
    """One layer as its source has it.

    :param descriptor: ``None`` if its source does not say
    :param open: its bytes; told how many have come so far
    """

    descriptor: Descriptor | None
    diff_id: str
    open: Callable[[OnBytes], AbstractContextManager[IO[bytes]]]


@attrs.frozen
class Resolved:
    """What a name stands for.

    :param digest: of the index or manifest that the name names
    :param documents: digests of all that was read
    """

    digest: str
    documents: tuple[str, ...]
    config: Config
    parts: tuple[Part, ...]


class Documents:
    """Follows digests from a name's document to a configuration; each is checked, and kept.

    :param fetch: brings a document that is not kept
    """

    def __init__(self, cache: ImageCache, fetch: Callable[[Descriptor], bytes]) -> None:
        self._cache = cache
        self._fetch = fetch
        self.seen: list[str] = []

    def read(self, descriptor: Descriptor) -> bytes:
        """A document's bytes.

        :raises BadImage: if they are not those of its digest
        """
        if descriptor.size > MOST_BYTES:
            raise BadImage(
                f"{descriptor.digest} has {descriptor.size} bytes; {MOST_BYTES} are read"
            )
        data = self._cache.document(descriptor.digest)
        if data is None:
            data = self._fetch(descriptor)
            found = sha256_of(data)
            if found != descriptor.digest:
                raise BadImage(f"{descriptor.digest}: its bytes are those of {found}")
            self._cache.add_document(data)
        self.seen.append(descriptor.digest)
        return data

    def resolve(
        self,
        data: bytes,
        media_type: str,
        platform: Platform,
        opened: Callable[[Descriptor, OnBytes], AbstractContextManager[IO[bytes]]],
    ) -> tuple[Config, tuple[Part, ...]]:
        """The image for a platform."""
        for _ in range(_DEEPEST):
            if kind_of(data, media_type) == "manifest":
                return self._image(data, opened)
            chosen = choose(read_index(data), platform).descriptor
            data, media_type = self.read(chosen), chosen.media_type
        raise BadImage(f"more than {_DEEPEST} indexes within one another")

    def _image(
        self,
        data: bytes,
        opened: Callable[[Descriptor, OnBytes], AbstractContextManager[IO[bytes]]],
    ) -> tuple[Config, tuple[Part, ...]]:
        manifest = read_manifest(data)
        config = read_config(self.read(manifest.config))
        if len(config.diff_ids) != len(manifest.layers):
            raise BadImage(
                f"the manifest has {len(manifest.layers)} layers, "
                f"the configuration {len(config.diff_ids)}"
            )

        def opener(layer: Descriptor) -> Callable[[OnBytes], AbstractContextManager[IO[bytes]]]:
            return lambda on_bytes: opened(layer, on_bytes)

        pairs = zip(manifest.layers, config.diff_ids, strict=True)
        return config, tuple(Part(layer, diff_id, opener(layer)) for layer, diff_id in pairs)


@contextmanager
def from_registry(
    reference: InRegistry,
    digest: str,
    *,
    cache: ImageCache,
    platform: Platform,
    environment: Mapping[str, str],
    insecure: frozenset[str],
    stop: Stop,
) -> Iterator[Resolved]:
    """An image of a registry, which is not asked for what is there already.

    :param digest: what the name stands for; empty to ask the registry
    """
    with ExitStack() as stack:
        registry: Any = None
        lock = threading.Lock()

        def connected() -> Any:
            nonlocal registry
            with lock:
                if registry is None:
                    registry = stack.enter_context(
                        _registry(reference, environment, insecure, stop)
                    )
                return registry

        def fetch(descriptor: Descriptor) -> bytes:
            if descriptor.media_type in MANIFESTS or descriptor.media_type == "":
                data: bytes = connected().manifest(descriptor.digest)[0]
                return data
            if "manifest" in descriptor.media_type or "index" in descriptor.media_type:
                return bytes(connected().manifest(descriptor.digest)[0])
            return bytes(connected().document(descriptor.digest))

        @contextmanager
        def opened(layer: Descriptor, on_bytes: OnBytes) -> Iterator[IO[bytes]]:
            from maelstrom_core.images.download import download

            path = cache.partial(layer.digest)
            download(connected(), layer, path, stop=stop, on_bytes=on_bytes)
            with path.open("rb") as file:
                yield file
            path.unlink(missing_ok=True)

        documents = Documents(cache, fetch)
        media_type = ""
        if digest:
            data = documents.read(Descriptor("", digest, 0))
        else:
            data, media_type = connected().manifest(reference.wanted)
            digest = cache.add_document(data)
            documents.seen.append(digest)
        config, parts = documents.resolve(data, media_type, platform, opened)
        yield Resolved(digest, tuple(documents.seen), config, parts)


def _registry(
    reference: InRegistry,
    environment: Mapping[str, str],
    insecure: frozenset[str],
    stop: Stop,
) -> Any:
    try:
        from maelstrom_core.images.registry import Registry
    except ModuleNotFoundError as error:
        if error.name != "httpx":
            raise
        raise UsageError(
            f"{reference} is in a registry, and what speaks with registries is not installed",
            remedy="pip install 'pytest-maelstrom[images]'",
        ) from None
    return Registry(reference, environment=environment, insecure=insecure, stop=stop)


@contextmanager
def from_layout(
    reference: InLayout, *, project: Path, cache: ImageCache, platform: Platform
) -> Iterator[Resolved]:
    """An image of an OCI layout: a directory, or an archive of one."""
    path = project / reference.path
    with ExitStack() as stack:
        if reference.is_archive:
            files: _Files = stack.enter_context(_in_archive(path))
        else:
            files = _Directory(path)

        def name_of(digest: str) -> str:
            return f"blobs/sha256/{digest.removeprefix('sha256:')}"

        @contextmanager
        def opened(layer: Descriptor, on_bytes: OnBytes) -> Iterator[IO[bytes]]:
            with files.open(name_of(layer.digest)) as file:
                yield file
            on_bytes(layer.size)

        documents = Documents(cache, lambda one: files.read(name_of(one.digest)))
        index = files.read("index.json")
        descriptor = _tagged(read_index(index), reference, platform)
        data = documents.read(descriptor)
        config, parts = documents.resolve(data, descriptor.media_type, platform, opened)
        yield Resolved(descriptor.digest, tuple(documents.seen), config, parts)


def _tagged(choices: tuple[Choice, ...], reference: InLayout, platform: Platform) -> Descriptor:
    tag = reference.tag
    if not tag:
        names = sorted({one.name for one in choices})
        if len(names) > 1:
            raise UsageError(
                f"{reference} has several images",
                remedy=f"say which one: {reference}:TAG; there are {', '.join(filter(None, names))}",
            )
        return choose(choices, platform).descriptor
    # Docker and podman write the whole name, skopeo what stood after the colon.
    found = [one for one in choices if one.name == tag or one.name.rpartition(":")[2] == tag]
    if not found:
        names = sorted({one.name for one in choices} - {""})
        raise UsageError(f"{reference} is not there; there are: {', '.join(names) or 'none'}")
    return choose(found, platform).descriptor if len(found) > 1 else found[0].descriptor


@contextmanager
def from_docker_archive(reference: InDockerArchive, *, project: Path) -> Iterator[Resolved]:
    """An image of an archive that ``docker save`` made.

    It has no manifest: its configuration's digest stands for it, and its layers have diff ids alone.
    """
    with _in_archive(project / reference.path) as files:
        entry = _docker_entry(files.read("manifest.json"), reference)
        name, layers = entry.get("Config"), entry.get("Layers")
        if not isinstance(name, str) or not isinstance(layers, list):
            raise BadImage(f"{reference}: manifest.json names no configuration and layers")
        data = files.read(name)
        config = read_config(data)
        if len(config.diff_ids) != len(layers) or not all(isinstance(one, str) for one in layers):
            raise BadImage(f"{reference}: manifest.json and the configuration differ in layers")

        def opener(layer: str) -> Callable[[OnBytes], AbstractContextManager[IO[bytes]]]:
            return lambda _: files.open(layer)

        pairs = zip(layers, config.diff_ids, strict=True)
        parts = tuple(Part(None, diff_id, opener(layer)) for layer, diff_id in pairs)
        yield Resolved(sha256_of(data), (), config, parts)


def _docker_entry(data: bytes, reference: InDockerArchive) -> Mapping[str, Any]:
    try:
        plain = json.loads(data)
    except ValueError as error:
        raise BadImage(f"{reference}: manifest.json is no JSON: {error}") from None
    entries = [one for one in plain if isinstance(one, dict)] if isinstance(plain, list) else []
    if not reference.name:
        if len(entries) != 1:
            raise UsageError(
                f"{reference} has {len(entries)} images",
                remedy=f"say which one: {reference}:NAME:TAG",
            )
        return entries[0]
    names: list[str] = []
    for entry in entries:
        tags = [str(tag) for tag in entry.get("RepoTags") or ()]
        if reference.name in tags or f"docker.io/library/{reference.name}" in tags:
            return entry
        names += tags
    raise UsageError(f"{reference} is not there; there are: {', '.join(names) or 'none'}")


class _Files(ABC):
    """Files of an image, by their names in it."""

    @abstractmethod
    def open(self, name: str) -> AbstractContextManager[IO[bytes]]:
        """A file's bytes."""

    def read(self, name: str) -> bytes:
        """A small file's bytes."""
        with self.open(name) as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise BadImage(f"{name} has more than {MOST_BYTES} bytes")
        return data


class _Directory(_Files):
    def __init__(self, path: Path) -> None:
        self._path = path
        if not (path / "index.json").is_file():
            raise UsageError(f"{path} is no OCI layout: it has no index.json")

    def open(self, name: str) -> AbstractContextManager[IO[bytes]]:
        try:
            return (self._path / name).open("rb")
        except OSError as error:
            raise BadImage(f"{self._path / name}: {error.strerror}") from None


class _Archive(_Files):
    """Members of an archive; read by one thread at a time, since they share its position."""

    def __init__(self, path: Path, tar: tarfile.TarFile) -> None:
        self._path = path
        self._tar = tar
        self._lock = threading.RLock()
        self._members = {os.path.normpath(one.name): one for one in tar.getmembers()}

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        member = self._members.get(os.path.normpath(name))
        # Docker saved a layer that several images have as a link to the first one's.
        for _ in range(8):
            if member is None or not (member.issym() or member.islnk()):
                break
            base = os.path.dirname(member.name) if member.issym() else ""
            member = self._members.get(os.path.normpath(os.path.join(base, member.linkname)))
        if member is None or not member.isreg():
            raise BadImage(f"{self._path} has no file {name[:200]}")
        with self._lock:
            file = self._tar.extractfile(member)
            assert file is not None
            with file:
                yield file


@contextmanager
def _in_archive(path: Path) -> Iterator[_Archive]:
    try:
        with tarfile.open(path, "r:*") as tar:
            yield _Archive(path, tar)
    except (tarfile.TarError, EOFError) as error:
        raise UsageError(f"{path} is no archive of an image: {error}") from None
    except FileNotFoundError as error:
        if error.filename != os.fspath(path):
            raise
        raise UsageError(f"{path} is not there") from None
