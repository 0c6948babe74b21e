"""A cluster of real processes on loopback: a broker, workers, and programs that are its clients."""

import os
import random
import select
import signal
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))
from at_a_terminal import on_a_terminal as on_a_terminal
from attack_scene import Scene

from maelstrom_core.container.probe import probe

LISTENS = "listening at "


@pytest.fixture(scope="session")
def host_allows_containers() -> None:
    refused = [finding for finding in probe() if finding.essential and not finding.ok]
    if refused:
        pytest.skip(f"this host refuses containers: {refused[0].name}: {refused[0].detail}")


def with_usual_signals() -> None:
    """In a process that is about to be a program: tests in the background ignore these."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)


def free_ports() -> int:
    """A port below those that brokers choose and outgoing connections have, with a free one after it.

    It is listened at a moment later: tests that run beside this one have brokers too.
    """
    while True:
        port = random.randrange(10_000, 20_000, 2)
        try:
            for one in (port, port + 1):
                with socket.socket() as tried:
                    tried.bind(("127.0.0.1", one))
        except OSError:
            continue
        return port


class Process:
    """A program that runs until the test ends it; what it says is in a file."""

    def __init__(self, log: Path, command: list[str], **options: Any) -> None:
        self.log = log
        self.stdin: Any = None
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                command, stdout=file, stderr=file, preexec_fn=with_usual_signals, **options
            )
        self.pid, self.stdin = self._process.pid, self._process.stdin

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_for(self, text: str, *, times: int = 1, seconds: float = 30) -> None:
        """Until it has said something."""
        end = time.monotonic() + seconds
        while self.said().count(text) < times:
            assert self._process.poll() is None, f"it has ended:\n{self.said()}"
            assert time.monotonic() < end, f"it does not say {text!r}:\n{self.said()}"
            select.select([], [], [], 0.02)

    def wait_until(self, holds: Callable[[], bool], *, seconds: float = 60) -> None:
        """Until something holds, at the latest when it has ended."""
        end = time.monotonic() + seconds
        while not holds():
            assert self._process.poll() is None, f"it has ended:\n{self.said()}"
            assert time.monotonic() < end, f"that takes too long:\n{self.said()}"
            select.select([], [], [], 0.02)

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def wait(self, seconds: float = 150) -> int:
        """How it has ended by itself."""
        return self._process.wait(seconds)

    def send(self, number: int) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        """With all that it has started, if it leads a group of its own."""
        with suppress(ProcessLookupError):
            if os.getpgid(self.pid) == self.pid:
                os.killpg(self.pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait()

    def end(self, number: int = signal.SIGTERM) -> int:
        """Tell it to end; how it has."""
        self._process.send_signal(number)
        return self._process.wait(60)

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            self.kill()


class Cluster:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_ports()
        self.descriptors = 0
        """That the broker may have; zero for as many as we may."""
        self._processes: list[Process] = []
        self.environment = {
            **os.environ,
            "XDG_CACHE_HOME": f"{directory}/cache",
            "XDG_CONFIG_HOME": f"{directory}/config",
            "XDG_STATE_HOME": f"{directory}/state",
            "MAELSTROM_CLUSTER_DIRECTORY": f"{directory}/cluster",
        }
        for name in ("PYTHONDONTWRITEBYTECODE", "MAELSTROM_BROKER"):
            self.environment.pop(name, None)

    def start(self, name: str, command: list[str], **options: Any) -> Process:
        log = self.directory / f"{name}.log"
        process = Process(log, command, env=self.environment, **options)
        self._processes.append(process)
        return process

    def move(self) -> None:
        """From now on the broker is started at another address."""
        before = self.port
        while self.port == before:
            self.port = free_ports()

    def broker(self, *options: str) -> Process:
        """A broker and its parent, at the same address each time; `kill` kills both."""
        log = self.directory / "broker.log"
        times = 1 + (log.read_text().count(LISTENS) if log.exists() else 0)
        command = [sys.executable, "-m", "maelstrom_broker.cli"]
        command += ["--listen", f"127.0.0.1:{self.port}", *options]
        if self.descriptors:
            limited = f'ulimit -n {self.descriptors}; exec "$@"'
            command = ["/bin/sh", "-c", limited, "sh", *command]
        started = self.start("broker", command, start_new_session=True)
        started.wait_for(LISTENS, times=times)
        return started

    def worker(self, name: str = "one", *options: str, slots: int = 2) -> Process:
        store = f"{self.directory}/store-{name}"
        command = [sys.executable, "-m", "maelstrom_worker.cli", "--name", name, "--store", store]
        return self.start(name, [*command, "--slots", str(slots), *options])

    def client(self, program: str, *arguments: str, **options: Any) -> Process:
        command = [sys.executable, "-m", program, *arguments]
        return self.start(f"client-{len(self._processes)}", command, **options)

    def run(
        self, program: str, *arguments: str, **options: Any
    ) -> "subprocess.CompletedProcess[str]":
        """A client, to its end."""
        command = [sys.executable, "-m", program, *arguments]
        given = {"cwd": self.directory, "timeout": 120} | options
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, **given
        )

    def close(self) -> None:
        for process in reversed(self._processes):
            process.close()


@pytest.fixture(scope="module")
def besieged(
    tmp_path_factory: pytest.TempPathFactory, host_allows_containers: None
) -> Iterator[Scene]:
    """A broker, a worker and an honest client that stay while all tests of a module attack them."""
    made = Cluster(tmp_path_factory.mktemp("besieged"))
    try:
        scene = Scene(made, free_ports())
        yield scene
        scene.end()
    finally:
        made.close()


@pytest.fixture
def attacked(besieged: Scene) -> Iterator[Scene]:
    """For one attack; afterwards jobs are run as before it, and nothing is left of it."""
    besieged.before()
    with besieged.weapons():
        yield besieged
    besieged.after()


@pytest.fixture
def cluster(tmp_path: Path, host_allows_containers: None) -> Iterator[Cluster]:
    made = Cluster(tmp_path)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def free_port() -> int:
    """A port that nobody uses, as the one after it."""
    return free_ports()


def container(project: Path) -> str:
    """An interpreter and pytest, without all of /usr: a hundredth of the bytes."""
    program = sys.executable
    links = [os.path.join(sys.prefix, "pyvenv.cfg")]
    while os.path.islink(program):
        links.append(program)
        program = os.path.normpath(os.path.join(os.path.dirname(program), os.readlink(program)))
    standard = sysconfig.get_path("stdlib")
    site = sysconfig.get_path("purelib")
    unneeded = "_test*,_ctypes_test*,_codecs_*,_curses*,_dbm*,_gdbm*,_sqlite3*,_tkinter*,xx*"
    dynamic = Path(standard, "lib-dynload")
    left_out = {path for name in unneeded.split(",") for path in dynamic.glob(name)}
    binaries = [program, *(str(path) for path in dynamic.glob("*.so") if path not in left_out)]
    names = "_pytest,pytest,pluggy,iniconfig,packaging,pygments"
    wanted = [f"{{{names}}}/**", "py.py", "{pytest,pluggy}-[0-9]*.dist-info/**"]
    directories = "test,site-packages,idlelib,ensurepip,lib2to3,distutils,tkinter,turtledemo"
    unused = [f"{{{directories}}}", "config-*", "**/__pycache__", "{ctypes,unittest}/test"]
    unused += [f"lib-dynload/{{{unneeded}}}"]
    return f"""
[containers.small]
parent = "default"
layers = [
    {{ paths = {[program, *links]!r}, optional = true }},
    {{ glob = "**", root = {standard!r}, exclude = {unused!r} }},
    {{ glob = {wanted!r}, root = {site!r}, exclude = "**/__pycache__" }},
    {{ shared_library_dependencies = {binaries!r} }},
    {{ stubs = ["/{{proc,sys,dev,run,root,home,bin,etc,tmp}}/"] }},
    {{ glob = "**", root = ".", prepend_prefix = "{project}" }},
]

[[directives]]
parent = "small"
"""


@pytest.fixture(scope="session")
def store_of_clients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Has the layers of that container, once they were made: it is the same everywhere."""
    return tmp_path_factory.mktemp("store-of-clients")


@pytest.fixture
def container_of(cluster: Cluster, store_of_clients: Path) -> Callable[[Path], str]:
    """Makes the ``maelstrom-pytest.toml`` of a project; brokers and workers begin with nothing."""
    cluster.environment["MAELSTROM_STORE"] = str(store_of_clients)
    return container
