"""The first tenths of a second of a run, in which nothing is to be seen yet."""

import contextlib
from typing import TYPE_CHECKING

from maelstrom_core.container import slot_process
from maelstrom_core.kept_code import kept_code
from pytest_maelstrom.other_plugins import refuse_unsuitable, take_over

if TYPE_CHECKING:
    import pytest

    from pytest_maelstrom.session import Controller


EARLY = 2
"""Slot processes that are started before anything is known: one for the template, and one that shows
whether this host allows containers, and runs the first job that is no fork."""


_started = False


def start_slots() -> None:
    """Start slot processes: they start on another CPU while pytest and we are imported. Once."""
    global _started
    if not _started:
        _started = True
        with contextlib.suppress(OSError):  # told when they are needed
            slot_process.start_early(EARLY)


def begin(config: "pytest.Config") -> "Controller":
    """Import the rest of us and take the run over.

    :raises pytest.UsageError: if options or settings are bad
    """
    refuse_unsuitable(config)
    notes = take_over(config)
    start_slots()
    # Nothing is frozen afterwards (`gc.freeze`): plugins look for who refers to what of ours.
    with kept_code("pytest"):
        from pytest_maelstrom import early

        early.start(config)
        from pytest_maelstrom.session import Controller
    return Controller(config, notes)
