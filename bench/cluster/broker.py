"""What a job costs a whole broker: ``python bench/cluster/broker.py``.

The program ``maelstrom-broker`` on loopback, encrypted; a client that keeps a window full, and workers
that end each job as it comes, in this process. CPU time of the broker's serving process, all threads.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import trio

from maelstrom_core.model.digest import Digest
from maelstrom_core.transport.endpoints import Connector, open_connector
from maelstrom_core.transport.keyring import Keyring
from maelstrom_core.wire.codec import decode, encode
from maelstrom_core.wire.messages import (
    Beat,
    ContainerBytes,
    Done,
    Hello,
    Results,
    Run,
    Submit,
    Taken,
    Welcome,
)
from maelstrom_core.wire.rows import DoneJob, SubmittedJob

BUDGET_US = 40.0
CONTAINER, BODY = b"a container", bytes(60)
DIGEST = bytes.fromhex(Digest.of(CONTAINER).hex)
CLIENT = b"client".ljust(16)


async def beat(connector: Connector) -> None:
    """Say that one lives."""
    while True:
        await trio.sleep(1)
        connector.send_nowait(encode(Beat(1)))


async def worker(keyring: Keyring, number: int, slots: int) -> None:
    """End each job as it comes."""
    async with (
        open_connector(keyring.local_join("worker")) as connector,
        trio.open_nursery() as nursery,
    ):
        await connector.wait_connected()
        hello = Hello(1, 1, "bench", b"worker %9d" % number, f"w{number}", slots=slots)
        await connector.send(encode(hello))
        nursery.start_soon(beat, connector)
        while True:
            for payload in await connector.receive_batch():
                message: Any = decode(payload)
                if type(message) is Run:
                    rows = tuple(DoneJob(row.tag, row.attempt, 0, BODY) for row in message.jobs)
                    await connector.send(encode(Done(message.session, rows)))


async def client(keyring: Keyring, jobs: int, window: int) -> float:
    """Hand in jobs and take results until all ended; in how many seconds."""
    async with (
        open_connector(keyring.local_join("client")) as connector,
        trio.open_nursery() as nursery,
    ):
        await connector.wait_connected()
        await connector.send(encode(Hello(1, 1, "bench", CLIENT, "bench")))
        while type(decode((await connector.receive_batch(1))[0])) is not Welcome:
            pass
        nursery.start_soon(beat, connector)
        await connector.send(encode(ContainerBytes(DIGEST, CONTAINER)))
        began, given, taken = time.perf_counter(), 0, 0
        while taken < jobs:
            while given < jobs and given - taken <= window - 64:
                tags = range(given, min(jobs, given + 64))
                rows = tuple(SubmittedJob(tag, 0, -1, 1, BODY) for tag in tags)
                await connector.send(encode(Submit(DIGEST, rows)))
                given += len(rows)
            for payload in await connector.receive_batch():
                message: Any = decode(payload)
                if type(message) is Results:
                    taken += len(message.jobs)
                    tags_taken = tuple(row.tag for row in message.jobs)
                    await connector.send(encode(Taken(CLIENT, tags_taken)))
        nursery.cancel_scope.cancel()
    return time.perf_counter() - began


def cpu_seconds(pid: int) -> float:
    """Of all threads of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def measure(keyring: Keyring, pid: int, chosen: argparse.Namespace) -> float:
    """One round; microseconds of the broker's CPU for each job."""
    async with trio.open_nursery() as nursery:
        for number in range(chosen.workers):
            nursery.start_soon(worker, keyring, number, chosen.slots)
        await client(keyring, 2_000, chosen.window)  # warm
        before = cpu_seconds(pid)
        seconds = await client(keyring, chosen.jobs, chosen.window)
        cost = (cpu_seconds(pid) - before) / chosen.jobs * 1e6
        print(f"{chosen.jobs / seconds:>10,.0f} jobs/s {cost:>8.1f} µs of the broker's CPU a job")
        nursery.cancel_scope.cancel()
    return cost


def main() -> int:
    """Measure, and say whether it is within the budget."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--jobs", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--slots", type=int, default=64)
    parser.add_argument("--window", type=int, default=2_048)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        own = [
            "-c",
            "-",
            "--cluster-directory",
            f"{directory}/keys",
            "--blobs",
            f"{directory}/blobs",
        ]
        with open(f"{directory}/log", "w") as log:
            broker = subprocess.Popen(
                [sys.executable, "-m", "maelstrom_broker.cli", *own],
                stdout=subprocess.PIPE,
                stderr=log,
            )
        try:
            assert broker.stdout is not None
            broker.stdout.readline()
            said = Path(f"{directory}/log").read_text()
            pid = int(said.partition("pid=")[2].split()[0])
            cost = trio.run(measure, Keyring(Path(f"{directory}/keys")), pid, chosen)
        finally:
            broker.terminate()
            broker.wait()
    return 0 if cost <= BUDGET_US else 1


if __name__ == "__main__":
    sys.exit(main())
