"""What to evict: least recently used first, never what is leased. Pure."""

from collections.abc import Collection, Iterable

import attrs

from maelstrom_core.model.digest import Digest


@attrs.frozen
class Held:
    """One layer of the store.

    :param size_bytes: what removing it frees, about
    :param last_used: seconds; larger is later
    """

    digest: Digest
    size_bytes: int
    last_used: float


def to_evict(held: Iterable[Held], leased: Collection[Digest], limit_bytes: int) -> list[Digest]:
    """Which layers to remove, in order, so that the rest fits the limit.

    What is left fits, or is all leased. Equal times are settled by digest, so that two processes
    decide alike.
    """
    layers = sorted(held, key=lambda layer: (layer.last_used, layer.digest))
    total = sum(layer.size_bytes for layer in layers)
    evicted = []
    for layer in layers:
        if total <= limit_bytes:
            break
        if layer.digest not in leased:
            evicted.append(layer.digest)
            total -= layer.size_bytes
    return evicted
