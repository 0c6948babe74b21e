"""Whether a broker that has ended is started again, and when. Pure."""

import attrs

QUICK_SECONDS = 1.0
"""Whoever dies sooner than this after it was started may do so again and again."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
INTERNAL_FAULT = 70


@attrs.frozen
class Ended:
    """How it ended.

    :param signal: that it died of; 0 for none
    :param code: its exit status otherwise
    :param lived_seconds: since it was started
    :param was_ready: whether any broker before it, or it, could be reached
    """

    signal: int
    code: int
    lived_seconds: float
    was_ready: bool


@attrs.frozen
class Again:
    """Start it again after so many seconds.

    :param quick_deaths: to be given back when that has ended
    """

    after_seconds: float
    quick_deaths: int


def restart(ended: Ended, quick_deaths: int) -> Again | None:
    """Whether it is started again; ``None`` if not.

    What ends of its own accord stays so: it was told to, or it cannot be as it was wanted to be. A
    broker that was reached already is waited for: then every fault may pass.
    """
    crashed = ended.signal != 0 or ended.code == INTERNAL_FAULT
    if not crashed and (ended.code == 0 or not ended.was_ready):
        return None
    if ended.lived_seconds >= QUICK_SECONDS:
        return Again(0.0, 0)
    pause = 0.0 if not quick_deaths else min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (quick_deaths - 1))
    return Again(pause, quick_deaths + 1)
