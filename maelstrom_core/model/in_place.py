"""Layers whose files stay where they are on this host, and travel from there. Pure."""

from collections.abc import Mapping

import attrs

from maelstrom_core.model.digest import Digest


@attrs.frozen
class HostFile:
    """Where the bytes of a blob are, and how many."""

    path: bytes
    size: int


@attrs.frozen(eq=False)
class InPlaceLayer:
    """A layer that is not in the store.

    :param digest: of its manifest
    :param manifest: its canonical bytes
    :param files: of each blob that it names, by the 32 bytes of its digest
    :param left_out: of what cannot be part of a layer, how many: ``unreadable``, ``device``, …
    """

    digest: Digest
    manifest: bytes
    files: Mapping[bytes, HostFile]
    left_out: Mapping[str, int]
