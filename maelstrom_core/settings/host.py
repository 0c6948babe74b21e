"""What depends on the host: how many jobs at once, how much memory there is, which directories."""

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import platformdirs


def usable_cpus() -> int:
    """CPUs that this process may use: its affinity, and the quota of its control group."""
    affinity = len(os.sched_getaffinity(0))
    quota = _quota(Path("/sys/fs/cgroup/cpu.max"))
    return max(1, min(affinity, quota) if quota else affinity)


def _quota(path: Path) -> int:
    """Whole CPUs of a ``cpu.max`` file (cgroup v2); 0 for no limit."""
    try:
        limit, period = path.read_text().split()
        return 0 if limit == "max" else max(1, int(limit) // int(period))
    except (OSError, ValueError):
        return 0


def available_memory(
    proc: Path = Path("/proc"), groups: Path = Path("/sys/fs/cgroup")
) -> int | None:
    """Bytes that this process and its children may still take: of the machine, and of each control
    group around them, as far as one has a limit. ``None`` if the machine does not say.

    :param proc: where procfs is
    :param groups: where control groups are
    """
    found = re.search(r"^MemAvailable:\s+(\d+) kB$", _text(proc / "meminfo"), re.MULTILINE)
    if found is None:
        return None
    return max(0, min([int(found[1]) * 1024, *_left_in_groups(proc, groups)]))


def _left_in_groups(proc: Path, groups: Path) -> Iterator[int]:
    for line in _text(proc / "self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            top, names, cache = groups, ("memory.max", "memory.current"), "inactive_file"
        elif "memory" in controllers.split(","):
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes")
            top, cache = groups / "memory", "total_inactive_file"
        else:
            continue
        # The limits of all groups around it count. In a container its own may be at the top.
        inner = PurePosixPath(path.lstrip("/"))
        for group in [inner, *inner.parents]:
            limit, used = (_number(top / group / name) for name in names)
            if limit is not None and used is not None:
                stat = _text(top / group / "memory.stat")
                given_back = re.search(rf"^{cache} (\d+)$", stat, re.MULTILINE)
                yield limit - used + (int(given_back[1]) if given_back else 0)


def _number(path: Path) -> int | None:
    """What a file holds; ``None`` for no limit, or no file."""
    text = _text(path).strip()
    return int(text) if text.isdigit() else None


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def store_directory() -> str:
    """Where layers are kept by default; not where the Rust program of that name keeps its own."""
    return platformdirs.user_cache_dir("pytest-maelstrom")


def state_directory() -> str:
    """Where runs keep what they remember by default."""
    return platformdirs.user_state_dir("pytest-maelstrom")
