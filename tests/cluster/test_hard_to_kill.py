"""Hard to kill: everybody is killed and stopped at random moments, the network is cut and slow, disks
are full, clocks step. Every job has one ending all the same, and nothing is left of anybody.
"""

import os
import random
import shutil
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import attrs
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from families import Pids, family, stat, wait_until_gone
from jobs import ON_CLUSTER, ended, job
from network import Network

from maelstrom_core.store.leases import leased
from maelstrom_core.transport.join_plan import print_join
from maelstrom_core.transport.keyring import Keyring

LONG = 300.0
"""Seconds after which something will not happen any more, on a slow machine too."""
SLOTS = 2
JOINED = "joined the cluster"


class Client:
    """``maelstrom-run`` with many jobs, whose events go to a file."""

    def __init__(self, cluster: Any, jobs: list[str], *options: str) -> None:
        source, self.events = cluster.directory / "jobs", cluster.directory / "events"
        source.write_text("\n".join(jobs))
        command = [sys.executable, "-m", "maelstrom_run.cli", *(options or ON_CLUSTER)]
        command += ["--format", "json", "-f", str(source)]
        shell = ["/bin/sh", "-c", f'exec "$@" > {self.events}', "sh", *command]
        self.events.touch()
        self.process = cluster.start("client", shell, cwd=cluster.directory)
        self._read, self._endings = 0, 0

    @property
    def endings(self) -> int:
        """How many jobs have ended; events that were read once are not read again."""
        with self.events.open("rb") as file:
            file.seek(self._read)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._read += len(whole)
        self._endings += whole.count(b'"event": "ended"') + whole.count(b'"event":"ended"')
        return self._endings

    def wait_for(self, endings: int) -> None:
        self.process.wait_until(lambda: self.endings >= endings, seconds=LONG)

    def outcomes(self, number: int) -> dict[int, dict[str, Any]]:
        """Of each job its only ending, when all have ended."""
        self.process.wait(LONG)
        found = ended(self.events.read_text())
        assert sorted(found) == list(range(1, number + 1)), "a job has no ending"
        often = {one: endings for one, endings in found.items() if len(endings) != 1}
        assert not often, f"jobs ended more than once: {often}"
        return {one: ending for one, (ending,) in found.items()}

    def all_well(self, number: int) -> None:
        """All have ended well, each with its own output: ``echo`` of its place, from 1."""
        for one, ending in self.outcomes(number).items():
            assert ending["stdout"] == f"{one}\n", ending


def is_lost(ending: dict[str, Any]) -> bool:
    """Whether it was given up after bounded attempts, and says so."""
    return "begun 3 times, and each time its worker was lost" in ending["outcome"]["words"]


def groups(owners: Pids) -> set[str]:
    """Control groups of these, whose number is in their name, that are no more."""
    found, numbers = set[str](), {pid for pid, _ in owners}
    for above, names, _ in os.walk("/sys/fs/cgroup"):
        for name in names:
            pid = name.removeprefix("maelstrom-").partition("-")[0]
            if (
                name.startswith("maelstrom-")
                and pid in numbers
                and not Path(f"/proc/{pid}").exists()
            ):
                found.add(f"{above}/{name}")
    return found


def nothing_is_left(cluster: Any, seen: Pids) -> None:
    """All have ended that were seen: there is no mount, control group or half-made file of theirs."""
    assert str(cluster.directory) not in Path("/proc/self/mountinfo").read_text()
    assert groups(seen) == set()
    for store in cluster.directory.glob("store-*"):
        assert list((store / "tmp").iterdir()) == [], "half-made files"
        # What the killed have left there holds nothing, and goes when room is looked for.
        assert leased(store / "leases") == frozenset(), "layers are held for nobody"
        assert list((store / "leases").iterdir()) == []
    blobs = cluster.directory / "cache" / "pytest-maelstrom-broker"
    assert blobs.is_dir()
    assert [path for path in blobs.rglob("*") if "tmp" in path.name and path.is_file()] == []


class Siege:
    """One broker with its parent, two workers and a client, and what is done to them.

    :param rng: draws who suffers, and for how long
    """

    def __init__(self, cluster: Any, rng: random.Random, jobs: list[str]) -> None:
        self.cluster, self.rng = cluster, rng
        self.broker = cluster.broker()
        self.workers = {name: cluster.worker(name, slots=SLOTS) for name in ("one", "two")}
        for worker in self.workers.values():
            worker.wait_for(JOINED)
        self.client = Client(cluster, jobs)
        self.seen: Pids = set()
        self.joined = dict.fromkeys(self.workers, 1)

    def serving(self) -> int:
        """The process that serves; its parent starts another when it dies."""
        found = Path(f"/proc/{self.broker.pid}/task/{self.broker.pid}/children")
        self.broker.wait_until(lambda: found.read_text().split() != [])
        return int(found.read_text().split()[-1])

    def kill_worker(self) -> None:
        name = self.rng.choice(sorted(self.workers))
        self._see(self.workers[name])
        self.workers[name].kill()
        self.joined[name] = self.workers[name].said().count(JOINED) + 1
        self.workers[name] = self.cluster.worker(name, slots=SLOTS)

    def stop_worker(self) -> None:
        self._stop(self.workers[self.rng.choice(sorted(self.workers))].pid)

    def kill_serving(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.serving(), signal.SIGKILL)

    def kill_broker(self) -> None:
        self._see(self.broker)
        self.broker.kill()
        self.broker = self.cluster.broker()

    def stop_broker(self) -> None:
        self._stop(self.serving())

    def stop_client(self) -> None:
        self._stop(self.client.process.pid)

    def kill_client(self) -> None:
        """Another one, while its jobs run: nobody takes their results any more."""
        other = self.cluster.client("maelstrom_run.cli", *ON_CLUSTER, stdin=-1)
        other.stdin.write("".join(f"{job('sleep 0.1')}\n" for _ in range(20)).encode())
        other.stdin.flush()
        other.wait_for('"ended"', seconds=LONG)
        other.kill()
        other.stdin.close()

    def _see(self, process: Any) -> None:
        """Who is there now, and must not be at the end."""
        found = family(process.pid)
        self.seen |= found

    def _stop(self, pid: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
            threading.Event().wait(self.rng.uniform(1, 3))
            os.kill(pid, signal.SIGCONT)

    def go_on(self, number: int, blows: int) -> Counter[str]:
        """As many blows as that while jobs are run, at moments that are drawn; how often each fell."""
        kinds = [self.kill_worker, self.stop_worker, self.kill_serving]
        kinds += [self.kill_broker, self.stop_broker, self.stop_client, self.kill_client]
        drawn = [kind for _ in range(-(-blows // len(kinds))) for kind in kinds][:blows]
        self.rng.shuffle(drawn)
        moments = sorted(self.rng.sample(range(1, number * 9 // 10), blows))
        for moment, blow in zip(moments, drawn, strict=True):
            self.client.wait_for(moment)
            blow()
        return Counter(kind.__name__ for kind in drawn)

    def end(self) -> None:
        for name, worker in self.workers.items():
            worker.wait_for(JOINED, times=self.joined[name], seconds=LONG)
        for process in (*self.workers.values(), self.broker):
            process.wait_until(lambda process=process: len(family(process.pid)) > 1, seconds=LONG)
            self._see(process)
            assert process.end() == 0, process.said()
        wait_until_gone(self.seen, seconds=LONG)


@pytest.mark.parametrize(
    ("number", "blows"),
    [(400, 7), pytest.param(5000, 63, marks=pytest.mark.nightly)],
)
def test_all_are_killed_and_stopped_at_random_moments(
    cluster: Any, number: int, blows: int
) -> None:
    seed = int(os.environ.get("MAELSTROM_TEST_SEED") or random.randrange(1 << 32))
    print(f"MAELSTROM_TEST_SEED={seed}")
    siege = Siege(cluster, random.Random(seed), [job(f"echo {n + 1}") for n in range(number)])
    done = siege.go_on(number, blows)
    outcomes = siege.client.outcomes(number)
    lost = [one for one, ending in outcomes.items() if is_lost(ending)]
    print(f"{done}; given up: {lost}")
    for one, ending in outcomes.items():
        assert one in lost or ending["stdout"] == f"{one}\n", ending
    # Whoever is given up was with three workers that were lost, and a worker has few at once.
    assert 3 * len(lost) <= blows * SLOTS
    siege.end()
    assert len(siege.seen) >= 8, "slots too have been looked for"
    nothing_is_left(cluster, siege.seen)
    for log in cluster.directory.glob("*.log"):
        assert "Traceback" not in log.read_text(), log.name


@pytest.fixture
def network() -> Iterator[Callable[..., Network]]:
    made: list[Network] = []

    def make(*ports: int) -> Network:
        made.append(Network(ports))
        made[-1].up()
        return made[-1]

    yield make
    for one in made:
        one.close()


def joins(cluster: Any, role: str) -> str:
    """A file with a join string that names the network's address and not the broker's."""
    join = Keyring(cluster.directory / "cluster").local_join(role)
    file: Path = cluster.directory / f"join-{role}"
    file.touch(mode=0o600)
    file.write_text(print_join(attrs.evolve(join, address=f"{Network.HOST}:{cluster.port}")))
    return str(file)


def descriptors(pid: int) -> int:
    """How many a process has, and all that it has started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return len(os.listdir(f"/proc/{pid}/fd")) + sum(descriptors(int(child)) for child in children)


def test_the_network_is_cut_and_slow(cluster: Any, network: Any) -> None:
    cluster.environment["MAELSTROM_BROKER_BLOBS_PORT"] = str(cluster.port + 1)
    broker = cluster.broker()
    between = network(cluster.port, cluster.port + 1)
    between.slow = True  # what is in the container comes slowly too
    worker = cluster.worker("one", "--broker", joins(cluster, "worker"))
    worker.wait_for(JOINED, seconds=LONG)
    jobs = [job(f"echo {n + 1}; sleep 0.02") for n in range(100)]
    options = ("--broker", joins(cluster, "client"), "--cluster-only", "true", "--json")
    client = Client(cluster, jobs, *options)
    client.wait_for(10)
    between.cut()
    # For longer than a worker may be away (2 s): its jobs are others' then, if there are any.
    threading.Event().wait(3)
    between.up()
    client.wait_for(50)
    between.cut()
    between.up()
    between.slow = False
    client.all_well(100)
    assert between.passed > 1 << 20, "all went through it"
    before = [descriptors(pid) for pid in (worker.pid, broker.pid)]
    joined = worker.said().count(JOINED)
    for times in range(1, 5):
        between.cut()
        between.up()
        worker.wait_for(JOINED, times=joined + times, seconds=LONG)
    Client(cluster, jobs[:1], *options).all_well(1)
    after = [descriptors(pid) for pid in (worker.pid, broker.pid)]
    assert all(now <= then + 2 for then, now in zip(before, after, strict=True)), (before, after)
    assert "Traceback" not in worker.said() + broker.said() + client.process.said()


TINY = 'mount -t tmpfs -o size=8m tiny "$0" && exec "$@"'


def test_the_disk_of_a_worker_is_full(cluster: Any) -> None:
    if shutil.which("unshare") is None:
        pytest.skip("there is no unshare(1), by which a worker gets a tiny disk of its own")
    cluster.broker()
    store = cluster.directory / "store-tiny"
    store.mkdir()
    worker = [sys.executable, "-m", "maelstrom_worker.cli", "--name", "tiny", "--store", str(store)]
    alone = ["unshare", "--user", "--map-root-user", "--mount", "/bin/sh", "-c", TINY, str(store)]
    tiny = cluster.start("tiny", [*alone, *worker, "--slots", "2"])
    tiny.wait_for(JOINED)
    (cluster.directory / "large").write_bytes(os.urandom(16 << 20))
    layers = [{"paths": ["large"]}]
    jobs = [job("echo 1"), job("echo 2", layers=layers), job("echo 3")]
    client = Client(cluster, jobs)
    outcomes = client.outcomes(3)
    assert [outcomes[one]["stdout"] for one in (1, 3)] == ["1\n", "3\n"]
    assert outcomes[2]["outcome"]["kind"] == "host failed"
    assert "the disk is full where the store is" in outcomes[2]["outcome"]["words"]
    assert "tiny" in outcomes[2]["outcome"]["words"]
    Client(cluster, [job("echo 1")]).all_well(1)  # it goes on
    assert tiny.end() == 0, tiny.said()
    assert "Traceback" not in tiny.said()


def worker_of(seconds: str, workers: dict[str, Any]) -> str:
    """Which worker has the job that sleeps so long; empty while none has."""
    pids = {worker.pid: name for name, worker in workers.items()}
    for one in filter(str.isdecimal, os.listdir("/proc")):
        with suppress(OSError, IndexError):
            if Path(f"/proc/{one}/cmdline").read_bytes() != b"sleep\0" + seconds.encode() + b"\0":
                continue
            while int(one) > 1 and int(one) not in pids:
                one = stat(one)[1]
            if int(one) in pids:
                return pids[int(one)]
    return ""


def test_a_job_that_kills_its_worker_is_given_up(cluster: Any) -> None:
    """No job can, from its container; this test kills the worker as soon as that job runs there."""
    broker = cluster.broker()
    workers = {name: cluster.worker(name, slots=1) for name in ("one", "two")}
    for worker in workers.values():
        worker.wait_for(JOINED)
    jobs = [job("sleep 7777.75"), *(job(f"echo {n}; sleep 0.05") for n in range(2, 62))]
    client = Client(cluster, jobs)
    for _ in range(3):
        client.process.wait_until(lambda: worker_of("7777.75", workers) != "", seconds=LONG)
        killed = worker_of("7777.75", workers)
        of_it = family(workers[killed].pid)
        assert len(of_it) > 2, "a slot, and the job"
        workers[killed].kill()
        wait_until_gone(of_it, seconds=LONG)
        workers[killed] = cluster.worker(killed, slots=1)
    outcomes = client.outcomes(61)
    poison = outcomes.pop(1)
    assert is_lost(poison), poison
    assert "it died" in poison["outcome"]["words"]
    for n, ending in outcomes.items():
        assert ending["stdout"] == f"{n}\n", ending
    assert "job ended badly" in broker.said()
    Client(cluster, [job("echo 1")]).all_well(1)


STEPPING = """
import random, runpy, sys, time

def stepping(real, unit):
    return lambda *clock: real(*clock) + random.choice((-400, -1, 0, 1, 400)) * 86_400 * unit

time.time, time.time_ns = stepping(time.time, 1), stepping(time.time_ns, 10**9)
sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__")
"""
"""A program whose wall clock is set whenever it looks: a day, or more than a year, back or forth."""


def test_the_clocks_step(cluster: Any) -> None:
    """That of the machine is everybody's, so only what these programs see of it is set."""
    stepping = [sys.executable, "-c", STEPPING]
    listen = ("--listen", f"127.0.0.1:{cluster.port}")
    broker = cluster.start("broker", [*stepping, "maelstrom_broker.cli", *listen])
    broker.wait_for("listening at ")
    store = ("--store", f"{cluster.directory}/store-one", "--slots", "2")
    worker = cluster.start("one", [*stepping, "maelstrom_worker.cli", "--name", "one", *store])
    worker.wait_for(JOINED)
    source = cluster.directory / "source"
    source.write_text("\n".join(job(f"echo {n + 1}; sleep 0.02") for n in range(100)))
    options = (*ON_CLUSTER, "--format", "json", "-f", str(source))
    client = cluster.start("client", [*stepping, "maelstrom_run.cli", *options])
    assert client.wait(LONG) == 0, client.said()
    found = ended("\n".join(line for line in client.said().splitlines() if line[:1] == "{"))
    said = {one: [ending["stdout"] for ending in endings] for one, endings in found.items()}
    assert said == {n: [f"{n}\n"] for n in range(1, 101)}
    assert "worker is gone" not in broker.said(), "nobody was taken for dead"
    assert "the broker is gone" not in worker.said()
    assert "Traceback" not in broker.said() + worker.said()
