"""A broker as a process, and workers and clients that are scripts over real sockets."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from maelstrom_core.model.digest import Digest
from maelstrom_core.transport.endpoints import (
    Connected,
    Connector,
    Disconnected,
    open_connector,
)
from maelstrom_core.transport.join_plan import Join
from maelstrom_core.transport.keyring import Keyring
from maelstrom_core.wire.codec import decode, encode
from maelstrom_core.wire.messages import (
    Beat,
    Bye,
    Cancel,
    Code,
    ContainerBytes,
    Done,
    Hello,
    Results,
    Run,
    Submit,
    Taken,
    Welcome,
)
from maelstrom_core.wire.rows import DoneJob, HeldJob, SubmittedJob

CONTAINER = b"a container"
DIGEST = bytes.fromhex(Digest.of(CONTAINER).hex)


def with_usual_signals() -> None:
    """In a process that is about to be a program: tests in the background ignore these."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)


class Broker:
    """The program, in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.keyring = Keyring(directory / "cluster")
        self.log = directory / "log"
        self.process: subprocess.Popen[str] | None = None

    def command(self, *arguments: str) -> list[str]:
        own = ["--cluster-directory", f"{self.directory}/cluster"]
        own += ["--blobs", f"{self.directory}/blobs"]
        return [sys.executable, "-m", "maelstrom_broker.cli", "-c", "-", *own, *arguments]

    def start(self, *arguments: str) -> str:
        """Until it is ready; its address."""
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                self.command(*arguments),
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                preexec_fn=with_usual_signals,
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("listening at "), (line, self.log.read_text())
        return line.split()[2].rstrip(";")

    def said(self) -> str:
        return self.log.read_text()

    def serving(self) -> list[int]:
        """Numbers of all that served, the last at the end."""
        words = self.said().split()
        return [int(word[4:]) for word in words if word.startswith("pid=")]

    async def kill_serving(self) -> None:
        """As libzmq does when a key holder is hostile: at once, and without a word."""
        before = self.serving()
        os.kill(before[-1], signal.SIGKILL)
        await until(lambda: len(self.serving()) > len(before), self.said)

    def stop(self, number: int = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(20)

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.stop()
        if self.process is not None and self.process.stdout is not None:
            self.process.stdout.close()


async def until(holds: Callable[[], object], said: Callable[[], object] = lambda: "") -> None:
    """Until something holds."""
    with trio.move_on_after(30):
        while not holds():
            await trio.sleep(0.01)
        return
    raise AssertionError(f"it takes too long: {said()}")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    one = Broker(tmp_path)
    yield one
    one.close()


class Party:
    """A worker, client or admin over a real socket: it comes again whenever its link is lost."""

    def __init__(self, connector: Connector, join: Join, number: int = 0) -> None:
        self.connector = connector
        self.role = join.principal.role
        self.session = f"{self.role} {number}".encode().ljust(16, b".")
        self.boot = b""
        self.boots: list[bytes] = []
        self.byes: list[Bye] = []
        self.got: list[Any] = []

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.watch)
            nursery.start_soon(self.beat)
            while True:
                for payload in await self.connector.receive_batch():
                    self.hear(decode(payload))

    async def watch(self) -> None:
        async for event in self.connector.events:
            if isinstance(event, Connected):
                self.say(self.hello())
            elif isinstance(event, Disconnected):
                self.boots.append(b"")

    async def beat(self) -> None:
        while True:
            await trio.sleep(1)
            self.say(Beat(1))

    def hello(self) -> Hello:
        return Hello(1, 1, "script", self.session, self.role, boot=self.boot)

    def say(self, message: Any) -> None:
        self.connector.send_nowait(encode(message))

    def hear(self, message: Any) -> None:
        match message:
            case Welcome():
                self.boot = message.boot
                self.boots.append(message.boot)
                self.welcomed()
            case Bye():
                self.byes.append(message)
                if message.code == Code.SLOW:
                    self.connector.renew()
            case _:
                self.got.append(message)
                self.heard(message)

    def welcomed(self) -> None: ...

    def heard(self, message: Any) -> None: ...

    @property
    def lives(self) -> int:
        """How many brokers have welcomed it."""
        return len({boot for boot in self.boots if boot})


class ScriptedWorker(Party):
    """Runs nothing, and takes its time for it."""

    seconds = 0.02

    def __init__(
        self, connector: Connector, join: Join, number: int, nursery: trio.Nursery
    ) -> None:
        super().__init__(connector, join, number)
        self.nursery = nursery
        self.held: dict[tuple[bytes, int], tuple[int, DoneJob | None]] = {}
        self.ran: Counter[int] = Counter()

    def hello(self) -> Hello:
        held = [
            HeldJob(*key, attempt, 0 if row else 1) for key, (attempt, row) in self.held.items()
        ]
        return Hello(1, 1, "script", self.session, self.role, self.boot, slots=8, held=tuple(held))

    def welcomed(self) -> None:
        for (session, _), (_, row) in self.held.items():
            if row is not None:
                self.say(Done(session, (row,)))

    def heard(self, message: Any) -> None:
        match message:
            case Run():
                for row in message.jobs:
                    self.held[message.session, row.tag] = (row.attempt, None)
                    self.ran[row.tag] += 1
                    self.nursery.start_soon(self.work, message.session, row.tag, row.attempt)
            case Taken():
                for tag in message.tags:
                    self.held.pop((message.session, tag), None)
            case Cancel():
                raise AssertionError("nothing was to be cancelled")

    async def work(self, session: bytes, tag: int, attempt: int) -> None:
        await trio.sleep(self.seconds)
        row = DoneJob(tag, attempt, 0, b"%d" % tag)
        self.held[session, tag] = (attempt, row)
        self.say(Done(session, (row,)))


class ScriptedClient(Party):
    """Wants jobs to be run, and hands in again what has not ended."""

    jobs: range = range(0)

    def __init__(self, connector: Connector, join: Join, number: int) -> None:
        super().__init__(connector, join, number)
        self.results: dict[int, Any] = {}

    def welcomed(self) -> None:
        self.say(ContainerBytes(DIGEST, CONTAINER))
        left = [tag for tag in self.jobs if tag not in self.results]
        for start in range(0, len(left), 256):
            rows = [SubmittedJob(tag, 0, -1, 1, b"job") for tag in left[start : start + 256]]
            self.say(Submit(DIGEST, tuple(rows)))

    def heard(self, message: Any) -> None:
        if isinstance(message, Results):
            for row in message.jobs:
                assert self.results.setdefault(row.tag, row) == row
            self.say(Taken(self.session, tuple(row.tag for row in message.jobs)))


class Parties:
    def __init__(self, broker: Broker, nursery: trio.Nursery) -> None:
        self.broker = broker
        self.nursery = nursery

    async def add(self, kind: Callable[..., Any], role: str, *arguments: Any) -> Any:
        join = self.broker.keyring.local_join(role)
        started = trio.Event()
        found: list[Any] = []

        async def live() -> None:
            async with open_connector(join) as connector:
                found.append(kind(connector, join, *arguments))
                started.set()
                await found[0].run()

        self.nursery.start_soon(live)
        await started.wait()
        return found[0]

    async def worker(self, number: int = 0) -> ScriptedWorker:
        worker: ScriptedWorker = await self.add(ScriptedWorker, "worker", number, self.nursery)
        await until(lambda: worker.boot)
        return worker

    async def client(self, number: int = 0) -> ScriptedClient:
        client: ScriptedClient = await self.add(ScriptedClient, "client", number)
        await until(lambda: client.boot)
        return client


@asynccontextmanager
async def parties_of(broker: Broker) -> AsyncIterator[Parties]:
    async with trio.open_nursery() as nursery:
        yield Parties(broker, nursery)
        nursery.cancel_scope.cancel()


@pytest.fixture
def parties() -> Callable[[Broker], Any]:
    """Opens a nursery in which workers and clients of a broker live."""
    return parties_of


@pytest.fixture
def admin_party() -> type[Party]:
    """Somebody who looks after the cluster."""
    return Party


@pytest.fixture
def eventually() -> Callable[..., Any]:
    """Waits until something holds."""
    return until
