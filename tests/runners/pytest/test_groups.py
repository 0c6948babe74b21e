"""Tests that share a container: what they share, and that each has an ending of its own all the same."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping

import pytest

SHARING = """
import os, sys, time
import pytest

ran = []

@pytest.fixture(scope="module")
def dear():
    print("set up once")
    yield "dear"
    print("torn down once")

@pytest.fixture(autouse=True)
def what_ran_before(request):
    print("before it:", *ran)
    ran.append(request.node.name)

def test_first(dear):
    print("printed by the first")
    with open(os.environ["MAELSTROM_OUTPUT"] + "/file", "w") as file:
        file.write("of the first")
    open("left_behind", "x").close()

def test_second(dear):
    assert os.path.exists("left_behind")
    assert os.listdir(os.environ["MAELSTROM_OUTPUT"]) == []
    with open(os.environ["MAELSTROM_OUTPUT"] + "/file", "w") as file:
        file.write("of the second")

def test_fails(dear):
    print("printed by the one that fails")
    assert dear == "cheap"

def test_dies(dear):
    os._exit(7)

def test_after_death(dear):
    assert not os.path.exists("left_behind")

def test_hangs(dear):
    stop_here_for_ever()

def stop_here_for_ever(): time.sleep(1000)

def test_after_hanging(dear):
    assert len(ran) == 1
    time.sleep(1.5)

def test_last(dear):
    assert len(ran) == 2
    time.sleep(1.5)  # with what came before, more than the time for one test
"""
OTHER = "def test_of_another_file():\n    open('left_behind', 'x').close()\n"


def run_pytest(directory, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "maelstrom", "-p", "no:cacheprovider"]
    return subprocess.run(
        [*command, *arguments],
        cwd=directory,
        env={**os.environ, "MAELSTROM_STATE": str(directory.parent / "state")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=200,
    )


@pytest.fixture(scope="module", params=["template", "fresh"])
def told(request, tmp_path_factory) -> tuple[str, Mapping[str, str]]:
    """All of a run's output, and what is shown of each test, by name."""
    directory = tmp_path_factory.mktemp("groups") / "project"
    directory.mkdir()
    for name, text in (("pytest.ini", "[pytest]\n"), ("test_a.py", SHARING), ("test_b.py", OTHER)):
        (directory / name).write_text(text)
    done = run_pytest(
        directory,
        *("--maelstrom-group=module", f"--maelstrom-isolation={request.param}"),
        *("--maelstrom-timeout=3", "-v", "-rA", f"--maelstrom-output={directory.parent / 'left'}"),
    )
    assert done.returncode == 1, done.stdout
    parts = re.split(r"^_+ (test_\w+) _+$", done.stdout.partition("= short test")[0], flags=re.M)
    return done.stdout, dict(zip(parts[1::2], parts[2::2], strict=True))


def test_each_test_has_one_outcome(told):
    out, _ = told
    ended = dict(re.findall(r"^test_\w\.py::(\w+) ([A-Z]+) ", out, re.M))
    assert len(re.findall(r"^test_\w\.py::\w+ [A-Z]+ ", out, re.M)) == 9
    assert {name for name, how in ended.items() if how == "FAILED"} == {
        "test_fails",
        "test_dies",
        "test_hangs",
    }
    assert set(ended.values()) == {"PASSED", "FAILED"}
    assert "3 failed, 6 passed" in out


def test_they_run_in_the_order_of_the_file_in_one_process(told):
    _, shown = told
    assert "before it:\n" in shown["test_first"]
    assert "before it: test_first test_second\n" in shown["test_fails"]
    # One in a new container each time that one took its container along.
    assert "before it:\n" in shown["test_after_death"]
    assert "before it: test_after_hanging\n" in shown["test_last"]


def test_what_is_shared_is_set_up_once_for_each_container(told):
    out, shown = told
    for name, number in {"test_first": 1, "test_second": 0, "test_after_death": 1}.items():
        assert shown[name].count("set up once") == number
    assert "set up once" in shown["test_after_hanging"]
    # Only the last one of a container that came to its end, in the one that has ended it.
    assert "torn down once" in shown["test_last"]
    assert out.count("torn down once") == 1


def test_each_has_what_it_printed_itself(told):
    out, shown = told
    for name, text in {
        "test_first": "printed by the first",
        "test_fails": "printed by the one that fails",
    }.items():
        assert text in shown[name]
        assert out.count(f"\n{text}\n") == 1
    assert "assert 'dear' == 'cheap'" in shown["test_fails"]


def test_each_has_the_files_that_it_left_itself(told):
    _, shown = told
    for name in ("first", "second"):
        (directory,) = re.findall(r"^(/.*)\n  file \(\d+ bytes\)$", shown[f"test_{name}"], re.M)
        with open(f"{directory}/file") as file:
            assert file.read() == f"of the {name}"
    assert "Files left" not in shown["test_last"]


def test_what_takes_the_container_along_says_how_it_ended(told):
    _, shown = told
    assert "exited with status 7 before it could report" in shown["test_dies"]
    assert "timed out after 3 s" in shown["test_hangs"]
    assert "in stop_here_for_ever" in shown["test_hangs"]
    assert "printed by" not in shown["test_hangs"]


KINDS = """
import os
import pytest

ran = []

@pytest.fixture(autouse=True)
def note(request):
    yield
    with open(os.environ["MAELSTROM_OUTPUT"] + "/ran", "w") as file:
        file.write(" ".join(ran))
    ran.append(request.node.name)

class TestOfAClass:
    def test_one(self): pass
    def test_two(self): pass

def test_function(): pass

@pytest.mark.xdist_group("named")
def test_named(): pass
@pytest.mark.xdist_group(name="named")
def test_named_too(): pass

@pytest.mark.maelstrom(group="mine")
def test_marked(): pass
@pytest.mark.maelstrom(group="mine")
@pytest.mark.xdist_group("named")
def test_marked_too(): pass
@pytest.mark.maelstrom(group=None)
def test_alone(): pass
@pytest.mark.maelstrom(isolation="fresh")
def test_afresh(): pass
@pytest.mark.maelstrom(isolation="fresh")
def test_afresh_too(): pass
"""
MARKED = {"test_marked_too": "test_marked"}
NAMED = {**MARKED, "test_named_too": "test_named"}
CLASS = {**MARKED, "test_two": "test_one"}


@pytest.mark.parametrize(
    ("arguments", "directive", "expected"),
    [
        (["--maelstrom-group=class"], "", CLASS),
        (["--maelstrom-group=xdist_group"], "", NAMED),
        (["-n2", "--dist=loadgroup"], "", NAMED),
        (["--maelstrom-group=module"], 'group_by = "none"', MARKED),
        (["-k", "two or named_too"], 'group_by = "module"', {"test_named_too": "test_two"}),
        (
            ["-n2", "--dist=loadfile"],
            'filter = "name.contains(func)"\nhostname = "other"',
            {
                **CLASS,
                "test_named": "test_one test_two",
                "test_named_too": "test_one test_two test_named",
                "test_afresh_too": "test_afresh",
            },
        ),
    ],
    ids=["class", "xdist_group", "loadgroup", "directive", "subset", "loadfile"],
)
def test_tests_of_one_kind_share_a_container(project, tmp_path, arguments, directive, expected):
    files = {"pytest.ini": "[pytest]\nmarkers = xdist_group\n", "test_it.py": KINDS}
    if directive:
        files["maelstrom-pytest.toml"] = f"[[directives]]\n{directive}\n"
    directory = project(files)
    done = run_pytest(directory, *arguments, f"--maelstrom-output={tmp_path / 'left'}")
    assert done.returncode == 0, done.stdout
    before = {}
    for path in (tmp_path / "left").glob("*/*/ran"):
        name = re.findall(r"test_[a-z_]+(?=-\w{8}$)", path.parent.name)[-1]
        before[name] = path.read_text()
    assert {name: ran for name, ran in before.items() if ran} == expected


def test_a_bad_kind_is_refused(project, run):
    directory = project({"test_it.py": "def test_it(): pass\n"})
    asked = run(directory, "--maelstrom-group=file", ours=True)
    assert asked.code == 4
    assert "none, module, class, xdist_group" in asked.out
    (directory / "maelstrom-pytest.toml").write_text('[[directives]]\ngroup_by = "modul"\n')
    written = run(directory, ours=True)
    assert written.code == 4
    assert "directives[0].group_by: expected one of none, module, class" in written.out


MANY = """
import sys
import pytest

@pytest.mark.parametrize("number", range(40))
def test_it(number):
    if number == 7:
        print(("x" * 10_000 + chr(10)) * 200)
    print("out", number)
    print("err", number, file=sys.stderr)
    assert number != 25
"""


def test_live_lines_have_the_name_of_their_own_test(project, run):
    directory = project({"pytest.ini": "[pytest]\n", "test_it.py": MANY})
    ran = run(directory, "-s", "--maelstrom-group=module", ours=True)
    assert "1 failed, 39 passed" in ran.out
    lines = re.findall(r"^(?:\S* )?test_it\.py::test_it\[(\d+)\] \| (\w+) (\d+)$", ran.out, re.M)
    assert len(lines) == 80
    assert [line for line in lines if line[0] != line[2]] == []
    # What one writes too much of is missing there, and nowhere else.
    assert re.findall(r"test_it\[(\d+)\] \| \[… (\d+) bytes omitted", ran.out) == [
        ("7", str(200 * 10_001 + len("\nout 7\n") - 1_000_000))
    ]


def test_no_test_of_a_group_begins_when_the_run_has_had_enough(project, run):
    directory = project({"pytest.ini": "[pytest]\n", "test_it.py": MANY})
    stopped = run(directory, "-x", "--maelstrom-group=module", ours=True)
    assert stopped.code == 1
    assert len(stopped.cases) == 26
    assert "1 failed, 25 passed" in stopped.out
    # A failure that is to be tried again is no reason to end, and is tried by itself.
    again = run(directory, "--lf", "--maelstrom-group=module", "--maelstrom-retries=1", ours=True)
    assert list(again.cases) == ["test_it.py::test_it[25]"]


def test_what_failed_is_run_again_alone_and_the_others_go_on(project, run):
    directory = project(
        {
            "pytest.ini": "[pytest]\n",
            "test_it.py": """
                import os
                ran = []
                def test_one(): ran.append(1)
                def test_two():
                    assert ran == [] and os.environ["MAELSTROM_ATTEMPT"] == "2"
                def test_three(): assert ran == [1]
            """,
        }
    )
    ran = run(directory, "--maelstrom-group=module", "-x", "--maelstrom-retries=1", "-v", ours=True)
    assert "test_two FLAKY" in ran.out
    # With -x the process ends at its first failure; what is left goes on without what it had.
    assert ran.cases["test_it.py::test_one"] == ["passed"]


def test_repetitions_of_a_group_are_groups_of_their_own(project, run):
    directory = project(
        {
            "pytest.ini": "[pytest]\n",
            "test_it.py": """
                ran = []
                def test_one(): ran.append(1)
                def test_two(): assert ran == [1]
            """,
        }
    )
    ran = run(directory, "--maelstrom-group=module", "--maelstrom-repeat=3", ours=True)
    assert "6 passed" in ran.out
