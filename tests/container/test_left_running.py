"""Processes that a program leaves when it ends: they are counted, and nothing of them stays."""

import os
import sys

import pytest

from maelstrom_core.model.outcome import Exited, TimedOut

PYTHON = os.path.realpath(sys.executable)
UNREAPED = """
import os, sys
child = os.fork()
if not child:
    os._exit(0)
os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)  # ended, and nobody has asked how
"""


def test_a_program_that_leaves_nobody_has_left_nobody(shell):
    assert shell("sleep 0; (sleep 0 &); exit 3; sleep 9 &").last.left_running == 0


@pytest.mark.parametrize("number", [1, 2, 5])
def test_those_that_it_leaves_are_counted(shell, number):
    seen = shell("exec >/dev/null; sleep 600 &\n" * number + "exit 3")
    assert (seen.code, seen.last.left_running) == (3, number)


def test_those_count_too_that_have_left_its_session(shell):
    seen = shell("(setsid sleep 600 & setsid sleep 601 &) >/dev/null; kill -9 $$")
    assert (seen.code, seen.last.left_running) == (-9, 2)


def test_one_that_has_ended_unreaped_does_not_count(run, system_trees):
    trees = system_trees
    if not sys.base_prefix.startswith("/usr"):
        trees.append((os.path.realpath(sys.base_prefix), sys.base_prefix))
    seen = run(PYTHON, "-c", UNREAPED, trees=trees)
    assert (seen.code, seen.last.left_running) == (0, 0)


def test_one_that_ends_when_the_program_does_has_a_moment_for_that(shell):
    """It reads from the program; on a busy machine one moment may be too short, but not each of them."""
    script = "exec 4>&1; { sleep 0.02; } | cat >/dev/null & exec 4>&-; exit 0"
    assert 0 in [shell(script).last.left_running for _ in range(10)]


def test_without_an_init_it_is_not_known(run):
    seen = run("/bin/sh", "-c", "sleep 600 >/dev/null & exit 2", init=False)
    assert (seen.code, seen.last.left_running) == (2, 0)


@pytest.mark.parametrize("forked", [True, False])
def test_forks_leave_processes_as_programs_do(python_container, job, results_of, forked):
    leaves = "import subprocess; subprocess.Popen(['sleep', '600'], stdout=-3, stderr=-3)"
    late = f"{leaves}; import time; time.sleep(600)"
    jobs = [
        job(python_container, "pass", forked=forked),
        job(python_container, leaves, forked=forked),
        job(python_container, late, forked=forked, timeout=0.5),
    ]
    nobody, one, ended_from_outside = results_of(jobs)
    assert (nobody.outcome, nobody.left_running) == (Exited(0), 0)
    assert (one.outcome, one.left_running) == (Exited(0), 1)
    assert isinstance(ended_from_outside.outcome, TimedOut)
    assert ended_from_outside.left_running == 0
