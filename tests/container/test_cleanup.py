"""Whoever is killed with -9, nothing of a container is left: no process, no mount."""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

DEADLINE = 10.0
"""Seconds after which what is still there is called left behind."""
LINKS = ("program", "pid 1", "slot", "outer", "engine")
IN_CONTAINER = 3
"""Processes that name the marker: pid 1, the program, its daemon."""

ENGINE = """
import sys, trio
from maelstrom_core.container.messages import Launch
from maelstrom_core.container.plan import prepare_message
from maelstrom_core.container.runtime import open_slots
from maelstrom_core.model.container import Container

marker, lower, interpreter = sys.argv[1:]
trees = [(path, path) for path in ("/usr", "/bin", "/lib", "/lib64")]
script = f"setsid sh -c 'sleep 1000; : {marker}' & sleep 1000; : {marker}"

async def main():
    container = Container(environment=(("PATH", "/usr/bin:/bin"),))
    message = prepare_message(container, lowers=[lower], host_trees=trees)
    async with open_slots(1, interpreter=interpreter) as (slot,):
        for again in range(2):
            slot.prepare(message)
            slot.launch(Launch(again, message.key, "sh", ("-c", script), container.environment))
            while type(said := await slot.receive()).__name__ != "Lost":
                print(type(said).__name__, flush=True)
            print("Lost", flush=True)

trio.run(main)
"""


def processes(marker: str) -> dict[int, str]:
    """Pid and command line of every process that names the marker."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue  # it has just ended
            if marker in line:
                found[int(entry.name)] = line
    return found


def wait_until(holds, what: str) -> None:
    end = time.monotonic() + DEADLINE
    while not holds():
        assert time.monotonic() < end, f"after {DEADLINE} s still not so: {what}"
        time.sleep(0.01)


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


class Chain:
    """An engine of its own, and the processes between it and the program of a job."""

    def __init__(self, lower: Path, interpreter: str) -> None:
        self.marker = f"marker-{uuid.uuid4().hex}"
        self.engine = subprocess.Popen(
            [sys.executable, "-c", ENGINE, self.marker, str(lower), interpreter],
            stdout=subprocess.PIPE,
            text=True,
        )
        self.links: list[int] = []

    def wait_until_it_runs(self) -> None:
        """Wait for pid 1, the program and its daemon."""
        wait_until(lambda: len(self.inside()) == IN_CONTAINER, "all of the job runs")
        found = self.inside()
        self.links = [next(pid for pid, line in found.items() if line.startswith("sh -c setsid"))]
        while self.links[-1] != self.engine.pid:
            self.links.append(parent(self.links[-1]))
        assert len(self.links) == len(LINKS), found

    def inside(self) -> dict[int, str]:
        """Processes of the job; the engine names the marker too."""
        found = processes(self.marker)
        found.pop(self.engine.pid, None)
        return found

    def pid(self, name: str) -> int:
        return self.links[LINKS.index(name)]


@pytest.fixture
def chain(lower: Path, interpreter: str) -> Iterator[Chain]:
    if any(not os.path.isdir(path) for path in ("/usr", "/bin", "/lib", "/lib64")):
        pytest.skip("this host lays its programs out otherwise")
    chain = Chain(lower, interpreter)
    with chain.engine:
        try:
            chain.wait_until_it_runs()
            yield chain
        finally:
            chain.engine.kill()
    wait_until(lambda: not processes(chain.marker), "nothing is left of the engine")


@pytest.mark.parametrize("victim", ["engine", "outer", "slot", "pid 1"])
def test_nothing_is_left_when_one_in_the_chain_is_killed(chain: Chain, victim: str) -> None:
    mounts = Path("/proc/self/mountinfo").read_text()
    others = [pid for pid in chain.links if pid != chain.engine.pid]
    inside = set(chain.inside())
    os.kill(chain.pid(victim), signal.SIGKILL)
    wait_until(lambda: not inside & set(chain.inside()), "the job and its daemon are gone")
    if victim == "engine":
        wait_until(
            lambda: not any(os.path.exists(f"/proc/{pid}") for pid in others), "slots are gone"
        )
    assert Path("/proc/self/mountinfo").read_text() == mounts


@pytest.mark.parametrize("victim", ["outer", "slot"])
def test_the_engine_is_told_of_a_lost_slot_and_runs_the_next_job_in_another(
    chain: Chain, victim: str
) -> None:
    before = set(chain.inside())
    os.kill(chain.pid(victim), signal.SIGKILL)
    assert chain.engine.stdout is not None
    wait_until(lambda: not before & set(chain.inside()), "the first job is gone")
    wait_until(lambda: len(chain.inside()) == IN_CONTAINER, "the second one runs")
    chain.engine.kill()
    assert "Lost" in chain.engine.stdout.read().split()


def test_a_daemon_ends_with_its_job(shell) -> None:
    marker = f"marker-{uuid.uuid4().hex}"
    seen = shell(f"setsid sh -c 'sleep 1000; : {marker}' > /dev/null 2>&1 & echo started")
    assert seen.out == "started\n"
    wait_until(lambda: not processes(marker), "the daemon is gone")
