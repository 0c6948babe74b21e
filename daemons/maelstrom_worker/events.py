"""What can happen to a worker. Pure."""

from typing import TypeAlias

import attrs

from maelstrom_core.wire.messages import Message

Key: TypeAlias = tuple[bytes, int]
"""A job, everywhere: its client's session, and its tag."""


@attrs.frozen
class Came:
    """The broker has said this."""

    message: Message


@attrs.frozen
class Unreadable:
    """A container that has come cannot be used here, or needs what only its client has."""

    digest: bytes
    why: str


@attrs.frozen
class Ready:
    """All that is in a container is here."""

    digest: bytes


@attrs.frozen
class NotReady:
    """What is in a container cannot be had, for now.

    :param is_full: for the disk here is full
    """

    digest: bytes
    why: str
    is_full: bool = False


@attrs.frozen
class Ended:
    """A job has ended.

    :param ending: one of `Ending`: `RAN`, `STORED` or `UNFIT`
    :param told: what `DoneJob` tells people
    """

    key: Key
    ending: int
    body: bytes
    told: tuple[str, bytes] | tuple[()] = ()


@attrs.frozen
class Stays:
    """A job ends, and its container stays to be looked at.

    :param run: of the job; by this name it is known from now on
    """

    key: Key
    run: bytes


@attrs.frozen
class StayOver:
    """Nothing is left of what has stayed."""

    run: bytes


@attrs.frozen
class LinkUp:
    """The broker has heard what is held here."""


@attrs.frozen
class LinkDown:
    """Nobody hears what ends here, for now."""


@attrs.frozen
class StopWanted:
    """Nothing new is to be run here."""


@attrs.frozen
class TimePassed:
    """The deadline that the machine asked for may have come."""


Event: TypeAlias = (
    Came
    | Unreadable
    | Ready
    | NotReady
    | Ended
    | Stays
    | StayOver
    | LinkUp
    | LinkDown
    | StopWanted
    | TimePassed
)
