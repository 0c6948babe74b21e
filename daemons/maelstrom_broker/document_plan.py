"""Documents for administrators, no larger than a message may be. Pure."""

import json
from collections.abc import Callable

from maelstrom_core.wire.messages import MOST_MESSAGE_BYTES

_ROOM = MOST_MESSAGE_BYTES - 1024


def as_large_as_fits(document: Callable[[int], object], most: int) -> bytes:
    """JSON with as much in it as there is room for.

    :param document: what it says, given how many of its longest lists' parts may be in it
    :param most: how many there are at most
    """
    while True:
        text = json.dumps(document(most)).encode()
        if len(text) <= _ROOM:
            return text
        most //= 2
