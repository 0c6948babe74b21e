"""Cases that are forks of a warm template: what they share and what not, and when they are none."""

import pytest

from pytest_maelstrom.inside.immortal import can_be

SHARED = """
import os, random, time
print("imported", flush=True)
STAMP = time.time_ns()
NUMBER = random.random()
changed = []

def test_one():
    assert not changed
    changed.append(1)
    record()

def test_two():
    assert not changed
    changed.append(2)
    record()

def record():
    print("stamp", STAMP, "pid", os.getpid(), "parent", os.getppid(), "seeded", random.random())
"""

UNSAFE = {
    "a thread": """
        import threading, time
        threading.Thread(target=time.sleep, args=(1000,), name="of mine", daemon=True).start()
        def test_it(): pass
        """,
    "a socket": """
        import socket
        listener = socket.create_server(("127.0.0.1", 0))
        def test_it(): listener.getsockname()
        """,
    "a child": """
        import subprocess
        child = subprocess.Popen(["sleep", "1000"])
        def test_it(): assert child.poll() is None
        """,
    "a file": """
        log = open("log.txt", "w")
        def test_it(): log.write("x")
        """,
}
WORDS = {
    "a thread": "the thread 'of mine' runs",
    "a socket": "a socket is open",
    "a child": "the child process",
    "a file": "a file for writing is open",
}
AFRESH = "started afresh, since a fork would not be safe"


def stamps(out: str) -> list[list[str]]:
    return [line.split() for line in out.splitlines() if line.startswith("stamp")]


def test_cases_share_what_was_imported_and_nothing_that_they_change(project, run):
    directory = project({"pytest.ini": "[pytest]\n", "test_shared.py": SHARED})
    ran = run(directory, "-rP", ours=True)
    assert ran.code == 0, ran.out
    one, two = stamps(ran.out)
    assert one[1] == two[1], "the module was imported twice"
    assert (one[3], one[5]) == (two[3], two[5]) == ("2", "1"), "not alone below an init"
    assert one[7] != two[7], "random numbers of forks are alike"
    assert AFRESH not in ran.out


def test_fresh_cases_import_for_themselves(project, run):
    directory = project({"pytest.ini": "[pytest]\n", "test_shared.py": SHARED})
    ran = run(directory, "-rP", "--maelstrom-isolation=fresh", ours=True)
    assert ran.code == 0, ran.out
    one, two = stamps(ran.out)
    assert one[1] != two[1]


def test_one_case_can_ask_for_a_fresh_start_by_a_mark(project, run):
    marked = SHARED.replace(
        "def test_two",
        "import pytest\n@pytest.mark.maelstrom(isolation='fresh')\ndef test_two",
    )
    directory = project({"pytest.ini": "[pytest]\n", "test_shared.py": marked})
    ran = run(directory, "-rP", "--strict-markers", ours=True)
    assert ran.code == 0, ran.out
    one, two = stamps(ran.out)
    assert one[1] != two[1]


def test_a_directive_asks_for_it_too(project, run):
    directives = """
        [[directives]]
        filter = "name.equals(test_two)"
        isolation = "fresh"
        """
    files = {"pytest.ini": "[pytest]\n", "test_shared.py": SHARED}
    directory = project({**files, "maelstrom-pytest.toml": directives})
    ran = run(directory, "-rP", ours=True)
    assert ran.code == 0, ran.out
    one, two = stamps(ran.out)
    assert one[1] != two[1]


@pytest.mark.parametrize("what", UNSAFE)
def test_what_cannot_be_forked_safely_is_started_afresh_and_said_so(project, run, what):
    directory = project({"pytest.ini": "[pytest]\n", "test_unsafe.py": UNSAFE[what]})
    ran = run(directory, ours=True)
    assert ran.code == 0, ran.out
    assert AFRESH in ran.out
    assert f"1 test: {WORDS[what]}" in ran.out


def test_files_made_while_collecting_are_there_for_every_case(project, run):
    test = """
        import os, pathlib, tempfile, pytest
        made = pathlib.Path(tempfile.mkdtemp())
        (made / "file").write_text("as made")
        pathlib.Path("gone.txt").unlink(missing_ok=True)

        @pytest.mark.parametrize("turn", range(3))
        def test_it(turn):
            assert (made / "file").read_text() == "as made"
            assert not os.path.exists("gone.txt")
            (made / "file").write_text("changed")
        """
    directory = project({"pytest.ini": "[pytest]\n", "test_made.py": test, "gone.txt": "x"})
    ran = run(directory, ours=True)
    assert ran.code == 0, ran.out
    assert AFRESH not in ran.out
    assert (directory / "gone.txt").exists()


def test_what_a_case_costs_does_not_grow_with_the_suite(project, run):
    test = """
        import pytest

        def test_first(): assert False

        @pytest.mark.parametrize("number", range(8000))
        def test_one_of_many(number): pass
        """
    measures = """
        import os, pathlib

        def pytest_unconfigure():
            if "MAELSTROM_OUTPUT" in os.environ:
                with open("/proc/self/smaps_rollup") as file:
                    sizes = dict(line.split(":") for line in file.read().splitlines()[1:])
                own = pathlib.Path(os.environ["MAELSTROM_OUTPUT"], "own")
                own.write_text(sizes["Private_Dirty"].split()[0])
        """
    own = []
    for many in (8000, 40):
        text = test.replace("8000", str(many))
        files = {"pytest.ini": "[pytest]\n", "test_many.py": text, "conftest.py": measures}
        directory = project(files)
        run(directory, "-x", f"--maelstrom-output={directory / str(many)}", ours=True)
        (found,) = (directory / str(many)).rglob("*test_first*/**/own")
        own.append(int(found.read_text()))
    # KiB that a fork has written to, until its end. It could be all memory in which cases lie.
    assert own[0] < 1.12 * own[1], own


def test_descriptors_of_the_template_are_not_the_case_s(project, run):
    test = """
        import os
        def test_it():
            names = {n: os.readlink(f"/proc/self/fd/{n}") for n in os.listdir("/proc/self/fd")
                     if os.path.exists(f"/proc/self/fd/{n}")}
            sockets = [int(number) for number, name in names.items() if "socket" in name]
            # Its own link, out of the way; none of the template's.
            assert len(sockets) == 1 and sockets[0] >= 400, names
            low = [int(number) for number in names if 2 < int(number) < 400]
            with open("/dev/null") as file:
                assert file.fileno() not in low
            assert not os.path.exists("/.maelstrom/parts/l")
        """
    directory = project({"pytest.ini": "[pytest]\n", "test_open.py": test})
    for isolation in ("template", "fresh"):
        ran = run(directory, f"--maelstrom-isolation={isolation}", ours=True)
        assert ran.code == 0, ran.out


def test_a_template_that_is_killed_again_and_again_costs_no_test(project, run):
    # The template is the parent of nobody whom a test could reach: it kills itself here.
    test = """
        import os, threading, pytest
        if os.getppid() == 1 and not os.environ.get("MAELSTROM_ATTEMPT"):
            import signal
            def die(*_): os.kill(os.getpid(), signal.SIGKILL)
            signal.signal(signal.SIGALRM, die)
            signal.setitimer(signal.ITIMER_REAL, 0.3)
        @pytest.mark.parametrize("turn", range(16))
        def test_it(turn):
            import time
            time.sleep(0.2)
        """
    directory = project({"pytest.ini": "[pytest]\n", "test_dies.py": test})
    ran = run(directory, ours=True)
    assert ran.code == 0, ran.out
    assert "16 passed" in ran.out
    assert "the template killed by signal 9" in ran.out


COUNTED = """
import sys

import pytest

def used(): return 1

@pytest.mark.parametrize("number", range(400))
def test_it(number):
    assert used() == 1
    # One from the module, one of the call.
    assert (sys.getrefcount(used) == 2) is COUNTED
"""


@pytest.mark.parametrize("setting", ["code", "off"])
def test_references_to_code_are_counted_where_that_is_wanted(project, run, setting):
    """Where the interpreter does not know of uncounted ones, they are counted whatever is wanted."""
    counted = setting == "off" or not can_be()
    files = {"pytest.ini": "[pytest]\n", "test_counted.py": f"COUNTED = {counted}\n{COUNTED}"}
    # A template of many cases does it; that they share a fork does not matter.
    options = (f"--maelstrom-immortal={setting}", "--maelstrom-group=module")
    ran = run(project(files), *options, ours=True)
    assert ran.code == 0, ran.out
    assert "400 passed" in ran.out
