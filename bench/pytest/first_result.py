"""Run pytest and write down when the first result was reported.

    python first_result.py OUT [pytest argument …]

OUT gets the reading of the clock that all processes of a machine share. The plugin is an object of
this process alone: it sees a result when a terminal would.
"""

import sys
import time
from pathlib import Path

import pytest


class FirstResult:
    """Keeps the time of the first report of a case that was called.

    :param out: where to write it
    """

    def __init__(self, out: Path) -> None:
        self._out = out

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Write it once."""
        if report.when == "call" and not self._out.exists():
            self._out.write_text(str(time.monotonic()))


if __name__ == "__main__":
    sys.exit(pytest.main(sys.argv[2:], plugins=[FirstResult(Path(sys.argv[1]))]))
