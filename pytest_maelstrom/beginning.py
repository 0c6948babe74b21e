"""The first tenths of a second of a run, in which nothing is to be seen yet."""

import contextlib
import gc
from typing import TYPE_CHECKING

from maelstrom_core.container import slot_process
from maelstrom_core.kept_code import kept_code
from pytest_maelstrom.other_plugins import refuse_unsuitable, take_over

if TYPE_CHECKING:
    import pytest

    from pytest_maelstrom.session import Controller


def begin(config: "pytest.Config") -> "Controller":
    """Import the rest of us and take the run over.

    :raises pytest.UsageError: if options or settings are bad
    """
    refuse_unsuitable(config)
    notes = take_over(config)
    with contextlib.suppress(OSError):  # told when it is needed, for the template
        slot_process.start_early(1)
    collects = gc.isenabled()
    gc.disable()  # importing makes no garbage, and looking for it takes an eighth of its time
    try:
        with kept_code("pytest"):
            from pytest_maelstrom import early

            early.start(config)
            with contextlib.suppress(OSError):
                # It shows whether this host allows containers, and waits for the first job that is
                # no fork of a template.
                slot_process.start_early(1)
            from pytest_maelstrom.session import Controller
    finally:
        if collects:
            gc.enable()
    return Controller(config, notes)
