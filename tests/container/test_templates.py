"""Templates by themselves, without pytest: a program of twenty lines, forked by both interpreters."""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trio

import pytest_maelstrom
from maelstrom_core.container.messages import (
    Ended,
    Fork,
    Launch,
    Lost,
    Measured,
    NotStarted,
    Output,
    Warm,
)
from maelstrom_core.container.plan import prepare_message
from maelstrom_core.container.template_runtime import TemplateSlot
from maelstrom_core.model.container import Container, Devices, Limits, Proc, Root, Sys, Template

INSIDE = "/.maelstrom/python"
PROGRAM = f"""
import os, sys, time
sys.path.insert(0, "{INSIDE}")
from pytest_maelstrom.inside.forking import ForkServer

server = ForkServer(500)
open("/made-before", "w").write("yes") if os.access("/", os.W_OK) else None
server.freeze()
code = server.serve([])
exec(code)
sys.stdout.flush()
os._exit(0)
"""
SPEAKS = {
    "machine code": PROGRAM,
    "packets": PROGRAM.replace("serve([])", "serve([], lambda: None)"),
    "JSON": PROGRAM.replace(
        "server.freeze()",
        "say = server._say\nserver._say = lambda m, *d: say({**m, 'packed': False}, *d)",
    ).replace("serve([])", "serve([], lambda: None)"),
}
"""How a template speaks with the engine: by itself between forks, or by Python, as it is asked."""
FACTS = """
import json, signal
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(json.dumps({
    "pid": os.getpid(), "parent": os.getppid(), "user": os.getuid(),
    "capabilities": int(status["CapEff"], 16) | int(status["CapPrm"], 16),
    "no_new_privs": status["NoNewPrivs"].strip(),
    "namespaces": {kind: os.readlink("/proc/self/ns/" + kind)
                   for kind in ("user", "mnt", "pid", "net", "ipc", "uts", "cgroup")},
    "processes": sorted(int(name) for name in os.listdir("/proc") if name.isdecimal()),
    "variable": os.environ.get("ADDED"),
    "before": os.path.exists("/made-before"),
    "session": os.getsid(0),
}))
"""
STAY = """
# It stays until it is told to end: what names a namespace may name another one once that is gone.
sys.stdout.flush()
signal.sigwait({signal.SIGTERM})
"""


class Seen:
    """What a template said of one job."""

    def __init__(self) -> None:
        self.out = b""
        self.last: Any = None

    @property
    def facts(self) -> dict[str, Any]:
        assert isinstance(self.last, Ended) and self.last.status == 0, (self.last, self.out)
        facts: dict[str, Any] = json.loads(self.out)
        return facts


@pytest.fixture(params=["root", "ordinary"])
def user(request: pytest.FixtureRequest) -> int:
    return 0 if request.param == "root" else 1000


@pytest.fixture(params=[True, False], ids=["writable", "read-only"])
def writable(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def forks(
    interpreter: str, user: int, writable: bool, tmp_path: Path, system_trees: list[tuple[str, str]]
) -> Iterator[Callable[..., list[Seen]]]:
    """Start a template and run pieces of Python in forks of it, all at once.

    Those that stay are told to end when each has written a line.
    """
    program = tmp_path / "template.py"
    python = os.path.realpath(sys.executable)
    trees = [
        *system_trees,
        (os.path.realpath(sys.base_prefix), sys.base_prefix),
        (os.path.dirname(os.path.abspath(pytest_maelstrom.__file__)), f"{INSIDE}/pytest_maelstrom"),
        (str(program), "/template.py"),
    ]
    layer = tmp_path / "layer"
    layer.mkdir()
    container = Container(
        mounts=(Proc(), Sys(), Devices()),
        root=Root(writable=writable),
        user=user,
        group=user,
        environment=(("PATH", "/usr/bin:/bin"),),
        limits=Limits(pids=1000),
        template=Template(program=python),
    )
    nested = {path for _, path in trees if path.startswith("/usr/")}
    prepare = prepare_message(
        container,
        lowers=[str(layer)],
        host_trees=[tree for tree in trees if tree[1] not in nested or tree[1] == INSIDE],
    )

    async def main(pieces: tuple[str, ...]) -> list[Seen]:
        launch = Launch(0, prepare.key, python, ("/template.py",), container.environment)
        template = TemplateSlot(prepare, launch, ahead=2, interpreter=interpreter)
        seen = [Seen() for _ in pieces]
        try:
            with trio.fail_after(60):
                while True:
                    message = await template.receive()
                    assert not isinstance(message, Lost | NotStarted | Ended | Output), message
                    if isinstance(message, Warm):
                        assert message.unfit == ()
                        assert message.memory_bytes > 1 << 20
                        break
                for job, piece in enumerate(pieces, start=1):
                    first = json.dumps({"environment": {"ADDED": str(job)}})
                    template.fork(Fork(job, f"{first}\n{piece}".encode()))
                left = set(range(1, len(pieces) + 1))
                while left:
                    message = await template.receive()
                    assert not isinstance(message, Lost), message
                    if isinstance(message, Measured):
                        continue  # told to the engine, now and then
                    one = seen[message.job - 1]
                    if isinstance(message, Output):
                        one.out += message.data
                        if all(STAY in piece for piece in pieces) and said_by_all(seen):
                            for job in left:
                                template.signal(job, signal.SIGTERM)
                    elif isinstance(message, Ended | NotStarted):
                        one.last = message
                        left.discard(message.job)
        finally:
            template.end()
        return seen

    def run(*pieces: str, text: str = PROGRAM) -> list[Seen]:
        program.write_text(text)
        return trio.run(main, pieces)

    yield run


def said_by_all(seen: list[Seen]) -> bool:
    return all(b"\n" in one.out for one in seen)


def test_each_fork_is_alone_and_has_no_privilege(forks, user, writable):
    """Also while others are there."""
    one, two = (seen.facts for seen in forks(FACTS + STAY, FACTS + STAY))
    for number, facts in enumerate((one, two), start=1):
        assert (facts["pid"], facts["parent"], facts["session"]) == (2, 1, 2)
        assert facts["processes"] == [1, 2]
        assert (facts["user"], facts["capabilities"], facts["no_new_privs"]) == (user, 0, "1")
        assert facts["variable"] == str(number)
        assert facts["before"] == writable
    for kind, name in one["namespaces"].items():
        assert name != two["namespaces"][kind], kind
        assert name != os.readlink(f"/proc/self/ns/{kind}"), kind


def test_what_a_fork_does_to_itself_costs_itself_alone(forks):
    bad, killed, large, fine = forks(
        "os.abort()",
        "os.kill(os.getpid(), 9)",
        "print(len(code))#" + "x" * 300_000,
        "time.sleep(0.2); print('here')",
    )
    assert os.WTERMSIG(bad.last.status) == 6
    assert os.WTERMSIG(killed.last.status) == 9
    assert int(large.out) > 300_000
    assert (fine.last.status, fine.out) == (0, b"here\n")


def test_a_fork_cannot_reach_the_parts_of_its_root(forks):
    code = """
import errno
found = []
for name in ("l/0", "m/0", "k", "r", "f"):
    found.append(os.path.lexists("/.maelstrom/parts/" + name))
# Its own, the report's, its link, and that of the listing; none of the template's.
open_ones = os.listdir("/proc/self/fd")
try:
    os.mkdir("/usr/x")
except OSError as error:
    found.append(errno.errorcode[error.errno])
print(found, len(open_ones))
"""
    (seen,) = forks(code)
    assert isinstance(seen.last, Ended), seen.last
    assert seen.out == b"[False, False, False, False, False, 'EROFS'] 6\n"


@pytest.mark.parametrize("way", SPEAKS)
def test_a_template_may_speak_in_several_ways(forks, way):
    pieces = [f"print({number}, flush=True); os._exit({number})" for number in range(6)]
    for number, seen in enumerate(forks(*pieces, text=SPEAKS[way])):
        assert isinstance(seen.last, Ended), seen.last
        assert os.WEXITSTATUS(seen.last.status) == number
        assert seen.out == f"{number}\n".encode()


def test_a_signal_to_a_template_is_heard_by_its_python_and_no_fork_is_lost(forks):
    text = PROGRAM.replace(
        "server.freeze()",
        "import signal\nheard = []\n"
        "signal.signal(signal.SIGALRM, lambda *_: heard.append(1))\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)",
    )
    # An interval timer is not inherited by a fork; what the template has heard by then is.
    pieces = ["time.sleep(0.1); print(len(heard) > 0)"] * 6
    seen = forks(*pieces, text=text)
    assert all(isinstance(one.last, Ended) and one.last.status == 0 for one in seen)
    assert seen[-1].out == b"True\n"
