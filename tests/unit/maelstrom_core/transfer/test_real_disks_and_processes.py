"""A full disk, a broker that is killed, many files, and a large one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from maelstrom_core.layers import make_layers
from maelstrom_core.layers.in_place import layers_in_place
from maelstrom_core.model.layers import GlobLayer, HostTreeLayer
from maelstrom_core.transfer.asking import Asker
from maelstrom_core.transfer.fetch import Fetcher
from maelstrom_core.transfer.upload import Uploader
from maelstrom_core.transport.endpoints import open_connector
from maelstrom_core.transport.keyring import Keyring

PROGRAM = Path(__file__).with_name("broker_process.py")
FULL = """
import json, os, sys
from pathlib import Path
from maelstrom_core.container import child, syscalls
from maelstrom_core.container.script import Step, Table
from maelstrom_core.model.digest import Digest
from maelstrom_core.transfer.blob_directory import BlobDirectory
from maelstrom_core.transfer.disk_room import Refusal
from maelstrom_core.wire.bulk import Blob

disk, options = sys.argv[1:]
step = Step("mount", ("tmpfs", disk, "tmpfs", 0, options), "a small disk")
failure = child.perform(Table([step], syscalls.NUMBERS[os.uname().machine]))
assert failure is None, failure
clock = [0.0]
blobs = BlobDirectory(Path(disk) / "blobs", clock=lambda: clock[0])
name = lambda data: bytes.fromhex(Digest.of(data).hex)

def put(size, count):
    stored = []
    try:
        for _ in range(count):
            data = os.urandom(size)
            blobs.put("ann", [Blob(name(data), data)])
            stored.append(data)
    except Refusal as refusal:
        return stored, int(refusal.why), refusal.text
    return stored, 0, ""

stored, why, text = put(100_000, 1000)
large = os.urandom(50_000_000)
def put_large():
    offset = 0
    try:
        while offset < len(large):
            part = large[offset : offset + 500_000]
            offset = blobs.put_part("ann", name(large), len(large), offset, part)
    except Refusal as refusal:
        return int(refusal.why), refusal.text
    return 0, ""
large_why, large_text = put_large()
kept = [blobs.get([name(data)])[0] == [Blob(name(data), data)] for data in stored]
blobs.holdings.check()
left = len(list((Path(disk) / "blobs" / "tmp").iterdir()))
clock[0] = 1000.0
first = put(100_000, 1)[1]
later, later_why, _ = put(100_000, 3)
blobs.holdings.check()
print(json.dumps({
    "stored": len(stored), "why": why, "text": text, "kept": all(kept), "left": left,
    "large": [large_why, large_text], "later": [first, len(later), later_why],
}))
"""
UNSHARE = ("unshare", "--map-root-user", "--mount")


@pytest.mark.parametrize("options", ["size=20m", "size=400m,nr_inodes=700"])
def test_a_full_disk_is_told_and_the_server_goes_on(tmp_path: Path, options: str) -> None:
    tried = subprocess.run([*UNSHARE, "true"], capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"no disk of one's own on this host: {tried.stderr}")
    command = [*UNSHARE, sys.executable, "-c", FULL, str(tmp_path), options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["stored"] > 50
    assert said["why"] == 1
    assert "disk is full" in said["text"]
    assert said["kept"]
    assert said["left"] == 0
    assert said["large"][0] == 1
    # The first one is refused once more, and makes room by that: nobody has used the rest for long.
    assert said["later"] == [1, 3, 0]


class Broker:
    """A broker's process, that can be killed and started again at the same address."""

    def __init__(self, directory: Path) -> None:
        self.keyring = Keyring(directory / "cluster")
        self.keyring.ensure()
        self._directory = directory
        self._port = "0"
        self.start()

    def start(self) -> None:
        command = [sys.executable, str(PROGRAM), str(self._directory), self._port]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        address = self.process.stdout.readline().strip()
        assert address, "it has not started"
        self._port = address.rpartition(":")[2]
        self.keyring.publish_address(address)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def broker(tmp_path: Path):
    made = Broker(tmp_path)
    yield made
    made.kill()


def test_a_broker_that_is_killed_again_and_again_costs_what_was_on_its_way(
    broker, client_store, worker_store, project, look
) -> None:
    (project / "huge").write_bytes(os.urandom(40 << 20))
    made = make_layers([GlobLayer(globs=("**",))], project_directory=project, store=client_store)
    (layer,) = made.digests
    sent = brought = deaths = 0

    def die() -> None:
        nonlocal deaths
        deaths += 1
        broker.kill()
        broker.start()

    def sending(size: int, _files: int) -> None:
        nonlocal sent
        sent += size
        if sent > 10_000_000 * (deaths + 1) and deaths < 3:
            die()

    def bringing(size: int, _files: int) -> None:
        nonlocal brought
        brought += size
        if brought > 15_000_000 and deaths < 4:
            die()

    async def main() -> None:
        async with (
            open_connector(broker.keyring.local_join("client")) as ours,
            open_connector(broker.keyring.local_join("worker")) as theirs,
            trio.open_nursery() as nursery,
        ):
            asker, other = Asker(ours), Asker(theirs)
            nursery.start_soon(asker.run)
            nursery.start_soon(other.run)
            with trio.fail_after(120):
                await Uploader(asker, client_store).ensure([layer], sending)
                assert deaths == 3
                lease = await Fetcher(other, worker_store).layers([layer], bringing)
            assert deaths == 4
            with lease:
                assert look(worker_store.tree(layer)) == look(client_store.tree(layer))
            nursery.cancel_scope.cancel()

    with made.lease:
        trio.run(main)


def test_ten_thousand_files_of_the_host_and_a_large_one_arrive(
    open_world, client_store, worker_store, tmp_path
) -> None:
    tree = tmp_path / "tree"
    for index in range(10_000):
        if index % 500 == 0:
            directory = tree / f"d{index // 500}"
            directory.mkdir(parents=True)
        (directory / f"f{index}").write_bytes(b"%d" % index * 50)
    (tree / "large").write_bytes(os.urandom(64 << 20))
    (layer,) = layers_in_place([HostTreeLayer(path=str(tree))], index=client_store.index)
    told = [0, 0]

    def progress(size: int, files: int) -> None:
        told[0] += size
        told[1] += files

    async def main() -> None:
        async with open_world() as world, world.asker() as ours, world.asker("worker") as theirs:
            with trio.fail_after(500):
                await Uploader(ours, client_store).ensure([layer], progress)
                lease = await Fetcher(theirs, worker_store).layers([layer.digest])
            with lease:
                there = worker_store.tree(layer.digest) / str(tree).lstrip("/")
                assert (there / "large").read_bytes() == (tree / "large").read_bytes()
                for index in range(0, 10_000, 7):
                    name = f"d{index // 500}/f{index}"
                    assert (there / name).read_bytes() == (tree / name).read_bytes()
            assert world.server.counts.requests < 800

    trio.run(main)
    assert told[1] == 10_002, "files, the manifest among them"
    assert told[0] > 64 << 20
    assert not list((client_store.directory / "blobs").glob("??/*"))
