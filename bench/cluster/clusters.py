"""Clusters of real processes on loopback: a broker, workers of two slots, and the client's command."""

import os
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent)]

from watched import so_far  # noqa: E402

SLOTS = 2
LOOK_SECONDS = 0.002
START_SECONDS = 60.0


class Process:
    """A program that leads a group of its own; what it says is in a file."""

    def __init__(self, command: Sequence[str], log: Path, environment: dict[str, str]) -> None:
        self.log = log
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                command, stdout=file, stderr=file, env=environment, start_new_session=True
            )
        self.pid = self._process.pid

    def says(self, text: str, *, times: int = 1, seconds: float = START_SECONDS) -> float | None:
        """Wait until it has said something so often; when that was seen, none if it does not."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.log.read_text(errors="replace").count(text) >= times:
                return time.monotonic()
            time.sleep(LOOK_SECONDS)
        return None

    def said(self, text: str) -> int:
        """How often it has said something so far."""
        return self.log.read_text(errors="replace").count(text)

    def must_say(self, text: str) -> None:
        """Wait for something.

        :raises RuntimeError: with all that it has said instead
        """
        if self.says(text) is None:
            raise RuntimeError(f"no {text!r} in what it said:\n{self.log.read_text()[-2000:]}")

    def cpu_seconds(self) -> float:
        """Of it, all that it has started and all that has ended of that."""
        return so_far(self.pid)[0]

    def stop(self) -> None:
        """Kill it, and its group."""
        for number in (signal.SIGCONT, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)
        self._process.wait()


class Cluster(ABC):
    """A broker and workers; a context manager.

    :ivar name: for tables
    :ivar gone: what the broker says of a worker that is gone
    """

    name: str
    joined: str
    gone: str

    def __init__(self, work: Path) -> None:
        self.work = work
        work.mkdir(parents=True, exist_ok=True)
        self.environment = dict(os.environ)
        self.broker = self._start_broker()
        self.workers: list[Process] = []

    @abstractmethod
    def _start_broker(self) -> Process: ...

    @abstractmethod
    def _start_worker(self, number: int) -> Process: ...

    @abstractmethod
    def client(self) -> list[str]:
        """A command that reads jobs from standard input and runs them on the cluster alone."""

    def add_worker(self) -> Process:
        """Another one, once the broker knows it."""
        before = self.broker.said(self.joined)
        worker = self._start_worker(len(self.workers))
        self.workers.append(worker)
        if self.broker.says(self.joined, times=before + 1) is None:
            raise RuntimeError(f"the worker has not joined:\n{worker.log.read_text()[-2000:]}")
        return worker

    def start(self, command: list[str], name: str) -> Process:
        """A program of it."""
        return Process(command, self.work / f"{name}.log", self.environment)

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in (*self.workers, self.broker):
            process.stop()


class Ours(Cluster):
    """This project's."""

    name = "ours"
    joined = 'event="worker came"'
    gone = 'event="worker is gone"'

    def _start_broker(self) -> Process:
        self.environment["MAELSTROM_CLUSTER_DIRECTORY"] = f"{self.work}/cluster"
        own = ["-c", "-", "--blobs", f"{self.work}/blobs"]
        broker = self.start(self._program("maelstrom_broker", *own), "broker")
        broker.must_say("listening at ")
        return broker

    def _start_worker(self, number: int) -> Process:
        own = ["-c", "-", "--store", f"{self.work}/store-{number}", "--name", f"w{number}"]
        return self.start(
            self._program("maelstrom_worker", *own, "--slots", str(SLOTS)), f"worker-{number}"
        )

    def client(self) -> list[str]:
        """See `Cluster`."""
        own = ["-c", "-", "--store", f"{self.work}/store", "--broker", "auto"]
        return self._program("maelstrom_run", *own, "--cluster-only", "true", "--no-progress")

    def serving(self) -> int:
        """The broker's process that serves; its parent starts it again."""
        said = self.broker.log.read_text()
        return int(said.rpartition("pid=")[2].split()[0])

    def _program(self, module: str, *arguments: str) -> list[str]:
        return [sys.executable, "-m", f"{module}.cli", *arguments]


class Original(Cluster):
    """The Rust one; its binaries are where ``MAELSTROM_ORIGINAL`` says."""

    name = "the original"
    joined = "worker connected"
    gone = "worker disconnected"

    def _start_broker(self) -> Process:
        own = ["--cache-root", f"{self.work}/broker"]
        broker = self.start([_binary("maelstrom-broker"), *own], "broker")
        broker.must_say("config: ")
        said = broker.log.read_text().partition("addr: [::]:")[2]
        self._address = f"127.0.0.1:{said.partition(',')[0]}"
        return broker

    def _start_worker(self, number: int) -> Process:
        own = ["--broker", self._address, "--cache-root", f"{self.work}/worker-{number}"]
        return self.start(
            [_binary("maelstrom-worker"), *own, "--slots", str(SLOTS)], f"worker-{number}"
        )

    def client(self) -> list[str]:
        """See `Cluster`."""
        own = ["--broker", self._address, "--cache-root", f"{self.work}/client"]
        return [_binary("maelstrom-run"), *own]


def _binary(name: str) -> str:
    return os.path.join(os.environ["MAELSTROM_ORIGINAL"], name)


def kinds() -> list[type[Cluster]]:
    """What is compared, the reference first; says what is not."""
    binaries = os.environ.get("MAELSTROM_ORIGINAL")
    programs = ("maelstrom-broker", "maelstrom-worker", "maelstrom-run")
    if not binaries:
        print("the original: not compared: no MAELSTROM_ORIGINAL")
    elif missing := [one for one in programs if not Path(binaries, one).exists()]:
        print(f"the original: not compared: no {', '.join(missing)} in {binaries}")
    else:
        return [Original, Ours]
    return [Ours]
