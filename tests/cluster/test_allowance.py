"""Short jobs wait behind the slots of a real worker, and are taken back from it."""

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from jobs import ON_CLUSTER, ended, job

ADMIN, RUN = "maelstrom_admin.cli", "maelstrom_run.cli"
JOBS = 1_000
ROUNDS = 5
"""A machine may be so busy that jobs which do nothing take long, and then none of them waits there."""


def admin(cluster: Any, *arguments: str) -> str:
    done = cluster.run(ADMIN, *arguments)
    assert done.returncode == 0, done.stderr
    told: str = done.stdout
    return told


def worker_named(cluster: Any, name: str) -> Any:
    workers = json.loads(admin(cluster, "status", "--json"))["workers"]
    (found,) = [one for one in workers if one["name"] == name]
    return found


def start_jobs(cluster: Any, name: str) -> Any:
    source = cluster.directory / "jobs"
    source.write_text("\n".join([job("exit 0")] * JOBS))
    command = [sys.executable, "-m", RUN, *ON_CLUSTER, "--format", "json", "-f", str(source)]
    shell = ["/bin/sh", "-c", f'exec "$@" > {name}', "sh", *command]
    return cluster.start("client", shell, cwd=cluster.directory)


def test_jobs_wait_behind_slots_and_are_taken_back_when_the_worker_is_drained(cluster: Any) -> None:
    cluster.broker()
    worker = cluster.worker("rack7")
    worker.wait_for("joined the cluster")
    for number in range(ROUNDS):
        client = start_jobs(cluster, f"events-{number}")
        seen = 0
        while not seen and client.is_running:
            seen = worker_named(cluster, "rack7")["behind_slots"]
        if seen:
            break
        assert client.wait(120) == 0
    assert seen, "none has waited there"
    assert worker_named(cluster, "rack7")["turn_ms"] > 0

    admin(cluster, "drain", "rack7")
    worker.wait_until(lambda: worker_named(cluster, "rack7")["behind_slots"] == 0)
    worker.wait_until(lambda: worker_named(cluster, "rack7")["running"] == 0)
    cluster.worker("rack8").wait_for("joined the cluster")
    assert client.wait(120) == 0
    endings = ended((cluster.directory / f"events-{number}").read_text())
    assert len(endings) == JOBS
    assert all(len(of_one) == 1 for of_one in endings.values())
