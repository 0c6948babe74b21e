"""A whole cluster, beside the original's and dask's: ``python bench/cluster/whole.py``.

Real processes on loopback: one broker, one worker of two slots, and ``maelstrom-run`` as the client,
which runs nothing itself. How many static programs that do nothing it runs in a second, client included,
and which CPU time each part takes for one; how long one job takes that nobody is before; how soon a dead
worker is missed, and when results come again after the broker was killed. Ours; the original's where
``MAELSTROM_ORIGINAL`` names the directory of its binaries; and with ``--dask`` dask.distributed, whose
tasks are calls of a function in a process that lives on, from an environment made for it by pip.
In turn, all in one run. A peer that is missing has a line that says so.

    python bench/cluster/whole.py --jobs 200 --rounds 1      quick
"""

import argparse
import json
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "containers")]

from clusters import Cluster, Original, Ours, Process, kinds  # noqa: E402
from ends import broker_comes_back, worker_is_missed  # noqa: E402
from side_by_side import compare, table  # noqa: E402
from static_echo import write_static_echo  # noqa: E402
from static_true import write_static_true  # noqa: E402
from watched import watched  # noqa: E402

BUDGET = 3.0
"""Jobs a second, times those of the original."""
ALONE = 40
"""Jobs that are run one after the other."""
PARTS = ("broker", "worker", "client")


class Bench:
    """Clusters that stay, for as long as it is measured how many jobs they run."""

    def __init__(self, work: Path, jobs: int) -> None:
        self._work, self._jobs = work, jobs
        self._given = work / "jobs.json"
        self._given.write_text(f"{json.dumps(job('true'))}\n" * jobs)
        self.cpu: dict[str, list[tuple[float, ...]]] = {}
        self.cpu_ms: dict[str, float] = {}

    def way(self, cluster: Cluster) -> Callable[[], float]:
        """Seconds for a job, many at once."""
        (worker,) = cluster.workers

        def once() -> float:
            before = cluster.broker.cpu_seconds(), worker.cpu_seconds()
            cost = watched(cluster.client(), self._given, self._work, variables=cluster.environment)
            after = cluster.broker.cpu_seconds(), worker.cpu_seconds()
            spent = (*(late - early for late, early in zip(after, before, strict=True)),)
            all_of_it = self.cpu.setdefault(cluster.name, [])
            all_of_it.append((*(one / self._jobs for one in (*spent, cost.cpu_seconds)),))
            return cost.wall_seconds / self._jobs

        return once

    def show_cpu(self) -> None:
        """What each part has used for a job, median of the rounds that count."""
        for name, rounds in self.cpu.items():
            # The first round has warmed it up.
            medians = [statistics.median(one) * 1e3 for one in zip(*rounds[1:], strict=True)]
            self.cpu_ms[name] = sum(medians)
            parts = [f"{part} {of:.2f}" for part, of in zip(PARTS, medians, strict=True)]
            print(f"{name}: ms of CPU a job: {', '.join(parts)}, all {sum(medians):.2f}")
        print()


def job(program: str) -> dict[str, object]:
    """In words that both understand."""
    return {"layers": [{"paths": [program]}], "program": f"/{program}"}


def alone(cluster: Cluster) -> Callable[[], float]:
    """Seconds from handing a job in, on a pipe, to its line of output, with nobody before it."""

    def once() -> float:
        with subprocess.Popen(
            cluster.client(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=cluster.work.parent,
            env=cluster.environment,
        ) as client:
            assert client.stdin is not None and client.stdout is not None
            found = []
            for _ in range(ALONE):
                began = time.perf_counter()
                client.stdin.write(f"{json.dumps(job('echo'))}\n".encode())
                client.stdin.flush()
                if client.stdout.readline() != b"x\n":
                    raise RuntimeError("a job has not written its line")
                found.append(time.perf_counter() - began)
            client.stdin.close()
        return statistics.median(found[1:])  # its container is made for the first

    return once


def measure(work: Path, compared: list[type[Cluster]], jobs: int, rounds: int) -> list[str]:
    """Clusters side by side; what is said of the budget."""
    bench = Bench(work, jobs)
    clusters = [kind(work / kind.__name__) for kind in compared]
    try:
        for cluster in clusters:
            cluster.add_worker()
        many = compare({one.name: bench.way(one) for one in clusters}, rounds=rounds)
        print(table(f"{jobs:,} × a static true, client included", "ms a job", many, scale=1e3))
        bench.show_cpu()
        single = compare({one.name: alone(one) for one in clusters}, rounds=rounds)
        print(table("one job on an idle cluster", "ms", single, scale=1e3))
    finally:
        for cluster in clusters:
            cluster.__exit__(None, None, None)
    if len(many) < 2:
        return []
    ratio = many[0].median / many[1].median
    cpu = bench.cpu_ms[Ours.name] / bench.cpu_ms[Original.name]
    return [
        f"{ratio:.2f} × the original's jobs a second (must: {BUDGET} ×),"
        f" at {cpu:.2f} × its CPU time"
    ]


def ends(work: Path, compared: list[type[Cluster]], rounds: int) -> None:
    """How soon the end of a part is noticed and made up for."""
    for kind in compared:
        for number in (signal.SIGKILL, signal.SIGSTOP):
            found = [
                worker_is_missed(kind, work / f"{kind.__name__}-{number}-{round_}", number)
                for round_ in range(rounds)
            ]
            print(
                f"{kind.name}, a worker gets {signal.Signals(number).name}: missed {shown(found)}"
            )
    found = [broker_comes_back(work / f"back-{round_}", job("true")) for round_ in range(rounds)]
    print(f"{Ours.name}, the broker is killed: the next result {shown(found)}")
    if Original in compared:
        print(f"{Original.name}, the broker is killed: its worker and its client end with it")
    print()


def shown(found: list[float | None]) -> str:
    """Median, lowest and highest of some seconds."""
    seconds = [one for one in found if one is not None]
    if len(seconds) < len(found):
        return f"in {len(seconds)} of {len(found)} rounds"
    lowest, highest = min(seconds), max(seconds)
    return f"after {statistics.median(seconds):.3f} s ({lowest:.3f} to {highest:.3f})"


def dask(work: Path, jobs: int) -> None:
    """The same number of calls of a function that does nothing."""
    python = work / "environment" / "bin" / "python"
    venv.create(work / "environment", with_pip=True)
    install = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*install, "distributed"], check=True)
    peer = [str(python), str(HERE / "dask_peer.py"), str(jobs), str(ALONE), str(work)]
    process = Process(peer, work / "dask.log", {"PATH": str(python.parent)})
    try:
        process.must_say("done")
        print(*(line for line in process.log.read_text().splitlines() if line.startswith("dask.")))
    finally:
        process.stop()


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--dask", action="store_true", help="needs the package registry")
    parser.add_argument("--only", choices=("jobs", "ends", "dask"), help="a part of it")
    chosen = parser.parse_args()
    verdicts: list[str] = []
    compared = kinds()
    with tempfile.TemporaryDirectory(prefix="maelstrom-bench-") as scratch:
        work = Path(scratch)
        write_static_true(work)
        write_static_echo(work)
        if chosen.only in (None, "jobs"):
            verdicts += measure(work, compared, chosen.jobs, chosen.rounds)
        if chosen.only in (None, "ends"):
            ends(work, compared, chosen.rounds)
        if chosen.dask or chosen.only == "dask":
            dask(work, chosen.jobs)
    print(*verdicts, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
