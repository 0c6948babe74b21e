"""Installed but not asked for: nothing of plain pytest is changed, and hardly anything imported."""

import subprocess
import sys

import pytest

HEAVY = ("trio", "zmq", "attrs", "attr", "cattrs", "cbor2", "blake3", "sqlite3", "ctypes")


def imported_by(code: str) -> set[str]:
    listing = "import sys; before = set(sys.modules)\n" + code
    listing += "\nprint(*(set(sys.modules) - before), sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-c", listing], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_the_plugin_imports_itself_alone():
    found = imported_by("import typing\nbefore = set(sys.modules)\nimport pytest_maelstrom.plugin")
    assert found == {"pytest_maelstrom", "pytest_maelstrom.plugin"}


def test_a_plain_run_imports_nothing_of_ours_but_the_plugin():
    code = """
import pathlib, pytest, tempfile
with tempfile.TemporaryDirectory() as directory:
    pathlib.Path(directory, "test_it.py").write_text("def test_it(): pass")
    pytest.main(["-q", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", directory])
"""
    found = imported_by(code)
    ours = {name for name in found if name.startswith(("maelstrom", "pytest_maelstrom"))}
    assert ours == {"pytest_maelstrom", "pytest_maelstrom.plugin"}
    assert found.isdisjoint(HEAVY) or (found & set(HEAVY)) <= imported_by("import pytest")


def test_hooks_and_output_are_those_of_a_run_that_has_it_not(project, run):
    directory = project({"pytest.ini": "[pytest]\n", "test_it.py": "def test_it(): assert 0\n"})
    without = run(directory, "-p", "no:maelstrom", "--no-header", ours=False)
    installed = run(directory, "--no-header", ours=False)
    assert installed.ended() == without.ended()

    def lines(out: str) -> list[str]:
        return [line.partition(" in ")[0] for line in out.splitlines() if "plugins:" not in line]

    assert lines(installed.out) == lines(without.out)


@pytest.mark.parametrize("how", ["addopts = -p maelstrom", "addopts = -p no:cacheprovider"])
def test_a_project_may_ask_for_it_once_and_for_all(project, run, how):
    directory = project({"pytest.ini": f"[pytest]\n{how}\n", "test_it.py": "def test_it(): pass\n"})
    ran = run(directory, ours=False)
    assert ran.code == 0
    assert ("in its own container" in ran.out) == ("maelstrom" in how)
