"""Small projects, run by plain pytest and by ours."""

import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest

RECORD = Path(__file__).parents[2] / "real" / "record.py"


@attrs.frozen
class Ran:
    """How a run of pytest ended.

    :param cases: for each node id the categories that the terminal counts, in order
    """

    code: int
    cases: Mapping[str, list[str]]
    out: str

    def ended(self) -> tuple[int, Mapping[str, list[str]]]:
        """What must be the same, however it was run."""
        return self.code, self.cases


@pytest.fixture
def project(tmp_path: Path) -> Callable[[Mapping[str, str]], Path]:
    """Write files of a project; its directory."""

    def write(files: Mapping[str, str]) -> Path:
        directory = tmp_path / "project"
        for name, text in files.items():
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text), encoding="utf-8")
        return directory

    return write


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Ran]:
    """Run pytest in a directory, in containers or plainly."""

    def run_pytest(directory: Path, *arguments: str, ours: bool, **variables: str) -> Ran:
        recorded = tmp_path / "recorded.json"
        recorded.unlink(missing_ok=True)
        chosen = ["-p", "maelstrom"] if ours else []
        command = [sys.executable, str(RECORD), str(recorded), *chosen, *arguments]
        done = subprocess.run(
            command,
            cwd=directory,
            env={**os.environ, "MAELSTROM_STATE": str(tmp_path / "state"), **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )
        cases: dict[str, Any] = {}
        if recorded.exists():
            cases = json.loads(recorded.read_text())["cases"]
        return Ran(done.returncode, cases, done.stdout)

    return run_pytest


@pytest.fixture
def both(run: Callable[..., Ran]) -> Callable[..., tuple[Ran, Ran]]:
    """Run a directory's tests plainly, then in containers: the same must come of it."""

    def run_both(directory: Path, *arguments: str, **variables: str) -> tuple[Ran, Ran]:
        plain = run(directory, "-p", "no:cacheprovider", *arguments, ours=False, **variables)
        ours = run(directory, "-p", "no:cacheprovider", *arguments, ours=True, **variables)
        assert ours.ended() == plain.ended(), f"{plain.out}\n=== ours ===\n{ours.out}"
        return plain, ours

    return run_both


class AtATerminal:
    """A program on a real terminal, with somebody at the keyboard who waits for what is shown."""

    def __init__(self, command: list[str], **how: Any) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("<4H", 30, 100, 0, 0))
        self.before = termios.tcgetattr(slave)
        self._slave = slave
        self.shown = ""
        self._read_until = 0
        self.process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
            **how,
        )

    def expect(self, pattern: str, *, seconds: float = 30) -> re.Match[str]:
        """Wait for something to be shown behind what was waited for before."""
        deadline = time.monotonic() + seconds
        while True:
            found = re.search(pattern, self.shown[self._read_until :], re.DOTALL)
            if found:
                self._read_until += found.end()
                return found
            ready = select.select([self.master], [], [], 0.2)[0]
            data = self._read() if ready else b""
            over = time.monotonic() > deadline or self.process.poll() is not None
            assert data or not over, f"{pattern!r} was not shown: {self.shown[self._read_until :]}"
            self.shown += data.decode("utf-8", "replace").replace("\r", "")

    def _read(self) -> bytes:
        try:
            return os.read(self.master, 65536)
        except OSError:
            return b""

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("<4H", rows, columns, 0, 0))

    @property
    def attributes(self) -> list[Any]:
        return termios.tcgetattr(self._slave)

    def end(self) -> int:
        """Wait for the program to end by itself."""
        while True:
            # Read all the while: nobody ends whose words nobody takes.
            ready = select.select([self.master], [], [], 0.05)[0]
            if ready:
                self.shown += self._read().decode("utf-8", "replace").replace("\r", "")
            elif self.process.poll() is not None:
                return self.process.returncode

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
        os.close(self._slave)


@pytest.fixture
def at_a_terminal(tmp_path: Path) -> Iterator[Callable[..., AtATerminal]]:
    """Run pytest in containers, in a directory, on a terminal."""
    started = []

    def start(directory: Path, *arguments: str, **variables: str) -> AtATerminal:
        environment = {"MAELSTROM_STATE": str(tmp_path / "state"), "TERM": "dumb", "PS1": "$ "}
        started.append(
            AtATerminal(
                [sys.executable, "-m", "pytest", "-p", "maelstrom", *arguments],
                cwd=directory,
                env={**os.environ, **environment, **variables},
            )
        )
        return started[-1]

    yield start
    for one in started:
        one.close()
