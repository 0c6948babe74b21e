"""Processes that a program leaves when it ends: they are counted, and nothing of them stays."""

import os
import sys

import pytest

from maelstrom_core.model.container import Bind, Devices, Root
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
    assert seen.last.left_lines == b"sleep\x00600\0".ljust(256, b"\0") * number


def test_of_many_a_few_are_named_and_all_are_counted(shell):
    seen = shell("exec >/dev/null; for _ in 1 2 3 4 5 6 7 8 9 10; do sleep 600 & done; exit 0")
    assert (seen.code, seen.last.left_running) == (0, 10)
    assert seen.last.left_lines == b"sleep\x00600\0".ljust(256, b"\0") * 8


def test_a_long_command_line_is_cut_off(shell):
    seen = shell(f"exec >/dev/null; sleep 600 {'0' * 1000} & sleep 601 & exit 0")
    words = b"sleep\x00600\0" + b"0" * 1000
    assert seen.last.left_lines == words[:256] + b"sleep\x00601\0".ljust(256, b"\0")


def test_without_a_proc_they_are_counted_all_the_same(shell):
    seen = shell("sleep 600 & exit 3", mounts=(Devices(),))
    assert (seen.code, seen.last.left_running, seen.last.left_lines) == (3, 1, b"")


def test_processes_of_a_host_whose_proc_is_shown_are_not_taken_for_its_own(shell):
    mounts = (Devices(), Bind(source="/proc", target="/proc"))
    seen = shell("sleep 600 & exit 3", mounts=mounts)
    assert (seen.code, seen.last.left_running, seen.last.left_lines) == (3, 1, b"")


def test_what_a_job_has_put_where_proc_is_holds_up_nothing(shell):
    """A pipe that nobody writes to, where the command line of a process would be."""
    script = "mkdir -p /proc/7 && mkfifo /proc/7/cmdline; sleep 600 & exit 3"
    seen = shell(script, mounts=(Devices(),), root=Root(writable=True))
    assert (seen.code, seen.last.left_running, seen.last.left_lines) == (3, 1, b"")


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
    assert (nobody.outcome, nobody.left_running, nobody.left_commands) == (Exited(0), 0, ())
    assert (one.outcome, one.left_running, one.left_commands) == (Exited(0), 1, ("sleep 600",))
    assert isinstance(ended_from_outside.outcome, TimedOut)
    assert ended_from_outside.left_running == 0
