"""The user's terminal is that of a test on a worker: shells and the debugger of pytest."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SUITE = """
import os

def test_fails():
    found = os.environ["WHERE"] + "!"
    assert found == "here"

def test_passes():
    pass

def test_stops():
    found = 20 + 3
    breakpoint()
    assert found == 23
"""
SHELL = """
    { paths = ["/bin/sh"], follow_symlinks = true },
    { shared_library_dependencies = ["/bin/sh"] },
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


def with_a_worker(cluster: Any) -> Any:
    cluster.broker()
    worker = cluster.worker()
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
