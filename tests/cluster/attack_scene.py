"""A broker and a worker that are attacked again and again, an honest client beside them, and weapons.

All are programs over real sockets. Before and after each attack the honest client has a job run, and
both daemons are weighed: they are the same processes, with as many descriptors and threads as before,
and with little more memory, at their worst moment as well.
"""

import itertools
import json
import os
import select
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import attrs
import zmq
from jobs import ON_CLUSTER, job

from maelstrom_core.model.digest import Digest
from maelstrom_core.transport.join_plan import Join
from maelstrom_core.transport.keyring import Keyring
from maelstrom_core.transport.keys import pair_of
from maelstrom_core.transport.limits import Limits
from maelstrom_core.transport.options import client_socket
from maelstrom_core.wire.administration import AskStatus, Status
from maelstrom_core.wire.bulk import ANSWERS, BULK, REQUESTS, Refused
from maelstrom_core.wire.codec import decode, encode
from maelstrom_core.wire.messages import (
    Beat,
    Bye,
    ContainerBytes,
    Hello,
    Results,
    Submit,
    Taken,
    Welcome,
)
from maelstrom_core.wire.rows import JobResultRow, SubmittedJob

M = TypeVar("M")
MIB = 1 << 20
WINDOW = 2000
SECONDS = 60.0
MORE_DESCRIPTORS, MORE_THREADS = 4, 8
"""Idle threads for the disk stay for a while, and so do links of honest peers."""
MORE_BYTES, MORE_BYTES_MEANWHILE = 96 * MIB, 600 * MIB
"""A peer may have 256 messages of a mebibyte wait to be read, on each of both sockets."""


def wait(holds: Callable[[], object], what: Callable[[], object]) -> None:
    """Until something holds."""
    end = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < end, what()
        select.select([], [], [], 0.02)


@attrs.frozen
class Weight:
    """What a process takes."""

    bytes: int
    peak_bytes: int
    threads: int
    descriptors: int
    children: int

    @staticmethod
    def of(pid: int) -> "Weight":
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        fields = dict(line.split(":", 1) for line in lines)
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return Weight(
            bytes=int(fields["VmRSS"].split()[0]) << 10,
            peak_bytes=int(fields["VmHWM"].split()[0]) << 10,
            threads=int(fields["Threads"]),
            descriptors=len(os.listdir(f"/proc/{pid}/fd")),
            children=len(children),
        )

    def is_near(self, before: "Weight") -> bool:
        return (
            self.bytes <= before.bytes + MORE_BYTES
            and self.threads <= before.threads + MORE_THREADS
            and self.descriptors <= before.descriptors + MORE_DESCRIPTORS
            and self.children <= before.children
        )


class Intruder:
    """A socket of somebody who keeps to no rule.

    :param port: of the bulk link; of the control link by default
    :param options: of ZeroMQ
    """

    def __init__(
        self, context: "zmq.Context[Any]", join: Join, port: int = 0, **options: bytes
    ) -> None:
        self.join = join
        self.is_bulk = port > 0
        self.session = b""
        self.tag = 0
        limits = Limits(1 << 30, handshake_seconds=60.0)
        self.socket = client_socket(context, pair_of(join.secret_key), join.broker_key, limits)
        for name, value in options.items():
            self.socket.setsockopt(getattr(zmq, name), value)
        host, _, usual = join.address.rpartition(":")
        self.socket.connect(f"tcp://{host}:{port or usual}")

    def say(self, *messages: Any) -> None:
        """Send messages, or bytes that are none."""
        for message in messages:
            data = message if isinstance(message, bytes) else self._encoded(message)
            assert self.socket.poll(SECONDS * 1000, zmq.POLLOUT), "nothing can be sent"
            self.socket.send(data)

    def _encoded(self, message: Any) -> bytes:
        is_bulk = type(message) in REQUESTS or type(message) in ANSWERS
        return BULK.encode(message) if is_bulk else encode(message)

    def hear(self, kind: type[M], *, seconds: float = SECONDS) -> M:
        """The next message of a kind."""
        found = self._next(kind, seconds)
        assert found is not None, f"no {kind.__name__} comes"
        return found

    def hears_no(self, *kinds: type, seconds: float = 0.5) -> None:
        """Make sure that none of these comes."""
        for found in self.answers(seconds):
            assert not isinstance(found, kinds), found

    def _next(self, kind: type[M], seconds: float) -> M | None:
        for found in self.answers(seconds):
            if isinstance(found, kind):
                return found
            assert not isinstance(found, Bye | Refused), found.text
        return None

    def answers(self, seconds: float = SECONDS) -> Iterator[Any]:
        """All that comes within a while."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and self.socket.poll(left * 1000):
            data = self.socket.recv()
            if data:  # else it is the broker's probe of whether we are there
                yield BULK.decode(data, ANSWERS) if self.is_bulk else decode(data)

    def greet(self, session: bytes, **fields: Any) -> Welcome:
        """Say Hello, and be welcome."""
        self.session = session
        self.say(Hello(1, 1, "an attack", session, self.join.principal.name, **fields))
        return self.hear(Welcome)

    def bye(self) -> Bye:
        """What it is told as the last."""
        return self.hear(Bye)

    def has_run(self, body: bytes, container: bytes, *, seconds: float = SECONDS) -> JobResultRow:
        """How a job of this body in a container of these bytes ends; it is welcome already."""
        digest = bytes.fromhex(Digest.of(container).hex)
        self.tag += 1
        row = SubmittedJob(self.tag, 0, -1, 1, body)
        self.say(ContainerBytes(digest, container), Submit(digest, (row,)))
        end, results = time.monotonic() + seconds, None
        while results is None:
            assert time.monotonic() < end, "it does not end"
            self.say(Beat(0))
            results = self._next(Results, 1.0)
        (found,) = results.jobs
        assert found.tag == self.tag
        self.say(Taken(self.session, (self.tag,)))
        return found

    def close(self) -> None:
        self.socket.close(linger=0)


class Relay:
    """Passes on what a peer and the broker say, and keeps what the peer has said.

    :ivar change: what becomes of the peer's bytes
    :ivar port: where it listens
    """

    def __init__(self, port: int) -> None:
        self.record = bytearray()
        self.change: Callable[[bytes], bytes] = lambda data: data
        self._broker = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._pipes: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                peer, _ = self._listening.accept()
                broker = socket.create_connection(("127.0.0.1", self._broker))
                self._pipes += (peer, broker)
                for pipe in ((peer, broker, True), (broker, peer, False)):
                    threading.Thread(target=self._pump, args=pipe, daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, is_up: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if is_up:
                    self.record += data
                sink.sendall(self.change(data) if is_up else data)
            sink.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        for one in (self._listening, *self._pipes):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


class Scene:
    """See above.

    :param cluster: whose processes are started in its directory
    :param web: port of the broker's page
    :ivar bulk_port: where blobs travel
    """

    def __init__(self, cluster: Any, web: int) -> None:
        self.cluster = cluster
        self.web = web
        self.keyring = Keyring(cluster.directory / "cluster")
        self.bulk_port = 0
        self._numbers = itertools.count(1)
        self._joins: dict[tuple[str, str], Join] = {}
        self._context: zmq.Context[Any] | None = None
        self._links: list[Intruder | Relay | socket.socket] = []
        # Small, so that what there is a limit for is soon full.
        cluster.environment["MAELSTROM_BROKER_WINDOW"] = str(WINDOW)
        self.broker = cluster.broker("--blobs-size", "192MiB", "--web", f"127.0.0.1:{web}")
        self.worker = cluster.worker()
        self.worker.wait_for("joined the cluster")
        self.honest = cluster.client(
            "maelstrom_run.cli", *ON_CLUSTER, "--format", "json", stdin=subprocess.PIPE
        )
        self.pids = {"broker": self._serving(), "worker": self.worker.pid}
        with self.weapons():
            self.bulk_port = self.link("client", "scout").greet(self.session()).bulk_port
        for _ in range(3):
            self.is_served()
        self._weights = self._weighed()

    # Weapons

    @contextmanager
    def weapons(self) -> Iterator[None]:
        """Links and connections are closed at the end."""
        self._context = zmq.Context()
        try:
            yield
        finally:
            for link in self._links:
                link.close()
            self._links.clear()
            self._context.destroy(linger=0)

    def join(self, role: str, name: str) -> Join:
        """How somebody joins who has a key of that role; made when it is first wanted."""
        known = self._joins.get((role, name))
        if known is None:
            pair = self.keyring.add(role, name)
            assert pair is not None
            address = f"127.0.0.1:{self.cluster.port}"
            known = self._joins[role, name] = self.keyring.join(role, name, pair, address)
        return known

    def link(self, role: str = "client", name: str = "mallory", **options: bytes) -> Intruder:
        """A control link of somebody who has a key."""
        return self.link_of(self.join(role, name), **options)

    def bulk(self, role: str = "client", name: str = "mallory", **options: bytes) -> Intruder:
        """A bulk link of somebody who has a key."""
        return self.link_of(self.join(role, name), port=self.bulk_port, **options)

    def link_of(self, join: Join, port: int = 0, **options: bytes) -> Intruder:
        """A link with any keys."""
        assert self._context is not None
        made = Intruder(self._context, join, port, **options)
        self._links.append(made)
        return made

    def connection(self, port: int = 0) -> socket.socket:
        """A plain connection, to the control link by default."""
        made = socket.create_connection(("127.0.0.1", port or self.cluster.port), SECONDS)
        self._links.append(made)
        return made

    def relay(self) -> "Relay":
        """Somebody between a peer and the broker's control link."""
        made = Relay(self.cluster.port)
        self._links.append(made)
        return made

    def session(self) -> bytes:
        """One that nobody has."""
        return b"attack %09d" % next(self._numbers)

    def clients(self) -> list[dict[str, Any]]:
        """Those that the broker knows."""
        chief = self.link("admin", "chief")
        chief.greet(self.session())
        chief.say(AskStatus(details=True))
        found: list[dict[str, Any]] = json.loads(chief.hear(Status).document)["clients"]
        chief.close()
        return found

    def clients_of(self, name: str) -> list[dict[str, Any]]:
        """Those of one key."""
        return [one for one in self.clients() if one["key"] == f"client:{name}"]

    # What must hold

    def is_served(self) -> None:
        """The honest client has a job run."""
        self.runs("true")

    def runs(self, script: str, **more: Any) -> None:
        """The honest client has this run, to its end."""
        line = f"honest {next(self._numbers)}"
        self.honest.stdin.write((job(f"{script}; echo {line}", **more) + "\n").encode())
        self.honest.stdin.flush()
        self.honest.wait_until(lambda: line in self._outputs(), seconds=SECONDS)

    def _outputs(self) -> set[str]:
        events = [json.loads(one) for one in self.honest.said().splitlines() if one[:1] == "{"]
        return {one["stdout"].strip() for one in events if one["event"] == "ended"}

    def before(self) -> None:
        """Remember how it is."""
        for pid in self.pids.values():
            with suppress(OSError):
                Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak begins anew

    def after(self) -> None:
        """Nothing is left of the attack."""
        self.is_served()
        assert self._serving() == self.pids["broker"], f"another broker:\n{self.broker.said()}"
        wait(lambda: all(self._is_near(name) for name in self.pids), self._grown)
        for name, weight in self._weighed().items():
            peak = weight.peak_bytes - self._weights[name].bytes
            assert peak <= MORE_BYTES_MEANWHILE, f"{name}: {peak >> 20} MiB more in between"
        for one in (self.broker, self.worker, self.honest):
            assert "Traceback" not in one.said(), one.said()

    def end(self) -> None:
        """The honest client has nothing to complain of."""
        self.honest.stdin.close()
        assert self.honest.wait() == 0, self.honest.said()

    def said(self) -> str:
        """By the broker."""
        return str(self.broker.said())

    def _serving(self) -> int:
        return int([word for word in self.said().split() if word.startswith("pid=")][-1][4:])

    def _weighed(self) -> dict[str, Weight]:
        return {name: Weight.of(pid) for name, pid in self.pids.items()}

    def _is_near(self, name: str) -> bool:
        return Weight.of(self.pids[name]).is_near(self._weights[name])

    def _grown(self) -> str:
        return f"before: {self._weights}\nnow: {self._weighed()}"
