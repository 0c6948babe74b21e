"""``--one``: a job of which the program is a stand-in. And how everything ends before its time."""

import json
import os
import pty
import signal
import subprocess
import termios
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.mark.parametrize(
    ("command", "code", "told"),
    [
        (["sh", "-c", "exit 250"], 250, ""),
        (["sh", "-c", "kill -KILL $$"], -signal.SIGKILL, ""),
        (["nowhere"], 127, "no such program in the container"),
        (["sleep", "60"], 124, "timed out after 0.2 s"),
    ],
    ids=str,
)
def test_it_ends_as_its_job_ends(run: Callable, command: list[str], code: int, told: str) -> None:
    ran = run("--one", "--", *command, given=[{"timeout": 0.2}])

    assert ran.code == code
    assert told in ran.err
    assert bool(ran.err) == bool(told)


def test_only_the_first_job_is_read_and_no_further(program: Start) -> None:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with program("--one", **pipes) as running:
        running.stdin.write(b'{"containers": {}} {"program": "echo", "arguments": ["first"]}')
        running.stdin.flush()
        # Its standard input is still open.
        assert running.stdout.read() == b"first\n"
        assert running.wait(timeout=30) == 0


def test_all_output_is_passed_on_as_it_comes_however_much_it_is(program: Start) -> None:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    script = "echo first; read line; head -c 30000000 /dev/zero; echo last"
    with program("--one", "--", "sh", "-c", script, **pipes) as running:
        running.stdin.write(b'{"stdin": "x"}')
        running.stdin.flush()
        assert running.stdout.readline() == b"first\n"
        rest = running.stdout.read()
        assert len(rest) == 30_000_000 + len(b"last\n")
        assert rest.endswith(b"\0last\n")
        assert running.wait(timeout=30) == 0


def test_a_job_may_have_our_standard_input(run: Callable, tmp_path: Path) -> None:
    (tmp_path / "job.toml").write_text('program = "wc"\narguments = ["-c"]\n')
    data = bytes(range(256)) * 10_000

    ran = run("-f", "job.toml", "--one", "--stdin", given=data)
    alone = run("--one", "--stdin", "--", "wc", "-c", given=data)

    assert ran.out == alone.out == "2560000\n"


def sleeping(seconds: str) -> list[bytes]:
    """Command lines of processes on this host that sleep that long."""
    found = []
    for entry in os.listdir("/proc"):
        try:
            line = Path("/proc", entry, "cmdline").read_bytes()
        except OSError:
            continue
        if line == b"sleep\0" + seconds.encode() + b"\0":
            found.append(line)
    return found


def processes_of(script: str) -> list[str]:
    """Processes on this host that run a script."""
    found = []
    for entry in filter(str.isdecimal, os.listdir("/proc")):
        with suppress(OSError):
            if Path("/proc", entry, "cmdline").read_bytes().endswith(script.encode() + b"\0"):
                found.append(entry)
    return found


def wait_for(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize(("number", "many"), [(signal.SIGINT, True), (signal.SIGTERM, False)])
def test_a_signal_ends_all_jobs_and_the_program_dies_of_it(
    program: Start, number: int, many: bool
) -> None:
    seconds = f"61.{number}{many:d}"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with program("--slots=2", *([] if many else ["--one"]), **pipes) as running:
        running.stdin.write(b'{"program": "sleep", "arguments": ["%s"]}\n' % seconds.encode() * 9)
        running.stdin.flush()
        wait_for(lambda: len(sleeping(seconds)) == (2 if many else 1))
        running.send_signal(number)
        assert running.wait(timeout=30) == -number
        assert running.stderr.read() == b""
    assert sleeping(seconds) == []


@pytest.mark.parametrize("arguments", [["--one"], []], ids=str)
def test_a_reader_who_has_had_enough_ends_everything(program: Start, arguments: list[str]) -> None:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with program(*arguments, **pipes) as running:
        running.stdin.write(b'{"program": "seq", "arguments": ["90000"]}\n' * 9)
        running.stdin.flush()
        assert running.stdout.readline()
        running.stdout.close()
        assert running.wait(timeout=30) == -signal.SIGPIPE
        assert running.stderr.read() == b""


def test_a_reader_who_is_slow_holds_up_nothing_but_what_is_shown(program: Start) -> None:
    """Time limits of jobs hold while nobody reads what others have written."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with program("--slots=2", **pipes) as running:
        running.stdin.write(b'{"program": "seq", "arguments": ["100000"]}')
        running.stdin.write(b'{"program": "sleep", "arguments": ["63.5"], "timeout": 1}')
        running.stdin.close()
        wait_for(lambda: sleeping("63.5"))
        wait_for(lambda: not sleeping("63.5"))
        assert running.stdout.read().endswith(b"\n99999\n100000\n")
        assert running.wait(timeout=30) == 1


@pytest.mark.parametrize("timeout", [60, 1])
def test_a_reader_who_does_not_read_holds_up_the_job_and_not_its_end(
    program: Start, timeout: int
) -> None:
    """It is interrupted, or its time is up, while it waits for him."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    script = "a=0123456789abcdef; for i in 1 2 3 4 5 6 7 8; do a=$a$a; done; "
    script += "while :; do printf %s $a; done"
    job = {"program": "sh", "arguments": ["-c", script], "timeout": timeout}
    with program("--one", **pipes) as running:
        running.stdin.write(json.dumps(job).encode())
        running.stdin.close()
        assert running.stdout.read(1) == b"0"
        if timeout == 60:
            running.send_signal(signal.SIGINT)
            assert running.wait(timeout=30) == -signal.SIGINT
        else:
            wait_for(lambda: not processes_of(script))
            rest = running.stdout.read()
            assert running.wait(timeout=30) == 124
            # What sockets and pipes on the way hold, and no more; and that in order.
            assert len(rest) < 4 << 20
            assert (b"0" + rest)[: len(rest) // 16 * 16] == b"0123456789abcdef" * (len(rest) // 16)
    assert not processes_of(script)


def test_what_is_to_outlive_its_terminal_does(program: Start) -> None:
    def ignore() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with program("--one", preexec_fn=ignore, **pipes) as running:
        running.stdin.write(b'{"program": "sh", "arguments": ["-c", "echo on; sleep 0.3; exit 4"]}')
        running.stdin.flush()
        assert running.stdout.readline() == b"on\n"
        running.send_signal(signal.SIGHUP)
        assert running.wait(timeout=30) == 4


def test_a_full_disk_below_its_output_is_told(program: Start) -> None:
    with open("/dev/full", "wb") as full:
        pipes = {"stdin": subprocess.PIPE, "stdout": full, "stderr": subprocess.PIPE}
        with program(**pipes) as running:
            running.stdin.write(b'{"program": "echo"}')
            running.stdin.close()
            assert running.wait(timeout=30) == 71
            assert b"output cannot be written: No space left on device" in running.stderr.read()


def test_at_a_terminal_it_says_what_it_waits_for(program: Start) -> None:
    """And runs what is typed, job by job."""
    ours, theirs = pty.openpty()
    try:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with program(stdin=theirs, **pipes) as running:
            os.close(theirs)
            assert b"reading jobs from the terminal; Ctrl-D ends" in running.stderr.readline()
            os.write(ours, b'{"program": "echo", "arguments": ["typed"]}\n')
            assert running.stdout.readline() == b"typed\n"
            os.write(ours, b"\x04")
            assert running.wait(timeout=30) == 0
    finally:
        os.close(ours)


def test_at_a_terminal_a_command_is_all_that_is_needed(program: Start) -> None:
    ours, theirs = pty.openpty()
    try:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with program("--one", "id", "-u", stdin=theirs, **pipes) as running:
            os.close(theirs)
            assert running.stdout.read() == b"%d\n" % os.geteuid()
            assert running.stderr.read() == b""
            assert running.wait(timeout=30) == 0
    finally:
        os.close(ours)


def test_progress_is_shown_at_a_terminal_and_taken_away(program: Start) -> None:
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    try:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": theirs}
        with program("--slots=1", **pipes) as running:
            os.close(theirs)
            running.stdin.write(b'{"program": "sleep", "arguments": ["1"]}\n{"program": "true"}')
            running.stdin.close()
            shown = b""
            while True:
                try:
                    shown += os.read(ours, 1000)
                except OSError:
                    break  # nobody has the terminal any more
            assert running.wait(timeout=30) == 0
    finally:
        os.close(ours)

    assert b"0 of 2 jobs ended; 1 running" in shown
    assert shown.endswith(b"\r\x1b[K")
