"""A maker is killed with -9 at each of its steps: nothing half-made is ever seen, and the next
process finds a store that works."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from maelstrom_core.store import Store

MAKER = """
import os, signal, sys
from pathlib import Path
from maelstrom_core.layers import make_layers
from maelstrom_core.model.layers import GlobLayer
from maelstrom_core.store import Store

store, project, call, count = sys.argv[1:]
real, left = getattr(os, call), int(count)

def killed(*arguments, **options):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments, **options)

setattr(os, call, killed)
with Store.open(Path(store)) as opened:
    layers = [GlobLayer(globs=("**",))]
    make_layers(layers, project_directory=Path(project), store=opened).lease.release()
    print("made", flush=True)
"""
FILES = 4
POINTS = [
    *(("link", count) for count in (1, FILES, FILES + 1, 2 * FILES)),
    *(("rename", count) for count in (1, 2, 3)),
    *(("mkdir", count) for count in (1, 4, 8, 12)),
    *(("chmod", count) for count in (1, FILES + 1)),
    ("unlink", 1),
]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    directory = tmp_path / "project"
    (directory / "sub").mkdir(parents=True)
    for index in range(FILES):
        (directory / "sub" / f"file-{index}").write_bytes(bytes([index]) * 10_000)
    return directory


def make(store: Path, project: Path, call: str, count: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", MAKER, str(store), str(project), call, str(count)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def whole(store: Path) -> None:
    """What is in its place is whole."""
    with Store.open(store) as opened:
        assert opened.verify() == []
        for tree in (store / "trees").glob("??/*"):
            files = sorted((tree / "sub").iterdir())
            assert [file.read_bytes()[:1] for file in files] == [bytes([i]) for i in range(FILES)]


@pytest.mark.parametrize(("call", "count"), POINTS)
def test_a_maker_killed_at_any_step_leaves_a_store_that_is_whole(tmp_path, project, call, count):
    store = tmp_path / "store"
    killed = make(store, project, call, count)
    if "made" in killed.stdout:
        pytest.fail(f"os.{call} is called less than {count} times: nothing was killed")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    whole(store)
    # The half-made went when the store was next opened, and the same layer can be made.
    assert not any((store / "tmp").iterdir())
    assert "made" in make(store, project, call, 1_000_000).stdout
    whole(store)
    assert len(list((store / "trees").glob("??/*"))) == 1


def test_the_lease_of_a_killed_process_protects_nothing(tmp_path, project):
    store = tmp_path / "store"
    holder = """
import sys, time
from pathlib import Path
from maelstrom_core.layers import make_layers
from maelstrom_core.model.layers import GlobLayer
from maelstrom_core.store import Store
with Store.open(Path(sys.argv[1])) as store:
    layers = [GlobLayer(globs=("**",))]
    lease = make_layers(layers, project_directory=Path(sys.argv[2]), store=store).lease
    print("made", flush=True)
    sys.stdin.read()
"""
    command = [sys.executable, "-c", holder, str(store), str(project)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with process, Store.open(store) as opened:
        assert process.stdout is not None
        assert process.stdout.readline() == b"made\n"
        assert opened.evict(0) == 0
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert opened.evict(0) == 1
        assert not any((store / "leases").iterdir())
