"""Killed at any moment: every job has one ending all the same, and nothing is left of it."""

import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from jobs import ON_CLUSTER, ended, job, sleeping

RUN = "maelstrom_run.cli"
NOT_FOR_LONG = ("--client-away", "3")
JOBS = 200


def many(number: int = JOBS, script: str = "echo {0}; sleep 0.02") -> bytes:
    return "\n".join(job(script.format(one)) for one in range(number)).encode()


class Client:
    """``maelstrom-run`` with many jobs, whose events go to a file."""

    def __init__(self, cluster: Any, jobs: bytes, *options: str) -> None:
        source, self.events = cluster.directory / "jobs", cluster.directory / "events"
        source.write_bytes(jobs)
        self.events.touch()
        options = options or ON_CLUSTER
        command = [sys.executable, "-m", RUN, *options, "--format", "json", "-f", str(source)]
        shell = ["/bin/sh", "-c", 'exec "$@" > ' + str(self.events), "sh", *command]
        self.process = cluster.start("client", shell, cwd=cluster.directory)

    def wait_for(self, endings: int) -> None:
        """Until so many jobs have ended."""
        self.process.wait_until(lambda: self.events.read_bytes().count(b'"ended"') >= endings)

    def all_well(self, number: int = JOBS) -> None:
        assert self.process.wait() == 0, self.process.said()
        found = ended(self.events.read_text())
        assert sorted(found) == list(range(1, number + 1)), "every job ends"
        assert all(len(of_one) == 1 for of_one in found.values()), "once"
        for one, (ending,) in found.items():
            assert ending["stdout"] == f"{one - 1}\n", "with its own output"


def test_a_worker_is_killed(cluster: Any) -> None:
    cluster.broker()
    first, second = cluster.worker("one"), cluster.worker("two")
    first.wait_for("joined the cluster")
    second.wait_for("joined the cluster")
    client = Client(cluster, many())
    client.wait_for(40)
    first.kill()
    client.wait_for(120)
    cluster.worker("three").wait_for("joined the cluster")
    second.kill()
    client.all_well()


def test_the_broker_is_killed_and_comes_back(cluster: Any) -> None:
    broker = cluster.broker()
    worker = cluster.worker()
    worker.wait_for("joined the cluster")
    client = Client(cluster, many())
    for endings in (30, 80, 140):
        client.wait_for(endings)
        broker.kill()
        broker = cluster.broker()
    client.all_well()
    assert worker.said().count("the broker is gone") == 3


def test_the_broker_comes_back_elsewhere(cluster: Any) -> None:
    broker = cluster.broker()
    worker = cluster.worker()
    worker.wait_for("joined the cluster")
    client = Client(cluster, many())
    client.wait_for(30)
    broker.kill()
    cluster.move()
    cluster.broker()
    client.all_well()
    worker.wait_for("the broker is elsewhere now")


def test_what_runs_when_the_broker_is_killed_is_run_once(cluster: Any) -> None:
    broker = cluster.broker()
    cluster.worker().wait_for("joined the cluster")
    client = Client(cluster, many(2, "echo {0}; sleep 7.125; sleep 0.125"))
    client.process.wait_until(lambda: sleeping("7.125") == 2)
    broker.kill()
    began = time.monotonic()
    cluster.broker()
    client.all_well(2)
    assert time.monotonic() - began < 13, "it was not begun anew"


def test_a_client_is_killed(cluster: Any) -> None:
    broker = cluster.broker(*NOT_FOR_LONG)
    worker = cluster.worker()
    worker.wait_for("joined the cluster")
    client = Client(cluster, many(4, "echo {0}; sleep 7777.25"))
    client.process.wait_until(lambda: sleeping("7777.25") >= 2)
    client.process.kill()
    # Its jobs are ended when the broker is sure that it does not come again.
    worker.wait_until(lambda: not sleeping("7777.25"), seconds=60)
    client = Client(cluster, many(20))
    client.all_well(20)
    assert "Traceback" not in worker.said() + broker.said()


def test_a_client_is_interrupted(cluster: Any) -> None:
    cluster.broker()
    worker = cluster.worker()
    worker.wait_for("joined the cluster")
    client = Client(cluster, many(4, "echo {0}; sleep 7777.25"))
    client.process.wait_until(lambda: sleeping("7777.25") >= 2)
    assert client.process.end(signal.SIGINT) == -signal.SIGINT
    assert not sleeping("7777.25"), "when it has ended, nothing of its jobs is left"


def test_a_worker_hangs(cluster: Any) -> None:
    broker = cluster.broker()
    first, second = cluster.worker("one"), cluster.worker("two")
    first.wait_for("joined the cluster")
    second.wait_for("joined the cluster")
    client = Client(cluster, many())
    client.wait_for(20)
    first.send(signal.SIGSTOP)
    client.all_well()
    first.send(signal.SIGCONT)
    first.wait_for("joined the cluster", times=2)
    assert "Traceback" not in first.said() + broker.said()


def test_a_broker_that_stays_away_costs_no_job(cluster: Any) -> None:
    """This machine runs what the cluster cannot any more."""
    broker = cluster.broker(*NOT_FOR_LONG)
    cluster.worker().wait_for("joined the cluster")
    client = Client(cluster, many(60), "--broker", "auto", "--json")
    client.wait_for(10)
    broker.kill()
    client.all_well(60)


def test_a_worker_told_to_by_sigusr1_ends_when_its_jobs_have(cluster: Any) -> None:
    cluster.broker()
    first = cluster.worker("one", "--grace", "0.1")
    first.wait_for("joined the cluster")
    client = Client(cluster, many(4, "echo {0}; sleep 2.0625"))
    client.process.wait_until(lambda: sleeping("2.0625") >= 2)
    assert first.end(signal.SIGUSR1) == 0, first.said()
    assert "jobs get all the time they want" in first.said()
    assert "others will run them" not in first.said()
    cluster.worker("two").wait_for("joined the cluster")
    client.all_well(4)


@pytest.mark.parametrize(
    "numbers", [(signal.SIGUSR1, signal.SIGTERM, signal.SIGTERM), (signal.SIGTERM,) * 2]
)
def test_a_worker_told_to_stop_again_leaves_its_jobs_to_others(
    cluster: Any, numbers: tuple[int, ...]
) -> None:
    broker = cluster.broker()
    first = cluster.worker("one", "--grace", "1000")
    first.wait_for("joined the cluster")
    client = Client(cluster, many(2, "echo {0}; sleep 7777.5"))
    client.process.wait_until(lambda: sleeping("7777.5") >= 2)
    for number in numbers[:-1]:
        first.send(number)
        first.wait_for(f"by {signal.Signals(number).name}")
    first.send(numbers[-1])
    assert first.wait() == 0, first.said()
    assert "2 jobs have not ended; others will run them" in first.said()
    broker.wait_for("it said goodbye")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_stops_ends_what_it_runs_and_leaves_the_rest(
    cluster: Any, number: int
) -> None:
    cluster.broker()
    first = cluster.worker("one")
    first.wait_for("joined the cluster")
    client = Client(cluster, many(60))
    client.wait_for(5)
    assert first.end(number) == 0, first.said()
    assert "others will run them" not in first.said(), "they are short"
    cluster.worker("two").wait_for("joined the cluster")
    client.all_well(60)
