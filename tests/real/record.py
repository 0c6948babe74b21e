"""Run pytest and write down how every case ended.

    python record.py OUT.json [pytest argument …]

The recorder is a plugin object of the controlling process alone, so it sees what pytest's own
terminal sees, whoever ran the cases. Exits as pytest does.
"""

import json
import sys
from collections import defaultdict
from pathlib import Path

import pytest


class Recorder:
    """Keeps, for each node id, the categories that the terminal would count."""

    def __init__(self) -> None:
        self.outcomes: dict[str, list[str]] = defaultdict(list)

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count as `_pytest.terminal` does."""
        category = self._config.hook.pytest_report_teststatus(report=report, config=self._config)[0]
        if category:
            self.outcomes[report.nodeid].append(category)

    def pytest_configure(self, config: pytest.Config) -> None:
        """Keep the configuration, whose plugins decide what a category is."""
        self._config = config


def main(arguments: list[str]) -> int:
    """Run and record."""
    out, *pytest_arguments = arguments
    recorder = Recorder()
    code = int(pytest.main(pytest_arguments, plugins=[recorder]))
    Path(out).write_text(json.dumps({"exit": code, "cases": recorder.outcomes}, sort_keys=True))
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
