"""What slots say of a job's ending, as an outcome."""

import os
from functools import lru_cache

from maelstrom_core.container.messages import NotStarted
from maelstrom_core.model.outcome import CouldNotStart, Exited, Outcome, Signaled, Whose

_WHOSE = {"job": Whose.USER, "host": Whose.HOST, "us": Whose.US}


@lru_cache(maxsize=64)
def outcome_of(status: int) -> Outcome:
    """What a wait status means."""
    if os.WIFEXITED(status):
        return Exited(os.WEXITSTATUS(status))
    return Signaled(os.WTERMSIG(status), os.WCOREDUMP(status))


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
