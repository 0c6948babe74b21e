"""Every error raised on purpose: whose fault it is, and what to do about it. Pure.

Messages are lower-case fragments that read well after "cannot …:". Each kind has one exit code,
so that a script can tell a wrong command line from a host that will not allow containers.
"""

from collections.abc import Sequence
from typing import TypeVar


class MaelstromError(Exception):
    """Base of all errors raised on purpose.

    :param message: what failed, with the offending value in it
    :param remedy: what to do next, one sentence; empty if there is nothing to do
    """

    exit_code = 70
    whose = "maelstrom"

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n  {self.remedy}" if self.remedy else self.message


class UsageError(MaelstromError):
    """You asked for something we cannot do. Nothing was run."""

    exit_code = 4
    whose = "you"


class InputError(UsageError):
    """Files or values given to us are not what they should be; all their faults at once.

    :param faults: one line each, every one beginning with its path (``layers[2].paths[0]: …``)
    """

    def __init__(self, what: str, faults: Sequence[str], *, remedy: str = "") -> None:
        self.faults = tuple(faults)
        super().__init__("\n  ".join([f"{what}:", *self.faults]), remedy=remedy)


class HostError(MaelstromError):
    """This machine will not allow it. The remedy says what would."""

    exit_code = 71
    whose = "this host"


class PeerError(MaelstromError):
    """The other side broke the protocol. Only that link is closed."""

    exit_code = 76
    whose = "the peer"


class InternalError(MaelstromError):
    """A bug of ours. Please report it with the story printed below it."""

    exit_code = 70
    whose = "maelstrom"


E = TypeVar("E", bound=BaseException)


def first_of(group: BaseExceptionGroup[BaseException], kind: type[E]) -> E | None:
    """The first error of a kind in a group, however deep; ``None`` if there is none."""
    found: BaseException | None = group.subgroup(kind)
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found if isinstance(found, kind) else None
