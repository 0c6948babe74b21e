"""The program `maelstrom-run`, as a person or a script meets it."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import attrs
import pytest

from maelstrom_core.container.probe import probe

COMMAND = (sys.executable, "-m", "maelstrom_run.cli")


def _as_by_default() -> None:
    for number in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)


@attrs.frozen
class Ran:
    """How it ended, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all: layers are made once."""
    refused = [finding for finding in probe() if finding.essential and not finding.ok]
    if refused:
        pytest.skip(f"this host refuses containers: {refused[0].name}: {refused[0].detail}")
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="session")
def surroundings(store: Path) -> dict[str, str]:
    """Variables of the program: nobody's settings are read."""
    return {**os.environ, "MAELSTROM_STORE": str(store), "XDG_CONFIG_HOME": str(store)}


@pytest.fixture(scope="session")
def program(surroundings: dict[str, str]) -> Callable[..., "subprocess.Popen[bytes]"]:
    """Start the program; the test ends it."""

    def start(*arguments: str, **how: Any) -> "subprocess.Popen[bytes]":
        # Whoever runs these tests in the background has them ignored.
        how = {"preexec_fn": _as_by_default, **how}
        return subprocess.Popen([*COMMAND, *arguments], env=surroundings, **how)

    return start


@pytest.fixture
def run(surroundings: dict[str, str], tmp_path: Path) -> Callable[..., Ran]:
    """Run the program to its end, in a directory of the test's own."""

    def run_it(*arguments: str, given: Any = "", **variables: str) -> Ran:
        """
        :param given: what is on its standard input: a text, bytes, or objects
        """
        if isinstance(given, list):
            given = "\n".join(json.dumps(one) for one in given)
        done = subprocess.run(
            [*COMMAND, *arguments],
            input=given if isinstance(given, bytes) else given.encode(),
            env={**surroundings, **variables},
            cwd=tmp_path,
            capture_output=True,
            timeout=60,
        )
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run_it


@attrs.define
class SlowRegistry:
    """A registry that has one image, and makes everybody wait for its layers.

    :param layout: directory of the image
    :param asked: set when somebody waits for a layer
    :param given: set it to let them have it
    """

    name: str = ""
    layout: Path = Path()
    asked: threading.Event = attrs.field(factory=threading.Event)
    given: threading.Event = attrs.field(factory=threading.Event)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        *_, kind, wanted = request.path.split("/")
        (root,) = json.loads((self.layout / "index.json").read_text())["manifests"]
        digest = root["digest"] if kind == "manifests" else wanted
        data = b"{}"
        if kind in ("manifests", "blobs"):
            data = (self.layout / "blobs/sha256" / digest.removeprefix("sha256:")).read_bytes()
        request.send_response(200)
        request.send_header("Content-Length", str(len(data)))
        if kind == "manifests":
            request.send_header("Content-Type", root["mediaType"])
        request.end_headers()
        if kind == "blobs" and not data.startswith(b"{"):
            request.wfile.write(data[:1])
            request.wfile.flush()
            self.asked.set()
            self.given.wait(60)
            data = data[1:]
        request.wfile.write(data)


@pytest.fixture
def slow_registry() -> Iterator[SlowRegistry]:
    registry = SlowRegistry()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            pass

        def do_GET(self) -> None:
            registry.answer(self)

        def finish(self) -> None:
            # Whoever does not want it any more hangs up.
            with suppress(OSError):
                super().finish()

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    registry.name = f"docker://127.0.0.1:{server.server_address[1]}/slow:1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield registry
    registry.given.set()
    server.shutdown()
    thread.join()
    server.server_close()
