"""Disks that are full, for real: a broker, or a worker, on a small file system of its own that others
fill to the last byte. Every job has one outcome, which says what is full; nobody stops; and once there
is room, what could not be done is done.
"""

import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import trio

sys.path.insert(0, str(Path(__file__).parent))
from families import family, wait_until_gone
from jobs import CONTAINER, ended, job

from maelstrom_core.transport.endpoints import open_connector
from maelstrom_core.transport.join_plan import Join, print_join
from maelstrom_core.transport.keyring import Keyring
from maelstrom_core.wire.codec import decode, encode
from maelstrom_core.wire.histories import AskCases, KnownCases, LearnedCases, Row, packed, unpacked
from maelstrom_core.wire.messages import OLDEST_VERSION, VERSION, Beat, Bye, Hello, Message, Welcome

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


def run(cluster: Any, broker: "FullBroker | str", *jobs: str) -> dict[int, dict[str, Any]]:
    """Jobs by a client of their own; of each its only ending."""
    join = broker if isinstance(broker, str) else broker.join("client")
    command = [sys.executable, "-c", HASTY, "maelstrom_run.cli", "--broker", join]
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
    return {"layers": [*CONTAINER["layers"], {"paths": [name]}]}


def large(number: int) -> str:
    """A job whose result is too large for the link: half a megabyte, each another one."""
    doubled = "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do x=$x$x; done"
    return job(f"x={number}234567; {doubled}; echo $x")


def talk(join: Join, messages: list[Message], answers: int) -> list[Any]:
    """What a client is answered that says this, but for beats, once there are so many answers."""

    async def main() -> list[Any]:
        found: list[Any] = []
        hello = Hello(OLDEST_VERSION, VERSION, "test", os.urandom(16), "historian")
        with trio.fail_after(LONG):
            async with open_connector(join) as connector:
                for message in (hello, *messages):
                    await connector.send(encode(message))
                while len(found) < answers:
                    for data in await connector.receive_batch():
                        message = decode(data, frozenset({Welcome, KnownCases, Beat, Bye}))
                        found += [] if isinstance(message, Beat) else [message]
                await connector.send(encode(Bye(0, "done")))
        return found

    return trio.run(main)


PROJECT = b"p" * 32


def known(broker: FullBroker) -> list[Row]:
    """What the broker knows of the project's cases."""
    join = Keyring(broker.files / "cluster").local_join("client")
    _, *answers = talk(join, [AskCases(1, PROJECT)], 2)
    return [row for answer in answers for row in unpacked(answer.cases)]


def learn(broker: FullBroker, *numbers: int) -> None:
    """Tell the broker of cases."""
    (cases,) = packed([(b"%016d" % number, 5, False) for number in numbers])
    join = Keyring(broker.files / "cluster").local_join("client")
    # The answer says that it has been done: it is asked after what it was told.
    talk(join, [LearnedCases(PROJECT, cases), AskCases(1, PROJECT)], 2)


def test_the_disk_of_the_broker_is_full(
    cluster: Any, small_disk: Callable[[str, str], SmallDisk]
) -> None:
    disk = small_disk("disk-of-broker", "64m")
    broker = FullBroker(cluster, disk)
    hasty = [sys.executable, "-c", HASTY, "maelstrom_worker.cli", "--name", "one", "--slots", "2"]
    hasty += ["--store", f"{cluster.directory}/store-one", "--broker", broker.join("worker")]
    worker = cluster.start("one", hasty)
    worker.wait_for(JOINED, seconds=LONG)
    well = job("echo well")
    first = run(cluster, broker, well, large(1))
    assert first[1]["stdout"] == "well\n", first
    assert first[2]["outcome"]["words"] == "exited with status 0", first
    learn(broker, 1, 2)
    assert len(known(broker)) == 2
    before = broker.descriptors()

    disk.fill()
    new = [job("echo new", **layer(cluster, f"new-{size}", size)) for size in (3_000, 3_000_000)]
    outcomes = run(cluster, broker, well, *new, large(2), well)
    for one in (1, 5):  # what these need is there
        assert outcomes[one]["stdout"] == "well\n", outcomes[one]
    for one in (2, 3, 4):
        outcome = outcomes[one]["outcome"]
        assert outcome["kind"] == "host failed", outcome
        assert "the broker's disk is full" in outcome["words"], outcome
        assert "give the broker more room" in outcome["words"], outcome
    assert "the job has run, and its result" in outcomes[4]["outcome"]["words"]
    learn(broker, *range(3, 2_000))
    assert len(known(broker)) == 2, "what it knew it knows"
    assert "the history of cases cannot be written: " in broker.process.said()
    assert broker.half_made() == []

    os.kill(broker.serving(), signal.SIGKILL)
    broker.process.wait_for("started again", seconds=LONG)
    assert run(cluster, broker, well)[1]["stdout"] == "well\n"
    assert "the broker's disk is full" in run(cluster, broker, new[1])[1]["outcome"]["words"]
    learn(broker, 3)

    disk.free()
    outcomes = run(cluster, broker, well, *new, large(2))
    assert [outcomes[one]["stdout"] for one in (1, 2, 3)] == ["well\n", "new\n", "new\n"]
    assert outcomes[4]["outcome"]["words"] == "exited with status 0", outcomes[4]
    learn(broker, 4)
    assert {int(name) for name, _, _ in known(broker)} == {1, 2, 4}
    assert broker.half_made() == []
    broker.process.wait_until(lambda: broker.descriptors() <= before + 2, seconds=LONG)
    of_them = family(broker.process.pid) | family(worker.pid)
    for process in (worker, broker.process):
        assert process.end() == 0, process.said()
        assert "Traceback" not in process.said()
    wait_until_gone(of_them, seconds=LONG)


def test_the_disk_of_a_worker_is_full_and_has_room_again(
    cluster: Any, small_disk: Callable[[str, str], SmallDisk]
) -> None:
    cluster.broker()
    disk = small_disk("disk-of-worker", "24m")
    program = [sys.executable, "-m", "maelstrom_worker.cli", "--name", "tiny", "--slots", "2"]
    tiny = cluster.start("tiny", disk.command(*program, "--store", f"{disk.directory}/store"))
    tiny.wait_for(JOINED, seconds=LONG)
    disk.of(tiny.pid)
    well = job("echo well")
    old = job("echo old", **layer(cluster, "old", 8 << 20))
    new = job("echo new", **layer(cluster, "new", 4 << 20))
    assert [one["stdout"] for one in run(cluster, "auto", well, old).values()] == [
        "well\n",
        "old\n",
    ]

    disk.fill()
    # There is room for this where the other layer was, which nobody needs now.
    assert run(cluster, "auto", new)[1]["stdout"] == "new\n", tiny.said()
    assert "what nobody needs is removed from the store" in tiny.said()
    disk.fill()
    huge = layer(cluster, "huge", 12 << 20)
    outcome = run(cluster, "auto", job("echo huge", **huge))[1]["outcome"]
    assert outcome["kind"] == "host failed"
    assert "the disk is full where the store is" in outcome["words"], outcome
    assert "tiny" in outcome["words"], outcome

    other = cluster.worker("other")
    other.wait_for(JOINED, seconds=LONG)
    elsewhere = run(cluster, "auto", *[job(f"echo {n}", **huge) for n in range(1, 7)])
    assert [elsewhere[n]["stdout"] for n in range(1, 7)] == [f"{n}\n" for n in range(1, 7)]
    assert other.end() == 0, other.said()
    disk.free()
    assert run(cluster, "auto", old)[1]["stdout"] == "old\n"
    assert tiny.end() == 0, tiny.said()
    assert "Traceback" not in tiny.said()
