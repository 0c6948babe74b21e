"""What the program exits with. Pure."""

import errno
import signal

import attrs

from maelstrom_core.model.outcome import (
    Cancelled,
    CouldNotStart,
    Exited,
    HostFailed,
    InputFailed,
    Outcome,
    OverLimit,
    Signaled,
    TimedOut,
    Whose,
)

ALL_WELL = 0
A_JOB_FAILED = 1
BAD_INPUT = 4
OUR_FAULT = 70
HOST_FAULT = 71
TIMED_OUT = 124
CANNOT_RUN = 126
NOT_FOUND = 127
BY_SIGNAL = 128
"""Added to a signal's number, as shells do, where the program cannot die of it."""


@attrs.frozen
class Ending:
    """How the program ends.

    :param signal: it dies of this signal instead of exiting; 0 for none
    """

    code: int = ALL_WELL
    signal: int = 0


def of_one(outcome: Outcome) -> Ending:
    """How the program ends after its only job."""
    match outcome:
        case Exited(code):
            return Ending(code)
        case Signaled(number):
            return Ending(BY_SIGNAL + number, number)
        case OverLimit(signal=number):
            return Ending(BY_SIGNAL + number, number)
        case TimedOut():
            return Ending(TIMED_OUT)
        case CouldNotStart(errno=number, whose=Whose.USER):
            return Ending(NOT_FOUND if number == errno.ENOENT else CANNOT_RUN)
        case CouldNotStart(whose=Whose.US):
            return Ending(OUR_FAULT)
        case CouldNotStart() | HostFailed():
            return Ending(HOST_FAULT)
        case InputFailed():
            return Ending(BAD_INPUT)
        case Cancelled():
            return Ending(BY_SIGNAL + signal.SIGINT)


def of_many(*, failed: int, faults: int) -> Ending:
    """How the program ends after all of its jobs.

    :param failed: jobs that did not exit with 0
    :param faults: what was read and is no job
    """
    if faults:
        return Ending(BAD_INPUT)
    return Ending(A_JOB_FAILED if failed else ALL_WELL)
