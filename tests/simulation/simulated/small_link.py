"""A connection of a small world: in order until it breaks."""

from collections import deque
from typing import Any

import attrs


@attrs.define
class Link:
    """A connection as a party has it, or has had it.

    :param up: what was said to the broker and has not arrived
    :param down: what the broker has said to it
    """

    party: str
    peer: bytes
    up: deque[Any] = attrs.field(factory=deque)
    down: deque[Any] = attrs.field(factory=deque)
    welcome: bool = False
    broken: bool = False
