"""The template that is started while we are being imported: used where it is the one that is needed."""

import pytest

TELLS = """
import sys

def pytest_terminal_summary(terminalreporter):
    early = sys.modules["maelstrom_core.container.early_template"]
    terminalreporter.line(f"early templates taken: {early.number_taken()}")
"""
TEST = "import os\ndef test_it(): print('told', os.environ.get('TOLD'))\n"


DIRECTIVE = """
[[directives]]
added_environment = {TOLD = "by a directive"}
"""


@pytest.mark.parametrize("directives", ["", DIRECTIVE], ids=["plain", "directives"])
def test_the_usual_template_is_started_early_also_when_a_test_has_been_edited(
    project, run, directives
):
    files = {"pytest.ini": "[pytest]\n", "conftest.py": TELLS, "test_it.py": TEST}
    directory = project(files | ({"maelstrom-pytest.toml": directives} if directives else {}))
    arguments = ("-rP", "-p", "no:cacheprovider")
    first = run(directory, *arguments, ours=True)
    (directory / "test_it.py").write_text("def test_it(): print('edited')\n")
    second = run(directory, *arguments, ours=True)

    for ran in (first, second):
        assert ran.code == 0, ran.out
        assert "early templates taken: 1" in ran.out
    assert ("told by a directive" in first.out) == bool(directives)
    assert "edited" in second.out and "edited" not in first.out


def test_one_that_is_not_what_is_needed_is_left(project, run):
    """A hook changes what tests are given when the early one has been started."""
    change = (
        "\n\ndef pytest_sessionstart(session):\n    __import__('os').environ['TOLD'] = 'late'\n"
    )
    files = {"pytest.ini": "[pytest]\n", "conftest.py": TELLS + change, "test_it.py": TEST}
    ran = run(project(files), "-rP", ours=True)

    assert ran.code == 0, ran.out
    assert "early templates taken: 0" in ran.out
    assert "told late" in ran.out


def test_nothing_is_started_early_for_what_needs_no_template(project, run):
    """And what is wrong is told once, by the run itself."""
    files = {"pytest.ini": "[pytest]\n", "conftest.py": TELLS, "test_it.py": TEST}
    directory = project(files)
    fresh = run(directory, "--maelstrom-isolation=fresh", ours=True)
    assert (fresh.code, "early templates taken: 0" in fresh.out) == (0, True), fresh.out

    (directory / "maelstrom-pytest.toml").write_text("[[directives]]\nfiltr = 'all'\n")
    bad = run(directory, ours=True)
    assert bad.code != 0
    assert bad.out.count("did you mean filter?") == 1, bad.out
