"""The user's terminal is that of a test on a worker: shells and the debugger of pytest."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SUITE = """
import os
import pytest

def test_fails():
    found = os.environ["WHERE"] + "!"
    assert found == "here"

def test_passes():
    pass

@pytest.mark.parametrize("what", ["one thing", "two"])
def test_leaves(what, tmp_path):
    (tmp_path / "left").write_text(what)
    open("/tmp/left-behind", "w").write(what)
    assert what == "three"

def test_stops():
    found = 20 + 3
    breakpoint()
    assert found == 23
"""
SHELL = """
    { paths = ["/bin/sh", "/bin/cat", "/bin/sleep"], follow_symlinks = true },
    { shared_library_dependencies = ["/bin/sh", "/bin/cat", "/bin/sleep"] },
"""
OPTIONS = ("-p", "maelstrom", "--maelstrom-broker", "auto", "--maelstrom-cluster-only", "true")


@pytest.fixture
def user(
    cluster: Any, on_a_terminal: Callable[..., Any], container_of: Callable[[Path], str]
) -> Callable[..., Any]:
    """Start pytest at a terminal, with all jobs on a worker."""
    project = cluster.directory / "project"
    project.mkdir()
    (project / "pytest.ini").write_text("[pytest]\n")
    (project / "test_it.py").write_text(SUITE)
    small = container_of(project)
    (project / "maelstrom-pytest.toml").write_text(
        small.replace("layers = [", f"layers = [{SHELL}", 1)
        + 'added_environment = { WHERE = "there" }\n'
    )

    def start(*arguments: str, **variables: str) -> Any:
        command = [sys.executable, "-m", "pytest", *OPTIONS, *arguments]
        environment = {**cluster.environment, "TERM": "dumb", **variables}
        return on_a_terminal(command, cwd=project, env=environment)

    return start


def with_a_worker(cluster: Any, slots: int = 2) -> Any:
    cluster.broker()
    worker = cluster.worker(slots=slots)
    worker.wait_for("joined the cluster", seconds=90)
    return worker


def test_a_test_that_fails_is_looked_at_where_it_failed(
    cluster: Any, user: Callable[..., Any]
) -> None:
    with_a_worker(cluster)
    at = user("--pdb", "test_it.py::test_fails", "test_it.py::test_passes")
    at.expect(
        r"test_it.py::test_fails has stopped on worker one; this terminal is its own now",
        seconds=90,
    )
    at.expect(r"\(Pdb\) ")
    at.type("p found\n")
    at.expect(r"'there!'\n\(Pdb\) ")
    at.type("c\n")
    at.expect("1 failed, 1 passed")
    assert at.end() == 1
    assert at.attributes == at.before


def test_breakpoints_stop(cluster: Any, user: Callable[..., Any]) -> None:
    with_a_worker(cluster)
    at = user("test_it.py::test_stops")
    at.expect(r"test_it.py::test_stops has stopped on worker one", seconds=90)
    at.expect(r"\(Pdb\) ")
    at.type("p found\n")
    at.expect(r"23\n\(Pdb\) ")
    at.type("c\n")
    at.expect("1 passed")
    assert at.end() == 0


def test_a_test_is_traced_from_its_start(cluster: Any, user: Callable[..., Any]) -> None:
    with_a_worker(cluster)
    at = user("--trace", "test_it.py::test_passes")
    at.expect(r"test_it.py::test_passes has stopped on worker one", seconds=90)
    at.expect(r"\(Pdb\) ")
    at.type("c\n")
    at.expect("1 passed")
    assert at.end() == 0


def test_its_worker_is_killed(cluster: Any, user: Callable[..., Any]) -> None:
    worker = with_a_worker(cluster)
    at = user("--pdb", "test_it.py::test_fails")
    at.expect(r"\(Pdb\) ", seconds=90)
    worker.kill()
    at.expect("worker one was lost while it was at your terminal")
    assert at.end() == 1
    assert at.attributes == at.before


def test_a_shell_where_a_test_would_run(cluster: Any, user: Callable[..., Any]) -> None:
    with_a_worker(cluster)
    at = user("--maelstrom-shell", "test_it.py::test_fails", SHELL="/bin/sh")
    at.expect(r"a shell on worker one", seconds=90)
    at.type("echo $WHERE $((20 + 3))\n")
    at.expect(r"there 23\n")
    at.type("exit 5\n")
    at.expect("the shell exited with status 5")
    assert at.end() == 5
    assert at.attributes == at.before


# Containers that are kept

PS = pytest.mark.skipif(not shutil.which("ps"), reason="ps is not installed")


def runs(command: str) -> bool:
    shown = subprocess.run(["ps", "-eo", "pid,args"], stdout=subprocess.PIPE, text=True).stdout
    return any(line.endswith(command) for line in shown.splitlines())


def wait_until_ended(command: str) -> None:
    end = time.monotonic() + 60
    while runs(command):
        assert time.monotonic() < end, f"{command} still runs"
        time.sleep(0.05)


@PS
def test_containers_of_failed_tests_are_kept_where_they_failed(
    cluster: Any, user: Callable[..., Any]
) -> None:
    """Each time by one slot, which others have meanwhile; and over a broker that is started anew."""
    with_a_worker(cluster, slots=1)
    at = user("--maelstrom-keep", "-k", "leaves or passes", SHELL="/bin/sh")
    listed = at.expect(
        r"containers are kept of\n  1  (.*?) on worker one - (.*?)\n  2  .*? on worker one",
        seconds=90,
    )
    first = "one thing" if "one thing" in listed[1] else "two"
    assert f"assert '{first}' == 'three'" in listed[2]
    nap = f"sleep {6000 + os.getpid() % 1000}.25"
    at.type("1\n")
    at.expect(r"[#$] ")
    at.type(f"cat /tmp/left-behind; cat /tmp/pytest-of-*/*/*/left; {nap} & exit 3\n")
    at.expect(rf"exit 3\n({first})+.*exited with status 3")
    at.expect("nothing to end: ")
    assert runs(nap)
    broker = [one for one in cluster._processes if "broker" in str(one.log)][-1]
    broker.kill()
    cluster.broker()
    at.type("2\n")
    at.expect(r"[#$] ", seconds=60)
    at.type("cat /tmp/left-behind; exit\n")
    at.expect("two" if first == "one thing" else "one thing", seconds=60)
    at.expect("nothing to end: ")
    assert runs(nap), "what has stayed has not outlived the broker"
    at.type("\n")
    assert at.end() == 1
    assert "2 failed, 1 passed" in at.shown
    assert at.attributes == at.before
    wait_until_ended(nap)


@PS
def test_its_worker_is_killed_while_somebody_looks_at_what_it_kept(
    cluster: Any, user: Callable[..., Any]
) -> None:
    worker = with_a_worker(cluster)
    at = user("--maelstrom-keep", "test_it.py::test_fails", SHELL="/bin/sh")
    at.expect("container is kept of", seconds=90)
    at.type("1\n")
    at.expect(r"[#$] ")
    worker.send(signal.SIGTERM)
    at.expect("1 failed", seconds=120)
    assert at.end() == 1
    assert at.attributes == at.before
