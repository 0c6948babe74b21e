"""What others do to the terminal of a job, and what its own client does by it to everybody."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from attack_scene import wait
from jobs import CONTAINER, ON_CLUSTER, job, sleeping
from maelstrom_worker.staying import MOST_STAYED_OF_ONE

from maelstrom_core.wire.messages import Bye, Code, Hello, Welcome
from maelstrom_core.wire.terminals import HadTerminal, ShowTerminal, TypeTerminal

TTY = ("--tty", "--broker", "auto", "--cluster-only", "true")
RUN = b"r" * 24
HOSTILE = """
import runpy, sys
from maelstrom_core.cluster.terminals import FarTerminal
from maelstrom_core.wire.terminals import TypeTerminal

def flood(self):
    for number in range(1000 if self.run else 0):
        key = (self._session, self.tag, self.run, number)
        self._say(TypeTerminal(*key, 0, bytes(16_000)))

FarTerminal.say_had = flood
sys.argv[0] = "maelstrom_run.cli"
runpy.run_module("maelstrom_run.cli", run_name="__main__")
"""
"""A client that acknowledges nothing of what it is shown, and types without end."""
STAYING = """
import runpy, sys, attrs
from maelstrom_core.cluster.client import ClusterClient
from maelstrom_core.terminal.seat import Seat
from maelstrom_core.terminal.users import UsersTerminal

class Silent(Seat):
    def stays(self, why_not=""):
        print(f"stays: {why_not!r}", file=sys.stderr, flush=True)

def run(self, job, on_output, viewer=None, usual=ClusterClient.run):
    return usual(self, attrs.evolve(job, attachable=True), on_output, Silent(UsersTerminal()))

ClusterClient.run = run
sys.argv[0] = "maelstrom_run.cli"
runpy.run_module("maelstrom_run.cli", run_name="__main__")
"""
"""A client that wants to look at all of its jobs when they have ended."""


@pytest.fixture
def on_workers(attacked: Any, on_a_terminal: Callable[..., Any]) -> Callable[..., Any]:
    """Start somebody's job on a worker, at a terminal."""

    def start(script: str, *command: str) -> Any:
        source = attacked.cluster.directory / f"job of {len(command)}.json"
        job = CONTAINER | {
            "layers": [
                *CONTAINER["layers"],
                {"paths": ["/bin/cat"], "follow_symlinks": True},
                {"shared_library_dependencies": ["/bin/cat"]},
                {"stubs": ["/dev/{null,ptmx,pts/}"]},
            ],
            "mounts": [{"type": "devpts", "mount_point": "/dev/pts"}],
        }
        source.write_text(json.dumps(job | {"program": "/bin/sh", "arguments": ["-c", script]}))
        return on_a_terminal(
            [sys.executable, *(command or ("-m", "maelstrom_run.cli")), *TTY, "-f", str(source)],
            cwd=attacked.cluster.directory,
            env={**attacked.cluster.environment, "TERM": "dumb"},
        )

    return start


def running(scene: Any) -> int:
    return sum(one["running"] for one in scene.clients())


def test_whoever_knows_a_session_types_nothing(
    attacked: Any, on_workers: Callable[..., Any]
) -> None:
    """Neither another client nor a worker that has not got the job comes between."""
    victim = on_workers("echo begun; exec cat")
    victim.expect("begun\n")
    sessions = [bytes.fromhex(one["session"]) for one in attacked.clients()]
    assert len(sessions) >= 2
    for session in sessions:
        for tag in (1, 2):
            for message in (
                TypeTerminal(session, tag, RUN, 0, 0, b"a lie\n"),
                HadTerminal(session, tag, RUN, 1000),
            ):
                link = attacked.link()
                link.greet(attacked.session())
                link.say(message)
                bye = link.bye()
                assert (bye.code, "somebody else" in bye.text) == (Code.PROTOCOL, True)
                link.close()
        mole = attacked.link("worker", "mole")
        mole.say(Hello(1, 1, "a", attacked.session(), "mole", slots=1, labels=("never",)))
        mole.hear(Welcome)
        for tag in (1, 2):
            mole.say(ShowTerminal(session, tag, RUN, 0, 0, b"mole"))
            mole.say(ShowTerminal(session, tag, RUN, 1, 1, b"a lie\n"))
            mole.say(HadTerminal(session, tag, RUN, 1000))
        mole.say(Bye(0, "done"))
    # And nothing of that has come.
    victim.type("the truth\n")
    victim.expect("the truth\nthe truth\n")
    victim.type("\x04")
    assert victim.end() == 0
    assert "a lie" not in victim.shown


def test_roles_that_do_not_have_it(attacked: Any) -> None:
    session = attacked.session()
    for role, message in (
        ("client", ShowTerminal(session, 1, RUN, 0, 0)),
        ("worker", TypeTerminal(session, 1, RUN, 0, 0)),
        ("admin", TypeTerminal(session, 1, RUN, 0, 0)),
        ("admin", HadTerminal(session, 1, RUN, 0)),
    ):
        link = attacked.link(role, "mallory")
        link.greet(session, **({"slots": 1, "labels": ("never",)} if role == "worker" else {}))
        link.say(message)
        assert link.bye().code == Code.ROLE
        link.close()


def test_terminals_of_jobs_that_there_are_not(attacked: Any) -> None:
    link = attacked.link()
    link.greet(session := attacked.session())
    for number in range(20_000):
        link.say(TypeTerminal(session, number % 100, RUN, number, 0, bytes(1000)))
    attacked.is_served()
    link.say(Bye(0, "done"))


def test_a_client_that_takes_nothing_and_types_without_end(
    attacked: Any, on_workers: Callable[..., Any]
) -> None:
    """Its job shows without end as well; others are served by the same worker meanwhile."""
    script = "while :; do echo 0123456789abcdef0123456789abcdef0123456789abcdef; done"
    program = attacked.cluster.directory / "hostile.py"
    program.write_text(HOSTILE)
    mallory = on_workers(script, str(program))
    mallory.expect("0123456789abcdef")
    for _ in range(5):
        attacked.is_served()
    mallory.process.terminate()
    mallory.end()
    wait(lambda: running(attacked) == 0, attacked.said)


def test_jobs_that_stay_without_end(attacked: Any) -> None:
    """They have no slot, and there are not many of them; they end with their client."""
    cluster = attacked.cluster
    program, said = cluster.directory / "staying.py", cluster.directory / "staying.log"
    program.write_text(STAYING)
    nap = f"{8000 + os.getpid() % 1000}.75"
    with said.open("wb") as log:
        mallory = subprocess.Popen(
            [sys.executable, str(program), *ON_CLUSTER],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env=cluster.environment,
        )
    assert mallory.stdin is not None
    script = f"printf stay >&5; printf stay >&5; exec sleep {nap}"
    mallory.stdin.write(
        b"".join(job(script).encode() + b"\n" for _ in range(MOST_STAYED_OF_ONE + 5))
    )
    mallory.stdin.flush()
    wait(lambda: said.read_text().count("stays: ''") >= MOST_STAYED_OF_ONE, said.read_text)
    wait(lambda: said.read_text().count("of yours already") >= 3, said.read_text)
    wait(lambda: sleeping(nap) <= MOST_STAYED_OF_ONE + 2, said.read_text)
    attacked.is_served()
    mallory.stdin.close()
    mallory.wait(60)
    wait(lambda: sleeping(nap) == 0, said.read_text)
