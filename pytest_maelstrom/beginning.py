"""The first tenths of a second of a run, in which nothing is to be seen yet."""

import contextlib
import gc
import os
from typing import TYPE_CHECKING

from maelstrom_core.container import slot_process

if TYPE_CHECKING:
    import pytest

    from pytest_maelstrom.session import Controller

MOST_EARLY = 8
"""Slot processes that are started before it is known how many are wanted."""


def begin(config: "pytest.Config") -> "Controller":
    """Import the rest of us and take the run over.

    :raises pytest.UsageError: if options or settings are bad
    """
    with contextlib.suppress(OSError):  # told when they are needed
        # One for each slot that there will be by default, and one for a template.
        slot_process.start_early(min(len(os.sched_getaffinity(0)), MOST_EARLY) + 1)
    collects = gc.isenabled()
    gc.disable()  # importing makes no garbage, and looking for it takes an eighth of its time
    try:
        from pytest_maelstrom.session import Controller
    finally:
        if collects:
            gc.enable()
    return Controller(config)
