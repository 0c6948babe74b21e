"""What is shown and typed at the terminal of a job on a worker, in numbered pieces. Pure.

Both ways the pieces of one *run* of the job are numbered from 0. Whoever sends some keeps them until
`HadTerminal` names them, and sends them again after a while and over each new link. The worker names
the run, for attempts are counted by brokers, which forget; the name begins with the worker's session, by
which a broker finds the worker of a container that has *stayed* after its job has ended.
"""

import enum
from typing import ClassVar

import attrs

from maelstrom_core.wire.rows import tag_check
from maelstrom_core.wire.shapes import Check, octets, session, whole

MOST_PIECE_BYTES = 16 << 10
"""Of what is shown or typed in one message."""
MOST_NAME = 255
"""Characters of a worker's name, or of a reason."""
STAYS_SECONDS = 60.0
"""A worker ends what has stayed when it has not heard of it for so long; its client says that it is
there every few seconds, and is answered."""
_MOST_KIND = 255
_MOST_SIZE = 65_535


class Shows(enum.IntEnum):
    """What a piece says that comes from a job."""

    BEGINS = 0
    """Number 0 of every run; its data are the name of the worker."""
    DATA = 1
    """The job has written this."""
    ASKS = 2
    """It stands still until it is attached or refused."""
    WANTS_LINE = 3
    """It reads a line, and has no terminal but a plain stream."""
    LEAVES = 4
    """It goes on without a terminal, until it asks again."""
    ENDS = 5
    """Nothing follows: it has ended."""
    STAYS = 6
    """Its job ends, and its container stays to be looked at; with data it cannot, and they say why."""


class Types(enum.IntEnum):
    """What a piece says that comes from whoever is at the terminal."""

    DATA = 0
    """Let it read this; nothing stands for the end of the input."""
    SIZE = 1
    """The window is so large now."""
    ATTACH = 2
    """It has the terminal that it has asked for; with no size it has a plain stream instead."""
    REFUSE = 3
    """Nobody is there."""
    END = 4
    """Nobody wants to look at it any more that has stayed."""


@attrs.frozen
class ShowTerminal:
    """Worker → broker → client: of one job; sent again until `HadTerminal` names it.

    :param run: an id of this one run of the job
    :param number: of this piece
    :param what: one of `Shows`; others are of newer programs, and are passed over
    :param status: with `Shows.LEAVES`, one more than the exit status of a program that has used the
        terminal; 0 if there was none
    """

    KIND: ClassVar = 35
    session: bytes
    tag: int
    run: bytes
    number: int
    what: int
    data: bytes = b""
    status: int = 0


@attrs.frozen
class TypeTerminal:
    """Client → broker → worker: of its own job; sent again until `HadTerminal` names it.

    :param run: as `ShowTerminal` has named it
    :param number: of this piece
    :param what: one of `Types`; others are of newer programs, and are passed over
    """

    KIND: ClassVar = 36
    session: bytes
    tag: int
    run: bytes
    number: int
    what: int
    data: bytes = b""
    rows: int = 0
    columns: int = 0


@attrs.frozen
class HadTerminal:
    """Both ways: pieces with smaller numbers are done with, and may be forgotten. May be lost.

    Of what has stayed a worker answers each with its own.
    """

    KIND: ClassVar = 37
    session: bytes
    tag: int
    run: bytes
    count: int


_run = octets(1, 32)
_what = whole(0, _MOST_KIND)
_data = octets(0, MOST_PIECE_BYTES)
_size = whole(0, _MOST_SIZE)

TERMINAL_CHECKS: dict[type, tuple[Check, ...]] = {
    ShowTerminal: (session, tag_check, _run, whole(), _what, _data, whole(0, 256)),
    TypeTerminal: (session, tag_check, _run, whole(), _what, _data, _size, _size),
    HadTerminal: (session, tag_check, _run, whole()),
}
"""Of each message, a check for each field, in order."""
