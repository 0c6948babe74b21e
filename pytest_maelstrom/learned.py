"""What cases import by themselves, kept from run to run: the next template imports it at once.

A module is kept with the cases that have imported it, so that a run of one test does not import what
the other tests of the suite need. What is said of it comes out of containers: names, and no more.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from maelstrom_core.hooks import hookimpl
from maelstrom_core.model.cases import Case
from maelstrom_core.model.ids import CaseId
from maelstrom_core.model.outcome import JobResult
from maelstrom_core.model.views import RunView
from maelstrom_core.testrun.history import History
from pytest_maelstrom.hookimpls import messages_of

MOST_NAMES = 2000
"""Of one case; no more are believed."""


class Learning:
    """A plugin of ours that observes jobs, and remembers what their cases have imported."""

    def __init__(self, history: History) -> None:
        self._history = history

    @hookimpl
    def maelstrom_job_ended(self, run: RunView, case: Case, result: JobResult) -> None:
        """Remember the names that a case tells."""
        del run
        if b'"kind": "imported"' not in result.report:
            return
        for message in messages_of(result.report):
            if message["kind"] == "imported":
                node_id = CaseId(str(case.details["node id"]))
                self._history.loaded(node_id, _names(message.get("names")))

    def unlearn(self, messages: Iterable[Mapping[str, Any]]) -> None:
        """Forget what a template could not import, or must not.

        :param messages: those of collecting
        """
        for message in messages:
            if message["kind"] == "preloaded":
                self._history.forget_loads(_names(message.get("gone")))
                self._history.refuse_loads(_names(message.get("refused")))


def _names(told: object) -> list[str]:
    names = told if isinstance(told, list) else []
    return [name for name in names[:MOST_NAMES] if isinstance(name, str)]
