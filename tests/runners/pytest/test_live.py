"""What tests write is shown while they run, where plain pytest would show it."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO

import attrs
import pytest

PATIENCE_SECONDS = 60
INI = "[pytest]\n"
SPEAKS = """
    import subprocess, sys
    import pytest

    @pytest.mark.parametrize("number", range(6))
    def test_speaks(number):
        for turn in range(20):
            print("spoken", number, turn)
            print("complained", number, turn, file=sys.stderr)

    def test_is_quiet(): pass
    def test_has_a_program_speak(): subprocess.run(["echo", "from a program"])
    def test_does_not_end_its_line(): print("no end", end="")
"""
PREFIXED = re.compile(r"test_it\.py::\w+(\[\d\])? \| ")


@attrs.frozen
class Streams:
    code: int
    out: str
    err: str


@pytest.fixture
def speak(project, tmp_path) -> Callable[..., Streams]:
    """Run a file of tests in containers, its standard output and error apart."""

    def run(source: str, *arguments: str, ini: str = INI, **more: str) -> Streams:
        directory = project({"pytest.ini": ini, "test_it.py": source, **more})
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "maelstrom", *arguments],
            cwd=directory,
            env={**os.environ, "MAELSTROM_STATE": str(tmp_path / "state")},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=200,
        )
        return Streams(done.returncode, done.stdout, done.stderr)

    return run


@contextmanager
def hanging(project, tmp_path, source: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A run whose test does not end."""
    directory = project({"pytest.ini": INI, "test_it.py": source})
    environment = {**os.environ, "MAELSTROM_STATE": str(tmp_path / "state")}
    environment.pop("PYTHONUNBUFFERED", None)
    # In a background job of a shell the signal is ignored, and what is ignored stays so in children.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "maelstrom", *arguments],
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    signal.signal(signal.SIGINT, before)
    # A read that would wait for ever ends with the process.
    signal.signal(signal.SIGALRM, lambda *_: process.kill())
    signal.alarm(PATIENCE_SECONDS)
    try:
        yield process
    finally:
        signal.alarm(0)
        process.kill()
        process.communicate()


def read_until(stream: IO[str] | None, line: str) -> None:
    assert stream is not None
    seen = []
    while not seen or seen[-1] != line + "\n":
        seen.append(stream.readline())
        assert seen[-1], "".join(seen)


@pytest.mark.parametrize("isolation", ["template", "fresh"])
@pytest.mark.parametrize("capture", ["-s", "--capture=tee-sys"])
def test_a_line_is_seen_while_its_test_still_runs(project, tmp_path, isolation, capture):
    source = """
        import sys, time
        def test_hangs():
            print("before it hangs")
            print("a complaint", file=sys.stderr)
            time.sleep(1000)
    """
    arguments = (capture, f"--maelstrom-isolation={isolation}")
    with hanging(project, tmp_path, source, *arguments) as process:
        read_until(process.stdout, "test_it.py::test_hangs | before it hangs")
        read_until(process.stderr, "test_it.py::test_hangs | a complaint")
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 2, out + err
    assert "KeyboardInterrupt" in out


def test_a_line_without_end_is_not_waited_for(project, tmp_path):
    source = """
        import time
        def test_hangs():
            print("Password: ", end="", flush=True)
            time.sleep(1000)
    """
    with hanging(project, tmp_path, source, "-s") as process:
        read_until(process.stdout, "test_it.py::test_hangs | Password: ")
        assert process.poll() is None


def test_a_reader_who_leaves_ends_the_run(project, tmp_path):
    source = """
        import time
        def test_hangs():
            for _ in range(1000):
                print("still here")
                print("and", end="", flush=True)
                time.sleep(1.5)
    """
    with hanging(project, tmp_path, source, "-s") as process:
        read_until(process.stdout, "test_it.py::test_hangs | still here")
        process.stdout.close()
        process.stderr.read()
        assert process.wait() > 0


@pytest.mark.parametrize("isolation", ["template", "fresh"])
def test_a_log_is_seen_while_its_test_still_runs(project, tmp_path, isolation):
    source = """
        import logging, time
        def test_hangs():
            print("captured")
            logging.getLogger("some").info("before it %s", "hangs")
            time.sleep(1000)
    """
    arguments = ("--log-cli-level=INFO", f"--maelstrom-isolation={isolation}")
    with hanging(project, tmp_path, source, *arguments) as process:
        log = "INFO     some:test_it.py:5 before it hangs"
        read_until(process.stdout, f"test_it.py::test_hangs | {log}")
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 2
    assert "captured" not in out


@pytest.mark.parametrize("isolation", ["template", "fresh"])
@pytest.mark.parametrize("verbosity", [[], ["-v"]])
def test_lines_of_tests_side_by_side_are_whole(speak, isolation, verbosity):
    ran = speak(
        SPEAKS,
        "--capture=no",
        *verbosity,
        f"--maelstrom-isolation={isolation}",
        "--maelstrom-slots=4",
    )
    assert ran.code == 0, ran.out + ran.err
    assert "9 passed" in ran.out
    assert "started afresh" not in ran.out
    out, err = ran.out.splitlines(), ran.err.splitlines()
    for number in range(6):
        name = f"test_it.py::test_speaks[{number}]"
        spoken = [line for line in out if line.startswith(f"{name} | ")]
        assert spoken == [f"{name} | spoken {number} {turn}" for turn in range(20)]
        complained = [line for line in err if line.startswith(f"{name} | ")]
        assert complained == [f"{name} | complained {number} {turn}" for turn in range(20)]
    assert "test_it.py::test_has_a_program_speak | from a program" in out
    assert "test_it.py::test_does_not_end_its_line | no end" in out
    assert all(PREFIXED.match(line) for line in err), ran.err
    # Of pytest's own lines none has anything behind it that is not its own.
    shown = [line for line in out if re.search("spoken|complained|program speak|no end", line)]
    assert all(PREFIXED.match(line) for line in shown)
    results = [line for line in out if re.fullmatch(r"\.+|test_it\S+ PASSED", line)]
    assert sum(len(line) if not verbosity else 1 for line in results) == 9


def test_on_one_stream_no_line_is_torn_either(project, run):
    ran = run(project({"pytest.ini": INI, "test_it.py": SPEAKS}), "-s", ours=True)
    assert ran.code == 0
    shown = [line for line in ran.out.splitlines() if re.search("spoken|complained", line)]
    assert len(shown) == 6 * 20 * 2
    assert all(PREFIXED.match(line) for line in shown)


def test_outcomes_are_those_of_a_plain_run(project, both):
    source = """
        import os, sys
        import pytest
        def test_passes(): print("1")
        def test_fails(): print("2"); assert 0
        def test_takes_what_it_wrote_itself(capsys, capfd_text):
            print("3"); assert capsys.readouterr().out == "3\\n"
        @pytest.fixture
        def capfd_text(): yield; print("4")
        def test_by_descriptor(capfd): os.write(1, b"5"); assert capfd.readouterr().out == "5"
        def test_has_nobody_to_ask(): pytest.raises(EOFError, input)
    """
    plain, ours = both(project({"pytest.ini": INI, "test_it.py": source}), "-s")
    assert plain.code == 1
    assert "test_it.py::test_takes_what_it_wrote_itself | 4" in ours.out
    assert "| 3" not in ours.out


def test_without_it_nothing_is_shown(speak):
    ran = speak(SPEAKS)
    assert ran.code == 0
    assert "spoken" not in ran.out
    assert ran.err == ""


def test_what_is_printed_when_modules_are_imported_is_shown_once(speak):
    ran = speak("print('at', 'import', end='')\ndef test_a(): pass\ndef test_b(): pass\n", "-s")
    assert ran.code == 0
    assert ran.out.count("at import") == 1
    assert "collecting | at import\n" in ran.out


def test_it_may_be_the_project_that_asks_for_it(speak):
    source = "import logging\ndef test_it(): logging.warning('logged'); print('spoken')\n"
    ran = speak(
        source, ini="[pytest]\naddopts = -s\nlog_cli = true\nlog_cli_format = %(message)s\n"
    )
    assert "test_it.py::test_it | logged\ntest_it.py::test_it | spoken\n" in ran.out


def test_prefixes_have_colours_where_there_are_any_and_no_other_ones(speak):
    source = "def test_a(): print('spoken')\ndef test_b(): print('\\033[31mred')\n"
    coloured = speak(source, "-s", "--color=yes").out
    assert re.search(r"\x1b\[\d+mtest_it\.py::test_a \| \x1b\[0mspoken\n", coloured)
    assert re.search(r"test_b \| \x1b\[0m\x1b\[31mred\x1b\[0m\n", coloured)
    assert "test_it.py::test_a | spoken\n" in speak(source, "-s", "--color=no").out


def test_attempts_and_files_of_one_name_are_told_apart(speak):
    source = (
        "import os\ndef test_it(): print('spoken'); assert os.environ['MAELSTROM_ATTEMPT'] > '1'"
    )
    ran = speak(
        source,
        "-s",
        "--maelstrom-retries=1",
        "--import-mode=importlib",
        **{"sub/test_it.py": "def test_it(): print('spoken too')"},
    )
    assert ran.code == 0, ran.out
    assert "\ntest_it.py::test_it | spoken\n" in ran.out
    assert "\ntest_it.py::test_it (attempt 2) | spoken\n" in ran.out
    assert "\nsub/test_it.py::test_it | spoken too\n" in ran.out


def test_endless_output_is_bounded_and_said_to_be(speak):
    source = """
        def test_it():
            for number in range(400_000):
                print("line", number)
    """
    ran = speak(source, "-s")
    assert ran.code == 0
    assert len(ran.out) < 8_000_000
    assert "| line 0\n" in ran.out
    assert "| line 399999\n" in ran.out
    assert re.search(r"\| \[\d+ bytes before the last 500000 were not shown\]\n", ran.out)


def test_without_a_terminal_reporter_it_is_shown_too(speak):
    ran = speak("def test_it(): print('spoken')", "-s", "-p", "no:terminal")
    assert ran.code == 0
    assert ran.out.splitlines() == ["test_it.py::test_it | spoken"]


def test_without_a_logging_plugin_nothing_is_missed(speak):
    ran = speak("def test_it(): print('spoken')", "-p", "no:logging")
    assert ran.code == 0, ran.out
    assert "1 passed" in ran.out
    assert "spoken" not in ran.out
