"""A disk that is full, for real: the store on a tmpfs of a few pages in a namespace of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

RUN = """
import json, os, sys
from pathlib import Path
from maelstrom_core.container import child, syscalls
from maelstrom_core.container.script import Step, Table
from maelstrom_core.errors import MaelstromError
from maelstrom_core.layers import make_layers
from maelstrom_core.model.layers import GlobLayer
from maelstrom_core.store import Store

disk, project, size, inodes = sys.argv[1:]
options = f"size={size},nr_inodes={inodes}"
step = Step("mount", ("tmpfs", disk, "tmpfs", 0, options), "a small disk")
failure = child.perform(Table([step], syscalls.NUMBERS[os.uname().machine]))
assert failure is None, failure
store = Path(disk) / "store"

def make(project):
    with Store.open(store) as opened:
        layers = [GlobLayer(globs=("**",))]
        try:
            made = make_layers(layers, project_directory=project, store=opened)
            made.lease.release()
        finally:
            inside = [str(path) for path in store.glob("tmp/*/*") if len(path.name) != 32]
    return inside

said = {}
try:
    said["left"] = make(Path(project) / "large")
except MaelstromError as error:
    said |= {"error": type(error).__name__, "message": error.message, "remedy": error.remedy}
    said["trees"] = len(list(store.glob("trees/??/*")))
    said["scratch"] = len(list(store.glob("tmp/*")))
    said["leases"] = len(list(store.glob("leases/*")))
    try:
        with Store.open(store) as opened:
            opened.evict(0)
        make(Path(project) / "small")
        said["small"] = "made"
    except MaelstromError as error:
        said["small"] = error.message
print(json.dumps(said))
"""
UNSHARE = ("unshare", "--map-root-user", "--mount")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, number, size in (("large", 20, 100_000), ("small", 1, 100)):
        directory = tmp_path / "project" / name
        directory.mkdir(parents=True)
        for index in range(number):
            (directory / f"file-{index}").write_bytes(bytes([index]) * size)
    return tmp_path / "project"


def make(tmp_path: Path, project: Path, *, size: str, inodes: int) -> dict:
    tried = subprocess.run([*UNSHARE, "true"], capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"no disk of one's own on this host: {tried.stderr}")
    disk = tmp_path / "disk"
    disk.mkdir()
    command = [*UNSHARE, sys.executable, "-c", RUN, str(disk), str(project), size, str(inodes)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("size", "inodes"), [("1m", 10_000), ("64m", 40)], ids=["no space", "no inodes"]
)
def test_a_layer_that_does_not_fit_is_refused_and_leaves_nothing(tmp_path, project, size, inodes):
    said = make(tmp_path, project, size=size, inodes=inodes)
    assert said["error"] == "DiskFull"
    assert "disk is full" in said["message"]
    assert "free some space" in said["remedy"]
    assert (said["trees"], said["scratch"], said["leases"]) == (0, 0, 0)
    assert said["small"] == "made"


@pytest.mark.parametrize("size", ["4k", "16k", "40k", "64k", "96k", "128k"])
def test_a_disk_too_small_even_for_the_index_is_told_the_same_way(tmp_path, project, size):
    said = make(tmp_path, project, size=size, inodes=10_000)
    assert said["error"] == "DiskFull"
    assert "disk is full" in said["message"]


EVICT = """
import errno, json, os, sys
from pathlib import Path
from maelstrom_core.container import child, syscalls
from maelstrom_core.container.script import Step, Table
from maelstrom_core.layers import make_layers
from maelstrom_core.model.layers import GlobLayer
from maelstrom_core.store import Store

disk, project = sys.argv[1:]
step = Step("mount", ("tmpfs", disk, "tmpfs", 0, "size=8m"), "a small disk")
failure = child.perform(Table([step], syscalls.NUMBERS[os.uname().machine]))
assert failure is None, failure

def fill():
    with open(Path(disk) / "others", "ab", buffering=0) as others:
        try:
            while others.write(bytes(4096)):
                pass
        except OSError as error:
            assert error.errno == errno.ENOSPC

def make(opened, name):
    directory = Path(project) / name
    return make_layers([GlobLayer(globs=("**",))], project_directory=directory, store=opened)

with Store.open(Path(disk) / "store") as opened:
    kept = make(opened, "small")
    make(opened, "large").lease.release()
    fill()
    tree = opened.tree(kept.digests[0])
    evicted = opened.evict(0)
    room = os.statvfs(disk).f_bavail * 4096
    again = opened.tree(kept.digests[0]) == tree and sorted(os.listdir(tree))
    os.truncate(Path(disk) / "others", os.stat(Path(disk) / "others").st_size - (1 << 20))
    make(opened, "large").lease.release()
    kept.lease.release()
print(json.dumps({"evicted": evicted, "room": room, "kept": again}))
"""


def test_room_is_made_on_a_full_disk_and_what_is_in_use_stays(tmp_path, project):
    """Nothing can be written then, not even what the store notes of its layers."""
    tried = subprocess.run([*UNSHARE, "true"], capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"no disk of one's own on this host: {tried.stderr}")
    (tmp_path / "disk").mkdir()
    command = [*UNSHARE, sys.executable, "-c", EVICT, str(tmp_path / "disk"), str(project)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["evicted"] == 1
    assert said["room"] >= 2_000_000
    assert said["kept"] == ["file-0"]
