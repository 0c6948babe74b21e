"""Defaults that depend on the host: how many jobs at once, which directories."""

import os
from pathlib import Path

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


def store_directory() -> str:
    """Where layers are kept by default; not where the Rust program of that name keeps its own."""
    return platformdirs.user_cache_dir("pytest-maelstrom")


def state_directory() -> str:
    """Where runs keep what they remember by default."""
    return platformdirs.user_state_dir("pytest-maelstrom")
