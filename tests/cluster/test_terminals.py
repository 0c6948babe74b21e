"""The user's terminal is that of a job on a worker, over a broker: ``maelstrom-run --tty``."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from jobs import job

TTY = (sys.executable, "-m", "maelstrom_run.cli", "--tty", "--broker", "auto")
ON_WORKERS = ("--cluster-only", "true")
NOT_FOR_LONG = ("--client-away", "3")
"""What is gone for longer is given up, be it client or broker."""
MIB = 1 << 20
ONE = ("--one", "--broker", "auto", *ON_WORKERS)
NAMES = ("sh", "sleep", "cat", "stty", "tty", "head", "cksum")
TOOLS = [shutil.which(name) or name for name in NAMES]
SHELL = {
    "layers": [
        {"paths": TOOLS, "follow_symlinks": True},
        {"shared_library_dependencies": TOOLS},
        {"stubs": ["/{proc,sys,dev,tmp,dev/pts}/"]},
        {"stubs": ["/dev/{null,ptmx,tty}"]},
    ],
    "mounts": [
        {"type": "devices", "devices": ["null", "tty"]},
        {"type": "devpts", "mount_point": "/dev/pts"},
    ],
    "environment": {"PATH": "/usr/bin:/bin"},
}


class User:
    """Somebody at a terminal."""

    def __init__(self, cluster: Any, on_a_terminal: Callable[..., Any]) -> None:
        self._cluster = cluster
        self._on_a_terminal = on_a_terminal

    def runs(self, script: str, *options: str, on_workers: bool = True, **more: Any) -> Any:
        source = self._cluster.directory / "job.json"
        source.write_text(json.dumps(SHELL | {"program": "sh", "arguments": ["-c", script]} | more))
        where = ON_WORKERS if on_workers else ()
        return self._on_a_terminal(
            [*TTY, *where, *options, "-f", str(source)],
            cwd=self._cluster.directory,
            env={**self._cluster.environment, "TERM": "dumb"},
        )


@pytest.fixture
def user(cluster: Any, on_a_terminal: Callable[..., Any]) -> User:
    return User(cluster, on_a_terminal)


def with_a_worker(cluster: Any, *options: str, name: str = "one", slots: int = 2) -> Any:
    worker = cluster.worker(name, *options, slots=slots)
    worker.wait_for("joined the cluster", seconds=90)
    return worker


def status_of(cluster: Any) -> Any:
    return json.loads(cluster.run("maelstrom_admin.cli", "status", "--json").stdout)


def given_to_workers(cluster: Any) -> int:
    found: int = status_of(cluster)["totals"]["given"]
    return found


def running(cluster: Any) -> int:
    """Jobs that have slots of workers."""
    return sum(worker["used"] for worker in status_of(cluster)["workers"])


def memory_of(process: Any) -> int:
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return int(dict(line.split(":", 1) for line in lines)["VmRSS"].split()[0]) << 10


LINES = 'while read -r line; do echo "$line: $(stty size)"; done; exit 5'


def test_keys_sizes_and_what_is_shown_travel(cluster: Any, user: User) -> None:
    cluster.broker()
    with_a_worker(cluster)
    at = user.runs(f"tty; {LINES}")
    at.expect("maelstrom-run: on worker one\n")
    at.expect("/dev/pts/0\n")
    at.type("first\n")
    at.expect("first: 30 100\n")
    at.resize(41, 123)
    # It is told in its own time.
    for _ in range(100):
        at.type("again\n")
        if at.expect(r"again: (\d+ \d+)\n")[1] == "41 123":
            break
    else:
        pytest.fail("its size has not changed")
    at.type("\x04")
    assert at.end() == 5
    assert at.attributes == at.before
    assert given_to_workers(cluster) == 1


def test_all_keys_are_the_job_s_but_for_those_behind_the_escape_character(
    cluster: Any, user: User
) -> None:
    cluster.broker()
    with_a_worker(cluster)
    at = user.runs("trap 'echo caught' INT; sh -c 'echo begun; exec sleep 100'; exec cat -v")
    at.expect("begun\n")
    at.type("\x03")
    at.expect("caught\n")
    # Twice, it is itself.
    at.type("\x1d\x1dx\n")
    at.expect(r"\n\^\]x\n")
    at.type("\x1d\x03")
    assert at.end() == -signal.SIGINT
    assert at.attributes == at.before
    assert not running(cluster)


def test_it_dies_as_its_job_dies(cluster: Any, user: User) -> None:
    cluster.broker()
    with_a_worker(cluster)
    at = user.runs("tty; kill -TERM $$")
    at.expect("/dev/pts/0\n")
    assert at.end() == -signal.SIGTERM
    assert at.attributes == at.before


def test_what_can_run_here_runs_here(cluster: Any, user: User) -> None:
    """It goes to a worker for a label, or slots, that only a worker has."""
    cluster.broker()
    with_a_worker(cluster, "--labels", "gpu", slots=3)
    here = user.runs("echo it runs", on_workers=False)
    here.expect("maelstrom-run: on this machine; --cluster-only true has a worker run it\n")
    here.expect("it runs\n")
    assert here.end() == 0
    for options, more in (((), {"labels": ["gpu"]}), (("--slots", "2"), {"slots": 3})):
        there = user.runs("echo it runs", *options, on_workers=False, **more)
        there.expect("maelstrom-run: waiting for a worker of the cluster\n")
        there.expect("maelstrom-run: on worker one\n")
        there.expect("it runs\n")
        assert there.end() == 0


def test_a_slow_terminal_holds_up_the_job_and_nothing_else(cluster: Any, user: User) -> None:
    """It shows far more than anybody keeps; others on the same worker go on."""
    cluster.broker()
    worker = with_a_worker(cluster)
    # Each turn of the loop shows 16 KiB; nothing is changed on its way through the terminal.
    script = "stty -opost; a=0123456789abcdef; for i in 1 2 3 4 5 6 7 8 9 10; do a=$a$a; done;"
    script += "i=0; while [ $i -lt 2000 ]; do printf %s $a; i=$((i+1)); done; printf end."
    at = user.runs(script)
    at.expect("on worker one\n")
    before = memory_of(worker)
    done = cluster.run("maelstrom_run.cli", *ONE, input=job("echo not held up"))
    assert (done.returncode, done.stdout) == (0, "not held up\n"), done.stderr
    assert memory_of(worker) < before + MIB * 16
    shown = at.shown.split("on worker one\n")[1].encode() + at.read_until(b"end.")
    assert shown == b"0123456789abcdef" * 1024 * 2000 + b"end."
    assert at.end() == 0


def test_a_slow_job_holds_up_whoever_types(cluster: Any, user: User) -> None:
    """More is pasted than is on its way at once, and all of it comes."""
    cluster.broker()
    with_a_worker(cluster)
    at = user.runs("stty raw -echo; echo ready; sleep 1; head -c 300000 | cksum; stty sane")
    at.expect("ready")
    data = ("0123456789abcde\n" * 18750).encode()
    at.type_all(data)
    crc = subprocess.run(["cksum"], input=data, capture_output=True, check=True).stdout.split()
    at.expect(rf"{crc[0].decode()} 300000")
    assert at.end() == 0


@pytest.mark.parametrize("others", [0, 1])
def test_its_worker_is_killed(cluster: Any, user: User, others: int) -> None:
    """It is not begun anew, be it that another worker could."""
    cluster.broker()
    first = with_a_worker(cluster)
    at = user.runs("echo begun; exec cat")
    at.expect("begun\n")
    if others:
        with_a_worker(cluster, name="two")
    first.kill()
    at.expect("maelstrom-run: .*worker one was lost while it was at your terminal")
    assert at.end() == 71
    assert at.attributes == at.before
    assert at.shown.count("begun") == 1
    assert given_to_workers(cluster) == 1


def test_its_worker_is_told_to_stop(cluster: Any, user: User) -> None:
    cluster.broker()
    first = with_a_worker(cluster, "--grace", "1")
    at = user.runs("echo begun; exec cat")
    at.expect("begun\n")
    assert first.end() == 0
    at.expect("worker one was lost while it was at your terminal")
    assert at.end() == 71
    assert at.attributes == at.before


def test_the_broker_is_killed(cluster: Any, user: User) -> None:
    """What goes on, goes on: nothing of what was shown or typed is lost, and nothing comes twice."""
    broker = cluster.broker()
    with_a_worker(cluster)
    at = user.runs(f"echo begun; {LINES}")
    at.expect("begun\n")
    at.type("first\n")
    at.expect("first: 30 100\n")
    broker.kill()
    for number in range(20):
        at.type(f"typed {number}\n")
    cluster.broker()
    for number in range(20):
        at.expect(rf"typed {number}: 30 100\n")
    at.type("\x04")
    assert at.end() == 5
    assert at.shown.count(": 30 100") == 21


def test_broker_and_worker_are_killed(cluster: Any, user: User) -> None:
    broker = cluster.broker(*NOT_FOR_LONG)
    worker = with_a_worker(cluster)
    at = user.runs("echo begun; exec cat")
    at.expect("begun\n")
    worker.kill()
    broker.kill()
    cluster.broker(*NOT_FOR_LONG)
    at.expect("worker one was lost while it was at your terminal", seconds=60)
    assert at.end() == 71
    assert at.attributes == at.before


def test_the_broker_stays_away(cluster: Any, user: User) -> None:
    broker = cluster.broker(*NOT_FOR_LONG)
    with_a_worker(cluster)
    at = user.runs("echo begun; exec cat")
    at.expect("begun\n")
    broker.kill()
    at.expect("the cluster was lost while it was at your terminal", seconds=90)
    assert at.end() == 71
    assert at.attributes == at.before


def test_its_client_is_killed(cluster: Any, user: User) -> None:
    cluster.broker(*NOT_FOR_LONG)
    worker = with_a_worker(cluster)
    at = user.runs("echo begun; exec cat")
    at.expect("begun\n")
    at.process.kill()
    worker.wait_until(lambda: not running(cluster), seconds=90)


def test_a_signal_ends_it(cluster: Any, user: User) -> None:
    cluster.broker()
    worker = with_a_worker(cluster)
    at = user.runs("echo begun; exec cat")
    at.expect("begun\n")
    at.process.send_signal(signal.SIGTERM)
    assert at.end() == -signal.SIGTERM
    assert at.attributes == at.before
    worker.wait_until(lambda: not running(cluster))


def test_its_user_is_away_for_too_long(cluster: Any, user: User) -> None:
    """The broker gives up whoever was suspended for so long; the job is not begun anew for him."""
    cluster.broker(*NOT_FOR_LONG)
    worker = with_a_worker(cluster)
    at = user.runs("echo begun; exec cat")
    at.expect("begun\n")
    at.process.send_signal(signal.SIGSTOP)
    worker.wait_until(lambda: not running(cluster), seconds=90)
    at.process.send_signal(signal.SIGCONT)
    at.expect("this program was suspended for more than 3 s")
    assert at.end() == 71
    assert at.attributes == at.before
    assert given_to_workers(cluster) == 1
