"""Several processes and one store; and an end in the middle."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from maelstrom_core.store import Store

PULL = """
import sys
from pathlib import Path
from maelstrom_core.images.pull import Pulling, pull
from maelstrom_core.store import Store
store, project, *names = sys.argv[1:]
with Store.open(Path(store)) as opened:
    pulled = pull(names, Pulling(project=Path(project)), store=opened)
    for image in pulled.images.values():
        print(image.digest, len(opened.lower_directories([one.digest for one in image.layers])))
    pulled.lease.release()
"""


@pytest.fixture
def start(tmp_path: Path):
    """Start a process that pulls."""
    running: list[subprocess.Popen[str]] = []

    def one(project: Path, *names: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", PULL, str(tmp_path / "shared"), str(project), *names],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "HOME": str(tmp_path), "DOCKER_CONFIG": str(tmp_path)},
            # Whoever runs these tests in the background has it ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        running.append(process)
        return process

    yield one
    for process in running:
        process.kill()
        process.communicate()


def test_two_processes_bring_a_layer_once(maker, scripted, answers, start, project, tmp_path):
    base = maker.layer({f"f{index}": "x" * 1000 for index in range(50)})
    scripted.images["one"] = maker.image(base, maker.layer({"a": ""}))
    scripted.images["two"] = maker.image(base, maker.layer({"b": ""}))

    def slowly(request) -> bool:
        if "/blobs/" in request.path:
            time.sleep(0.05)
        return False

    scripted.answer = slowly
    processes = [
        start(project, f"docker://{scripted.host}/{name}:1") for name in ("one", "two") * 2
    ]
    for process in processes:
        out, errors = process.communicate(timeout=120)
        assert out.split()[1:] == ["2"], errors

    blobs = [path.rpartition("/")[2] for path in scripted.paths() if "/blobs/" in path]
    layers = [blob for blob in blobs if not _of(scripted, blob).startswith(b"{")]
    assert len(layers) == len(set(layers)) == 3
    locked = (project / "maelstrom-images.lock").read_text()
    assert locked.count("sha256:") == 2
    assert [path.name for path in project.iterdir()] == ["maelstrom-images.lock"]


def _of(scripted, digest: str) -> bytes:
    return next(made.blobs[digest] for made in scripted.images.values() if digest in made.blobs)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=["interrupted", "killed"])
def test_an_end_in_the_middle_leaves_what_can_be_gone_on_with(
    maker, scripted, start, project, tmp_path, how
):
    made = maker.image(maker.layer({"large": "0123456789" * 100_000}), compress="")
    scripted.images["it"] = made
    layer = max(made.blobs.values(), key=len)
    waited: list[bytes] = []

    def slowly(request) -> bool:
        if made.blobs.get(request.path.rpartition("/")[2]) is not layer or waited:
            return False
        request.send_response(200)
        request.send_header("Content-Length", str(len(layer)))
        request.end_headers()
        request.wfile.write(layer[:400_000])
        # Nothing more is sent; what comes is the end of the one who asked.
        waited.append(request.connection.recv(1))
        request.close_connection = True
        return True

    scripted.answer = slowly
    name = f"docker://{scripted.host}/it:1"
    first = start(project, name)
    partial = tmp_path / "shared" / "images" / "partial"
    while not any(path.stat().st_size == 400_000 for path in partial.glob("*")):
        assert first.poll() is None, first.communicate()
        time.sleep(0.05)
    first.send_signal(how)
    assert first.wait(timeout=20) != 0

    with Store.open(tmp_path / "shared") as store:
        assert list((store.directory / "leases").iterdir()) == [] or how is signal.SIGKILL
        assert list((store.directory / "trees").glob("??/*")) == []
    scripted.requests.clear()
    second = start(project, name)
    out, errors = second.communicate(timeout=60)
    assert out.split()[1:] == ["1"], errors
    asked = [headers.get("range") for _, path, headers in scripted.requests if "/blobs/" in path]
    assert asked == ["bytes=400000-"]
