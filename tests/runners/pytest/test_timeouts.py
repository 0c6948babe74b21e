"""A test that takes too long says where it hangs, whatever it does about signals."""

import os
import re
import subprocess
import sys

import pytest

HANGS = """
import signal, subprocess, sys, threading, time

def hang():
    print("this was printed")
    time.sleep(1000)

def test_sleeps(): hang()
def test_ignores_and_blocks():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    hang()
def test_blocks_all():
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
    hang()
def test_never_leaves_c(): [0] * 10 in [iter(int, 1)] or sum(iter(int, 1))
def test_waits_for_a_program(): subprocess.run(["sleep", "1000"])
def test_waits_for_a_thread():
    thread = threading.Thread(target=hang)
    thread.start()
    thread.join()
def test_cleans_up():
    def clean_up(*_):
        print("cleaned up")
        sys.exit(3)
    signal.signal(signal.SIGTERM, clean_up)
    hang()
"""
HANGS_IN_FIXTURE = """
import pytest, time
@pytest.fixture
def slow():
    yield 1
    time.sleep(1000)
def test_is_torn_down_for_ever(slow): pass
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What is told of each hanging test, by name, of one run."""
    directory = tmp_path_factory.mktemp("hanging")
    (directory / "pytest.ini").write_text("[pytest]\n")
    (directory / "test_hangs.py").write_text(HANGS)
    (directory / "test_fixture.py").write_text(HANGS_IN_FIXTURE)
    arguments = ["-p", "maelstrom", "-p", "no:cacheprovider", "--maelstrom-timeout=4"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments, "--maelstrom-slots=4"],
        cwd=directory,
        env={**os.environ, "MAELSTROM_STATE": str(directory / "state")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "8 failed in" in done.stdout
    parts = re.split(r"^_+ (test_\w+) _+$", done.stdout.partition("= short test")[0], flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_the_stack_is_in_the_report(told):
    assert "timed out after 4 s, ended on SIGTERM" in told["test_sleeps"]
    first, second = told["test_sleeps"].splitlines()[4:6]
    assert first.endswith('test_hangs.py", line 6 in hang')
    assert second.endswith("in test_sleeps")
    assert "_pytest/python.py" not in told["test_sleeps"]


def test_what_it_had_printed_is_there(told):
    assert "this was printed" in told["test_sleeps"]


def test_ignoring_and_blocking_the_usual_signals_hides_nothing(told):
    assert "timed out after 4 s, killed" in told["test_ignores_and_blocks"]
    assert "in test_ignores_and_blocks" in told["test_ignores_and_blocks"]
    assert "blocks SIGTERM; ignores SIGTERM" in told["test_ignores_and_blocks"]


def test_of_one_that_blocks_all_signals_the_kernel_tells(told):
    text = told["test_blocks_all"]
    assert "its Python stack is not known" in text
    assert "(pid 2): sleeping" in text
    assert "blocks SIGTERM" in text
    assert "this was printed" in text


def test_c_code_that_never_returns_is_no_hiding_place(told):
    assert "in test_never_leaves_c" in told["test_never_leaves_c"]
    assert "timed out after 4 s, killed" not in told["test_never_leaves_c"]


def test_the_program_that_it_waits_for_is_named(told):
    assert "in test_waits_for_a_program" in told["test_waits_for_a_program"]
    assert "sleep (pid 3): sleeping" in told["test_waits_for_a_program"]


def test_all_threads_are_shown(told):
    text = told["test_waits_for_a_thread"]
    assert "in hang" in text
    assert "in test_waits_for_a_thread" in text


def test_a_handler_of_its_own_is_heard_after_the_stack_was_taken(told):
    text = told["test_cleans_up"]
    assert "timed out after 4 s, ended on SIGTERM" in text
    assert "cleaned up" in text
    assert "SystemExit: 3" in text


def test_a_fixture_that_hangs_is_found(told):
    assert "in slow" in told["test_is_torn_down_for_ever"]


def test_a_handler_is_its_own_as_long_as_there_is_time(project, both):
    both(
        project(
            {
                "pytest.ini": "[pytest]\n",
                "test_signals.py": """
                    import faulthandler, os, signal, subprocess, threading
                    def test_signals_are_as_they_were():
                        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
                        assert all(
                            signal.getsignal(n) in (signal.SIG_DFL, None)
                            for n in range(signal.SIGRTMIN, signal.SIGRTMAX + 1)
                        )
                    def test_handler_runs():
                        seen = []
                        signal.signal(signal.SIGTERM, lambda *_: seen.append(1))
                        os.kill(os.getpid(), signal.SIGTERM)
                        assert seen == [1]
                    def test_real_time_signals_can_be_used():
                        seen = []
                        for number in range(signal.SIGRTMIN, signal.SIGRTMAX + 1):
                            signal.signal(number, lambda n, _: seen.append(n))
                            os.kill(os.getpid(), number)
                        assert len(seen) == signal.SIGRTMAX - signal.SIGRTMIN + 1
                    def test_no_thread_was_added():
                        assert threading.active_count() == 1
                        assert len(os.listdir("/proc/self/task")) == 1
                    def test_children_have_the_usual_handlers():
                        code = "import os; os.kill(os.getpid(), 63)"
                        import sys
                        assert subprocess.run([sys.executable, "-c", code]).returncode == -63
                """,
            }
        )
    )
