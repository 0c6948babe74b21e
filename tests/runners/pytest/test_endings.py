"""Cases and conftests that end pytest itself, or never end: each costs itself and is told."""

import re

import pytest

BAD_ENDINGS = """
import ctypes, os, signal, sys, threading, time

def test_leaves_quietly(): os._exit(0)
def test_leaves(): os._exit(3)
def test_segfaults(): ctypes.string_at(0)
def test_is_killed(): os.kill(os.getpid(), signal.SIGKILL)
def test_is_terminated():
    os.kill(os.getpid(), signal.SIGTERM)
def test_aborts(): os.abort()
def test_hangs(): time.sleep(1000)
def test_hangs_and_will_not_go():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    time.sleep(1000)
def test_leaves_a_thread():
    threading.Thread(target=time.sleep, args=(1000,)).start()
def test_writes_garbage_to_all_that_is_open():
    for name in os.listdir("/proc/self/fd"):
        try:
            os.write(int(name), b'{"kind": "report"\\n garbage \\xff\\n[]\\n42\\n{"kind": []}\\n')
        except OSError:
            pass
def test_passes(): pass
"""


@pytest.mark.parametrize("isolation", ["template", "fresh"])
def test_a_case_that_ends_badly_is_told_and_costs_itself_alone(project, run, isolation):
    directory = project({"pytest.ini": "[pytest]\n", "test_bad.py": BAD_ENDINGS})
    how = f"--maelstrom-isolation={isolation}"
    ran = run(directory, "--maelstrom-timeout=4", "--maelstrom-slots=4", how, ours=True)
    ended = {name.partition("::")[2]: kinds for name, kinds in ran.cases.items()}
    assert ended.pop("test_passes") == ["passed"]
    assert ended.pop("test_writes_garbage_to_all_that_is_open") == ["passed"], ran.out
    # Plain pytest tells of it, and then waits for the thread; here it ends with its container.
    assert ended.pop("test_leaves_a_thread") == ["passed"]
    # Nothing is known of how it ended: that is no success.
    assert set(map(tuple, ended.values())) == {("failed",)}, ended
    assert ran.code == 1
    for words in (
        "exited with status 0 before it could report",
        "exited with status 3 before it could report",
        "ended by SIGSEGV",
        "ended by SIGKILL",
        "ended by SIGTERM",
        "ended by SIGABRT",
    ):
        assert words in ran.out, words
    assert len(re.findall(r"timed out after 4", ran.out)) >= 2
    assert "UserWarning" not in ran.out


def test_ending_the_run_from_a_case_ends_it_with_its_words(project, run):
    directory = project(
        {
            "pytest.ini": "[pytest]\n",
            "test_exit.py": """
                import pytest
                def test_ends_all(): pytest.exit("enough of this", returncode=7)
            """,
        }
    )
    plain, ours = run(directory, ours=False), run(directory, ours=True)
    assert ours.code == plain.code == 7
    assert "enough of this" in ours.out


def test_an_interrupt_raised_by_a_case_is_told(project, run):
    directory = project(
        {
            "pytest.ini": "[pytest]\n",
            "test_exit.py": "def test_interrupts(): raise KeyboardInterrupt\n",
        }
    )
    plain, ours = run(directory, ours=False), run(directory, ours=True)
    assert ours.code == plain.code == 2
    assert "KeyboardInterrupt" in ours.out
    assert "test_exit.py:1" in ours.out


def test_what_goes_wrong_while_collecting_is_told_as_plainly(project, run, both):
    directory = project(
        {
            "pytest.ini": "[pytest]\n",
            "test_syntax.py": "def test_it(:\n",
            "test_import.py": "import no_such_module\n",
            "test_raises.py": "raise RuntimeError('at import')\n",
            "test_skips.py": "import pytest; pytest.skip('all of it', allow_module_level=True)\n",
            "test_good.py": "def test_it(): pass\n",
        }
    )
    plain, ours = both(directory)
    assert plain.code == 2
    for words in ("SyntaxError", "No module named 'no_such_module'", "RuntimeError: at import"):
        assert words in ours.out
    assert "3 errors during collection" in ours.out
    plain, ours = both(directory, "--continue-on-collection-errors")
    assert plain.cases["test_good.py::test_it"] == ["passed"]


def test_a_broken_conftest_is_told_without_a_run(project, run):
    directory = project(
        {
            "pytest.ini": "[pytest]\n",
            "conftest.py": "raise RuntimeError('in conftest')\n",
            "test_it.py": "def test_it(): pass\n",
        }
    )
    plain, ours = run(directory, ours=False), run(directory, ours=True)
    assert ours.code == plain.code == 4
    assert "in conftest" in ours.out


def test_a_collection_that_dies_is_told(project, run):
    directory = project(
        {"pytest.ini": "[pytest]\n", "test_it.py": "import os\nprint('here')\nos._exit(9)\n"}
    )
    ours = run(directory, ours=True)
    assert ours.code == 4
    assert "could not be collected" in ours.out
    assert "status 9" in ours.out
