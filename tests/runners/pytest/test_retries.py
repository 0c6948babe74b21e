"""Tests that are run several times: flaky is an outcome of its own, and no attempt is invisible."""

import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import pytest

FLAKY = """
import os, pytest

def attempt(): return int(os.environ["MAELSTROM_ATTEMPT"])

def test_passes(): pass
def test_passes_at_last():
    print(f"this is attempt {attempt()}")
    open("left_behind", "x").close()  # fails in anything but a fresh container
    assert attempt() == 3, f"failed in attempt {attempt()}"
def test_dies_once():
    if attempt() == 1:
        os._exit(5)
@pytest.fixture
def breaks():
    if attempt() == 1:
        raise RuntimeError("before it began")
def test_is_set_up_the_second_time(breaks): pass
def test_is_skipped_the_second_time():
    if attempt() > 1:
        pytest.skip("not now")
    assert False
"""
FAILS = """
import os
def test_fails_always(): assert "left" == "right"
def test_fails_each_time_otherwise(): assert int(os.environ["MAELSTROM_ATTEMPT"]) < 1
"""


def elements(xml: Path, name: str) -> list[tuple[str, str, str]]:
    """What a test case of a JUnit report holds: tag, message, text."""
    (case,) = [one for one in ElementTree.parse(xml).iter("testcase") if one.get("name") == name]
    return [
        (child.tag, child.get("message", ""), "".join(child.itertext()))
        for child in case
        if not child.tag.startswith("system-")
    ]


def test_what_passes_only_when_run_again_is_flaky(project, run, tmp_path):
    directory = project({"pytest.ini": "[pytest]\n", "test_flaky.py": FLAKY})
    xml = tmp_path / "report.xml"
    ran = run(directory, "--maelstrom-retries=2", f"--junitxml={xml}", "-v", ours=True)

    assert ran.code == 0, ran.out
    ended = {name.partition("::")[2]: kinds for name, kinds in ran.cases.items()}
    assert ended.pop("test_passes") == ["passed"]
    assert set(map(tuple, ended.values())) == {("flaky",)}, ended
    assert re.search(r"=== 1 passed, 4 flaky in ", ran.out)
    assert re.search(r"test_passes_at_last FLAKY", ran.out)
    # Every attempt that failed is shown as pytest shows failures.
    for number in (1, 2):
        assert f"test_passes_at_last, attempt {number} of 3" in ran.out
        assert f"AssertionError: failed in attempt {number}" in ran.out
        assert f"this is attempt {number}" in ran.out
    assert "before it began" in ran.out
    assert "exited with status 5" in ran.out
    assert "test_passes_at_last - passed after 2 failures" in ran.out
    # None is a failure to those that count failures.
    suite = next(ElementTree.parse(xml).iter("testsuite"))
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("5", "0", "0")
    told = elements(xml, "test_passes_at_last")
    assert [tag for tag, _, _ in told] == ["flakyFailure"] * 2
    assert "failed in attempt 1" in told[0][1]
    assert "test_flaky.py:10" in told[0][2]
    assert [tag for tag, _, _ in elements(xml, "test_is_set_up_the_second_time")] == ["flakyError"]
    assert elements(xml, "test_passes") == []


def test_flaky_tests_fail_the_run_if_that_is_asked_for(project, run):
    directory = project({"pytest.ini": "[pytest]\n", "test_flaky.py": FLAKY})
    arguments = ("-k", "passes", "--maelstrom-retries=2")
    asked = run(directory, *arguments, "--maelstrom-fail-on-flaky", ours=True)
    assert asked.code == 1
    assert re.search(r"1 passed, .*1 flaky in", asked.out)
    variable = run(directory, *arguments, ours=True, MAELSTROM_FAIL_ON_FLAKY="true")
    assert variable.code == 1
    assert run(directory, *arguments, ours=True).code == 0


def test_what_fails_each_time_has_failed(project, run, tmp_path):
    directory = project({"pytest.ini": "[pytest]\n", "test_fails.py": FAILS})
    xml = tmp_path / "report.xml"
    ran = run(directory, "--maelstrom-retries=1", f"--junitxml={xml}", ours=True)

    assert ran.code == 1
    assert set(map(tuple, ran.cases.values())) == {("failed",)}
    assert "2 failed in" in ran.out
    assert ran.out.count("failed in each of 2 attempts") == 2
    # What each attempt says again is said once, what it says anew is shown.
    assert ran.out.count("assert 'left' == 'right'\n") == 1
    for number in (1, 2):
        assert f"assert {number} < 1" in ran.out
    tags = [tag for tag, _, _ in elements(xml, "test_fails_always")]
    assert sorted(tags) == ["failure", "rerunFailure"]


def test_ending_the_run_is_not_tried_again(project, run):
    directory = project(
        {
            "pytest.ini": "[pytest]\n",
            "test_exit.py": "import pytest\ndef test_ends(): pytest.exit('enough', returncode=7)\n",
        }
    )
    ran = run(directory, "--maelstrom-retries=5", ours=True)
    assert ran.code == 7
    assert "enough" in ran.out


def test_repetitions_are_told_apart(project, run, tmp_path):
    directory = project(
        {
            "pytest.ini": "[pytest]\n",
            "test_it.py": """
                import os, pytest
                @pytest.mark.parametrize("letter", ["a", "[b]"])
                def test_it(letter):
                    open("left_behind", "x").close()
                    assert (letter, os.environ["MAELSTROM_REPETITION"]) != ("a", "2")
            """,
        }
    )
    xml = tmp_path / "report.xml"
    ran = run(directory, "--maelstrom-repeat=3", f"--junitxml={xml}", "-v", ours=True)

    assert ran.code == 1
    assert ran.cases == {
        f"test_it.py::test_it[{letter}] ({number} of 3)": [
            "failed" if (letter, number) == ("a", 2) else "passed"
        ]
        for letter in ("a", "[b]")
        for number in (1, 2, 3)
    }
    assert "[100%]" in ran.out
    assert "1 failed, 5 passed" in ran.out
    assert "test_it[a] (2 of 3) FAILED" in ran.out
    assert "___ test_it[a] (2 of 3) ___" in ran.out
    names = [one.get("name") for one in ElementTree.parse(xml).iter("testcase")]
    assert len(set(names)) == 6


def test_what_failed_last_is_found_after_repetitions(project, run):
    directory = project(
        {
            "pytest.ini": "[pytest]\n",
            "test_it.py": """
                import os
                def test_good(): pass
                def test_bad(): assert os.environ["MAELSTROM_REPETITION"] != "1"
            """,
        }
    )
    assert run(directory, "--maelstrom-repeat=3", ours=True).code == 1
    last = json.loads((directory / ".pytest_cache/v/cache/lastfailed").read_text())
    assert last == {"test_it.py::test_bad": True}
    (directory / "test_it.py").write_text("def test_good(): pass\ndef test_bad(): pass\n")
    again = run(directory, "--lf", "--maelstrom-repeat=2", ours=True)
    assert list(again.cases) == [f"test_it.py::test_bad ({n} of 2)" for n in (1, 2)]
    assert not (directory / ".pytest_cache/v/cache/lastfailed").exists() or not json.loads(
        (directory / ".pytest_cache/v/cache/lastfailed").read_text()
    )


def test_stepping_goes_on_where_a_repetition_failed(project, run):
    directory = project(
        {
            "pytest.ini": "[pytest]\n",
            "test_it.py": """
                import os
                def test_good(): pass
                def test_bad(): assert os.environ["MAELSTROM_REPETITION"] != "1"
                def test_last(): pass
            """,
        }
    )
    arguments = ("--sw", "--maelstrom-repeat=2", "--maelstrom-slots=1")
    assert run(directory, *arguments, ours=True).code == 2
    (directory / "test_it.py").write_text(
        "def test_good(): pass\ndef test_bad(): pass\ndef test_last(): pass\n"
    )
    again = run(directory, *arguments, ours=True)
    assert again.code == 0
    assert {name.partition(" ")[0] for name in again.cases} == {
        "test_it.py::test_bad",
        "test_it.py::test_last",
    }


@pytest.mark.parametrize("retries", [0, 1])
def test_a_run_stops_after_so_many_failures(project, run, retries):
    directory = project(
        {
            "pytest.ini": "[pytest]\n",
            "test_many.py": """
                import pytest
                @pytest.mark.parametrize("number", range(8))
                def test_it(number): assert number % 2
            """,
        }
    )
    arguments = ("--maelstrom-stop-after=2", "--maelstrom-slots=1")
    ran = run(directory, *arguments, f"--maelstrom-retries={retries}", ours=True)

    assert ran.code == 1
    assert list(ran.cases.values()) == [["failed"], ["passed"], ["failed"]]
    assert "stopping after 2 failures" in ran.out
    assert "2 failed, 1 passed" in ran.out


@pytest.mark.parametrize("option", ["--maelstrom-repeat=0", "--maelstrom-retries=x"])
def test_a_bad_number_is_refused(project, run, option):
    directory = project({"pytest.ini": "[pytest]\n", "test_it.py": "def test_it(): pass\n"})
    ran = run(directory, option, ours=True)
    assert ran.code == 4
    assert option.partition("=")[0].removeprefix("--maelstrom-") in ran.out


def order(out: str) -> Iterator[str]:
    """Names of tests in the order in which a verbose run told of them."""
    return iter(re.findall(r"^test_\w+\.py::(\w+) ", out, re.M))


def test_new_and_failed_first_then_the_longest(project, run):
    directory = project(
        {
            "pytest.ini": "[pytest]\n",
            "test_it.py": """
                import time
                def test_quick(): pass
                def test_slow(): time.sleep(1)
                def test_slowest(): time.sleep(2)
                def test_fails(): assert False
            """,
        }
    )
    arguments = ("-v", "--maelstrom-slots=1")
    first = run(directory, *arguments, ours=True)
    assert list(order(first.out)) == ["test_quick", "test_slow", "test_slowest", "test_fails"]
    with open(directory / "test_it.py", "a") as file:
        file.write("def test_new(): pass\n")
    second = run(directory, *arguments, ours=True)
    assert list(order(second.out)) == [
        "test_new",  # of which nothing is known: it may be the longest
        "test_fails",
        "test_slowest",
        "test_slow",
        "test_quick",
    ]
    # Who asks for an order of pytest's gets that.
    third = run(directory, *arguments, "--ff", ours=True)
    assert list(order(third.out)) == [
        "test_fails",
        "test_quick",
        "test_slow",
        "test_slowest",
        "test_new",
    ]
