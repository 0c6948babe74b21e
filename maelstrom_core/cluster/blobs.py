"""What clients and workers want of the broker's blobs, whoever brings them."""

from collections.abc import Sequence
from typing import Protocol

from maelstrom_core.model.digest import Digest


class Uploads(Protocol):
    """What a client puts there, and gets."""

    async def put_layers(self, layers: Sequence[Digest]) -> None:
        """Have the broker hold these layers with all that is in them.

        :param layers: digests of manifests in the client's store
        :raises maelstrom_core.errors.MaelstromError: if that cannot be
        """

    async def put(self, digest: Digest, data: bytes) -> None:
        """Have the broker hold this.

        :raises maelstrom_core.errors.MaelstromError: if that cannot be
        """

    async def get(self, digest: Digest, most_bytes: int) -> bytes:
        """What the broker holds, verified.

        :raises maelstrom_core.errors.MaelstromError: if it is not there, or is larger
        """


class Fetches(Protocol):
    """What a worker gets from there, and puts."""

    async def layers(self, layers: Sequence[Digest]) -> None:
        """Have these layers in the worker's store; they stay there while the worker runs.

        :raises maelstrom_core.errors.MaelstromError: if that cannot be
        """

    async def put(self, digest: Digest, data: bytes) -> None:
        """As `Uploads.put`."""

    async def get(self, digest: Digest, most_bytes: int) -> bytes:
        """As `Uploads.get`."""
