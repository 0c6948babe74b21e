"""Jobs that use all they can get: each ends by itself, is named, and its neighbours notice nothing."""

import os
import signal
from pathlib import Path
from typing import Any

import attrs
import pytest

from maelstrom_core.container.control_groups import offered
from maelstrom_core.container.facts import slot_facts
from maelstrom_core.container.limits_plan import GROUP, NAMESPACE, PROCESS
from maelstrom_core.model.container import (
    Limits,
    Root,
)
from maelstrom_core.model.job import JobSpec
from maelstrom_core.model.limits import Limit, LimitHit
from maelstrom_core.model.outcome import Exited, OverLimit, describe, limits_met

MIB = 1 << 20
MEMORY_BYTES, PIDS, ROOT_BYTES, OUTPUT_BYTES = 300 * MIB, 400, 8 * MIB, 2 * MIB

MEMORY_BOMB = """
kept = []
while True:
    kept.append(bytearray(1 << 20))
"""
FORK_BOMB = """
import os, time
while True:
    if os.fork() == 0:
        time.sleep(1000)
        os._exit(0)
"""
DISK_FILLER = """
with open("/full", "wb", buffering=0) as file:
    while True:
        file.write(bytes(1 << 16))
"""
OUTPUT_FLOOD = """
while True:
    print("x" * 1000)
"""
NEIGHBOUR = """
import os, subprocess
assert len(bytearray(20 << 20)) == 20 << 20
assert subprocess.run(["true"]).returncode == 0
with open("/tmp/room", "wb") as file:
    file.write(bytes(1 << 20))
print("y" * 10_000)
"""


def has_groups(controller: str) -> bool:
    return controller in offered().controllers


@pytest.mark.parametrize("forked", [False, True], ids=["fresh", "forked"])
def test_each_bomb_is_named_and_its_neighbours_notice_nothing(
    python_container, results_of, job, forked
):
    bombs = [
        (MEMORY_BOMB, {"limits": Limits(memory_bytes=MEMORY_BYTES)}),
        (FORK_BOMB, {"limits": Limits(pids=PIDS)}),
        (DISK_FILLER, {"root": Root(writable=True, size_bytes=ROOT_BYTES)}),
        (OUTPUT_FLOOD, {"limits": Limits(output_bytes=OUTPUT_BYTES)}),
    ]
    jobs = []
    for code, limits in bombs:
        limited = attrs.evolve(python_container, **limits)
        # Neighbours in the same container, and such as have nothing to do with it.
        jobs.append(job(limited, code, forked=forked, timeout=60.0))
        jobs += [job(one, NEIGHBOUR, forked=forked) for one in (limited, limited, python_container)]
    results = results_of(jobs)

    for result in (one for index, one in enumerate(results) if index % 4):
        assert result.outcome == Exited(0), (describe(result.outcome), result.stderr.text())
        assert result.limits_hit == ()
        assert result.stdout.text() == "y" * 10_000 + "\n"
        assert result.not_forked == ""

    memory, pids, disk, output = results[::4]
    if has_groups("memory"):
        hit = LimitHit(Limit.MEMORY, MEMORY_BYTES, GROUP)
        assert memory.outcome == OverLimit(hit, signal.SIGKILL)
        assert "300 MiB, by control group; limits.memory raises it" in describe(memory.outcome)
    else:
        # A process that is refused memory ends by itself.
        assert memory.outcome == Exited(1) and "MemoryError" in memory.stderr.text()
        hit = LimitHit(Limit.MEMORY, MEMORY_BYTES, PROCESS, certain=False)
        assert any("limit of memory: of each process" in what for what in memory.degraded)
    assert memory.limits_hit == (hit,)

    assert pids.outcome == Exited(1) and "BlockingIOError" in pids.stderr.text()
    # What is refused by other means is guessed, where the kernel counts what is started.
    keepers = (NAMESPACE,) if slot_facts().pid_max_per_namespace else (GROUP, PROCESS)
    if os.path.exists("/proc/sys/kernel/ns_last_pid") or pids.limits_hit:
        (hit,) = pids.limits_hit
        assert (hit.limit, hit.allowed) == (Limit.PIDS, PIDS)
        assert hit.by in keepers and hit.certain == (hit.by == GROUP)
        assert "run into its limit of processes" in limits_met(pids)[0]

    assert disk.outcome == Exited(1) and "OSError" in disk.stderr.text()
    assert [(hit.limit, hit.where, hit.certain) for hit in disk.limits_hit] == [
        (Limit.DISK, "/", True)
    ]
    assert "8 MiB" in limits_met(disk)[0] and "root_size raises it" in limits_met(disk)[0]

    flood = LimitHit(Limit.OUTPUT, OUTPUT_BYTES, "maelstrom")
    assert output.outcome == OverLimit(flood, signal.SIGKILL)
    assert output.limits_hit == (flood,) and limits_met(output) == []
    assert output.stdout.total_bytes >= OUTPUT_BYTES - 1000
    assert len(output.stdout.head) + len(output.stdout.tail) <= 1_000_000


def test_what_ends_a_process_is_told_from_other_signals(python_container, results_of):
    def shell(script: str, **limits: Any) -> JobSpec:
        limited = attrs.evolve(python_container, template=None, limits=Limits(**limits))
        return JobSpec(container=limited, program="sh", arguments=("-c", script))

    spin = "while true; do :; done"
    found = results_of(
        [
            shell(spin, cpu_seconds=1),
            shell(f"trap '' XCPU; {spin}", cpu_seconds=1),
            shell("exec head -c 5000 /dev/zero > /tmp/file", file_bytes=1000),
            shell("kill -XFSZ $$"),
            shell("head -c 300000000 /dev/zero > /tmp/file"),
        ]
    )
    cpu, stubborn, file, other, mount = found
    hit = LimitHit(Limit.CPU_SECONDS, 1, PROCESS)
    assert cpu.outcome == OverLimit(hit, signal.SIGXCPU)
    assert describe(cpu.outcome) == (
        "ended by its limit of CPU time: 1 s, by limit of each process; limits.cpu_seconds raises it"
    )
    # Nobody can tell who has sent SIGKILL.
    assert stubborn.limits_hit == (attrs.evolve(hit, certain=False),)
    hit = LimitHit(Limit.FILE_SIZE, 1000, PROCESS)
    assert file.outcome == OverLimit(hit, signal.SIGXFSZ)
    assert not isinstance(other.outcome, OverLimit) and other.limits_hit == ()
    assert mount.outcome == Exited(1)
    assert [(hit.where, hit.remedy) for hit in mount.limits_hit] == [
        ("/tmp", "size of the mount /tmp raises it")
    ]


def test_a_share_of_the_cpus_is_kept_or_said_not_to_be(python_container, results_of, job):
    limited = attrs.evolve(python_container, limits=Limits(cpu=0.2))
    (result,) = results_of([job(limited, "sum(range(3_000_000))", forked=False)])
    assert result.outcome == Exited(0)
    if has_groups("cpu"):
        used = result.usage.user_seconds + result.usage.system_seconds
        assert result.degraded == () and used < 0.5 * result.usage.wall_seconds
    else:
        assert any("limit of cpu: not kept" in what for what in result.degraded)


def test_jobs_are_killed_before_their_engine_where_memory_runs_out(
    python_container, results_of, job
):
    code = "print(open('/proc/self/oom_score_adj').read())"
    own = int(Path("/proc/self/oom_score_adj").read_text())
    for forked in (False, True):
        (result,) = results_of([job(python_container, code, forked=forked)])
        assert int(result.stdout.text()) == max(500, own)
