"""Jobs and endings as rows of messages: what is said a hundred thousand times. Pure.

Tuples, for they are made fastest; their checks are written out by hand for the same reason.
"""

import enum
from typing import Any, NamedTuple

from maelstrom_core.wire.shapes import MOST_WHOLE, BadMessage, session, shown, whole

MOST_BODY_BYTES = 128 << 10
"""Of one job or result in a message; larger ones go over the bulk link and are named here."""
MOST_ROWS = 512
"""Jobs in one message."""
UNKNOWN_ESTIMATE = -1
MOST_SLOTS = 4096
MOST_BEHIND = 1 << 16
"""Jobs that may wait behind the slots of a worker."""
MOST_FAULT = 400
"""Characters of what went wrong, as a worker tells it to people."""
MOST_TAIL_BYTES = 4 << 10
"""Of the output of a job that failed, told with it."""
MOST_ATTEMPTS = 1000


class Ending(enum.IntEnum):
    """How an attempt ended, as far as the broker needs to know."""

    RAN = 0
    """The body is the job's result."""
    STORED = 1
    """It ran; the body is the digest of its result, which is at the broker's bulk link."""
    UNFIT = 2
    """The worker could not run it (its inputs could not be had); the body says why, for people."""
    LOST = 3
    """Its workers died, as often as is bearable; said by the broker, the body says which."""
    REFUSED = 4
    """No worker can ever run it; said by the broker, the body says what is missing."""
    CANCELLED = 5
    """It was not wanted any more."""


class SubmittedJob(NamedTuple):
    """A job as its client hands it in.

    :param tag: the client's name for it, never used twice in a session
    :param priority: higher runs first
    :param estimate_ms: expected duration in milliseconds, or `UNKNOWN_ESTIMATE`
    :param slots: how many it takes of its worker
    """

    tag: int
    priority: int
    estimate_ms: int
    slots: int
    body: bytes


class RunJob(NamedTuple):
    """A job as a worker gets it; ``attempt`` counts from 1."""

    tag: int
    attempt: int
    slots: int
    body: bytes


class DoneJob(NamedTuple):
    """How an attempt ended, as its worker tells.

    :param told: for people who look at the cluster: nothing if the worker does not say; otherwise what
        went wrong, in a few words, empty if the program exited with 0; and the end of its output, if
        something did
    :param stayed_us: microseconds that the worker had it without running it, until it told this;
        negative if it does not say
    :param ran_us: microseconds that it ran
    """

    tag: int
    attempt: int
    ending: int
    body: bytes
    told: tuple[str, bytes] | tuple[()] = ()
    stayed_us: int = -1
    ran_us: int = -1


class JobResultRow(NamedTuple):
    """How a job ended, as its client hears.

    :param attempts: how many there were
    :param worker: name of the one that ran the last; empty for none
    """

    tag: int
    attempts: int
    ending: int
    worker: str
    body: bytes


class HeldJob(NamedTuple):
    """A job that a worker has been given and that it has not been told to forget.

    :param slots: that it takes now; 0 once it ended
    """

    session: bytes
    tag: int
    attempt: int
    slots: int = 1


def submitted(row: Any) -> SubmittedJob:
    """A job of a client."""
    if type(row) is not list or len(row) < 5:
        raise BadMessage(f"not a job: {shown(row)}")
    tag, priority, estimate, slots, body = row[:5]
    if (
        type(tag) is not int
        or type(priority) is not int
        or type(estimate) is not int
        or type(slots) is not int
        or type(body) is not bytes
        or not 0 <= tag <= MOST_WHOLE
        or not -128 <= priority <= 127
        or not UNKNOWN_ESTIMATE <= estimate <= MOST_WHOLE
        or not 1 <= slots <= MOST_SLOTS
        or len(body) > MOST_BODY_BYTES
    ):
        raise BadMessage(f"not a job: {shown(row)}")
    return SubmittedJob(tag, priority, estimate, slots, body)


def to_run(row: Any) -> RunJob:
    """A job for a worker."""
    if type(row) is not list or len(row) < 4:
        raise BadMessage(f"not a job to run: {shown(row)}")
    tag, attempt, slots, body = row[:4]
    if (
        type(tag) is not int
        or type(attempt) is not int
        or type(slots) is not int
        or type(body) is not bytes
        or not 0 <= tag <= MOST_WHOLE
        or not 1 <= attempt <= MOST_ATTEMPTS
        or not 1 <= slots <= MOST_SLOTS
        or len(body) > MOST_BODY_BYTES
    ):
        raise BadMessage(f"not a job to run: {shown(row)}")
    return RunJob(tag, attempt, slots, body)


def done(row: Any) -> DoneJob:
    """How an attempt ended."""
    if type(row) is not list or len(row) < 4:
        raise BadMessage(f"not an ending: {shown(row)}")
    tag, attempt, ending, body = row[:4]
    if (
        type(tag) is not int
        or type(attempt) is not int
        or type(ending) is not int
        or type(body) is not bytes
        or not 0 <= tag <= MOST_WHOLE
        or not 1 <= attempt <= MOST_ATTEMPTS
        or not 0 <= ending <= Ending.CANCELLED
        or len(body) > MOST_BODY_BYTES
    ):
        raise BadMessage(f"not an ending: {shown(row)}")
    if len(row) < 5:
        return DoneJob(tag, attempt, ending, body)
    told = () if row[4] == [] else _told(row[4])
    if len(row) < 7:
        return DoneJob(tag, attempt, ending, body, told)
    stayed, ran = row[5], row[6]
    if (
        type(stayed) is not int
        or type(ran) is not int
        or not -1 <= stayed <= MOST_WHOLE
        or not -1 <= ran <= MOST_WHOLE
    ):
        raise BadMessage(f"not an ending: {shown(row)}")
    return DoneJob(tag, attempt, ending, body, told, stayed, ran)


def _told(told: Any) -> tuple[str, bytes]:
    if (
        type(told) is not list
        or len(told) < 2
        or type(told[0]) is not str
        or type(told[1]) is not bytes
        or len(told[0]) > MOST_FAULT
        or len(told[1]) > MOST_TAIL_BYTES
    ):
        raise BadMessage(f"not what is told of an ending: {shown(told)}")
    return told[0], told[1]


def result(row: Any) -> JobResultRow:
    """How a job ended."""
    if type(row) is not list or len(row) < 5:
        raise BadMessage(f"not a result: {shown(row)}")
    tag, attempts, ending, worker, body = row[:5]
    if (
        type(tag) is not int
        or type(attempts) is not int
        or type(ending) is not int
        or type(worker) is not str
        or type(body) is not bytes
        or not 0 <= tag <= MOST_WHOLE
        or not 0 <= attempts <= MOST_ATTEMPTS
        or not 0 <= ending <= Ending.CANCELLED
        or len(worker) > 255
        or not worker.isprintable()
        or len(body) > MOST_BODY_BYTES
    ):
        raise BadMessage(f"not a result: {shown(row)}")
    return JobResultRow(tag, attempts, ending, worker, body)


def held(row: Any) -> HeldJob:
    """A job that a worker holds."""
    if type(row) is not list or len(row) < 3:
        raise BadMessage(f"not a job that is held: {shown(row)}")
    slots = _slots(row[3]) if len(row) > 3 else 1
    return HeldJob(session(row[0]), tag_check(row[1]), _attempt(row[2]), slots)


tag_check = whole()
_attempt = whole(1, MOST_ATTEMPTS)
_slots = whole(0, MOST_SLOTS)
