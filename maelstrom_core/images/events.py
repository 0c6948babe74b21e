"""What is told of images while they are brought. Pure."""

from collections.abc import Callable
from typing import TypeAlias

import attrs


@attrs.frozen
class PullBegan:
    """An image lacks layers, which are brought now.

    :param layers: how many
    :param size_bytes: of what is brought, compressed; zero if nobody said
    """

    image: str
    layers: int
    size_bytes: int


@attrs.frozen
class BytesCame:
    """A part of a layer is there.

    :param layer: its digest
    :param done_bytes: of it, those included that were there from an earlier attempt
    """

    image: str
    layer: str
    done_bytes: int
    total_bytes: int


@attrs.frozen
class LayerMade:
    """A layer is in the store.

    :param skipped: what it has that containers cannot have, in words
    """

    image: str
    layer: str
    skipped: tuple[str, ...] = ()


@attrs.frozen
class PullEnded:
    """All of an image is in the store."""

    image: str


@attrs.frozen
class Noticed:
    """Something that the user should know, and that stops nothing."""

    what: str


Event: TypeAlias = PullBegan | BytesCame | LayerMade | PullEnded | Noticed
OnEvent: TypeAlias = Callable[[Event], None]
"""Called from several threads; never from two at once."""
