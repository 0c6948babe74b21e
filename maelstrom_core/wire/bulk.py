"""Messages of the bulk links, on which blobs travel. Pure.

A client or worker asks, the broker answers each request once, in any order. Whoever asks keeps a few
requests on their way and asks again for what was not answered; every request is safe to repeat. What
arrives is verified by whoever receives it: the broker answers `Stored` only for bytes whose digest is
theirs, and whoever gets a blob hashes it.
"""

import enum
from typing import Any, ClassVar, NamedTuple, TypeAlias

import attrs

from maelstrom_core.wire.codec import Codec
from maelstrom_core.wire.shapes import (
    DIGEST_BYTES,
    BadMessage,
    Check,
    digest,
    each,
    long_octets,
    octets,
    prose,
    shown,
    whole,
)

MOST_DIGESTS = 8192
"""In one `Need`."""
MOST_BUNDLE_BYTES = 512 << 10
"""Of all blobs in one `Put` or `Blobs` together."""
MOST_BUNDLE = 1024
MOST_PART_BYTES = (1 << 20) - 4096
"""As much as a message holds: each costs several wake-ups on both sides. A whole number of pages."""
MOST_BLOB_BYTES = 64 << 30
Data: TypeAlias = bytes | memoryview
"""Of a part: a view of the message that it came in."""
REQUESTS_ON_THEIR_WAY = 8
"""Of one link at once; whoever sends more is not read until some are answered."""


class Why(enum.IntEnum):
    """Why a request was refused."""

    FULL = 1
    """The broker's store is full of what is in use; ask again later."""
    WRONG_DIGEST = 2
    """The bytes are not those that the digest names; what had arrived of them is thrown away."""
    GONE = 3
    """There is no such blob."""
    TOO_LARGE = 4
    """It is larger than a blob may be, or than what was said of it."""
    NOT_ALLOWED = 5
    """Its key does not allow this."""
    BROKEN = 6
    """The broker's disk or the broker failed."""


class Blob(NamedTuple):
    """A whole small blob."""

    digest: bytes
    data: bytes


def _blob(row: Any) -> Blob:
    if (
        type(row) is not list
        or len(row) < 2
        or type(row[0]) is not bytes
        or len(row[0]) != DIGEST_BYTES
        or type(row[1]) is not bytes
    ):
        raise BadMessage(f"not a blob: {shown(row)}")
    return Blob(row[0], row[1])


@attrs.frozen
class Need:
    """Which of these blobs has the broker not? Those that it has stay for a while."""

    KIND: ClassVar = 1
    request: int
    digests: tuple[bytes, ...]


@attrs.frozen
class Missing:
    """Answers `Need`.

    :param bitmap: bit ``i % 8`` of byte ``i // 8`` is 1 if the broker lacks the ``i``-th
    """

    KIND: ClassVar = 2
    request: int
    bitmap: bytes


@attrs.frozen
class Put:
    """Take these small blobs; answered by `Stored`."""

    KIND: ClassVar = 3
    request: int
    blobs: tuple[Blob, ...]


@attrs.frozen
class PutPart:
    """Take this part of a large blob. Parts come in order; the first has offset 0.

    :param size: of the whole blob
    """

    KIND: ClassVar = 4
    request: int
    digest: bytes
    size: int
    offset: int
    data: Data


@attrs.frozen
class Stored:
    """Answers `Put` and `PutPart`.

    :param offset: of a part: how many bytes of the blob are there, so where to go on; its size if
        all are and the digest was right
    """

    KIND: ClassVar = 5
    request: int
    offset: int = 0


@attrs.frozen
class Get:
    """Give me these small blobs; answered by `Blobs`."""

    KIND: ClassVar = 6
    request: int
    digests: tuple[bytes, ...]


@attrs.frozen
class Blobs:
    """Answers `Get`, with as many as fit, in the order asked; ask again for the rest.

    :param gone: digests that the broker has not
    :param large: digests of blobs that do not fit into a bundle; they are to be got in parts
    """

    KIND: ClassVar = 7
    request: int
    blobs: tuple[Blob, ...]
    gone: tuple[bytes, ...] = ()
    large: tuple[bytes, ...] = ()


@attrs.frozen
class GetPart:
    """Give me so many bytes of a blob from there on; answered by `Part`."""

    KIND: ClassVar = 8
    request: int
    digest: bytes
    offset: int
    length: int


@attrs.frozen
class Part:
    """Answers `GetPart`; shorter than asked only at the end.

    :param size: of the whole blob
    """

    KIND: ClassVar = 9
    request: int
    size: int
    data: Data


@attrs.frozen
class Refused:
    """Answers any request.

    :param why: one of `Why`
    :param text: for people
    """

    KIND: ClassVar = 10
    request: int
    why: int
    text: str


Request: TypeAlias = Need | Put | PutPart | Get | GetPart
BulkAnswer: TypeAlias = Missing | Stored | Blobs | Part | Refused

_request = whole()
_size = whole(0, MOST_BLOB_BYTES)
REQUESTS: dict[type, tuple[Check, ...]] = {
    Need: (_request, each(digest, MOST_DIGESTS)),
    Put: (_request, each(_blob, MOST_BUNDLE)),
    PutPart: (_request, digest, _size, _size, long_octets(0, MOST_PART_BYTES)),
    Get: (_request, each(digest, MOST_BUNDLE)),
    GetPart: (_request, digest, _size, whole(1, MOST_PART_BYTES)),
}
ANSWERS: dict[type, tuple[Check, ...]] = {
    Missing: (_request, octets(0, MOST_DIGESTS // 8)),
    Stored: (_request, _size),
    Blobs: (
        _request,
        each(_blob, MOST_BUNDLE),
        each(digest, MOST_BUNDLE),
        each(digest, MOST_BUNDLE),
    ),
    Part: (_request, _size, long_octets(0, MOST_PART_BYTES)),
    Refused: (_request, whole(0, 255), prose(4096)),
}
BULK = Codec(REQUESTS | ANSWERS, bulky=(Put, PutPart, Blobs, Part))
"""Both directions; `Codec.decode` is told which classes may come."""
