"""Tests that take turns, slow ones and leaky ones: as all runners have them."""

import json
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

INI = "[pytest]\nmarkers =\n    db\n"
DIRECTIVES = """
    [turns.database]
    [turns.port]
    at_once = 2

    [[directives]]
    added_mounts = [{ type = "bind", mount_point = "/shared", local_path = "shared" }]

    [[directives]]
    filter = "markers.contains(db)"
    turns = "database"
"""
TAKES_TURNS = """
    import os, time
    import pytest

    @pytest.mark.db
    @pytest.mark.parametrize("number", range(6))
    def test_of_a_directive(number):
        os.mkdir("/shared/database")  # fails if another one is there
        time.sleep(0.1)
        os.rmdir("/shared/database")

    @pytest.mark.maelstrom(turns=["database", "port"], slots=3)
    @pytest.mark.parametrize("number", range(3))
    def test_of_a_mark(number):
        test_of_a_directive(number)

    @pytest.mark.parametrize("number", range(4))
    def test_beside(number): pass
"""
LEAKS = """
    import subprocess, time
    import pytest

    def test_leaks():
        for _ in range(2):
            subprocess.Popen(["sleep", "600"])
    def test_leaks_nothing():
        subprocess.Popen(["sleep", "600"]).kill()
    def test_waits():
        time.sleep(1.5)
"""


def test_tests_that_take_turns_do_not_run_at_once(project: Any, run: Any) -> None:
    directory = project(
        {
            "pytest.ini": INI,
            "maelstrom-pytest.toml": DIRECTIVES,
            "shared/empty": "",
            "test_it.py": TAKES_TURNS,
        }
    )
    ran = run(directory, "--maelstrom-slots=4", ours=True)
    assert set(map(tuple, ran.cases.values())) == {("passed",)}, ran.out
    assert len(ran.cases) == 13


@pytest.mark.parametrize(
    ("mark", "why"),
    [
        (
            "turns='databse'",
            "turns that maelstrom-pytest.toml has not: no turns databse; did you mean",
        ),
        ("turns=3", "turns of its mark must be a name, or a list of names"),
        ("slots=0", "slots of its mark must be a whole number of at least 1"),
    ],
)
def test_what_a_mark_cannot_say_is_refused(project: Any, run: Any, mark: str, why: str) -> None:
    test = f"import pytest\n@pytest.mark.maelstrom({mark})\ndef test_it(): pass\n"
    directory = project(
        {"maelstrom-pytest.toml": "[turns.database]", "pytest.ini": INI, "test_it.py": test}
    )
    ran = run(directory, ours=True)
    assert ran.code == pytest.ExitCode.USAGE_ERROR
    assert (
        f"test_it.py::test_it: {'its mark names ' if 'turns that' in why else ''}{why}" in ran.out
    )


@pytest.mark.parametrize("isolation", ["template", "fresh"])
def test_slow_and_leaky_tests_are_marked(
    project: Any, run: Any, tmp_path: Path, isolation: str
) -> None:
    directory = project({"pytest.ini": "[pytest]\n", "test_it.py": LEAKS})
    xml, events = tmp_path / "report.xml", tmp_path / "events"
    how = [f"--maelstrom-isolation={isolation}", "--maelstrom-slow-after=0.5", f"--junitxml={xml}"]
    ran = run(directory, *how, f"--maelstrom-events={events}", ours=True)
    assert ran.code == 0, ran.out
    assert set(map(tuple, ran.cases.values())) == {("passed",)}
    assert "\nSLOW > 0.5 s test_it.py::test_waits\n" in ran.out
    assert (
        "\nLEAKY test_it.py::test_leaks - left 2 processes running: sleep 600 (2 times)\n"
        in ran.out
    )
    assert " slow, 1 leaky\n" in ran.out
    properties = {
        case.get("name"): [one.get("value") for one in case.iter("property")]
        for case in ElementTree.parse(xml).iter("testcase")
    }
    assert properties == {
        "test_leaks": ["2", "sleep 600", "sleep 600"],
        "test_leaks_nothing": [],
        "test_waits": [],
    }
    told = [json.loads(line) for line in events.read_text().splitlines()]
    slow = [one["seconds"] for one in told if one["event"] == "case slow" and "waits" in one["id"]]
    assert slow[:2] == [0.5, 1.0]
    reports = {one["id"]: one for one in told if one["event"] == "case reported"}
    assert reports["test_it.py::test_leaks"]["left_running"] == 2
    assert reports["test_it.py::test_leaks"]["left_commands"] == ["sleep 600"] * 2
    assert reports["test_it.py::test_waits"]["slow"] is True
    assert told[-1]["counts"]["leaky"] == 1


def test_a_leaky_test_fails_if_that_is_wanted(project: Any, run: Any) -> None:
    directory = project({"pytest.ini": "[pytest]\n", "test_it.py": LEAKS})
    ran = run(directory, "--maelstrom-leaky=fail", "-k", "leaks", ours=True)
    assert ran.code == 1, ran.out
    assert ran.cases == {
        "test_it.py::test_leaks": ["failed"],
        "test_it.py::test_leaks_nothing": ["passed"],
    }
    assert "passed, but left 2 processes running: sleep 600 (2 times)" in ran.out
    ran = run(directory, "--maelstrom-leaky=ignore", "-k", "leaks", ours=True)
    assert ran.code == 0
    assert "LEAKY" not in ran.out
    assert "1 leaky" not in ran.out


def test_what_is_left_in_a_shared_container_is_told_of_all_that_were_in_it(
    project: Any, run: Any
) -> None:
    directory = project({"pytest.ini": "[pytest]\n", "test_it.py": LEAKS})
    ran = run(directory, "--maelstrom-group=module", "-k", "leaks", ours=True)
    assert ran.code == 0, ran.out
    told = re.findall(r"LEAKY (\S+ and 1 more in its container - left .*)", ran.out)
    assert [line.partition(" - ")[2] for line in told] == [
        "left 2 processes running: sleep 600 (2 times)"
    ]
    assert "1 leaky" not in ran.out
