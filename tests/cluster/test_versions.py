"""Programs of other versions of the protocol: those that have one in common work together, and the
others say so.
"""

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from jobs import ON_CLUSTER, ended, job

from maelstrom_core.wire.messages import OLDEST_VERSION, VERSION

SPEAKING = """
import runpy, sys
from maelstrom_core.wire import messages

oldest, newest, module, *arguments = sys.argv[1:]
messages.OLDEST_VERSION, messages.VERSION = int(oldest), int(newest)
sys.argv = [module, *arguments]
runpy.run_module(module, run_name="__main__")
"""
"""A program that takes itself for another version; all that it imports does so too."""


def speaking(oldest: int, newest: int, module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", SPEAKING, str(oldest), str(newest), module, *arguments]


def worker(cluster: Any, name: str, oldest: int, newest: int) -> Any:
    options = ("--name", name, "--store", f"{cluster.directory}/store-{name}", "--slots", "2")
    return cluster.start(name, speaking(oldest, newest, "maelstrom_worker.cli", *options))


def client(cluster: Any, oldest: int, newest: int, script: str) -> Any:
    source = cluster.directory / "job.json"
    source.write_text(job(script))
    command = speaking(oldest, newest, "maelstrom_run.cli", *ON_CLUSTER, "-f", str(source))
    started = cluster.start(f"client-{oldest}-{newest}", command)
    return started, started.wait(120)


def test_programs_of_neighbouring_versions(cluster: Any) -> None:
    command = ("maelstrom_broker.cli", "--listen", f"127.0.0.1:{cluster.port}")
    broker = cluster.start("broker", speaking(2, 3, *command))
    broker.wait_for("listening at ")
    # An older worker and a newer client, neither of which speaks the other's newest.
    old = worker(cluster, "old", 1, 2)
    old.wait_for("joined the cluster")
    new, status = client(cluster, 3, 4, "echo of the new")
    assert status == 0, new.said()
    assert ended(new.said())[1][0]["stdout"] == "of the new\n"
    # Further apart.
    for oldest, newest in ((1, 1), (4, 5)):
        other, status = client(cluster, oldest, newest, "true")
        assert status == 76, other.said()
        assert "this broker speaks versions 2 to 3 of the protocol" in other.said()
        assert f"speaks {oldest} to {newest}: use versions that are nearer" in other.said()
    ancient = worker(cluster, "ancient", 1, 1)
    assert ancient.wait(60) == 76
    assert "this broker speaks versions 2 to 3 of the protocol" in ancient.said()
    for one in (broker, old, ancient):
        assert "Traceback" not in one.said()


def test_a_cluster_is_upgraded_while_a_client_uses_it(cluster: Any) -> None:
    """In the order that docs/guide/deploying.md tells: the broker, workers one by one, clients."""

    def admin(*arguments: str) -> Any:
        done = cluster.run("maelstrom_admin.cli", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def seen(name: str) -> Any:
        workers = json.loads(admin("status", "--json"))["workers"]
        return next((one for one in workers if one["name"] == name), None)

    # The admin and the clients of today are of the old version.
    old, new = (OLDEST_VERSION, VERSION), (VERSION, VERSION + 1)
    command = ("maelstrom_broker.cli", "--listen", f"127.0.0.1:{cluster.port}")
    broker = cluster.start("broker", speaking(*old, *command))
    broker.wait_for("listening at ")
    workers = {name: worker(cluster, name, *old) for name in ("one", "two")}
    for one in workers.values():
        one.wait_for("joined the cluster")
    source = cluster.directory / "jobs.json"
    source.write_text("\n".join(job("sleep 1; echo here") for _ in range(40)))
    options = (*ON_CLUSTER, "-f", str(source))
    running = cluster.start("client-old", speaking(*old, "maelstrom_run.cli", *options))
    running.wait_for('"ended"')

    assert broker.end() == 0
    broker = cluster.start("broker", speaking(*new, *command))
    broker.wait_for("listening at ", times=2)
    for name, before in workers.items():
        before.wait_for("joined the cluster", times=2)
        admin("drain", name)
        before.wait_until(lambda name=name: seen(name)["running"] == 0)
        assert before.end() == 0, before.said()
        assert "others will run them" not in before.said()
        after = worker(cluster, name, *new)
        after.wait_for("joined the cluster", times=3)
        assert not seen(name)["draining"], "it is another one"
    assert running.wait() == 0, running.said()
    endings = ended(running.said())
    assert [len(endings[number]) for number in sorted(endings)] == [1] * 40
    _, status = client(cluster, *new, "true")
    assert status == 0
