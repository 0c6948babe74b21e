"""Disks that are full, for real: a broker, or a worker, on a small file system of its own that others
fill to the last byte. Every job has one outcome, which says what is full; nobody stops; and once there
is room, what could not be done is done.
"""

import errno
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from families import family, wait_until_gone
from jobs import ended, job

from maelstrom_core.transport.join_plan import print_join
from maelstrom_core.transport.keyring import Keyring

LONG = 300.0
"""Seconds after which something will not happen any more, on a slow machine too."""
JOINED = "joined the cluster"
ALONE = ["unshare", "--user", "--map-root-user", "--mount"]
SMALL = 'mount -t tmpfs -o "size=$0" small "$1" && shift && exec "$@"'
HASTY = """
import runpy, sys
import maelstrom_core.transfer.asking
maelstrom_core.transfer.asking.FULL_PATIENCE_SECONDS = 1.0
sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__")
"""
"""A program that asks a full broker again for a second only, and not for a minute."""


class SmallDisk:
    """A small file system that a program, and all that it starts, sees at a directory; nobody else does.

    :param size: as mount(8) takes it
    """

    def __init__(self, directory: Path, size: str) -> None:
        self.directory, self._size = directory, size
        directory.mkdir()
        self._inside = directory

    def command(self, *command: str) -> list[str]:
        """That command, on this disk."""
        return [*ALONE, "/bin/sh", "-c", SMALL, self._size, str(self.directory), *command]

    def of(self, pid: int) -> Path:
        """Where it is from outside, while a process lives that is on it."""
        self._inside = Path(f"/proc/{pid}/root{self.directory}")
        return self._inside

    def fill(self) -> None:
        """With what is no concern of the program, to the last byte."""
        with (self._inside / "others").open("ab", buffering=0) as file:
            for size in (1 << 20, 1 << 12, 1):
                with suppress(OSError):
                    while file.write(bytes(size)) == size:
                        pass
        with pytest.raises(OSError) as raised:
            (self._inside / "more").write_bytes(b"x")
        assert raised.value.errno == errno.ENOSPC
        (self._inside / "more").unlink(missing_ok=True)

    def free(self) -> None:
        """Others take away what is theirs."""
        (self._inside / "others").unlink()


@pytest.fixture
def small_disk(tmp_path: Path) -> Callable[[str, str], SmallDisk]:
    if shutil.which("unshare") is None:
        pytest.skip("there is no unshare(1), by which a program gets a small disk of its own")
    (tmp_path / "probe").mkdir()
    probe = [*ALONE, "/bin/sh", "-c", SMALL, "1m", str(tmp_path / "probe"), "true"]
    tried = subprocess.run(probe, capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"no disk of one's own on this host: {tried.stderr}")
    return lambda name, size: SmallDisk(tmp_path / name, size)


class FullBroker:
    """A broker all of whose files are on a small disk."""

    def __init__(self, cluster: Any, disk: SmallDisk) -> None:
        self.cluster, self.disk = cluster, disk
        usual = dict(cluster.environment)
        cluster.environment |= {
            "MAELSTROM_CLUSTER_DIRECTORY": f"{disk.directory}/cluster",
            "XDG_CACHE_HOME": f"{disk.directory}/cache",
            "XDG_STATE_HOME": f"{disk.directory}/state",
        }
        command = [sys.executable, "-m", "maelstrom_broker.cli"]
        command += ["--listen", f"127.0.0.1:{cluster.port}"]
        self.process = cluster.start("broker", disk.command(*command), start_new_session=True)
        cluster.environment.clear()
        cluster.environment |= usual
        self.process.wait_for("listening at ")
        self.files = disk.of(self.process.pid)

    def join(self, role: str) -> str:
        """A file with the join string of that role."""
        file: Path = self.cluster.directory / f"join-{role}"
        file.touch(mode=0o600)
        file.write_text(print_join(Keyring(self.files / "cluster").local_join(role)))
        return str(file)

    def descriptors(self) -> int:
        """How many its processes have."""
        return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid, _ in family(self.process.pid))

    def half_made(self) -> list[str]:
        """Files that it has begun to write, and that nobody goes on with."""
        return [str(path) for path in self.files.glob("**/tmp/*")]

    def serving(self) -> int:
        """The process that serves; its parent starts another when it dies."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        self.process.wait_until(lambda: children.read_text().split() != [])
        return int(children.read_text().split()[-1])


def run(cluster: Any, broker: FullBroker, *jobs: str) -> dict[int, dict[str, Any]]:
    """Jobs by a client of their own; of each its only ending."""
    command = [sys.executable, "-c", HASTY, "maelstrom_run.cli", "--broker", broker.join("client")]
    command += ["--cluster-only", "true", "--json"]
    done = subprocess.run(
        command,
        input="\n".join(jobs),
        env=cluster.environment,
        cwd=cluster.directory,
        capture_output=True,
        text=True,
        timeout=LONG,
    )
    assert "Traceback" not in done.stderr, done.stderr
    found = ended(done.stdout)
    assert sorted(found) == list(range(1, len(jobs) + 1)), done.stdout + done.stderr
    assert all(len(endings) == 1 for endings in found.values())
    return {one: ending for one, (ending,) in found.items()}


def layer(cluster: Any, name: str, size: int) -> dict[str, Any]:
    """More of a job: a layer that nobody has yet."""
    (cluster.directory / name).write_bytes(os.urandom(size))
    return {"layers": [*SHELL, {"paths": [name]}]}


SHELL = [
    {"paths": ["/bin/sh", "/bin/sleep", "/usr/bin/head"], "follow_symlinks": True},
    {"shared_library_dependencies": ["/bin/sh", "/bin/sleep", "/usr/bin/head"]},
    {"stubs": ["/{proc,sys,dev,tmp}/"]},
]


def test_the_disk_of_the_broker_is_full(
    cluster: Any, small_disk: Callable[[str, str], SmallDisk]
) -> None:
    disk = small_disk("disk-of-broker", "64m")
    broker = FullBroker(cluster, disk)
    hasty = [sys.executable, "-c", HASTY, "maelstrom_worker.cli", "--name", "one", "--slots", "2"]
    hasty += ["--store", f"{cluster.directory}/store-one", "--broker", broker.join("worker")]
    worker = cluster.start("one", hasty)
    worker.wait_for(JOINED)
    echo = job("echo well", layers=SHELL)
    large = job("head -c 3000000 /dev/zero", layers=SHELL)
    first = run(cluster, broker, echo, large)
    assert [first[one]["outcome"]["kind"] for one in (1, 2)] == ["exited", "exited"], first
    before = broker.descriptors()

    disk.fill()
    outcomes = run(
        cluster,
        broker,
        echo,
        job("echo new", **layer(cluster, "small", 3_000)),
        job("echo new", **layer(cluster, "large", 3_000_000)),
        job("head -c 3000001 /dev/zero", layers=SHELL),
        echo,
    )
    for one in (1, 5):  # what it needs is there
        assert outcomes[one]["stdout"] == "well\n", outcomes[one]
    for one in (2, 3, 4):
        outcome = outcomes[one]["outcome"]
        assert outcome["kind"] == "host failed", (one, outcome, broker.process.said())
        assert "the broker's disk is full" in outcome["words"], outcome
        assert "give the broker more room" in outcome["words"], outcome
    assert "the job has run, and its result" in outcomes[4]["outcome"]["words"]
    print(broker.process.said(), worker.said())
