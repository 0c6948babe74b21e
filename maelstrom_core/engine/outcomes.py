"""What slots say of a job's ending, as an outcome."""

import os
from functools import lru_cache

from maelstrom_core.container.messages import Ended, NotStarted
from maelstrom_core.model.limits import Limit, LimitHit
from maelstrom_core.model.outcome import CouldNotStart, Exited, Outcome, OverLimit, Signaled, Whose

_WHOSE = {"job": Whose.USER, "host": Whose.HOST, "us": Whose.US}


def outcome_of(message: Ended) -> Outcome:
    """What a job's end means."""
    if message.hits:
        found = limits_hit(message)
        if message.hits[0][4]:
            return OverLimit(found[0], os.WTERMSIG(message.status))
    return _of_status(message.status)


@lru_cache(maxsize=64)
def _of_status(status: int) -> Outcome:
    """What a wait status means."""
    if os.WIFEXITED(status):
        return Exited(os.WEXITSTATUS(status))
    return Signaled(os.WTERMSIG(status), os.WCOREDUMP(status))


def limits_hit(message: Ended) -> tuple[LimitHit, ...]:
    """Limits that a job has run into; first the one that has ended it, if one has."""
    return tuple(
        LimitHit(Limit(name), allowed, by, where, certain)
        for name, allowed, by, where, _, certain in message.hits
    )


def could_not_start(message: NotStarted) -> Outcome:
    """What a slot says of a job that never ran."""
    return CouldNotStart(
        message.purpose,
        message.call,
        message.errno,
        message.cause,
        message.remedy,
        _WHOSE[message.whose],
    )
