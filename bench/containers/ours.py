"""Our own containers, run by the local engine. Each way returns seconds for one job.

The engine lives in trio's thread, the measurements in another one, so that all ways are plain
functions that can be interleaved.
"""

import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from maelstrom_core.cluster.local import LocalBackend, open_local_backend
from maelstrom_core.model.container import ContainerSpec, Root
from maelstrom_core.model.job import JobSpec
from maelstrom_core.model.layers import HostTreeLayer, PathsLayer, Symlink, SymlinksLayer
from maelstrom_core.model.outcome import Exited, JobResult

TRUE = PathsLayer(paths=("true",))


class OurWays:
    """The ways to run jobs in our containers."""

    def __init__(self, one: LocalBackend, two: LocalBackend) -> None:
        self._backends = {1: one, 2: two}

    @classmethod
    @asynccontextmanager
    async def open(cls, scratch: Path, root: Path) -> AsyncIterator["OurWays"]:
        """Two engines, of one and of two slots, on one store."""
        where = {"store_directory": scratch / "store", "project_directory": root}
        async with (
            open_local_backend(**where, slots=1) as one,
            open_local_backend(**where, slots=2) as two,
        ):
            yield cls(one, two)

    def ways(self, jobs: int, parallel: int) -> dict[str, Callable[[], float]]:
        """The static program in each kind of container."""
        kinds = {
            "maelstrom": ContainerSpec(layers=(TRUE,)),
            "maelstrom, no init": ContainerSpec(layers=(TRUE,), init=False),
            "maelstrom, writable root": ContainerSpec(layers=(TRUE,), root=Root(writable=True)),
            "maelstrom, network namespace for each": ContainerSpec(
                layers=(TRUE,), fresh_network=True
            ),
        }
        found = {}
        for name, container in kinds.items():
            job = JobSpec(container=container, program="/true")
            found[name] = self.way(job, jobs, parallel)
            if parallel == 1:
                found[f"{name}: as the slot sees it"] = self.inner_way(job, jobs)
        return found

    def way(self, job: JobSpec, jobs: int, parallel: int) -> Callable[[], float]:
        """From giving a job to the engine to having its result, over the number of jobs."""

        def measure() -> float:
            self.settle(job, parallel)
            began = time.perf_counter()
            self.run(job, jobs, parallel)
            return (time.perf_counter() - began) / jobs

        return measure

    def inner_way(self, job: JobSpec, jobs: int) -> Callable[[], float]:
        """From clone to exit, as the jobs' results say."""

        def measure() -> float:
            self.settle(job, 1)
            results = self.run(job, jobs, 1)
            return sum(result.usage.wall_seconds for result in results) / jobs

        return measure

    def settle(self, job: JobSpec, parallel: int) -> None:
        """Run a few that are not counted: the slots come from another container."""
        self.run(job, 2 * parallel, parallel)

    def run(self, job: JobSpec, jobs: int, parallel: int) -> Sequence[JobResult]:
        """Run a job many times; every one of them must succeed."""
        backend, results = self._backends[parallel], list[JobResult]()

        async def one() -> None:
            results.append(await backend.run(job))

        async def all_of_them() -> None:
            if parallel == 1:
                for _ in range(jobs):
                    await one()
                return
            async with trio.open_nursery() as nursery:
                for _ in range(jobs):
                    nursery.start_soon(one)

        trio.from_thread.run(all_of_them)
        wrong = [result.outcome for result in results if result.outcome != Exited(0)]
        if wrong:
            raise RuntimeError(f"a job ended otherwise: {wrong[0]}")
        return results


def cold_python_way(ours: OurWays, jobs: int) -> Callable[[], float]:
    """This interpreter, started afresh in a container that shows the host's files in place."""
    executable = os.path.realpath(sys.executable)
    trees = [top for top in ("/usr", "/bin", "/lib", "/lib64") if os.path.isdir(top)]
    links = [top for top in trees if os.path.islink(top)]
    shown = [top for top in trees if top not in links]
    prefix = os.path.realpath(sys.base_prefix)
    if not any(prefix == top or prefix.startswith(f"{top}/") for top in shown):
        shown.append(prefix)
    container = ContainerSpec(
        layers=(
            SymlinksLayer(symlinks=tuple(Symlink(top, os.readlink(top)) for top in links)),
            *(HostTreeLayer(path=top) for top in shown),
        ),
        root=Root(writable=True),
    )
    job = JobSpec(container=container, program=executable, arguments=("-I", "-c", "pass"))
    return ours.way(job, jobs, 1)
