"""A job's times with workers: what is noted of each. Pure; a part of the broker's machine."""

from enum import IntEnum
from typing import Any, NamedTuple, TypeAlias


class Why(IntEnum):
    """Why a job was given to a worker and to no other."""

    WARM = 0
    """It has had the job's container."""
    FREE = 1
    """It had the most free slots."""
    KEPT_FREE = 2
    """It was kept free for this job, which takes several slots."""
    HELD = 3
    """It had the job already, from a broker before this one."""
    BEHIND = 4
    """No slot was free, and the job is short: it waits behind this one's slots."""


class Arrival(NamedTuple):
    """How things were when jobs began to wait.

    :param at: seconds on the broker's clock
    :param workers: how many there were
    :param ahead: jobs of the same run that waited for the same
    :param blocked: whether no worker had slots for them
    :param held_back: whether the run waited for workers that may have had its jobs already
    """

    at: float
    workers: int
    ahead: int
    blocked: bool
    held_back: bool


GIVEN_BACK = "it was given back"
"""How a job's time with a worker ends that has done nothing wrong, and did not end the job."""


class Placed(NamedTuple):
    """Why a job came to a worker.

    :param worker: its name
    :param attempt: from 1
    :param at: seconds on the broker's clock
    :param why: it was this one
    :param free: slots that it had free then, for this job and others
    :param others: runs, besides the job's own, that waited for the same
    :param used: slots that jobs of its own run took
    """

    worker: str
    attempt: int
    at: float
    why: Why
    free: int
    others: int
    used: int


class Try(NamedTuple):
    """A job's time with one worker.

    :param placed: how it came there
    :param started: when the worker had what it needed; ``None`` if it did not say so
    :param ended: when; ``None`` while it is there
    :param how: what went wrong; empty if nothing did
    :param again: how things were when the job began to wait once more; ``None`` if it has not
    :param slot: when it had a slot there; ``None`` if it has had none yet
    """

    placed: Placed
    started: float | None
    ended: float | None
    how: str
    again: Arrival | None
    slot: float | None


Record: TypeAlias = list[Any]
"""What a `Try` is before anybody looks at it: the fields of `Placed`, and the others, in a plain list.

Each job that is given out makes one, and a list is made in a tenth of the time of all the rest.
"""
AT, WHY, STARTED, ENDED, HOW, AGAIN, SLOT = 2, 3, 7, 8, 9, 10, 11
Past: TypeAlias = tuple[Arrival, *tuple[Record, ...]]
"""What a job has behind it; one reference for it, for there may be a million that wait."""


def tried(record: Record) -> Try:
    """The same, fit to be looked at."""
    return Try(Placed(*record[:STARTED]), *record[STARTED:])
