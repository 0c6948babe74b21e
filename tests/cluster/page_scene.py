"""A broker with a page, and workers and clients over real sockets that do as they are told."""

import http.client
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import attrs
import trio

from maelstrom_core.cluster.bodies import body_of_job, job_bytes
from maelstrom_core.model.container import ContainerSpec
from maelstrom_core.model.digest import Digest
from maelstrom_core.model.job import JobSpec
from maelstrom_core.transport.endpoints import Connected, open_connector
from maelstrom_core.transport.keyring import Keyring
from maelstrom_core.wire.codec import decode, encode
from maelstrom_core.wire.messages import (
    Beat,
    Bye,
    Code,
    ContainerBytes,
    Done,
    Hello,
    Run,
    Started,
    Submit,
    Welcome,
)
from maelstrom_core.wire.rows import DoneJob, Ending, RunJob, SubmittedJob

CONTAINER = b"a container"
DIGEST = bytes.fromhex(Digest.of(CONTAINER).hex)
HOSTILE = "<script>document.title='owned'</script>\"'><img src=x onerror=alert(1)>&amp;"
"""A name as nobody is called who means well; others are refused before they get to the broker."""


def named(name: str) -> bytes:
    """A job's body as clients make it."""
    spec = JobSpec(container=ContainerSpec(layers=()), program="/bin/p", label=name)
    return body_of_job(job_bytes(spec))[0]


def free_port(host: str = "127.0.0.1") -> int:
    """One that nobody listens at now."""
    with socket.socket() as tried:
        tried.bind((host, 0))
        return int(tried.getsockname()[1])


@attrs.frozen
class Said:
    """An answer."""

    status: int
    headers: dict[str, str]
    text: str


class PagedBroker:
    """The program, in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.keyring = Keyring(directory / "cluster")
        self.port = free_port()
        self.log = directory / "log"
        self.lines: list[str] = []
        self.process: subprocess.Popen[str] | None = None

    def command(self, *arguments: str) -> list[str]:
        own = ["--cluster-directory", f"{self.directory}/cluster"]
        own += ["--blobs", f"{self.directory}/blobs"]
        return [sys.executable, "-m", "maelstrom_broker.cli", "-c", "-", *own, *arguments]

    def start(self, *arguments: str, **environment: str) -> None:
        """Until it is ready."""
        arguments = arguments or ("--web", f"127.0.0.1:{self.port}")
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                self.command(*arguments),
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, **environment},
            )
        assert self.process.stdout is not None
        while not any(line.startswith("listening at ") for line in self.lines):
            line = self.process.stdout.readline()
            assert line, self.log.read_text()
            self.lines.append(line)

    @property
    def token(self) -> str:
        """What its file has."""
        return (self.directory / "cluster" / "web-token").read_text().strip()

    def serving(self) -> int:
        """Number of the process that serves."""
        return int([word for word in self.said().split() if word.startswith("pid=")][-1][4:])

    def said(self) -> str:
        return self.log.read_text()

    def get(self, path: str, method: str = "GET", host: str = "127.0.0.1", **headers: str) -> Said:
        """Ask for something."""
        connection = http.client.HTTPConnection(host, self.port, timeout=20)
        try:
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Said(answer.status, found, answer.read().decode())
        finally:
            connection.close()

    def raw(self, data: bytes, seconds: float = 20) -> bytes:
        """Send bytes; all that is answered until the end."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as link:
            answer = bytearray()
            with suppress(ConnectionError):
                link.sendall(data)
                while part := link.recv(65536):
                    answer += part
            return bytes(answer)

    def close(self) -> None:
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(20)
        if self.process.stdout is not None:
            self.process.stdout.close()


class Peer:
    """A worker or a client that says Hello, and keeps what it is given."""

    def __init__(self, connector: Any, hello: Hello) -> None:
        self.connector = connector
        self.hello = hello
        self.given: list[tuple[bytes, RunJob]] = []
        self.welcomed = False
        self.has_left = False

    def say(self, message: Any) -> None:
        self.connector.send_nowait(encode(message))

    def submit(
        self, tags: range, slots: int = 1, labels: tuple[str, ...] = (), name: str = "a case"
    ) -> None:
        """Of a client: hand in jobs, which are called so, with a number."""
        self.say(ContainerBytes(DIGEST, CONTAINER))
        rows = [SubmittedJob(tag, 0, -1, slots, named(f"{name} {tag}")) for tag in tags]
        self.say(Submit(DIGEST, tuple(rows), labels))

    def begin(self) -> None:
        """Of a worker: all that it has been given begins."""
        for session, row in self.given:
            self.say(Started(session, (row.tag,)))

    def end(
        self,
        count: int,
        ending: Ending = Ending.RAN,
        body: bytes = b"ended",
        told: tuple[str, bytes] = ("", b""),
    ) -> None:
        """Of a worker: so many of its jobs end."""
        for _ in range(count):
            session, row = self.given.pop(0)
            self.say(Done(session, (DoneJob(row.tag, row.attempt, ending, body, told),)))

    def leave(self) -> None:
        """Say goodbye, and do not come again."""
        self.has_left = True
        self.say(Bye(Code.GOODBYE, ""))

    def end_wrongly(self) -> None:
        """Of a client: say what only workers say."""
        self.say(Done(self.hello.session, ()))

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._watch)
            nursery.start_soon(self._beat)
            while True:
                for payload in await self.connector.receive_batch():
                    match decode(payload):
                        case Welcome():
                            self.welcomed = True
                        case Run() as run:
                            self.given += [(run.session, row) for row in run.jobs]

    async def _watch(self) -> None:
        async for event in self.connector.events:
            if isinstance(event, Connected) and not self.has_left:
                self.say(self.hello)

    async def _beat(self) -> None:
        while True:
            await trio.sleep(1)
            self.say(Beat(1))


class Peers:
    """All that are there."""

    def __init__(self, keyring: Keyring, nursery: trio.Nursery) -> None:
        self._keyring = keyring
        self._nursery = nursery
        self._number = 0

    async def add(self, role: str, name: str, **fields: Any) -> Peer:
        """One more, welcomed."""
        join = self._keyring.local_join(role)
        self._number += 1
        hello = Hello(1, 1, "script 1", b"%05d of session" % self._number, name, **fields)
        found: list[Peer] = []

        async def live() -> None:
            async with open_connector(join) as connector:
                found.append(Peer(connector, hello))
                await found[0].run()

        self._nursery.start_soon(live)
        await until(lambda: found and found[0].welcomed)
        return found[0]


@asynccontextmanager
async def peers_of(broker: PagedBroker) -> AsyncIterator[Peers]:
    async with trio.open_nursery() as nursery:
        yield Peers(broker.keyring, nursery)
        nursery.cancel_scope.cancel()


async def until(holds: Callable[[], object]) -> None:
    """Until something holds."""
    with trio.move_on_after(30):
        while not holds():
            await trio.sleep(0.02)
        return
    raise AssertionError("it takes too long")


async def ask(broker: PagedBroker, *arguments: Any, **headers: str) -> Said:
    """Ask in a thread, for peers must go on beating."""
    return await trio.to_thread.run_sync(lambda: broker.get(*arguments, **headers))
