"""Whoever is slow at a job's terminal holds up the job, and nobody waits for ever."""

import os
from pathlib import Path
from typing import Any

import trio

from maelstrom_core.cluster.local import LocalBackend, open_local_backend
from maelstrom_core.model.container import ContainerSpec, Devices, Proc
from maelstrom_core.model.job import JobSpec, TerminalSize
from maelstrom_core.model.layers import HostTreeLayer
from maelstrom_core.model.outcome import Exited

SYSTEM = [path for path in ("/usr", "/bin", "/lib", "/lib64") if os.path.isdir(path)]
CONTAINER = ContainerSpec(
    layers=tuple(HostTreeLayer(path=os.path.realpath(path), target=path) for path in SYSTEM),
    mounts=(Proc(), Devices()),
    environment=(("PATH", "/usr/bin:/bin"),),
)
TYPED = 900_000
"""Less than what a slot keeps of what is typed and not read."""
SHOWS = "stty raw -echo; while :; do echo 0123456789abcdef; done & "
SHOWS += f"head -c {TYPED} >/dev/null; kill $!"
"""It shows without end, until all that is typed was read."""
MOST_HELD = 500_000
"""More than sockets and terminals between us and a job hold of either."""


class SlowViewer:
    """Takes what is shown only when it is told to."""

    def __init__(self) -> None:
        self.keyboard: Any = None
        self.shown = 0
        self.came = trio.Event()
        self.takes = trio.Event()

    def sits_down(self, keyboard: Any) -> None:
        self.keyboard = keyboard

    def shows(self, data: bytes) -> None:
        self.shown += len(data)
        self.came.set()

    async def room(self) -> None:
        await self.takes.wait()

    def is_placed(self, worker: str | None) -> None: ...

    def asks(self) -> None: ...

    def wants_line(self) -> None: ...

    def leaves(self, status: int | None = None) -> None: ...

    def stays(self, why_not: str = "") -> None: ...

    def is_gone(self) -> None: ...


def test_much_is_typed_at_a_job_that_is_held_up(tmp_path: Path) -> None:
    """The job's slot waits for us then. We must not wait for it as well: other jobs go on, what is typed
    waits, and all of it comes when there is room.
    """
    viewer, typed = SlowViewer(), 0

    async def types() -> None:
        nonlocal typed
        while typed < TYPED:
            viewer.keyboard.type(bytes(10_000))
            typed += 10_000
            await viewer.keyboard.room()

    async def main(backend: LocalBackend) -> None:
        job = JobSpec(
            container=CONTAINER,
            program="sh",
            arguments=("-c", SHOWS),
            terminal=TerminalSize(24, 80),
        )
        async with trio.open_nursery() as nursery:
            ended = trio.Event()

            async def run() -> None:
                result = await backend.run(job, viewer=viewer)
                assert result.outcome == Exited(0)
                ended.set()

            nursery.start_soon(run)
            await viewer.came.wait()
            other = JobSpec(container=CONTAINER, program="sh", arguments=("-c", "sleep 2"))
            assert (await backend.run(other)).outcome == Exited(0)
            nursery.start_soon(types)
            assert (await backend.run(other)).outcome == Exited(0)
            assert viewer.shown < MOST_HELD, "it is not held up"
            viewer.takes.set()
            await ended.wait()
            assert typed == TYPED

    async def with_backend() -> None:
        async with open_local_backend(
            store_directory=tmp_path / "store", project_directory=tmp_path, slots=2
        ) as backend:
            with trio.fail_after(120):
                await main(backend)

    trio.run(with_backend)


def test_a_job_that_is_held_up_is_cancelled(tmp_path: Path) -> None:
    viewer = SlowViewer()

    async def main() -> None:
        job = JobSpec(
            container=CONTAINER,
            program="sh",
            arguments=("-c", "while :; do echo 0123456789abcdef; done"),
            terminal=TerminalSize(24, 80),
        )
        async with open_local_backend(
            store_directory=tmp_path / "store", project_directory=tmp_path, slots=1
        ) as backend:
            with trio.fail_after(120):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(lambda: backend.run(job, viewer=viewer))
                    await viewer.came.wait()
                    nursery.cancel_scope.cancel()

    trio.run(main)
