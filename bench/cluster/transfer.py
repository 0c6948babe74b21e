"""How fast blobs travel: ``python bench/cluster/transfer.py``, over loopback, with CURVE.

A large file and many small ones, client → broker and broker → worker, each verified and on disk at the
end; beside ``cp`` of the same bytes, and beside ``scp`` where a server lets us in without a password:
``MAELSTROM_SCP`` is its address (``scp://me@host:port/``), ``MAELSTROM_SCP_OPTIONS`` further options.
In turn, all in one run; the broker is a process of its own.

    python bench/cluster/transfer.py --megabytes 64 --files 1000 --rounds 1      quick
"""

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent)]

import trio  # noqa: E402
from side_by_side import compare, table  # noqa: E402

from maelstrom_core.layers.in_place import layers_in_place  # noqa: E402
from maelstrom_core.model.in_place import InPlaceLayer  # noqa: E402
from maelstrom_core.model.layers import HostTreeLayer  # noqa: E402
from maelstrom_core.store import Store  # noqa: E402
from maelstrom_core.transfer.asking import Asker  # noqa: E402
from maelstrom_core.transfer.fetch import Fetcher  # noqa: E402
from maelstrom_core.transfer.server import MOST_WAITING, open_bulk_server  # noqa: E402
from maelstrom_core.transfer.upload import Uploader  # noqa: E402
from maelstrom_core.transport import endpoints  # noqa: E402
from maelstrom_core.transport.keyring import Keyring  # noqa: E402


async def serve(directory: Path) -> None:
    keyring = Keyring(directory / "cluster")
    limits = endpoints.Limits(waiting_to_go=MOST_WAITING, waiting_to_come=MOST_WAITING)

    @asynccontextmanager
    async def listening() -> AsyncIterator[endpoints.Listener]:
        keys, authorized = keyring.broker_keys(), keyring.authorized()
        async with endpoints.open_listener(keys, authorized, limits=limits) as listener:
            print(listener.address, flush=True)
            yield listener

    async with open_bulk_server(listening, directory / "broker"):
        await trio.sleep_forever()


class Broker:
    """A broker with nothing in it, as a process."""

    def __init__(self, directory: Path) -> None:
        self.keyring = Keyring(directory / "cluster")
        self.keyring.ensure()
        command = [sys.executable, __file__, "--serve", str(directory)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.keyring.publish_address(self.process.stdout.readline().strip())

    def cpu_seconds(self) -> float:
        """What it has used so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()


class Transfer:
    """Client, broker and worker, fresh in each round; keeps what each way has cost the broker."""

    def __init__(self, work: Path, layer: InPlaceLayer) -> None:
        self._work, self._layer = work, layer
        self.broker_cpu: dict[str, list[float]] = {"up": [], "down": []}

    def measure(self, way: str) -> float:
        """How many seconds one transfer takes."""
        directory = Path(tempfile.mkdtemp(dir=self._work))
        broker = Broker(directory)
        try:
            return trio.run(self._both, way, directory, broker)
        finally:
            broker.stop()
            shutil.rmtree(directory)

    async def _both(self, way: str, directory: Path, broker: Broker) -> float:
        with Store.open(directory / "store") as store:
            found = 0.0
            for role in ("client", "worker")[: 1 if way == "up" else 2]:
                async with (
                    endpoints.open_connector(broker.keyring.local_join(role)) as connector,
                    trio.open_nursery() as nursery,
                ):
                    asker = Asker(connector)
                    nursery.start_soon(asker.run)
                    await connector.wait_connected()
                    start, cpu = time.perf_counter(), broker.cpu_seconds()
                    if role == "client":
                        await Uploader(asker, store).ensure([self._layer])
                    else:
                        (await Fetcher(asker, store).layers([self._layer.digest])).release()
                    found = time.perf_counter() - start
                    self.broker_cpu[way].append(broker.cpu_seconds() - cpu)
                    nursery.cancel_scope.cancel()
            return found


def copied(tree: Path, work: Path) -> Callable[[], float]:
    def once() -> float:
        target = work / "copy"
        start = time.perf_counter()
        subprocess.run(["cp", "-r", str(tree), str(target)], check=True)
        found = time.perf_counter() - start
        shutil.rmtree(target)
        return found

    return once


def secured(tree: Path, work: Path, address: str) -> Callable[[], float]:
    options = shlex.split(os.environ.get("MAELSTROM_SCP_OPTIONS", ""))

    def once() -> float:
        target = work / "scp"
        target.mkdir()
        start = time.perf_counter()
        done = subprocess.run(
            ["scp", "-q", "-r", "-B", *options, str(tree), f"{address}/{target}"],
            capture_output=True,
            text=True,
        )
        found = time.perf_counter() - start
        shutil.rmtree(target)
        if done.returncode:
            raise RuntimeError(done.stderr.strip())
        return found

    return once


def measure(work: Path, tree: Path, title: str, rounds: int) -> None:
    with Store.open(work / "client") as store:
        (layer,) = layers_in_place([HostTreeLayer(path=str(tree))], index=store.index)
    size = sum(file.size for file in layer.files.values())
    transfer = Transfer(work, layer)
    ways: dict[str, Callable[[], float]] = {
        "client → broker": lambda: transfer.measure("up"),
        "broker → worker, tree included": lambda: transfer.measure("down"),
        "cp -r": copied(tree, work),
    }
    address = os.environ.get("MAELSTROM_SCP")
    if address:
        ways["scp -r"] = secured(tree, work, address)
    else:
        print("scp: not compared: no MAELSTROM_SCP")
    rows = compare(ways, rounds=rounds, failed=lambda name, error: print(f"{name}: {error}"))
    print(table(title, "s", rows))
    for row in rows:
        rate, files = size / row.median / 1e6, len(layer.files) / row.median
        print(f"{row.name}: {rate:,.0f} MB/s, {files:,.0f} files/s")
    for way, costs in transfer.broker_cpu.items():
        if costs:
            print(f"the broker's CPU time, {way}: {sorted(costs)[len(costs) // 2]:.2f} s")
    print()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=512)
    parser.add_argument("--files", type=int, default=10_000, help="of 4 KiB each")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--directory", type=Path, help="where the files are (a temporary one)")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        trio.run(serve, given.serve)
        return
    with tempfile.TemporaryDirectory(dir=given.directory) as name:
        work = Path(name)
        large, small = work / "large", work / "small"
        large.mkdir()
        with (large / "file").open("wb") as file:
            for _ in range(given.megabytes):
                file.write(os.urandom(1 << 20))
        for index in range(given.files):
            directory = small / f"d{index // 500}"
            directory.mkdir(parents=True, exist_ok=True)
            (directory / f"f{index}").write_bytes(os.urandom(4096))
        measure(work, large, f"One file of {given.megabytes} MiB", given.rounds)
        measure(work, small, f"{given.files} files of 4 KiB", given.rounds)


if __name__ == "__main__":
    main()
