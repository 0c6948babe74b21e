"""Keys that nobody knows: told at once, and to a worker only for as long as it is so."""

import socket
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from jobs import ended, job

from maelstrom_core.transport.join_plan import print_join
from maelstrom_core.transport.keyring import Keyring
from maelstrom_core.transport.keys import new_key_pair

RUN = "maelstrom_run.cli"


def joining(cluster: Any, role: str, name: str, host: str = "127.0.0.1") -> tuple[str, str]:
    """A file with the join string of somebody who may not join yet; and the public key."""
    pair = new_key_pair()
    keyring = Keyring(cluster.directory / "cluster")
    join = keyring.join(role, name, pair, f"{host}:{cluster.port}")
    file: Path = cluster.directory / f"{name}.join"
    file.touch(mode=0o600)
    file.write_text(print_join(join))
    return str(file), pair.public


def test_a_client_hears_at_once_that_nobody_knows_its_key(cluster: Any) -> None:
    cluster.broker()
    file, key = joining(cluster, "client", "ann")
    done = cluster.run(RUN, "--broker", file, input=job("true"), timeout=20)
    assert done.returncode == 76
    assert f"does not know the key of client:ann ({key})" in done.stderr
    assert "ask the cluster's administrator" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_worker_joins_when_its_key_becomes_known(cluster: Any) -> None:
    cluster.broker()
    file, key = joining(cluster, "worker", "rack7")
    worker = cluster.worker("one", "--broker", file)
    worker.wait_for("does not know the key of worker:rack7")
    Keyring(cluster.directory / "cluster").add("worker", "rack7", key)
    worker.wait_for("joined the cluster", seconds=60)
    done = cluster.run(RUN, "--broker", "auto", "--json", input=job("echo in"))
    assert ended(done.stdout)[1][0]["stdout"] == "in\n"


def test_a_key_that_is_revoked_is_told_of(cluster: Any) -> None:
    broker = cluster.broker()
    keyring = Keyring(cluster.directory / "cluster")
    file, key = joining(cluster, "worker", "rack7")
    keyring.add("worker", "rack7", key)
    worker = cluster.worker("one", "--broker", file)
    worker.wait_for("joined the cluster")
    keyring.revoke("worker", "rack7")
    worker.wait_for("does not know the key of worker:rack7", seconds=60)
    assert "Traceback" not in worker.said() + broker.said()


def test_a_join_string_with_an_address_of_ipv6(cluster: Any) -> None:
    """Both links go there: files travel, and a job is run."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError as error:
        pytest.skip(f"no IPv6 on loopback: {error}")
    broker = cluster.broker("--listen", f"[::1]:{cluster.port}")
    assert f"listening at [::1]:{cluster.port}" in broker.said()
    files = {}
    for role in ("worker", "client"):
        files[role], key = joining(cluster, role, "six", "[::1]")
        Keyring(cluster.directory / "cluster").add(role, "six", key)
        files[role] = str(Path(files[role]).rename(cluster.directory / f"{role}.join"))
    cluster.worker("one", "--broker", files["worker"]).wait_for("joined the cluster")
    options = ("--broker", files["client"], "--cluster-only", "true", "--json")
    done = cluster.run(RUN, *options, input=job("echo by six"))
    assert done.returncode == 0, done.stderr
    assert ended(done.stdout)[1][0]["stdout"] == "by six\n"
