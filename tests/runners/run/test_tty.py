"""``--tty``: a program in a container, at the user's own terminal."""

import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

COMMAND = (sys.executable, "-m", "maelstrom_run.cli")
SLEEPS = """sh -c 'echo be"$0"; exec "$@"' gun sleep 100\n"""
"""Typed: it says that it has begun, as what it is typed as does not."""


@pytest.fixture
def user(
    on_a_terminal: Callable[..., Any], surroundings: dict[str, str], tmp_path: Path
) -> Callable[..., Any]:
    """Start the program with ``--tty`` at a terminal."""

    def start(*arguments: str) -> Any:
        variables = {**surroundings, "TERM": "dumb"}
        return on_a_terminal([*COMMAND, "--tty", *arguments], cwd=tmp_path, env=variables)

    return start


@pytest.mark.skipif(
    not shutil.which("bash"), reason="bash is not installed: job control is its own"
)
def test_a_shell_to_look_around(user: Callable[..., Any]) -> None:
    at = user()
    at.expect(r"[$#] ")
    at.type("PS1='$ '; echo $((20 + 3))\n")
    at.expect(r"\n23\n\$ ")
    for command, shown in (
        ("tty", "/dev/pts/0"),
        ("stty size", "30 100"),
        ("pwd", "/tmp"),
        ("ls /home /root | wc -l", r"\d+"),
    ):
        at.type(f"{command}\n")
        at.expect(rf"\n{shown}\n\$ ")
    at.resize(41, 123)
    # The shell is told in its own time.
    for _ in range(100):
        at.type("stty size\n")
        if at.expect(r"\n(\d+ \d+)\n\$ ")[1] == "41 123":
            break
    else:
        pytest.fail("its size has not changed")
    # Keys are the shell's: one interrupts what runs there, one stops it.
    at.type(SLEEPS)
    at.expect("\nbegun\n")
    at.type("\x03")
    at.expect(r"\^C.*\$ ")
    at.type(SLEEPS)
    at.expect("\nbegun\n")
    at.type("\x1a")
    at.expect(r"Stopped.*\$ ")
    at.type("fg\n")
    at.expect(r"sleep 100\n")
    at.type("\x03")
    at.expect(r"\$ ")
    # But for those behind the escape character; twice, it is itself.
    at.type("cat -v\n\x1d\x1d\n")
    at.expect(r"\n\^\]\n")
    at.type("\x04")
    at.expect(r"\$ ")
    at.type("exit 5\n")
    assert at.end() == 5
    assert at.attributes == at.before


def test_the_escape_character_is_chosen_and_leads_back(user: Callable[..., Any]) -> None:
    at = user("--escape-char", "^A", "--", "sh", "-c", "echo begun; cat -v")
    at.expect("begun\n")
    # No longer one.
    at.type("\x1dx\n")
    at.expect(r"\^\]x\n")
    at.type("\x01\x03")

    assert at.end() == -signal.SIGINT
    assert at.attributes == at.before


def test_keys_do_what_they_do_where_signals_are_ignored(
    on_a_terminal: Callable[..., Any], surroundings: dict[str, str], tmp_path: Path
) -> None:
    command = ["sh", "-c", 'trap "" INT QUIT; exec "$@"', "sh", *COMMAND, "--tty", "--"]
    job = ["sh", "-c", "trap 'echo caught' INT; sh -c 'echo begun; exec sleep 100'; cat"]
    at = on_a_terminal([*command, *job], cwd=tmp_path, env=surroundings)
    at.expect("begun\n")
    at.type("\x03")
    at.expect("caught\n")
    at.type("\x1d\x03")

    assert at.end() == -signal.SIGINT
    assert at.attributes == at.before


@pytest.mark.skipif(
    not shutil.which("bash"), reason="bash is not installed: job control is its own"
)
def test_it_is_suspended_in_the_user_s_shell_and_comes_back(
    on_a_terminal: Callable[..., Any], surroundings: dict[str, str], tmp_path: Path
) -> None:
    # Only what a shell has started can be stopped at a terminal.
    variables = {**surroundings, "TERM": "dumb", "PYTHON": sys.executable}
    at = on_a_terminal(["bash", "--norc", "--noprofile"], cwd=tmp_path, env=variables)
    at.type("PS1='out''side> '\n")
    at.expect("\noutside> ")
    at.type("before=$(stty -g)\n")
    at.expect("outside> ")
    job = """sh -c 'echo begun; while read line; do echo "$line: $(stty size)"; done'"""
    at.type(f'"$PYTHON" -m maelstrom_run.cli --tty -- {job}\n')
    at.expect("\nbegun\n")
    at.type("first\n")
    at.expect("first: 30 100\n")
    at.type("\x1d\x1a")
    at.expect(r"Stopped.*outside> ")
    at.type('[ "$(stty -g)" = "$before" ] && echo re""stored\n')
    at.expect("\nrestored\noutside> ")
    at.resize(41, 123)
    at.type("fg\n")
    at.expect(r"--tty[^\n]*\n")
    at.type("second\n")
    at.expect("second: 41 123\n")
    at.type("\x04")
    at.expect("outside> ")
    at.type('echo "it was $?"; [ "$(stty -g)" = "$before" ] && echo re""stored\n')
    at.expect("\nit was 0\nrestored\noutside> ")
    at.type("exit 0\n")
    assert at.end() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_the_terminal_is_as_before_when_a_signal_has_ended_it(
    user: Callable[..., Any], number: signal.Signals
) -> None:
    at = user("--", "sh", "-c", "echo begun; cat")
    at.expect("begun\n")
    assert at.attributes != at.before
    at.process.send_signal(number)

    assert at.end() == -number
    assert at.attributes == at.before


def test_it_dies_as_its_job_dies(user: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "jobs.toml").write_text(
        'program = "sh"\narguments = ["-c", "tty; kill -TERM $$"]\nallocate_tty = true\n'
    )
    at = user("-f", "jobs.toml")
    at.expect("/dev/pts/0\n")

    assert at.end() == -signal.SIGTERM
    assert at.attributes == at.before


def test_where_there_is_no_terminal_it_is_refused(run: Callable[..., Any]) -> None:
    ran = run("--tty", "--", "true")
    among_many = run(given=[{"program": "true", "allocate_tty": True}, {"program": "echo"}])

    assert ran.code == 4
    assert "standard input and output are no terminal" in ran.err
    assert "object 1" in among_many.err
    assert "wants a terminal" in among_many.err
    assert among_many.out == "\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--tty", "--stdin"], "what is typed is for the job"),
        (["--tty", "-f", "-"], "what is typed is for the job"),
        (["--one", "--escape-char", "ab"], "escape-char"),
    ],
    ids=str,
)
def test_what_makes_no_sense_with_it(
    run: Callable[..., Any], arguments: list[str], told: str
) -> None:
    ran = run(*arguments)

    assert ran.code in (2, 4)
    assert told in ran.err
    assert "Traceback" not in ran.err
