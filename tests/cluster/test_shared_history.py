"""What one client has seen of tests another one knows before its first run, be it that the broker was
killed in between."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

SUITE = """
import time

def test_short(): pass
def test_fails(): assert False
def test_longest(): time.sleep(1.5)
def test_long(): time.sleep(0.7)
"""


ONE_IS_LONG = """
import time
import pytest

@pytest.mark.parametrize("name", ["a", "b", "c", "d"])
def test(name): time.sleep(1.5 if name == "{long}" else 0)
"""


def checkout(
    cluster: Any, name: str, container_of: Callable[[Path], str], suite: str = SUITE
) -> Path:
    directory: Path = cluster.directory / name / "project"
    directory.mkdir(parents=True)
    (directory / "pytest.ini").write_text("[pytest]\n")
    (directory / "test_it.py").write_text(suite)
    (directory / "maelstrom-pytest.toml").write_text(container_of(directory))
    return directory


def order(cluster: Any, name: str, container_of: Callable[[Path], str]) -> list[str]:
    """In which order the tests of a new checkout end, of a client that has never run any."""
    cluster.environment["MAELSTROM_STATE"] = str(cluster.directory / name / "state")
    done = cluster.run(
        "pytest",
        *("-v", "-p", "maelstrom", "-p", "no:cacheprovider"),
        *("--maelstrom-broker", "auto", "--maelstrom-cluster-only", "true"),
        timeout=400,
        cwd=checkout(cluster, name, container_of),
    )
    assert "1 failed, 3 passed" in done.stdout, done.stdout + done.stderr
    return re.findall(r"^test_it\.py::test_(\w+) ", done.stdout, re.M)


def test_a_client_that_has_run_nothing_knows_what_others_have(
    cluster: Any, container_of: Callable[[Path], str]
) -> None:
    broker = cluster.broker()
    worker = cluster.worker(slots=1)
    worker.wait_for("joined the cluster")
    assert order(cluster, "ann", container_of) == ["short", "fails", "longest", "long"], (
        "as they were found"
    )
    broker.kill()
    broker = cluster.broker()
    worker.wait_for("joined the cluster", times=2)
    assert order(cluster, "bob", container_of) == ["fails", "longest", "long", "short"], (
        broker.said()
    )


def test_shards_of_clients_that_have_seen_other_things_are_those_of_one_plan(
    cluster: Any, container_of: Callable[[Path], str]
) -> None:
    """By what each has seen itself, `a` would be run by both and `d` by nobody."""
    cluster.broker()
    cluster.worker(slots=1).wait_for("joined the cluster")
    suites = {
        name: checkout(cluster, name, container_of, ONE_IS_LONG.replace("{long}", long))
        for name, long in (("ann", "a"), ("bob", "d"))
    }

    def run(name: str, *arguments: str) -> str:
        cluster.environment["MAELSTROM_STATE"] = str(cluster.directory / name / "state")
        done = cluster.run(
            "pytest",
            *("-v", "-p", "maelstrom", "-p", "no:cacheprovider", *arguments),
            timeout=400,
            cwd=suites[name],
        )
        assert done.returncode == 0, done.stdout + done.stderr
        said: str = done.stdout
        return said

    joins = ("--maelstrom-broker", "auto", "--maelstrom-cluster-only", "true")
    assert "4 passed" in run("ann", *joins), "what the cluster knows is what she has seen"
    assert "4 passed" in run("bob"), "what he has seen nobody else knows"
    shards = [
        run(name, *joins, "--maelstrom-shard", shard)
        for name, shard in (("ann", "1/2"), ("bob", "2/2"))
    ]
    ran = [re.findall(r"^test_it\.py::test\[(\w)\] PASSED", said, re.M) for said in shards]
    assert sorted(map(sorted, ran)) == [["a"], ["b", "c", "d"]], shards
    for said in shards:
        assert "as the cluster knows them" in said
    (plan,) = {plan for said in shards for plan in re.findall(r"plan (\w+)", said)}
    assert plan
