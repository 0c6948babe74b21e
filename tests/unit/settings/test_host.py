"""How much memory there is: what the machine has, and what control groups leave of it."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from maelstrom_core.cluster.choose import template_memory
from maelstrom_core.settings.host import available_memory

MACHINE = "MemTotal:  9000 kB\nMemFree:  10 kB\nMemAvailable:    8000 kB\n"
KIB = 1024


@pytest.fixture
def available(tmp_path: Path):
    """What is available where files have such contents."""

    def asked(files: Mapping[str, str]) -> int | None:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return available_memory(tmp_path / "proc", tmp_path / "groups")

    return asked


def test_without_groups_it_is_what_the_machine_has(available):
    assert available({"proc/meminfo": MACHINE}) == 8000 * KIB


def test_every_group_around_it_counts_less_what_can_be_given_back(available):
    files = {
        "proc/meminfo": MACHINE,
        "proc/self/cgroup": "0::/outer/inner\n",
        "groups/outer/inner/memory.max": "max\n",
        "groups/outer/inner/memory.current": "5\n",
        "groups/outer/memory.max": f"{1000 * KIB}\n",
        "groups/outer/memory.current": f"{600 * KIB}\n",
        "groups/outer/memory.stat": f"anon 1\ninactive_file {50 * KIB}\n",
    }
    assert available(files) == 450 * KIB
    # One that has used more than it may has nothing left.
    assert available({"groups/outer/memory.current": f"{2000 * KIB}"}) == 0


def test_groups_of_the_first_version_count_too(available):
    files = {
        "proc/meminfo": MACHINE,
        "proc/self/cgroup": "9:name=systemd:/\n4:cpu,memory:/not/to/be/seen\n0::/\n",
        # In a container a group's files are at the top, whatever it is called outside.
        "groups/memory/memory.limit_in_bytes": f"{100 * KIB}",
        "groups/memory/memory.usage_in_bytes": f"{30 * KIB}",
        "groups/memory/memory.stat": f"inactive_file 1\ntotal_inactive_file {10 * KIB}\n",
    }
    assert available(files) == 80 * KIB
    assert available({"groups/memory/memory.limit_in_bytes": "9223372036854771712"}) == 8000 * KIB


def test_a_host_that_does_not_say_is_not_guessed_at(available):
    assert available({}) is None


def test_this_host_says():
    found = available_memory()
    assert found is not None and found > 0


@pytest.mark.parametrize(
    ("setting", "available", "budget"),
    [(5000, 1000, 5000), (0, 1000, 0), (0.25, 1000, 250), (1.0, 1000, 1000), (0.25, None, None)],
)
def test_templates_may_take_a_size_or_a_share(setting, available, budget):
    assert template_memory(setting, available) == budget
