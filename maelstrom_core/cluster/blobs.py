"""What clients and workers want of the broker's blobs, whoever brings them."""

from collections.abc import Sequence
from typing import Protocol

from maelstrom_core.model.digest import Digest
from maelstrom_core.store.leases import Lease
from maelstrom_core.transfer.upload import Layer


class Uploads(Protocol):
    """What a client puts there, and gets."""

    def broker_is(self, boot: bytes, port: int) -> None:
        """Hear which life of the broker this is, and at which port its blobs are."""

    async def put_layers(self, layers: Sequence[Layer], *, again: bool = False) -> None:
        """Have the broker hold these layers with all that is in them.

        :param again: ask it, even if it has said before that it does
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

    async def layers(self, layers: Sequence[Digest]) -> Lease:
        """As `Fetches.layers`: what jobs have changed."""


class Fetches(Protocol):
    """What a worker gets from there, and puts."""

    def broker_is(self, boot: bytes, port: int) -> None:
        """As `Uploads.broker_is`."""

    async def layers(self, layers: Sequence[Digest]) -> Lease:
        """Have these layers in the store of this machine.

        :return: keeps them there until it is released
        :raises maelstrom_core.errors.MaelstromError: if that cannot be
        """

    async def make_room(self) -> None:
        """Remove from the store of this machine whatever nobody needs.

        :raises OSError: if its disk is broken
        """

    async def put_layers(self, layers: Sequence[Layer], *, again: bool = False) -> None:
        """As `Uploads.put_layers`: what jobs have changed."""

    async def put(self, digest: Digest, data: bytes) -> None:
        """As `Uploads.put`."""

    async def get(self, digest: Digest, most_bytes: int) -> bytes:
        """As `Uploads.get`."""
