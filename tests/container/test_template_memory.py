"""What warm templates take is measured, and those that nobody uses make room."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio

import pytest_maelstrom
from maelstrom_core.cluster.local import LocalBackend, open_local_backend
from maelstrom_core.engine.effects import StopTemplate
from maelstrom_core.engine.events import TemplateMeasured, TemplateWarm
from maelstrom_core.model.container import ContainerSpec, Devices, Proc, Template
from maelstrom_core.model.job import JobSpec
from maelstrom_core.model.layers import HostTreeLayer
from maelstrom_core.model.outcome import Exited

MIB = 1 << 20
PYTHON = os.path.realpath(sys.executable)
INSIDE = "/.maelstrom/python"
PROGRAM = f"""
import os, sys
sys.path.insert(0, "{INSIDE}")
from pytest_maelstrom.inside.forking import ForkServer
server, kept = ForkServer(500), []
def grow():
    # Memory that is only reserved is not taken: it is written to.
    kept.append(bytearray(b"x") * (int(sys.argv[1]) << 20))
server.serve([], grow)
os._exit(0)
"""


def growing(name: str, mebibytes: int) -> ContainerSpec:
    """A container whose template grows before each fork."""
    inside = os.path.dirname(os.path.abspath(pytest_maelstrom.__file__))
    trees = [path for path in ("/usr", "/bin", "/lib", "/lib64") if os.path.isdir(path)]
    trees += [] if sys.base_prefix.startswith("/usr") else [sys.base_prefix]
    return ContainerSpec(
        layers=(
            *(HostTreeLayer(path=os.path.realpath(path), target=path) for path in trees),
            HostTreeLayer(path=inside, target=f"{INSIDE}/pytest_maelstrom"),
        ),
        mounts=(Proc(), Devices()),
        hostname=name,
        template=Template(program=PYTHON, arguments=("-c", PROGRAM, str(mebibytes))),
    )


@pytest.fixture
def with_budget(tmp_path: Path) -> Callable[[int, Callable[[LocalBackend], Any]], Any]:
    """Run an async function with a backend whose templates may take so much."""

    def run(template_memory_bytes: int, main: Callable[[LocalBackend], Any]) -> Any:
        async def with_backend() -> Any:
            async with open_local_backend(
                store_directory=tmp_path / "store",
                project_directory=tmp_path,
                slots=1,
                template_memory_bytes=template_memory_bytes,
            ) as backend:
                with trio.fail_after(60):
                    return await main(backend)

        return trio.run(with_backend)

    return run


def test_a_template_that_grows_makes_idle_ones_stop(with_budget):
    async def main(backend: LocalBackend) -> list[Any]:
        assert backend.engine is not None
        story = backend.engine.story
        for name, mebibytes in (("idle", 0), ("grows", 100)):
            container = growing(name, mebibytes)
            result = await backend.run(JobSpec(container=container, program=PYTHON, fork=b""))
            assert result.outcome == Exited(0), result
        while not story.told(lambda said: isinstance(said, StopTemplate)):
            await trio.sleep(0.05)
        return story.told()

    told = with_budget(150 * MIB, main)
    idle, grows = (event for event, _ in told if isinstance(event, TemplateWarm))
    assert idle.memory_bytes + grows.memory_bytes < 150 * MIB, "nothing had to be measured"
    ((event, effects),) = [one for one in told if any(isinstance(e, StopTemplate) for e in one[1])]
    assert isinstance(event, TemplateMeasured)
    assert event.root == grows.root and event.memory_bytes > 100 * MIB
    # What its forks share with it is counted once: two of them wait, and one has run.
    assert event.memory_bytes < 350 * MIB
    # The one used last stays, however much it takes.
    assert effects == (StopTemplate(idle.root),)
