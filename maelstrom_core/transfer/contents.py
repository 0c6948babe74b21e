"""Which blobs a manifest names, without trust in its bytes: found by a scan, never by decoding."""

import re
from collections import OrderedDict

import attrs

MANIFEST_HEAD = b"\xa2\x67entries"
"""How the canonical bytes of every manifest begin (see `maelstrom_core.model.manifest`)."""
MOST_SCANNED_BYTES = 64 << 20
"""Of manifests: a larger one is a blob like any, and so much is read for one request."""
_MOST_KEPT_BYTES = 64 << 20
_DIGESTS = re.compile(rb"\x58\x20(.{32})", re.DOTALL)
"""Byte strings of 32 bytes; one that is no digest names no blob, and does no harm."""


@attrs.define
class Budget:
    """How much was read of manifests for one request."""

    spent: int = 0


class Contents:
    """What was found lately, for one thread at a time."""

    def __init__(self) -> None:
        self._named: OrderedDict[bytes, bytes] = OrderedDict()
        self._bytes = 0

    def get(self, manifest: bytes) -> bytes | None:
        """All digests in it, one after the other; none if they are not known (any more)."""
        named = self._named.get(manifest)
        if named is not None:
            self._named.move_to_end(manifest)
        return named

    def add(self, manifest: bytes, named: bytes) -> None:
        """Keep what `scan` has found, and not too much of what was found before."""
        self.forget(manifest)
        self._named[manifest] = named
        self._bytes += len(named)
        while self._bytes > _MOST_KEPT_BYTES:
            self.forget(next(iter(self._named)))

    def forget(self, manifest: bytes) -> None:
        """It is gone."""
        self._bytes -= len(self._named.pop(manifest, b""))


def scan(data: bytes) -> bytes:
    """All digests in the bytes of a manifest, one after the other."""
    return b"".join(_DIGESTS.findall(data))


def looks_like_manifest(head: bytes, size: int) -> bool:
    """Whether a blob may be one, by its first bytes and its size."""
    return head.startswith(MANIFEST_HEAD) and size <= MOST_SCANNED_BYTES
