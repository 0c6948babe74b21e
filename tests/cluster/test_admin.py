"""``maelstrom-admin`` beside a broker that runs: what it shows, orders, and whom it lets in."""

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from jobs import ON_CLUSTER, ended, job

ADMIN, RUN = "maelstrom_admin.cli", "maelstrom_run.cli"
FOR_EVER = "while :; do sleep 1; done"


def admin(cluster: Any, *arguments: str) -> Any:
    done = cluster.run(ADMIN, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def status(cluster: Any) -> Any:
    return json.loads(admin(cluster, "status", "--json"))


def start_jobs(cluster: Any, script: str, number: int = 4) -> Any:
    source = cluster.directory / "jobs"
    source.write_text("\n".join([job(script)] * number))
    shell = 'exec "$@" > events'
    command = [sys.executable, "-m", RUN, *ON_CLUSTER, "--format", "json", "-f", str(source)]
    return cluster.start("client", ["/bin/sh", "-c", shell, "sh", *command], cwd=cluster.directory)


def test_what_an_administrator_sees_and_does(cluster: Any) -> None:
    broker = cluster.broker()
    worker = cluster.worker("rack7", "--labels", "gpu")
    worker.wait_for("joined the cluster")
    client = start_jobs(cluster, FOR_EVER)
    client.wait_until(lambda: status(cluster)["totals"]["running"] == 2)

    shown = admin(cluster, "status")
    assert "1 worker with 2 slots, 1 client, 2 running, 2 waiting" in shown
    assert "they wait: all slots are taken" in shown
    assert "rack7   2/2    2        gpu     ready" in shown
    (one,) = status(cluster)["clients"]

    assert admin(cluster, "drain", "rack7") == "rack7 gets nothing new\n"
    assert "draining" in admin(cluster, "status")
    assert admin(cluster, "undrain", "rack7") == "rack7 gets jobs again\n"
    refused = cluster.run(ADMIN, "drain", "rack8")
    assert refused.returncode == 76
    assert "rack8" in refused.stderr

    unknown = cluster.run(ADMIN, "cancel", "nobody")
    assert unknown.returncode == 4
    assert f"no client is called nobody; there are: {one['name']}" in unknown.stderr
    admin(cluster, "cancel", one["session"])
    assert client.wait(60) != 0
    endings = ended((cluster.directory / "events").read_text())
    assert sorted(len(found) for found in endings.values()) == [1, 1, 1, 1]

    assert admin(cluster, "stop") == "the broker stops\n"
    assert broker.wait(30) == 0
    gone = cluster.run(ADMIN, "status")
    assert gone.returncode == 4
    assert "no broker of the cluster" in gone.stderr


def test_where_time_went(cluster: Any) -> None:
    cluster.broker()
    cluster.worker("rack7").wait_for("joined the cluster", seconds=120)
    source = cluster.directory / "jobs"
    jobs = [job("exit 0", label="holds"), job("echo it broke >&2; exit 3", label="breaks")]
    source.write_text("\n".join(jobs))
    assert cluster.run(RUN, *ON_CLUSTER, "--format", "json", "-f", str(source)).returncode == 1
    unknown = cluster.run(ADMIN, "story", "nobody-of-this-name")
    assert unknown.returncode == 76
    name = unknown.stderr.strip().rpartition("there are ")[2]

    run = admin(cluster, "story", name)
    assert "jobs: 1 ok, 1 failed" in run
    assert "breaks  failed (exited with status 3)  rack7   1" in run
    told = admin(cluster, "story", name, "breaks")
    assert told.startswith("breaks: failed (exited with status 3)\n  0.0 s: handed in by")
    assert "s: given to rack7, which had" in told
    assert told.endswith("the end of what it wrote:\n  | it broke\n")
    assert json.loads(admin(cluster, "story", name, "holds", "--json"))["outcome"] == "ok"


def test_who_may_join(cluster: Any, tmp_path: Path) -> None:
    cluster.broker()
    address = f"127.0.0.1:{cluster.port}"
    out_of_reach = cluster.run(ADMIN, "keys", "invite", "worker", "rack7")
    assert out_of_reach.returncode == 4
    assert "which no other machine can reach" in out_of_reach.stderr

    join = tmp_path / "rack7.join"
    join.touch(mode=0o600)
    join.write_text(admin(cluster, "keys", "invite", "worker", "rack7", "--address", address))
    worker = cluster.worker("rack7", "--broker", str(join))
    worker.wait_for("joined the cluster")
    assert "rack7" in admin(cluster, "keys", "list")
    # A worker's key does not make an administrator.
    wrong = cluster.run(ADMIN, "--broker", str(join), "status")
    assert wrong.returncode == 4
    assert "the join string is worker's" in wrong.stderr
    again = cluster.run(ADMIN, "keys", "invite", "worker", "rack7", "--address", address)
    assert again.returncode == 4
    assert "may join already" in again.stderr

    assert (
        admin(cluster, "keys", "revoke", "worker", "rack7") == "worker:rack7 may join no longer\n"
    )
    worker.wait_until(lambda: not status(cluster)["workers"][0]["connected"])
    # It goes on trying, for it may be let in again; and says why it is not.
    late = cluster.worker("late", "--broker", str(join))
    late.wait_for("does not know the key of worker:rack7")
