"""The program ``maelstrom-pytest``: the same runs as pytest's, and lists for people and programs."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from maelstrom_core.errors import UsageError
from pytest_maelstrom.cli import main, pytest_arguments

FILES = {
    "pytest.ini": "[pytest]\nmarkers = slow\n",
    "test_one.py": """
        import pytest

        @pytest.mark.slow
        class TestClass:
            @pytest.mark.parametrize("x", ["a-ä"])
            def test_slow(self, x): pass

        def test_fails(): assert 0
    """,
    "sub/test_two.py": "def test_two(): print('printed by a test')\n",
}


@pytest.fixture
def program(tmp_path):
    def run(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "pytest_maelstrom.cli", *arguments],
            cwd=directory,
            env={**os.environ, "MAELSTROM_STATE": str(tmp_path / "state")},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run


@pytest.mark.parametrize(
    ("given", "passed"),
    [
        ([], []),
        (
            ["--include", "all", "--include=none"],
            ["--maelstrom-include=all", "--maelstrom-include=none"],
        ),
        (["--exclude", "- x"], ["--maelstrom-exclude=- x"]),
        (["--slots", "3", "--timeout=2m"], ["--maelstrom-slots=3", "--maelstrom-timeout=2m"]),
        (
            ["--repeat", "2", "--stop-after", "1", "--retries", "3"],
            ["--maelstrom-repeat=2", "--maelstrom-retries=3", "--maelstrom-stop-after=1"],
        ),
        (["--list"], ["--maelstrom-list=text"]),
        (["--json", "--list"], ["--maelstrom-list=json"]),
        (["--ui", "json", "--list"], ["--maelstrom-list=json"]),
        (["-i", "all", "-e", "none"], ["--maelstrom-include=all", "--maelstrom-exclude=none"]),
        (["--init"], ["--maelstrom-init"]),
        (["--watch", "--rerun-failed"], ["--maelstrom-rerun-failed", "--maelstrom-watch"]),
        (
            ["--until-fail", "--fail-on-flaky"],
            ["--maelstrom-fail-on-flaky", "--maelstrom-until-fail"],
        ),
        (["--shard=2/5", "--ui", "live"], ["--maelstrom-shard=2/5", "--maelstrom-ui=live"]),
        (["--junit", "r.xml", "--events=e"], ["--maelstrom-events=e", "--junitxml=r.xml"]),
        (["--broker", "auto", "--ui=auto"], ["--maelstrom-broker=auto"]),
        (["-P"], ["--maelstrom-print-config"]),
        # Everything else is pytest's, in its order, also what looks like the beginning of ours.
        (["-k", "a and b", "-x", "tests", "-vv"], ["-k", "a and b", "-x", "tests", "-vv"]),
        (["-s", "-l", "-m", "slow"], ["-s", "-l", "-m", "slow"]),
        (["--maxfail", "1", "--in=x", "--list-all"], ["--maxfail", "1", "--in=x", "--list-all"]),
        (["a", "--slots=1", "b"], ["--maelstrom-slots=1", "a", "b"]),
        (["--maelstrom-network=local"], ["--maelstrom-network=local"]),
        (["x", "--", "--list", "--help"], ["x", "--list", "--help"]),
        (["-p", "no:cacheprovider", "t::x[a b]"], ["-p", "no:cacheprovider", "t::x[a b]"]),
    ],
)
def test_options_become_the_plugin_s_and_the_rest_is_pytest_s(
    given: Sequence[str], passed: Sequence[str]
) -> None:
    assert pytest_arguments(given) == ["-p", "maelstrom", *passed]


@pytest.mark.parametrize("arguments", [["--json"], ["--include"], ["--slots"], ["--shard=3/2"]])
def test_faulty_options_end_the_program(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2 != UsageError.exit_code
    assert "usage: maelstrom-pytest" in capsys.readouterr().err


def test_its_help_teaches(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    out = capsys.readouterr().out
    assert ended.value.code == 0
    for taught in ("--include", "markers.contains(MARK)", "maelstrom-pytest --init", "-- --help"):
        assert taught in out


def test_it_runs_as_pytest_does(project, program):
    directory = project(FILES)
    ran = program(directory, "--slots=2", "--exclude", "name.equals(test_two)", "-v")

    assert ran.returncode == 1, ran.stderr
    assert "1 failed, 1 passed, 1 deselected in " in ran.stdout.splitlines()[-1]
    assert "in its own container, 2 at once" in ran.stdout


def test_pytest_s_help_is_behind_two_dashes(project, program):
    ran = program(project(FILES), "--", "--help")
    assert ran.returncode == 0
    assert "--maelstrom-include" in ran.stdout
    assert "--maxfail" in ran.stdout


def test_a_list_is_all_that_is_on_standard_output(project, program):
    directory = project(FILES)
    ran = program(directory, "--list")

    assert ran.returncode == 0
    assert ran.stdout.splitlines() == [
        "sub/test_two.py::test_two",
        "test_one.py::TestClass::test_slow[a-\\xe4]",
        "test_one.py::test_fails",
    ]
    assert "3 tests collected" in ran.stderr
    some = program(directory, "--list", "--exclude=markers.contains(slow)", "sub", "-q")
    assert some.stdout.splitlines() == ["sub/test_two.py::test_two"]


def test_a_list_for_programs_is_json(project, program):
    ran = program(project(FILES), "--list", "--json", "--include", "markers.contains(slow)")

    assert ran.returncode == 0
    assert json.loads(ran.stdout) == {
        "version": 1,
        "cases": [
            {
                "node_id": "test_one.py::TestClass::test_slow[a-\\xe4]",
                "name": "test_slow[a-\\xe4]",
                "file": "test_one.py",
                "line": 6,
                "markers": ["parametrize", "slow"],
                "own_markers": ["parametrize"],
            }
        ],
    }


def test_a_list_with_a_file_that_cannot_be_collected_fails(project, program):
    directory = project({**FILES, "test_broken.py": "import there_is_no_such_module\n"})
    ran = program(directory, "--list")
    plain = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only"], cwd=directory, capture_output=True
    )

    assert ran.returncode == plain.returncode == 2
    assert "there_is_no_such_module" in ran.stderr


def test_a_reader_that_has_enough_is_no_fault(project, program, tmp_path):
    directory = project(FILES)
    command = f"{sys.executable} -m pytest_maelstrom.cli --list | true"
    ran = subprocess.run(
        command,
        shell=True,
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "MAELSTROM_STATE": str(tmp_path / "state")},
    )
    assert "Traceback" not in ran.stderr
    assert "BrokenPipe" not in ran.stderr
