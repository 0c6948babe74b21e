"""Runs a program, and watches what it and all that it starts cost, from the outside.

CPU time is summed over the processes that are alive, with what they have waited for; or it is what the
program and all that was waited for have taken in the end, if that is more.
"""

import os
import subprocess
import tempfile
import time
from collections.abc import Collection, Mapping, Sequence
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
    :param output: what it has printed, both streams; empty if nobody asked for that
    """

    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int
    output: str = ""


def watched(
    command: Sequence[str],
    given: Path | None,
    directory: Path,
    *,
    variables: Mapping[str, str] | None = None,
    statuses: Collection[int] = (0,),
    has_output: bool = False,
) -> Cost:
    """Run a command to its end.

    :param given: file on its standard input; ``None`` for nothing
    :param variables: of its environment, over those of this process
    :param statuses: with which it may end
    :param has_output: whether its output is kept; otherwise nobody reads what it prints
    :raises RuntimeError: if it exits with another status
    """
    cpu, peak = 0.0, 0
    # Files, which no program ever waits for.
    with (
        Path(given or os.devnull).open("rb") as file,
        tempfile.TemporaryFile() as said,
        Path(os.devnull).open("wb") as nowhere,
    ):
        began = time.perf_counter()
        process = subprocess.Popen(
            command,
            stdin=file,
            stdout=said if has_output else nowhere,
            stderr=said,
            cwd=directory,
            env={**os.environ, **(variables or {})},
        )
        ended, status, usage = os.wait4(process.pid, os.WNOHANG)
        while not ended:
            seconds, memory = so_far(process.pid)
            cpu, peak = max(cpu, seconds), max(peak, memory)
            time.sleep(LOOK_SECONDS)
            ended, status, usage = os.wait4(process.pid, os.WNOHANG)
        process.returncode = os.waitstatus_to_exitcode(status)
        cpu = max(cpu, usage.ru_utime + usage.ru_stime)
        wall = time.perf_counter() - began
        said.seek(0)
        output = said.read().decode(errors="replace")
    if process.returncode not in statuses:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}: {output[-400:]}")
    return Cost(wall, cpu, peak, output if has_output else "")


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
