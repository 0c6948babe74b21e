"""Ctrl-C and kill -9 of a run: told, and nothing of it is left behind."""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

SUITE = """
import pathlib, subprocess, sys, time

def test_quick(): pass

def test_hangs():
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)", {token!r}])
    time.sleep(1000)

def test_hangs_too():
    test_hangs()
"""
PATIENCE_SECONDS = 30


def processes_of(token: str) -> list[int]:
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdecimal() and token.encode() in (process / "cmdline").read_bytes():
                found.append(int(process.name))
        except OSError:
            continue
    return found


def wait_for(what, *, seconds: float = PATIENCE_SECONDS) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.02)
    return False


@pytest.fixture
def token() -> str:
    return uuid.uuid4().hex


@pytest.fixture
def running(project, tmp_path, token) -> Iterator[subprocess.Popen[str]]:
    """A run whose two slots both hang, its quick test reported."""
    directory = project({"pytest.ini": "[pytest]\n", "test_it.py": SUITE.format(token=token)})
    mounts = Path("/proc/self/mountinfo").read_text()
    # In a background job of a shell the signal is ignored, and what is ignored stays so in children.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "maelstrom", "--maelstrom-slots=3", "-v"],
        cwd=directory,
        env={**os.environ, "MAELSTROM_STATE": str(tmp_path / "state"), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    signal.signal(signal.SIGINT, before)
    try:
        assert wait_for(lambda: len(processes_of(token)) == 2)
        assert process.stdout is not None
        seen = ""
        # Line by line it would wait: pytest ends a line when the next one begins.
        while "test_quick PASSED" not in seen:
            seen += (letter := process.stdout.read(1))
            assert letter, seen
        yield process
        assert wait_for(lambda: processes_of(token) == [])
        assert Path("/proc/self/mountinfo").read_text() == mounts
        group = process.pid
        assert wait_for(lambda: not group_lives(group))
    finally:
        process.kill()
        process.communicate()


def group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_ctrl_c_ends_the_run_and_all_that_it_started(running):
    os.killpg(running.pid, signal.SIGINT)
    out, _ = running.communicate(timeout=PATIENCE_SECONDS)
    assert running.returncode == 2
    assert "KeyboardInterrupt" in out
    assert "1 passed" in out
    assert "Traceback" not in out


def test_ctrl_c_to_the_one_process_does_the_same(running):
    running.send_signal(signal.SIGINT)
    out, _ = running.communicate(timeout=PATIENCE_SECONDS)
    assert running.returncode == 2
    assert "1 passed" in out


def test_a_killed_run_takes_everything_along(running):
    running.kill()
    running.communicate(timeout=PATIENCE_SECONDS)
    assert running.returncode == -signal.SIGKILL


def test_a_terminated_run_takes_everything_along(running):
    running.terminate()
    running.communicate(timeout=PATIENCE_SECONDS)
    assert running.returncode == -signal.SIGTERM
