"""BLAKE3 digests: the name of every blob, manifest and container. The one door to ``blake3``.

Source: https://github.com/BLAKE3-team/BLAKE3-specs (256-bit default output). Pure: what is hashed is
given, opened by somebody else.
"""

from typing import BinaryIO, Final

import attrs
from blake3 import blake3

_LENGTH: Final = 64
_CHUNK_BYTES: Final = 1 << 20


class BadDigest(ValueError):
    """A text that is no digest."""


def _check(_instance: object, _attribute: object, value: str) -> None:
    if len(value) != _LENGTH or value.strip("0123456789abcdef"):
        raise BadDigest(f"not a digest (64 lower-case hexadecimal digits): {value[:80]!r}")


@attrs.frozen(order=True, slots=True)
class Digest:
    """The BLAKE3 digest of some bytes, as 64 lower-case hexadecimal digits.

    :raises BadDigest: for any other text
    """

    hex: str = attrs.field(validator=_check)

    @classmethod
    def of(cls, data: bytes | memoryview) -> "Digest":
        """Digest of bytes in memory."""
        return cls(blake3(data).hexdigest())

    def __str__(self) -> str:
        return self.hex

    @property
    def short(self) -> str:
        """Enough of it for people: the first twelve digits."""
        return self.hex[:12]


class Hasher:
    """A digest that grows chunk by chunk; for bytes that are never in memory all at once."""

    def __init__(self) -> None:
        self._state = blake3()
        self.size = 0

    def update(self, chunk: bytes | memoryview) -> None:
        """Take in the next bytes."""
        self._state.update(chunk)
        self.size += len(chunk)

    def digest(self) -> Digest:
        """Digest of all bytes taken in so far; ``size`` is their number."""
        return Digest(self._state.hexdigest())


def digest_of_stream(stream: BinaryIO) -> tuple[Digest, int]:
    """Digest and size in bytes of what is left in ``stream``, read in chunks of 1 MiB."""
    hasher = Hasher()
    while chunk := stream.read(_CHUNK_BYTES):
        hasher.update(chunk)
    return hasher.digest(), hasher.size
