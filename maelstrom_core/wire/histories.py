"""What clients tell a broker of cases and ask of it, so that each knows what others saw. Pure.

The broker learns no names: a project and a case are digests, which whoever knows the names can make as
well. Cases travel packed, for there may be a hundred thousand: 16 bytes of the digest, and 4 of a number
whose highest bit says that the case failed and whose others are milliseconds. So there are no bytes of
the right length that mean nothing.

All of this may be lost: it is of use for a good order, and for nothing else. To say it twice is to say
it once.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, ClassVar, TypeAlias

import attrs

from maelstrom_core.wire.shapes import BadMessage, Check, digest, octets, shown, truth, whole

Row: TypeAlias = tuple[bytes, int, bool]
"""A case: 16 bytes of its digest, milliseconds, whether it failed."""

MOST_CASES = 16_384
"""In one message."""
MOST_OF_PROJECT = 200_000
"""Cases that are kept and told of one project."""
CASE_BYTES = 16
LONGEST_MS = (1 << 31) - 1
_FAILED = 1 << 31
_ROW = struct.Struct(f">{CASE_BYTES}sI")
ROW_BYTES = _ROW.size


@attrs.frozen
class AskCases:
    """Client → broker: what is known of this project? Answered by `KnownCases`.

    :param request: a number that the answer has too
    :param project: a digest of its name
    :param plan: a digest of a plan that several clients make for themselves of what is known: each of
        them is told what the first one was told; empty if there is none
    """

    KIND: ClassVar = 20
    request: int
    project: bytes
    plan: bytes = b""


@attrs.frozen
class KnownCases:
    """Broker → client: a part of the answer to `AskCases`; parts come in order.

    :param cases: packed
    :param is_last: whether that was all
    """

    KIND: ClassVar = 21
    request: int
    cases: bytes
    is_last: bool = True


@attrs.frozen
class LearnedCases:
    """Client → broker: how cases went.

    :param project: as in `AskCases`
    :param cases: packed
    """

    KIND: ClassVar = 22
    project: bytes
    cases: bytes


def packed(rows: Sequence[Row]) -> Iterator[bytes]:
    """Rows for messages, each as long as one may be; what is longer than can be said is shortened."""
    for start in range(0, len(rows), MOST_CASES):
        part = rows[start : start + MOST_CASES]
        numbers = (
            (name, min(max(0, milliseconds), LONGEST_MS) | (_FAILED if failed else 0))
            for name, milliseconds, failed in part
        )
        yield struct.pack(">" + f"{CASE_BYTES}sI" * len(part), *chain.from_iterable(numbers))


def unpacked(cases: bytes) -> Iterable[Row]:
    """The rows again; their check has passed."""
    return (
        (name, number & LONGEST_MS, number >= _FAILED) for name, number in _ROW.iter_unpack(cases)
    )


def _cases(value: Any) -> bytes:
    found: bytes = octets(0, MOST_CASES * ROW_BYTES)(value)
    if len(found) % ROW_BYTES:
        raise BadMessage(f"{len(found)} bytes are no rows of {ROW_BYTES}: {shown(found)}")
    return found


def _plan(value: Any) -> bytes:
    return b"" if value == b"" and type(value) is bytes else bytes(digest(value))


HISTORY_CHECKS: dict[type, tuple[Check, ...]] = {
    AskCases: (whole(), digest, _plan),
    KnownCases: (whole(), _cases, truth),
    LearnedCases: (digest, _cases),
}
"""Of each message, a check for each field, in order."""
