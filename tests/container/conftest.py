"""Real containers: skipped with the probe's reason where the host refuses them."""

import os
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import trio

import pytest_maelstrom
from maelstrom_core.cluster.local import LocalBackend, open_local_backend
from maelstrom_core.container.messages import (
    Ended,
    Launch,
    Left,
    Lost,
    NotStarted,
    Output,
    Said,
    Shown,
    Started,
)
from maelstrom_core.container.plan import prepare_message
from maelstrom_core.container.probe import probe
from maelstrom_core.container.runtime import Slot, open_slots
from maelstrom_core.container.stub import elf
from maelstrom_core.model.container import (
    Container,
    ContainerSpec,
    Devices,
    Proc,
    Root,
    Sys,
    Template,
    Tmp,
)
from maelstrom_core.model.job import JobSpec
from maelstrom_core.model.layers import HostTreeLayer, PathsLayer
from maelstrom_core.model.outcome import JobResult

EXIT_0 = {
    "x86_64": bytes.fromhex("31ffb8e70000000f05"),
    "aarch64": bytes.fromhex("000080d2c80b80d2010000d4"),
}
INSIDE = "/.maelstrom/python"
TEMPLATE = f"""
import os, sys
sys.path.insert(0, "{INSIDE}")
from pytest_maelstrom.inside.forking import ForkServer
server = ForkServer(500)
server.freeze()
code = server.serve([])
try:
    exec(code)
except BaseException as error:
    print(type(error).__name__, file=sys.stderr, flush=True)
    os._exit(1)
sys.stdout.flush()
os._exit(0)
"""
PYTHON = os.path.realpath(sys.executable)
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")


@pytest.fixture(scope="session", autouse=True)
def host_allows_containers() -> None:
    refused = [finding for finding in probe() if finding.essential and not finding.ok]
    if refused:
        pytest.skip(f"this host refuses containers: {refused[0].name}: {refused[0].detail}")


@pytest.fixture(params=["stub", "python"])
def interpreter(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def lower(tmp_path: Path) -> Path:
    """A layer with a static program that exits with 0, as ``/true``."""
    directory = tmp_path / "lower"
    directory.mkdir()
    program = directory / "true"
    program.write_bytes(elf(os.uname().machine, EXIT_0[os.uname().machine]))
    program.chmod(0o755)
    return directory


def trees_of_the_system() -> list[tuple[str, str]]:
    return [(os.path.realpath(path), path) for path in SYSTEM if os.path.isdir(path)]


@pytest.fixture
def system_trees() -> list[tuple[str, str]]:
    """Host paths of what programs need, and where containers show them."""
    return trees_of_the_system()


class Seen:
    """What a slot said of one job."""

    def __init__(self) -> None:
        self.messages: list[Any] = []
        self.streams = {1: b"", 2: b"", 3: b""}
        self.shown = ""

    @property
    def last(self) -> Any:
        return self.messages[-1]

    @property
    def code(self) -> int:
        assert isinstance(self.last, Ended), self.last
        return os.waitstatus_to_exitcode(self.last.status)

    @property
    def out(self) -> str:
        return self.streams[1].decode()

    @property
    def err(self) -> str:
        return self.streams[2].decode()


async def follow(
    slot: Slot, launch: Launch, on_message: Callable[[Any], None] | None = None
) -> Seen:
    seen = Seen()
    slot.launch(launch)
    with trio.fail_after(60):
        while True:
            message = await slot.receive()
            seen.messages.append(message)
            if isinstance(message, Output):
                seen.streams[message.stream] += message.data
            if isinstance(message, Shown):
                seen.shown += message.data.decode().replace("\r", "")
            if on_message is not None:
                on_message(message)
            if isinstance(message, Ended | NotStarted | Lost):
                return seen
            assert isinstance(message, Started | Output | Shown | Said | Left)


@pytest.fixture
def following() -> Callable[..., Awaitable[Seen]]:
    """Run one job in a slot and return all that was said of it."""
    return follow


@pytest.fixture
def run(interpreter: str, lower: Path) -> Iterator[Callable[..., Seen]]:
    """Run one program in one container and return all that was said of it."""

    def run_one(
        program: str,
        *arguments: str,
        lowers: Sequence[Path] | None = None,
        trees: Sequence[tuple[str, str]] | None = None,
        on_message: Callable[[Slot, Any], None] | None = None,
        launch: dict[str, Any] | None = None,
        **fields: Any,
    ) -> Seen:
        fields.setdefault("environment", (("PATH", "/usr/bin:/bin"),))
        container = Container(**fields)
        message = prepare_message(
            container,
            lowers=[str(path) for path in (lowers if lowers is not None else [lower])],
            host_trees=trees_of_the_system() if trees is None else trees,
        )

        async def main() -> Seen:
            async with open_slots(1, interpreter=interpreter) as (slot,):
                slot.prepare(message)
                wanted = Launch(
                    **{
                        "job": 1,
                        "container": message.key,
                        "program": program,
                        "arguments": arguments,
                        "environment": container.environment,
                        "working_directory": container.working_directory,
                        **(launch or {}),
                    }
                )
                tell = None if on_message is None else (lambda said: on_message(slot, said))
                return await follow(slot, wanted, tell)

        return trio.run(main)

    return run_one


@pytest.fixture
def shell(run: Callable[..., Seen]) -> Callable[..., Seen]:
    """Run a shell script in a container."""

    def run_script(script: str, **fields: Any) -> Seen:
        return run("sh", "-c", script, **fields)

    return run_script


@pytest.fixture
def python_container(tmp_path: Path) -> ContainerSpec:
    """One whose jobs are programs of Python, started afresh or forks of a template."""
    (tmp_path / "template.py").write_text(TEMPLATE)
    trees = [HostTreeLayer(path=path, target=target) for path, target in trees_of_the_system()]
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


@pytest.fixture
def job() -> Callable[..., JobSpec]:
    """A job that runs a piece of Python."""

    def make(container: ContainerSpec, code: str, *, forked: bool, **fields: Any) -> JobSpec:
        fork = code.encode() if forked else None
        started: dict[str, Any] = {"program": PYTHON, "arguments": ("-c", code)}
        return JobSpec(container=container, fork=fork, **started, **fields)

    return make
