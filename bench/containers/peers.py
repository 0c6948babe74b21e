"""The peers: the same static program, started by others. Each returns seconds for one job."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path


def wait_all(start: Callable[[], int], jobs: int, parallel: int) -> float:
    """Seconds per job when ``parallel`` of them run at once.

    :param start: starts one and returns its pid
    """
    began = time.perf_counter()
    running = 0
    for _ in range(jobs):
        if running == parallel:
            check_status(os.wait()[1])
            running -= 1
        start()
        running += 1
    for _ in range(running):
        check_status(os.wait()[1])
    return (time.perf_counter() - began) / jobs


def check_status(status: int) -> None:
    """A peer that fails is not a fast one."""
    if status != 0:
        raise RuntimeError(f"a job ended with wait status {status}")


def spawn_way(program: Path, jobs: int, parallel: int) -> Callable[[], float]:
    """Bare ``posix_spawn``: the floor, no container at all."""
    arguments = [str(program)]

    def start() -> int:
        return os.posix_spawn(program, arguments, {})

    return lambda: wait_all(start, jobs, parallel)


def interpreter_way(jobs: int) -> Callable[[], float]:
    """This interpreter, started afresh on the host, with nothing of its environment."""
    executable = os.path.realpath(sys.executable)

    def start() -> int:
        return os.posix_spawn(executable, [executable, "-I", "-c", "pass"], {})

    return lambda: wait_all(start, jobs, 1)


def bubblewrap_way(bwrap: str, root: Path, jobs: int, parallel: int) -> Callable[[], float]:
    """Bubblewrap with every namespace, a read-only root, /proc, /dev and /tmp."""
    arguments = [bwrap, "--unshare-all", "--ro-bind", str(root), "/"]
    arguments += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "/true"]

    def start() -> int:
        return os.posix_spawn(bwrap, arguments, {})

    return lambda: wait_all(start, jobs, parallel)


def original_way(binaries: Path, root: Path, jobs: int, parallel: int) -> Callable[[], float]:
    """The original's ``maelstrom-run``, standalone, client included."""
    job = {
        "layers": [
            {"paths": [str(root / "true")], "strip_prefix": str(root)},
            {"stubs": ["/{proc,sys,tmp,dev}/"]},
        ],
        "mounts": [
            {"type": "proc", "mount_point": "/proc"},
            {"type": "sys", "mount_point": "/sys"},
            {"type": "tmp", "mount_point": "/tmp"},
        ],
        "program": "/true",
    }
    jobs_file = root.parent / "original-jobs.json"
    jobs_file.write_text("\n".join([json.dumps(job)] * jobs))
    command = [binaries / "maelstrom-run", "--slots", str(parallel), "--file", jobs_file]
    command += ["--cache-root", root.parent / "original-cache"]

    def measure() -> float:
        began = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return (time.perf_counter() - began) / jobs

    return measure
