"""Shells in the containers of tests: instead of one, and after it has failed."""

import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress

import pytest

SUITE = """
    import os
    import pytest

    @pytest.mark.parametrize("what", ["one thing", "two"])
    def test_leaves(what, tmp_path):
        (tmp_path / "left").write_text(what)
        open("/tmp/left-behind", "w").write(what)
        assert what == "three"

    def test_passes():
        pass
"""

SLEEPS = """sh -c 'echo be"$0"; exec "$@"' gun sleep 100\n"""
"""Typed: it says that it has begun, as what it is typed as does not."""


@pytest.fixture
def suite(project):
    return project({"pytest.ini": "[pytest]", "tests/test_leaves.py": SUITE})


ps = pytest.mark.skipif(not shutil.which("ps"), reason="ps is not installed")
NODE = "tests/test_leaves.py::test_leaves[one thing]"


@pytest.mark.skipif(
    not shutil.which("bash"), reason="bash is not installed: job control is its own"
)
def test_a_shell_instead_of_a_test(at_a_terminal, suite):
    user = at_a_terminal(suite, "--maelstrom-shell", NODE, SHELL=shutil.which("bash"), SEEN="yes")
    user.expect(r"a shell in the container of tests/test_leaves.py::test_leaves\[one thing\]")
    by_hand = user.expect(r"to run the test: ([^\n]*)\n")[1]
    user.type("PS1='$ '; echo $((20 + 3))\n")
    user.expect(r"\n23\n\$ ")
    for command, shown in (
        ("tty", "/dev/pts/0"),
        ("stty size", "30 100"),
        ("echo $PWD $SEEN $$", rf"{suite} yes \d+"),
        (by_hand, r"=+ 1 failed in [^\n]*"),
    ):
        user.type(f"{command}\n")
        user.expect(rf"\n{shown}\n.*\$ ")
    user.resize(41, 123)
    user.type("stty size\n")
    user.expect(r"\n(\d+ \d+)\n\$ ")
    user.type("stty size\n")
    assert user.expect(r"\n(\d+ \d+)\n\$ ")[1] == "41 123"
    # Keys are the shell's: one interrupts what runs there, one stops it.
    user.type(SLEEPS)
    user.expect("\nbegun\n")
    user.type("\x03")
    user.expect(r"\^C.*\$ ")
    user.type(SLEEPS)
    user.expect("\nbegun\n")
    user.type("\x1a")
    user.expect(r"Stopped.*\$ ")
    user.type("fg\n")
    user.expect(r"sleep 100\n")
    # The shell says so a moment before it gives the terminal to what it continues.
    for _ in range(10):
        user.type("\x03")
        with suppress(AssertionError):
            user.expect(r"\$ ", seconds=3)
            break
    else:
        pytest.fail("what was continued cannot be interrupted")
    # But for those behind the escape character; twice, it is itself.
    user.type("cat -v\n\x1d\x1d\n")
    user.expect(r"\n\^\]\n")
    user.type("\x04")
    user.expect(r"\$ ")
    user.type("exit 5\n")
    user.expect("the shell exited with status 5")
    assert user.end() == 5
    assert user.attributes == user.before


def test_a_shell_for_a_test_that_there_is_not(at_a_terminal, suite):
    user = at_a_terminal(suite, "--maelstrom-shell", "tests/test_leaves.py::test_leave[one thing]")
    user.expect(r"no test .* was collected: did you mean tests/test_leaves.py::test_leaves\[")
    assert user.end() == pytest.ExitCode.USAGE_ERROR


def test_the_containers_of_failed_tests_are_kept(at_a_terminal, suite):
    user = at_a_terminal(suite, "--maelstrom-keep", "--maelstrom-slots", "1", SHELL="/bin/sh")
    listed = user.expect(r"containers are kept of\n  1  (.*?)\n  2  (.*?)\n")
    first = "one thing" if "one thing" in listed[1] else "two"
    assert f"assert '{first}' == 'three'" in listed[1]
    for _ in range(2):
        user.type("1\n")
        user.expect(r"\$ ")
        user.type("cat /tmp/left-behind; cat /tmp/pytest-of-*/*/*/left; tty; exit 3\n")
        user.expect(rf"exit 3\n({first})+/dev/pts/\d+\n.*exited with status 3")
        user.expect("nothing to end: ")
    user.type("2\n")
    user.expect(r"\$ ")
    user.type("cat /tmp/left-behind; exit\n")
    user.expect("two" if first == "one thing" else "one thing")
    user.expect("nothing to end: ")
    assert user.attributes == user.before
    user.type("\n")
    assert user.end() == 1
    assert "2 failed, 1 passed" in user.shown


@ps
def test_what_has_started_afresh_is_kept_too_but_not_what_has_died(at_a_terminal, project):
    suite = {
        "pytest.ini": "[pytest]",
        "test_it.py": """
            import os

            def test_dies():
                os.abort()

            def test_fails():
                open("/tmp/left-behind", "w").write(str(os.getpid()))
                assert False, "as it should"

            def test_passes():
                pass
        """,
    }
    arguments = ["--maelstrom-keep", "--maelstrom-slots=1", "--maelstrom-isolation=fresh"]
    user = at_a_terminal(project(suite), *arguments, SHELL="/bin/sh")
    user.expect("the container of test_it.py::test_dies has ended with its process")
    user.expect("container is kept of\n  1  test_it.py::test_fails - AssertionError: as it should")
    user.type("1\n")
    user.expect(r"\$ ")
    # Where the checkout lies deep, the program has a name longer than the terminal is wide.
    user.type("ps -ww -p $(cat /tmp/left-behind) -o args= | grep -c inside/main.py; exit\n")
    user.expect(r"\n1\n.*exited with status 0.*nothing to end: ")
    user.type("\x04")
    assert user.end() == 1
    assert "2 failed, 1 passed" in user.shown


@ps
def test_nothing_is_left_of_what_was_kept(at_a_terminal, suite):
    user = at_a_terminal(suite, "--maelstrom-keep", SHELL="/bin/sh")
    user.expect("nothing to end: ")
    user.type("1\n")
    user.expect(r"\$ ")
    user.type("echo $((1000 + 1)) kept; sleep 7654\n")
    user.expect("\n1001 kept")
    user.process.send_signal(signal.SIGKILL)
    user.process.wait()
    deadline = time.monotonic() + 20
    while any("sleep 7654" in one for one in _commands()):
        assert time.monotonic() < deadline, "a shell has outlived pytest"
        time.sleep(0.05)


def _commands() -> list[str]:
    shown = subprocess.run(["ps", "-eo", "args"], stdout=subprocess.PIPE, text=True).stdout
    return [line for line in shown.splitlines() if str(os.getpid()) not in line]


def test_without_a_terminal_there_is_no_looking(run, suite):
    for option in (("--maelstrom-keep",), ("--maelstrom-shell", NODE)):
        ran = run(suite, *option, ours=True)
        assert ran.code == pytest.ExitCode.USAGE_ERROR
        assert "needs a terminal" in ran.out
