"""What tests import is kept from run to run: the next template imports it at once."""

import re

from maelstrom_core.model.ids import CaseId
from maelstrom_core.testrun.history import History

TEST = """
import sys, time
def test_mailbox(): loads("mailbox")
def test_chunk(): loads("fileinput")
def test_project(): loads("of_the_project")

def loads(name):
    print(name, "is there" if name in sys.modules else "is not there")
    __import__(name)
"""


def there(out: str) -> dict[str, bool]:
    return {
        name: what == "is" for name, what in re.findall(r"^(\w+) (is|is not) there$", out, re.M)
    }


def test_the_next_run_begins_with_what_its_tests_have_imported(project, run, tmp_path):
    files = {"pytest.ini": "[pytest]\n", "test_it.py": TEST, "of_the_project.py": ""}
    directory = project(files)
    arguments = ("-rP", "-p", "no:cacheprovider")

    assert there(run(directory, *arguments, ours=True).out) == {
        "mailbox": False,
        "fileinput": False,
        "of_the_project": False,
    }
    second = run(directory, *arguments, ours=True)
    assert there(second.out) == {"mailbox": True, "fileinput": True, "of_the_project": False}
    # A run of one test does not wait for what others need.
    with History(tmp_path / "state/history.sqlite", runner="pytest", project=directory) as history:
        assert "mailbox" in history.loads()
        history.loaded(CaseId("test_it.py::test_mailbox"), ["no_such_module", "msilib", "../x"])
    third = run(directory, "-k", "mailbox", *arguments, ours=True)
    assert there(third.out) == {"mailbox": True}
    assert third.code == 0
    with History(tmp_path / "state/history.sqlite", runner="pytest", project=directory) as history:
        # What is gone is not asked for again.
        assert not {"no_such_module", "msilib", "../x"} & set(history.loads())
        assert {"mailbox", "fileinput"} <= set(history.loads())
    off = run(directory, "--maelstrom-preload=off", *arguments, ours=True)
    assert not any(there(off.out).values())
