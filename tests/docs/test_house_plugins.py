"""The plugins of examples/house_plugins, with pytest and with a stranger's runner."""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("containers")
SHELL, PYTEST = "shell_checks.cli", "pytest"


@pytest.fixture
def run(
    root: Path, tmp_path: Path, distribution: Callable[[Path, Path], Path]
) -> Callable[..., Any]:
    """Run a program where the plugins are installed, and the example of a runner is."""
    built = shutil.ignore_patterns("*.egg-info", "build", "__pycache__")
    paths = []
    for name in ("own_runner", "house_plugins"):
        copy = shutil.copytree(root / "examples" / name, tmp_path / name, ignore=built)
        paths += [str(distribution(copy, tmp_path / "site")), str(copy)]
    variables = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([*paths, os.environ.get("PYTHONPATH", "")]),
        "MAELSTROM_STORE": str(tmp_path / "store"),
        "MAELSTROM_STATE": str(tmp_path / "state"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
    }

    def run_it(program: str, *arguments: str, **more: str) -> Any:
        return subprocess.run(
            [sys.executable, "-m", program, *arguments],
            cwd=tmp_path / "project",
            env=variables | more,
            text=True,
            capture_output=True,
            timeout=120,
        )

    return run_it


@pytest.fixture
def posted() -> Iterator[Any]:
    """A server that takes results: its address, and what has come."""
    came: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            came.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/", came
        server.shutdown()


@pytest.fixture
def checks(tmp_path: Path) -> Path:
    checks = tmp_path / "project" / "checks"
    checks.mkdir(parents=True)
    (checks / "house.sh").write_text('test "$HOUSE" = blue\n')
    (checks / "draw_gpu.sh").write_text("true\n")
    return checks


def test_with_a_strangers_runner(run: Callable[..., Any], checks: Path, posted: Any) -> None:
    address, came = posted
    has = {"MAELSTROM_HOUSE": "blue", "MAELSTROM_POST_TO": address, "MAELSTROM_LABELS": "gpu"}
    done = run(SHELL, **has)
    assert done.returncode == 0, done.stdout + done.stderr
    assert came == [{"runner": "shell-checks", "counts": {"passed": 2}, "failed": []}]

    done = run(SHELL, MAELSTROM_POST_TO=address)
    assert done.returncode == 1
    assert "labels: gpu cannot be had on this machine" in done.stdout
    assert sorted(came[1]["failed"]) == ["draw_gpu.sh", "house.sh"]


def test_with_pytest(run: Callable[..., Any], tmp_path: Path, posted: Any) -> None:
    address, came = posted
    project = tmp_path / "project"
    project.mkdir()
    (project / "test_house.py").write_text(
        "import os\n\ndef test_house(): assert os.environ['HOUSE'] == 'blue'\n\ndef test_gpu(): pass\n"
    )
    has = {"MAELSTROM_HOUSE": "blue", "MAELSTROM_POST_TO": address, "MAELSTROM_LABELS": "gpu"}
    done = run(PYTEST, "-p", "maelstrom", "-q", "-p", "no:cacheprovider", **has)
    assert done.returncode == 0, done.stdout + done.stderr
    assert came == [{"runner": "pytest", "counts": {"passed": 2}, "failed": []}]

    # Nobody listens any more: told, and the run is what it was.
    has["MAELSTROM_POST_TO"] = "http://127.0.0.1:9/"
    done = run(PYTEST, "-p", "maelstrom", "-q", "-p", "no:cacheprovider", **has)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "house-poster" in done.stdout + done.stderr
