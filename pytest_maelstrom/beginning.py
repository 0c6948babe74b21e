"""The first tenths of a second of a run, in which nothing is to be seen yet."""

import contextlib
import gc
from typing import TYPE_CHECKING

from maelstrom_core.container import slot_process
from maelstrom_core.kept_code import kept_code

if TYPE_CHECKING:
    import pytest

    from pytest_maelstrom.session import Controller

EARLY = 2
"""Slot processes that are started before it is known what is wanted: one for a template, and one that
shows whether this host allows containers. Forks of a template need no others."""


def begin(config: "pytest.Config") -> "Controller":
    """Import the rest of us and take the run over.

    :raises pytest.UsageError: if options or settings are bad
    """
    with contextlib.suppress(OSError):  # told when they are needed
        slot_process.start_early(EARLY)
    collects = gc.isenabled()
    gc.disable()  # importing makes no garbage, and looking for it takes an eighth of its time
    try:
        with kept_code("pytest"):
            from pytest_maelstrom.session import Controller
    finally:
        if collects:
            gc.enable()
    return Controller(config)
