"""A real terminal, with somebody at the keyboard; images of containers."""

import fcntl
import hashlib
import io
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import tarfile
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from maelstrom_core.layers import elf


def _as_at_a_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    # A shell without job control has what it starts in the background ignore these, tests too.
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)


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
            preexec_fn=_as_at_a_terminal,
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
            # A live screen never falls silent, so that data come is no reason to wait on.
            late = time.monotonic() > deadline
            ended = not data and self.process.poll() is not None
            not_shown = f"{pattern!r} was not shown: {self.shown[self._read_until :][-20_000:]}"
            assert not late and not ended, not_shown
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

    def end(self, *, seconds: float = 60) -> int:
        """Wait for the program to end by itself."""
        deadline = time.monotonic() + seconds
        while True:
            assert time.monotonic() < deadline, f"it has not ended: {self.shown[-2000:]}"
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
def on_a_terminal() -> Iterator[Callable[..., AtATerminal]]:
    """Run a program on a terminal."""
    started = []

    def start(command: list[str], **how: Any) -> AtATerminal:
        started.append(AtATerminal(command, **how))
        return started[-1]

    yield start
    for one in started:
        one.close()


class Images:
    """Makes images for tests."""

    @staticmethod
    def write(path: Path, archive: bytes, **config: object) -> None:
        """An image as ``docker save`` writes it."""
        machine = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
        diff_id = f"sha256:{hashlib.sha256(archive).hexdigest()}"
        described = json.dumps(
            {
                "architecture": machine,
                "os": "linux",
                "config": config,
                "rootfs": {"type": "layers", "diff_ids": [diff_id]},
            }
        ).encode()
        name = f"{hashlib.sha256(described).hexdigest()}.json"
        manifest = [{"Config": name, "RepoTags": ["own:1"], "Layers": ["1/layer.tar"]}]
        parts = {
            "manifest.json": json.dumps(manifest).encode(),
            name: described,
            "1/layer.tar": archive,
        }
        with tarfile.open(path, "w") as tar:
            for part, data in parts.items():
                member = tarfile.TarInfo(part)
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))

    @staticmethod
    def small_layer(programs: Sequence[str], files: Mapping[str, str]) -> bytes:
        """A layer with programs of this machine, the libraries that they need, and files.

        :param programs: absolute paths
        :param files: texts by their paths, without the first ``/``
        """
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            for path in (
                *programs,
                *sorted(elf.closure([os.path.realpath(one) for one in programs])),
            ):
                tar.add(os.path.realpath(path), path.lstrip("/"))
            for name, text in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(text.encode())
                tar.addfile(member, io.BytesIO(text.encode()))
        return buffer.getvalue()


@pytest.fixture
def images() -> Images:
    """Images, as ``docker save`` writes them."""
    return Images()
