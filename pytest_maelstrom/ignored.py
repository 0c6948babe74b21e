"""Cases that a directive ignores: to pytest, they are skipped, and the reason is the directive."""

from collections.abc import Iterable
from typing import Any

import pytest


def report_ignored(config: pytest.Config, messages: Iterable[dict[str, Any]]) -> None:
    """Tell pytest's own hooks of all of them.

    :param messages: those of collecting, sifted
    """
    for message in messages:
        if message["kind"] != "ignored":
            continue
        node_id = message["id"]
        file, line, name = location = tuple(message["location"])
        config.hook.pytest_runtest_logstart(nodeid=node_id, location=location)
        reason = f"Skipped: ignored by {message['by']}"
        for when, outcome, text in (
            ("setup", "skipped", (file, (line or 0) + 1, reason)),
            ("teardown", "passed", None),
        ):
            report = pytest.TestReport(
                nodeid=node_id,
                location=(file, line, name),
                keywords={},
                outcome=outcome,  # type: ignore[arg-type]
                longrepr=text,
                when=when,  # type: ignore[arg-type]
            )
            config.hook.pytest_runtest_logreport(report=report)
        config.hook.pytest_runtest_logfinish(nodeid=node_id, location=location)
