"""A layer's archive → a layer of the store, if it is what its digests say."""

from collections.abc import Callable
from contextlib import suppress
from typing import IO

import attrs

from maelstrom_core.errors import InputError
from maelstrom_core.images.documents import BadImage, Descriptor
from maelstrom_core.images.streams import Measured, decompressed
from maelstrom_core.layers import tars
from maelstrom_core.layers.collector import Collector
from maelstrom_core.model.digest import Digest
from maelstrom_core.store.store import Store


@attrs.frozen
class Layer:
    """A layer of an image, in the store.

    :param digest: of its manifest there
    :param hides_all: the layers below it do not show
    :param skipped: devices that it has and containers have not
    """

    digest: Digest
    hides_all: bool = False
    skipped: tuple[str, ...] = ()


def unpack(
    archive: IO[bytes],
    *,
    descriptor: Descriptor | None,
    diff_id: str,
    store: Store,
    what: str,
    cancelled: Callable[[], bool],
) -> Layer:
    """Put a layer into the store; within `Store.making`.

    Nothing can use it before all of it was read and both digests are right.

    :param descriptor: of the archive as it is; ``None`` if nobody has said
    :param diff_id: digest of the archive when it is not compressed
    :param what: how errors name the layer
    :raises BadImage: if it is not what its digests say
    :raises InputError: if its archive is one that would do harm
    """
    most = {} if descriptor is None else {"most_bytes": descriptor.size}
    outer = Measured(archive, **most)
    collector = Collector(store, b"/", "", cancelled)
    inner = Measured(decompressed(outer))
    unpacked = tars.collect_stream(collector, inner, what=what)  # type: ignore[arg-type]
    with suppress(ValueError):  # told already, as a fault of the archive
        inner.drain()
    outer.drain()
    # Bytes that are not those that were meant explain every other fault.
    if descriptor is not None and (outer.digest, outer.size) != (
        descriptor.digest,
        descriptor.size,
    ):
        raise BadImage(
            f"{what}: its bytes ({outer.size}, {outer.digest}) are not those of "
            f"{descriptor.digest} ({descriptor.size})"
        )
    if collector.faults:
        raise InputError("an image cannot be used", collector.faults)
    if inner.digest != diff_id:
        raise BadImage(f"{what}: decompressed it is {inner.digest}, not {diff_id}")
    entries = collector.finish()
    if collector.faults:
        raise InputError("an image cannot be used", collector.faults)
    digest = store.add_manifest(entries)
    return Layer(digest, unpacked.hides_all, unpacked.skipped)
