"""What must not lose a byte on its way: ``--one``, whoever is killed or slow meanwhile."""

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from jobs import job

RUN = "maelstrom_run.cli"
ONE = ("--one", "--broker", "auto", "--cluster-only", "true")
COUNTS = "i=0; while [ $i -lt {0} ]; do echo line $i; i=$((i+1)); {1}done; exit {2}"


def one(cluster: Any, script: str, **more: Any) -> Any:
    return cluster.run(RUN, *ONE, input=job(script, **more))


def started(cluster: Any, script: str) -> Any:
    source = cluster.directory / "job"
    source.write_text(job(script))
    return cluster.client(RUN, *ONE, "--format", "json", "-f", str(source))


def with_a_reader(cluster: Any, script: str) -> tuple[Any, int]:
    """A client, and a pipe to which its standard output goes."""
    source = cluster.directory / "job"
    source.write_text(job(script))
    command = [sys.executable, "-m", RUN, *ONE, "--format", "json", "-f", str(source)]
    reading, writing = os.pipe()
    shell = ["/bin/sh", "-c", f'exec "$@" > /proc/self/fd/{writing}', "sh", *command]
    client = cluster.start("client", shell, pass_fds=(writing,))
    os.close(writing)
    return client, reading


def given_to_workers(cluster: Any) -> int:
    status = cluster.run("maelstrom_admin.cli", "status", "--json")
    totals: dict[str, int] = json.loads(status.stdout)["totals"]
    return totals["given"]


def numbered(lines: int) -> str:
    return "".join(f"line {number}\n" for number in range(lines))


def test_one_job_ends_on_a_worker_as_it_does_here(cluster: Any) -> None:
    cluster.broker()
    cluster.worker().wait_for("joined the cluster", seconds=90)
    scripts = [
        COUNTS.format(100_000, "", 3),
        "echo out; echo error >&2; kill -9 $$",
        "exit 0",
        "printf unfinished",
    ]
    for script in scripts:
        here = cluster.run(RUN, "--one", input=job(script))
        there = one(cluster, script)
        assert (there.returncode, there.stdout, there.stderr) == (
            here.returncode,
            here.stdout,
            here.stderr,
        )
    assert given_to_workers(cluster) == len(scripts)


def test_a_slow_reader_holds_up_the_job_and_nothing_else(cluster: Any) -> None:
    """It writes far more than anybody keeps; others on the same worker go on."""
    cluster.broker()
    cluster.worker().wait_for("joined the cluster", seconds=90)
    # Each turn of the loop writes 64 KiB.
    script = "a=0123456789abcdef; for i in 1 2 3 4 5 6 7 8 9 10 11 12; do a=$a$a; done;"
    script += "i=0; while [ $i -lt 400 ]; do printf %s $a; i=$((i+1)); done"
    client, reading = with_a_reader(cluster, script)
    first = os.read(reading, 1 << 16)
    assert first
    done = one(cluster, "echo not held up")
    assert (done.returncode, done.stdout) == (0, "not held up\n"), done.stderr

    seen, size = hashlib.sha256(first), len(first)
    while data := os.read(reading, 1 << 20):
        seen.update(data)
        size += len(data)
    os.close(reading)
    assert client.wait() == 0, client.said()
    assert size == 400 << 16
    assert seen.digest() == hashlib.sha256(b"0123456789abcdef" * 4096 * 400).digest()


def test_the_broker_is_killed_while_it_writes(cluster: Any) -> None:
    broker = cluster.broker()
    worker = cluster.worker()
    worker.wait_for("joined the cluster", seconds=90)
    client = started(cluster, COUNTS.format(40, "sleep 0.1; ", 5))
    client.wait_for("line 5\n", seconds=90)
    broker.kill()
    cluster.broker()
    assert client.wait() == 5
    assert client.said() == numbered(40), "once, and in order"


def test_a_worker_is_killed_when_some_was_seen(cluster: Any) -> None:
    cluster.broker()
    first = cluster.worker("one")
    first.wait_for("joined the cluster", seconds=90)
    client = started(cluster, "echo seen; sleep 60")
    client.wait_for("seen\n", seconds=90)
    first.kill()
    cluster.worker("two").wait_for("joined the cluster", seconds=90)
    assert client.wait() == 71, client.said()
    assert client.said().count("seen\n") == 1, "what was seen is not repeated"
    assert "its worker was lost while it ran, and some of what it wrote" in client.said()


def test_a_worker_is_killed_before_anything_was_seen(cluster: Any) -> None:
    cluster.broker()
    first = cluster.worker("one")
    first.wait_for("joined the cluster", seconds=90)
    client = started(cluster, "sleep 2; echo seen; exit 6")
    client.wait_until(lambda: given_to_workers(cluster) == 1)
    first.kill()
    cluster.worker("two").wait_for("joined the cluster", seconds=90)
    assert client.wait() == 6, client.said()
    assert client.said() == "seen\n"


def test_the_reader_goes(cluster: Any) -> None:
    """As ``head -1`` does: the job ends, and we by SIGPIPE."""
    cluster.broker()
    worker = cluster.worker()
    worker.wait_for("joined the cluster", seconds=90)
    client, reading = with_a_reader(cluster, "while echo y; do sleep 0.01; done")
    assert os.read(reading, 2) == b"y\n"
    os.close(reading)
    assert client.wait() == -13, client.said()
    assert "Traceback" not in client.said() + worker.said()


@pytest.mark.parametrize("number", [2, 15])
def test_it_is_interrupted(cluster: Any, number: int) -> None:
    cluster.broker()
    cluster.worker().wait_for("joined the cluster", seconds=90)
    client = started(cluster, "echo begun; sleep 7878.5")
    client.wait_for("begun\n", seconds=90)
    assert client.end(number) == -number
