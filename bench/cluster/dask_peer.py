"""What `whole.py` measures of dask.distributed; run by the interpreter of dask's environment.

A scheduler and a worker of two threads, as processes of their own; tasks that do nothing.
"""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from distributed import Client, wait  # type: ignore[import-not-found]

_TICKS = os.sysconf("SC_CLK_TCK")


def nothing(number: int) -> None:
    """A task."""


def cpu_seconds(pid: int) -> float:
    """Of a process, all threads, with what has ended of it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS


def start(module: str, *arguments: str) -> "subprocess.Popen[bytes]":
    """A program of dask's, that finds the module of the tasks."""
    environment = {**os.environ, "PYTHONPATH": f"{Path(__file__).parent}"}
    command = [sys.executable, "-m", f"distributed.cli.{module}", *arguments]
    return subprocess.Popen(command, env=environment)


def main() -> None:
    """Measure and print."""
    tasks, alone = int(sys.argv[1]), int(sys.argv[2])
    work = Path(sys.argv[3])
    scheduler_file = f"{work}/dask.json"
    own = ["--scheduler-file", scheduler_file, "--no-dashboard", "--host", "127.0.0.1"]
    threads = ["--nthreads", "2", "--no-nanny", "--local-directory", f"{work}/dask"]
    scheduler = start("dask_scheduler", *own, "--port", "0")
    worker = start("dask_worker", *own, *threads)
    try:
        with Client(scheduler_file=scheduler_file, timeout=60) as client:
            client.wait_for_workers(1, timeout=60)
            wait(client.map(nothing, range(100), pure=False))
            before = cpu_seconds(scheduler.pid), cpu_seconds(worker.pid), time.process_time()
            began = time.perf_counter()
            wait(client.map(nothing, range(tasks), pure=False))
            seconds = time.perf_counter() - began
            after = cpu_seconds(scheduler.pid), cpu_seconds(worker.pid), time.process_time()
            spent = [
                (late - early) / tasks * 1e3 for early, late in zip(before, after, strict=True)
            ]
            found = []
            for number in range(alone):
                began = time.perf_counter()
                client.submit(nothing, number, pure=False).result()
                found.append(time.perf_counter() - began)
        print(
            f"dask.distributed, no container, a function in a live process: {seconds / tasks * 1e3:.2f}"
            f" ms a task; ms of CPU a task: scheduler {spent[0]:.2f}, worker {spent[1]:.2f}, client"
            f" {spent[2]:.2f}; one task alone {statistics.median(found) * 1e3:.2f} ms"
        )
    finally:
        worker.kill()
        scheduler.kill()
    print("done", flush=True)


if __name__ == "__main__":
    main()
