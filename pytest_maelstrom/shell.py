"""``--maelstrom-shell``: a shell in a test's container, instead of the test."""

import difflib
import os
import shlex
from collections.abc import Iterable
from typing import Any

import pytest

from maelstrom_core.hooks.manager import Plugins
from maelstrom_core.model.cases import Case
from maelstrom_core.model.job import JobSpec
from maelstrom_core.model.outcome import Exited, Signaled, describe
from maelstrom_core.model.views import RunView
from maelstrom_core.terminal.seat import Seat
from pytest_maelstrom.attach import Desk
from pytest_maelstrom.hookimpls import case_of
from pytest_maelstrom.request import PytestRun

SCRIPT = '[ -x "$SHELL" ] && exec "$SHELL"; exec sh'
"""Whether the container has the user's own shell is known there."""


class ShellWanted:
    """What was asked for, and what came of it.

    :param node_id: of the test
    """

    def __init__(self, node_id: str) -> None:
        self._node_id = node_id
        self._case: Case | None = None
        self.status: int | None = None

    def find(self, messages: Iterable[dict[str, Any]]) -> None:
        """Find the test among those that were collected.

        :raises pytest.UsageError: if it is not there, with the nearest
        """
        cases = [message for message in messages if message["kind"] in ("case", "ignored")]
        for message in cases:
            if message["id"] == self._node_id:
                self._case = case_of(message)
                return
        near = difflib.get_close_matches(self._node_id, [one["id"] for one in cases], n=1)
        remedy = f"did you mean {near[0]}?" if near else "--collect-only lists those there are"
        raise pytest.UsageError(
            f"maelstrom: --maelstrom-shell: no test {self._node_id!r} was collected: {remedy}"
        )

    async def open(self, view: RunView, plugins: Plugins, desk: Desk) -> str:
        """Open it and wait until it has ended; a line that says how."""
        if self._case is None:
            return ""
        case = self._case
        container = plugins.adjust(view, case, plugins.package(view, case))
        run = view.options["containers"].run_in(container)
        with desk.taken():
            job = JobSpec(
                container=container,
                program="sh",
                arguments=("-c", SCRIPT),
                environment=(("MAELSTROM_ATTEMPT", "1"), ("MAELSTROM_REPETITION", "1")),
                terminal=desk.terminal.size(),
                label=f"shell of {case.id}",
            )
            desk.say(f"maelstrom: a shell in the container of {case.id}, which ends with it;")
            desk.say(f"to run the test: {by_hand(run, case.details['node id'])}")

            def placed(worker: str | None) -> None:
                words = "waiting for a worker of the cluster"
                if worker is not None:
                    words = f"a shell on worker {worker}" if worker else "a shell on this machine"
                # Nothing ends a line at a terminal in raw mode but both.
                desk.ask_for(f"maelstrom: {words}\r\n")

            seat = Seat(desk.terminal, begins_on_one=True, placed=placed)
            result = await seat.attend_to(view.run_job(job, viewer=seat))
        match result.outcome:
            case Exited(code):
                self.status = code
                return f"maelstrom: the shell exited with status {code}"
            case Signaled(number):
                self.status = 128 + number
        return f"maelstrom: the shell {describe(result.outcome)}"


def by_hand(run: PytestRun, node_id: str) -> str:
    """A command that runs a test in its container."""
    file, colons, rest = node_id.partition("::")
    file = os.path.relpath(run.root / file, os.path.realpath(run.directory))
    return shlex.join([*run.python, "-m", "pytest", "-p", "no:maelstrom", f"{file}{colons}{rest}"])
