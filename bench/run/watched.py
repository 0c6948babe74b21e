"""Runs a program, and watches what it and all that it starts cost, from the outside.

CPU time is summed over the processes that are alive, with what they have waited for: of a tree that
ends all at once the last look counts, 20 ms before its end at most.
"""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

LOOK_SECONDS = 0.02
_TICKS = os.sysconf("SC_CLK_TCK")


@attrs.frozen
class Cost:
    """What a run cost.

    :param wall_seconds: from its start to its end
    :param cpu_seconds: of all its processes
    :param peak_bytes: most anonymous memory that all of them had together
    """

    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int


def watched(
    command: Sequence[str],
    given: Path,
    directory: Path,
    environment: Mapping[str, str] | None = None,
) -> Cost:
    """Run a command to its end.

    :param given: file on its standard input
    :param environment: ours by default
    :raises RuntimeError: if it does not exit with 0
    """
    cpu, peak = 0.0, 0
    began = time.perf_counter()
    with given.open("rb") as file:
        process = subprocess.Popen(
            command,
            stdin=file,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=directory,
            env=environment,
        )
    while process.poll() is None:
        seconds, memory = so_far(process.pid)
        cpu, peak = max(cpu, seconds), max(peak, memory)
        time.sleep(LOOK_SECONDS)
    wall = time.perf_counter() - began
    assert process.stderr is not None
    said = process.stderr.read().decode(errors="replace")
    process.stderr.close()
    if process.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}: {said[-400:]}")
    return Cost(wall, cpu, peak)


def so_far(root: int) -> tuple[float, int]:
    """CPU seconds and anonymous bytes of a process and all below it."""
    parents: dict[int, int] = {}
    stats: dict[int, list[bytes]] = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            fields = Path("/proc", entry, "stat").read_bytes().rpartition(b")")[2].split()
        except OSError:
            continue
        parents[int(entry)], stats[int(entry)] = int(fields[1]), fields
    ticks = memory = 0
    for pid, fields in stats.items():
        if not _is_below(pid, root, parents):
            continue
        ticks += sum(int(value) for value in fields[11:15])
        memory += _anonymous(pid)
    return ticks / _TICKS, memory


def _is_below(pid: int, root: int, parents: dict[int, int]) -> bool:
    while pid > 1:
        if pid == root:
            return True
        pid = parents.get(pid, 0)
    return False


def _anonymous(pid: int) -> int:
    try:
        lines = Path("/proc", str(pid), "status").read_bytes().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(b"RssAnon:"))
