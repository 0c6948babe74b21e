"""Jobs that use all they can get: each ends by itself, is named, and its neighbours notice nothing."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

import pytest_maelstrom
from maelstrom_core.cluster.local import LocalBackend, open_local_backend
from maelstrom_core.container.control_groups import offered
from maelstrom_core.container.facts import slot_facts
from maelstrom_core.container.limits_plan import GROUP, NAMESPACE, PROCESS
from maelstrom_core.model.container import (
    ContainerSpec,
    Devices,
    Limits,
    Proc,
    Root,
    Sys,
    Template,
    Tmp,
)
from maelstrom_core.model.job import JobSpec
from maelstrom_core.model.layers import HostTreeLayer, PathsLayer
from maelstrom_core.model.limits import Limit, LimitHit
from maelstrom_core.model.outcome import Exited, JobResult, OverLimit, describe, limits_met

INSIDE = "/.maelstrom/python"
TEMPLATE = f"""
import os, sys
sys.path.insert(0, "{INSIDE}")
from pytest_maelstrom.inside.forking import ForkServer
server = ForkServer(500)
server.freeze()
code = server.serve([], lambda: None)
try:
    exec(code)
except BaseException as error:
    print(type(error).__name__, file=sys.stderr, flush=True)
    os._exit(1)
sys.stdout.flush()
os._exit(0)
"""
SYSTEM = [path for path in ("/usr", "/bin", "/lib", "/lib64") if os.path.isdir(path)]
PYTHON = os.path.realpath(sys.executable)
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


@pytest.fixture
def container(tmp_path: Path) -> ContainerSpec:
    """One whose jobs are programs of Python, started afresh or forks of a template."""
    (tmp_path / "template.py").write_text(TEMPLATE)
    trees = [HostTreeLayer(path=os.path.realpath(path), target=path) for path in SYSTEM]
    if not sys.base_prefix.startswith("/usr"):
        trees.append(HostTreeLayer(path=os.path.realpath(sys.base_prefix), target=sys.base_prefix))
    ours = os.path.dirname(os.path.abspath(pytest_maelstrom.__file__))
    trees.append(HostTreeLayer(path=ours, target=f"{INSIDE}/pytest_maelstrom"))
    return ContainerSpec(
        layers=(*trees, PathsLayer(paths=("template.py",))),
        mounts=(Proc(), Sys(), Devices(), Tmp(target="/tmp")),
        root=Root(writable=True),
        environment=(("PATH", "/usr/bin:/bin"),),
        template=Template(program=PYTHON, arguments=("/template.py",)),
    )


@pytest.fixture
def results_of(tmp_path: Path) -> Callable[[list[JobSpec]], list[JobResult]]:
    """The results of jobs that run at once."""

    def run(jobs: list[JobSpec], *, slots: int = 4) -> list[JobResult]:
        found: dict[int, JobResult] = {}

        async def one(backend: LocalBackend, index: int) -> None:
            found[index] = await backend.run(jobs[index])

        async def main() -> None:
            async with open_local_backend(
                store_directory=tmp_path / "store", project_directory=tmp_path, slots=slots
            ) as backend:
                with trio.fail_after(100):
                    async with trio.open_nursery() as nursery:
                        for index in range(len(jobs)):
                            nursery.start_soon(one, backend, index)

        trio.run(main)
        return [found[index] for index in range(len(jobs))]

    return run


def job(container: ContainerSpec, code: str, *, forked: bool, **fields: Any) -> JobSpec:
    started: dict[str, Any] = {"program": PYTHON, "arguments": ("-c", code)}
    return JobSpec(container=container, fork=code.encode() if forked else None, **started, **fields)


def has_groups(controller: str) -> bool:
    return controller in offered().controllers


@pytest.mark.parametrize("forked", [False, True], ids=["fresh", "forked"])
def test_each_bomb_is_named_and_its_neighbours_notice_nothing(container, results_of, forked):
    bombs = [
        (MEMORY_BOMB, {"limits": Limits(memory_bytes=MEMORY_BYTES)}),
        (FORK_BOMB, {"limits": Limits(pids=PIDS)}),
        (DISK_FILLER, {"root": Root(writable=True, size_bytes=ROOT_BYTES)}),
        (OUTPUT_FLOOD, {"limits": Limits(output_bytes=OUTPUT_BYTES)}),
    ]
    jobs = []
    for code, limits in bombs:
        limited = attrs.evolve(container, **limits)
        # Neighbours in the same container, and such as have nothing to do with it.
        jobs.append(job(limited, code, forked=forked, timeout=60.0))
        jobs += [job(one, NEIGHBOUR, forked=forked) for one in (limited, limited, container)]
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
    (hit,) = pids.limits_hit
    assert (hit.limit, hit.allowed) == (Limit.PIDS, PIDS)
    keepers = (NAMESPACE,) if slot_facts().pid_max_per_namespace else (GROUP, PROCESS)
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


def test_what_ends_a_process_is_told_from_other_signals(container, results_of):
    def shell(script: str, **limits: Any) -> JobSpec:
        limited = attrs.evolve(container, template=None, limits=Limits(**limits))
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


def test_a_share_of_the_cpus_is_kept_or_said_not_to_be(container, results_of):
    limited = attrs.evolve(container, limits=Limits(cpu=0.2))
    (result,) = results_of([job(limited, "sum(range(3_000_000))", forked=False)])
    assert result.outcome == Exited(0)
    if has_groups("cpu"):
        used = result.usage.user_seconds + result.usage.system_seconds
        assert result.degraded == () and used < 0.5 * result.usage.wall_seconds
    else:
        assert any("limit of cpu: not kept" in what for what in result.degraded)
