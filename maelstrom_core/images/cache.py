"""What the store remembers of images: documents by digest, layers by diff id, names.

``images/documents/DIGEST`` (manifests, indexes, configurations, read only if they are what their
names say) · ``images/layers/DIFF_ID`` (which layer of the store it is) · ``images/names/`` (what was
pulled under which name) · ``images/partial/`` (downloads) · ``images/locks/``. All of it may be lost
at any time: it is brought again then. Layers are layers of the store like all others, so its limit and
its leases hold for them; a name whose layers were evicted is forgotten with them.
"""

import hashlib
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs

from maelstrom_core.errors import InputError
from maelstrom_core.images.stop import Stop
from maelstrom_core.images.unpack import Layer
from maelstrom_core.model.digest import BadDigest, Digest
from maelstrom_core.store import locks
from maelstrom_core.store.store import Store

_PARTS = ("documents", "layers", "names", "partial", "locks")
_STALE_SECONDS = 7 * 24 * 3600.0
_PATIENCE_SECONDS = 0.05


@attrs.frozen(kw_only=True)
class Named:
    """An image that was pulled.

    :param name: canonical
    :param digest: what the name stood for
    :param platform: which of an index was taken
    :param documents: digests of all documents that it needs
    :param diff_ids: of its layers, lowest first
    :param size_bytes: of its layers as they travel
    """

    name: str
    digest: str
    platform: str
    documents: tuple[str, ...]
    diff_ids: tuple[str, ...]
    size_bytes: int


class ImageCache:
    """The store's images; safe for many threads and many processes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.directory = store.directory / "images"
        for part in _PARTS:
            (self.directory / part).mkdir(parents=True, exist_ok=True, mode=0o700)

    def document(self, digest: str) -> bytes | None:
        """A document's bytes, if they are there and right."""
        try:
            data = self._path("documents", digest).read_bytes()
        except FileNotFoundError:
            return None
        return data if sha256_of(data) == digest else None

    def add_document(self, data: bytes) -> str:
        """Keep a document; its digest."""
        digest = sha256_of(data)
        self._write(self._path("documents", digest), data)
        return digest

    def layer(self, diff_id: str) -> Layer | None:
        """The layer of the store that a diff id is, if the store still has it."""
        plain = self._read(self._path("layers", diff_id))
        try:
            layer = Layer(Digest(plain["layer"]), plain["hides_all"], tuple(plain["skipped"]))
        except (KeyError, TypeError, BadDigest):
            return None
        return layer if self._store.has_layer(layer.digest) else None

    def add_layer(self, diff_id: str, layer: Layer) -> None:
        """Remember which layer of the store a diff id is."""
        plain = {
            "layer": layer.digest.hex,
            "hides_all": layer.hides_all,
            "skipped": layer.skipped[:100],
        }
        self._write(self._path("layers", diff_id), json.dumps(plain).encode())

    def partial(self, digest: str) -> Path:
        """Where a download is, or would be; only for the holder of its lock."""
        return self._path("partial", digest)

    @contextmanager
    def alone(self, diff_id: str, stop: Stop) -> Iterator[None]:
        """Be the only one who makes a layer; waits for another process that does.

        :raises InputError: if nobody wants it any more meanwhile
        """
        # A fixed number of files: one that comes and goes could be locked after it has gone.
        path = self.directory / "locks" / diff_id.removeprefix("sha256:")[:2]
        while True:
            with locks.exclusive_if_free(path) as free:
                if free:
                    yield
                    return
            if stop.wait(_PATIENCE_SECONDS):
                raise InputError("cancelled", ["nobody wants this image any more"])

    def name(self, named: Named) -> None:
        """Remember what was pulled."""
        path = self.directory / "names" / _file_of(named.name)
        self._write(path, json.dumps(attrs.asdict(named)).encode())

    def names(self) -> list[Named]:
        """All images whose layers are in the store, by name."""
        found = (_named(self._read(path)) for path in (self.directory / "names").iterdir())
        whole = [one for one in found if one is not None and self._is_whole(one)]
        return sorted(whole, key=lambda one: one.name)

    def forget(self, name: str) -> bool:
        """Forget an image; whether it was there. Its layers go when the store needs room."""
        try:
            (self.directory / "names" / _file_of(name)).unlink()
        except FileNotFoundError:
            return False
        return True

    def sweep(self) -> None:
        """Remove what no image needs any more, and downloads that nobody has gone on with."""
        kept_documents, kept_layers = set(), set()
        for path in (self.directory / "names").iterdir():
            named = _named(self._read(path))
            if named is None or not self._is_whole(named):
                path.unlink(missing_ok=True)
                continue
            kept_documents |= {_hex(digest) for digest in named.documents}
            kept_layers |= {_hex(digest) for digest in named.diff_ids}
        long_ago = time.time() - _STALE_SECONDS
        for part, kept in (
            ("documents", kept_documents),
            ("layers", kept_layers),
            ("partial", set()),
        ):
            for entry in os.scandir(self.directory / part):
                # Another process may be about to name what it has just brought.
                if entry.name not in kept and entry.stat().st_mtime < long_ago:
                    Path(entry.path).unlink(missing_ok=True)

    def _is_whole(self, named: Named) -> bool:
        return all(self.layer(diff_id) is not None for diff_id in named.diff_ids)

    def _path(self, part: str, digest: str) -> Path:
        return self.directory / part / _hex(digest)

    def _read(self, path: Path) -> dict[str, Any]:
        try:
            plain = json.loads(path.read_bytes())
        except (OSError, ValueError):
            return {}
        return plain if isinstance(plain, dict) else {}

    def _write(self, path: Path, data: bytes) -> None:
        temporary = path.with_name(f".{path.name}-{os.getpid()}-{os.urandom(4).hex()}")
        try:
            temporary.write_bytes(data)
            os.rename(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def sha256_of(data: bytes) -> str:
    """The digest of some bytes, as images write it."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _hex(digest: str) -> str:
    # Digests were checked when they were read; a path must not depend on that.
    text = digest.removeprefix("sha256:")
    if len(text) != 64 or text.strip("0123456789abcdef"):
        raise ValueError(f"no sha256 digest: {digest[:80]!r}")
    return text


def _file_of(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _named(plain: dict[str, Any]) -> Named | None:
    try:
        named = Named(**plain)
        digests = (*named.documents, *named.diff_ids)
        paths = [_hex(digest) for digest in digests]
    except (TypeError, ValueError, AttributeError):
        return None
    return (
        attrs.evolve(named, documents=tuple(named.documents), diff_ids=tuple(named.diff_ids))
        if paths
        else None
    )
