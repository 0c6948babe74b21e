"""What manifests, indexes and configurations of images say, out of bytes that are not trusted. Pure.

OCI image-spec 1.1 (manifest.md, image-index.md, config.md) and Docker's "Image Manifest V 2, Schema 2",
which differ in the names of their media types alone.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from maelstrom_core.errors import PeerError

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
INDEXES = (OCI_INDEX, DOCKER_INDEX)
MANIFESTS = (OCI_MANIFEST, DOCKER_MANIFEST)
_LAYERS = (
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.oci.image.layer.nondistributable.v1.tar",
    "application/vnd.docker.image.rootfs.diff.tar",
    "application/vnd.docker.image.rootfs.foreign.diff.tar",
)
_ENDINGS = ("", "+gzip", "+zstd", ".gzip", ".zstd")
LAYERS = frozenset(f"{kind}{ending}" for kind in _LAYERS for ending in _ENDINGS)

MOST_BYTES = 4 << 20
"""Of a document; registries refuse larger manifests as well."""
MOST_LAYERS = 1000
MOST_LAYER_BYTES = 64 << 30
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class BadImage(PeerError):
    """What an image says of itself is not so, or cannot be used."""


@attrs.frozen
class Descriptor:
    """Names bytes.

    :param digest: ``sha256:…``
    :param size: of those bytes
    """

    media_type: str
    digest: str
    size: int


@attrs.frozen
class Platform:
    """What machines an image is for.

    :param variant: of the architecture (``v8``); empty for none
    """

    architecture: str
    os: str = "linux"
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


@attrs.frozen
class Choice:
    """One image of an index.

    :param platform: ``None`` if it does not say
    :param name: that of a layout's tag; empty for none
    :param is_attestation: it is about another image, and none itself
    """

    descriptor: Descriptor
    platform: Platform | None = None
    name: str = ""
    is_attestation: bool = False


@attrs.frozen
class Manifest:
    """What an image is made of; lowest layer first."""

    config: Descriptor
    layers: tuple[Descriptor, ...]


@attrs.frozen
class Config:
    """What an image says of its use.

    :param diff_ids: digests of its layers' archives when they are not compressed
    """

    platform: Platform
    diff_ids: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = ()
    working_directory: str = "/"
    user: str = ""
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()


def kind_of(data: bytes, media_type: str) -> str:
    """What a document is: ``index`` or ``manifest``.

    What it says of itself goes before what it was sent as; without either, its shape tells.

    :raises BadImage: if it is neither
    """
    plain = _object(data, "the manifest")
    said = plain.get("mediaType") or media_type.partition(";")[0].strip()
    if said in INDEXES or (said not in MANIFESTS and "manifests" in plain):
        return "index"
    if said in MANIFESTS or ("config" in plain and "layers" in plain):
        return "manifest"
    if plain.get("schemaVersion") == 1:
        raise BadImage(
            "the manifest has the old form that Docker gave up in 2017 (schema 1)",
            remedy="push the image again with a tool of today: skopeo copy, docker push",
        )
    raise BadImage(f"a manifest of an unknown kind: {str(said)[:100]!r}")


def read_index(data: bytes) -> tuple[Choice, ...]:
    """The images of an index."""
    plain = _object(data, "the index")
    return tuple(
        _choice(item, f"manifests[{index}]")
        for index, item in enumerate(_list(plain, "manifests", MOST_LAYERS))
    )


def read_manifest(data: bytes) -> Manifest:
    """What an image is made of."""
    plain = _object(data, "the manifest")
    layers = tuple(
        _descriptor(item, f"layers[{index}]")
        for index, item in enumerate(_list(plain, "layers", MOST_LAYERS))
    )
    for index, layer in enumerate(layers):
        if layer.media_type not in LAYERS:
            raise BadImage(
                f"layers[{index}]: {layer.media_type[:100]!r} is no kind of layer that can be used"
            )
        if layer.size > MOST_LAYER_BYTES:
            raise BadImage(f"layers[{index}]: {layer.size} bytes; more than any real image has")
    config = _descriptor(plain.get("config"), "config")
    if config.size > MOST_BYTES:
        raise BadImage(f"config: {config.size} bytes; {MOST_BYTES} at most are read")
    return Manifest(config, layers)


def read_config(data: bytes) -> Config:
    """What an image says of its use."""
    plain = _object(data, "the configuration")
    rootfs = plain.get("rootfs")
    if not isinstance(rootfs, Mapping):
        raise BadImage("the configuration has no rootfs")
    diff_ids = tuple(
        _digest(one, "rootfs.diff_ids") for one in _list(rootfs, "diff_ids", MOST_LAYERS)
    )
    own = plain.get("config")
    own = own if isinstance(own, Mapping) else {}
    variables: dict[str, str] = {}
    for text in own.get("Env") or ():
        if not isinstance(text, str) or "\0" in text or not text.partition("=")[0]:
            raise BadImage(f"config.Env: {str(text)[:60]!r} is no NAME=VALUE")
        name, _, value = text.partition("=")
        variables[name] = value
    directory = own.get("WorkingDir") or "/"
    if not isinstance(directory, str) or "\0" in directory:
        raise BadImage("config.WorkingDir: no path")
    user = own.get("User") or ""
    if not isinstance(user, str):
        raise BadImage("config.User: no text")
    return Config(
        platform=_platform(plain) or Platform("unknown"),
        diff_ids=diff_ids,
        environment=tuple(sorted(variables.items())),
        working_directory="/" + directory.lstrip("/"),
        user=user[:200],
        entrypoint=_texts(own, "Entrypoint"),
        command=_texts(own, "Cmd"),
    )


def _texts(own: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = own.get(key)
    if value is None:
        return ()
    # Docker takes one text for a list of it.
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(one, str) for one in texts):
        raise BadImage(f"config.{key}: no list of texts")
    if any("\0" in one for one in texts):
        raise BadImage(f"config.{key}: a text with NUL")
    return tuple(texts)


def _object(data: bytes, what: str) -> Mapping[str, Any]:
    if len(data) > MOST_BYTES:
        raise BadImage(f"{what} has {len(data)} bytes; {MOST_BYTES} at most are read")
    try:
        plain = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadImage(f"{what} is no JSON: {error}") from None
    if not isinstance(plain, dict):
        raise BadImage(f"{what} is no JSON object")
    return plain


def _list(plain: Mapping[str, Any], key: str, most: int) -> Sequence[object]:
    value = plain.get(key)
    if not isinstance(value, list):
        raise BadImage(f"{key} is no list")
    if len(value) > most:
        raise BadImage(f"{key} has {len(value)} parts; {most} at most are read")
    return value


def _digest(value: object, path: str) -> str:
    if not isinstance(value, str) or _DIGEST.fullmatch(value) is None:
        raise BadImage(f"{path}: {str(value)[:80]!r} is no sha256 digest")
    return value


def _descriptor(value: object, path: str) -> Descriptor:
    if not isinstance(value, Mapping):
        raise BadImage(f"{path} is no descriptor")
    size, media_type = value.get("size"), value.get("mediaType") or ""
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise BadImage(f"{path}.size: {str(size)[:40]!r} is no size")
    return Descriptor(str(media_type), _digest(value.get("digest"), f"{path}.digest"), size)


def _choice(value: object, path: str) -> Choice:
    descriptor = _descriptor(value, path)
    assert isinstance(value, Mapping)
    platform, notes = value.get("platform"), value.get("annotations")
    notes = notes if isinstance(notes, Mapping) else {}
    return Choice(
        descriptor,
        _platform(platform) if isinstance(platform, Mapping) else None,
        name=str(notes.get("org.opencontainers.image.ref.name") or ""),
        is_attestation="vnd.docker.reference.type" in notes,
    )


def _platform(plain: Mapping[str, Any]) -> Platform | None:
    architecture, system = plain.get("architecture"), plain.get("os")
    if not isinstance(architecture, str) or not isinstance(system, str):
        return None
    return Platform(architecture, system, str(plain.get("variant") or ""))
