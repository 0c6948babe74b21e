"""What pytest remembers of a test that is run several times.

Repetitions are told to pytest with node ids of their own (``test_a.py::test_it (2 of 3)``), or its
plugins would take the last one for all of them. What ``--lf`` and ``--sw`` find in the next run are
tests, so at the end the marks are taken off again: a test has failed if one of them has.
"""

from typing import Any

import pytest

from maelstrom_core.model.cases import CaseReport


class Repeats:
    """A plugin of pytest, for runs that repeat."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._failed: dict[str, bool] = {}
        self._marked: dict[str, str] = {}

    def note(self, report: CaseReport) -> None:
        """Note how one repetition went."""
        node_id = str(report.details.get("node id", report.original))
        self._marked[node_id + report.mark] = node_id
        failed = self._failed.get(node_id, False)
        self._failed[node_id] = failed or report.status.is_failure

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Correct what is about to be written down."""
        manager = self._config.pluginmanager
        last_failed = getattr(manager.getplugin("lfplugin"), "lastfailed", None)
        if isinstance(last_failed, dict):
            self._correct(last_failed)
        stepwise = manager.getplugin("stepwiseplugin")
        # Where it stopped is an attribute of its own since pytest 8.4.
        for holder, name in (
            (getattr(stepwise, "cached_info", None), "last_failed"),
            (stepwise, "lastfailed"),
        ):
            stopped_at = getattr(holder, name, None)
            if stopped_at is not None:
                plain = self._marked.get(str(stopped_at), str(stopped_at))
                still = self._failed.get(plain, True)
                setattr(holder, name, _like(stopped_at, plain) if still else None)

    def _correct(self, last_failed: dict[Any, bool]) -> None:
        for key in list(last_failed):
            plain = self._marked.get(str(key), str(key))
            if not self._failed.get(plain, True):
                del last_failed[key]
            elif plain != str(key):
                del last_failed[key]
                last_failed[_like(key, plain)] = True


def _like(key: Any, text: str) -> Any:
    """A node id of the kind that another one is: text before pytest 9.2, a value since."""
    return text if isinstance(key, str) else type(key).parse(text)
