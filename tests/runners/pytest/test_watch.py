"""``--maelstrom-watch`` and ``--maelstrom-until-fail``: one run after the other, at a terminal."""

import os
from collections.abc import Callable
from typing import Any

import pytest

FILES = {
    "pytest.ini": "[pytest]\n",
    "lib.py": "X = 1\n",
    "user.py": "from lib import X\n",
    "test_a.py": "import time\ndef test_a(): time.sleep(0.3)\n",
    "test_b.py": "import time\ndef test_b(): time.sleep(0.3)\n",
    "sub/test_c.py": "import user\ndef test_c(): assert user.X == 1\n",
}
REPORTS = ("--junitxml=report.xml", "--cov=user", "--cov-report=html", "--log-file=run.log")
PLAIN = {"TERM": "xterm", "NO_COLOR": "1"}


def began_with(shown: str) -> str:
    return next(line for line in shown.splitlines() if "PASSED" in line or "FAILED" in line)


def test_a_change_wakes_it_and_what_it_may_affect_runs_first(
    project: Any, at_a_terminal: Callable[..., Any]
) -> None:
    directory = project(FILES)
    arguments = ("-v", "--maelstrom-watch", "--maelstrom-slots=1", *REPORTS)
    # Below the project: what a run writes must not wake it.
    state = str(directory / "state")
    with_coverage = os.environ["PYTEST_ADDOPTS"].replace("-p no:pytest_cov", "")
    variables = PLAIN | {"MAELSTROM_STATE": state, "PYTEST_ADDOPTS": with_coverage}
    at = at_a_terminal(directory, *arguments, **variables)
    at.expect("3 passed.*waiting for changes; keys", seconds=120)
    written = {path.name for path in directory.iterdir()}
    assert {"report.xml", "run.log", "htmlcov", ".coverage", ".pytest_cache"} <= written

    # Another file is between it and the test, which is neither new nor as long as the others.
    (directory / "lib.py").write_text("X = 2\n")
    shown = at.expect(r"\n([^\n]+) changed(.*)1 failed, 2 passed.*waiting", seconds=120)
    assert shown[1] == "lib.py"
    assert "sub/test_c.py::test_c FAILED" in began_with(shown[2])
    at.type("f")
    at.expect("failed +sub/test_c.py::test_c\n")
    at.type("q")
    assert at.end() == 1
    assert at.attributes == at.before


def test_settings_are_read_anew_and_ctrl_c_ends_all(
    project: Any, at_a_terminal: Callable[..., Any]
) -> None:
    directory = project({"pytest.ini": "[pytest]\n", "test_a.py": "def test_a(): pass\n"})
    at = at_a_terminal(directory, "--maelstrom-watch", **PLAIN)
    at.expect("1 passed.*waiting", seconds=120)
    (directory / "pytest.ini").write_text("[pytest]\naddopts = --nonsense\n")
    at.expect("unrecognized arguments: --nonsense.*waiting", seconds=120)
    (directory / "pytest.ini").write_text("[pytest]\n")
    (directory / "test_a.py").write_text("import time\ndef test_a(): time.sleep(3600)\n")
    at.expect("changed.*collected 1 item", seconds=120)
    at.type("\x03")
    at.expect("KeyboardInterrupt", seconds=60)
    assert at.end() == pytest.ExitCode.INTERRUPTED
    assert at.attributes == at.before


def test_until_something_fails(project: Any, run: Any) -> None:
    directory = project(
        {
            "pytest.ini": "[pytest]\n",
            # Code of this file runs on the host too, when pytest starts: it counts runs.
            "conftest.py": 'with open("count", "a") as file: file.write("x")\n',
            "test_a.py": 'def test_a(): assert len(open("count").read()) < 5\n',
        }
    )
    done = run(directory, "--maelstrom-until-fail", ours=True, **PLAIN)
    assert done.code == 1
    assert done.out.count("1 passed in") == 2
    assert done.out.count("1 failed in") == 1
    assert "_MAELSTROM" not in done.out
