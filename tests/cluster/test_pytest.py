"""A suite of pytest ends on a cluster as it does here: forks of templates that workers have warmed."""

import getpass
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SUITE = """
import os, pathlib, sys
import pytest

@pytest.mark.parametrize("number", range(12))
def test_passes(number, tmp_path):
    (tmp_path / "file").write_text("x")
    assert not pathlib.Path("/tmp/left").exists()
    pathlib.Path("/tmp/left").write_text("x")

def test_fails():
    print("what it said")
    assert [1, 2] == [1, 3]

@pytest.mark.skip(reason="not now")
def test_is_skipped():
    pass

@pytest.mark.xfail(strict=True)
def test_is_expected_to_fail():
    assert False

def test_dies():
    os._exit(7)

@pytest.fixture
def broken():
    raise ValueError("broken")

def test_has_a_broken_fixture(broken):
    pass

def test_where_it_runs():
    assert os.environ["WHERE"] == "there"

@pytest.mark.maelstrom(group="shared")
class TestShared:
    ran = []

    @pytest.fixture(autouse=True)
    def _what_ran_before(self, request):
        self.ran.append(request.node.name)

    def test_first(self):
        print("printed by", "the first")

    def test_second(self):
        assert self.ran == ["test_first", "test_second"]

    def test_third_fails(self):
        print("printed by", "the third")
        assert self.ran == []

    def test_fourth_dies(self):
        os._exit(8)

    def test_fifth(self):
        assert self.ran == ["test_fifth"]
"""
GROUP = """
import time
import pytest

@pytest.mark.maelstrom(group="shared")
@pytest.mark.parametrize("number", range(4))
def test_it(number):
    print("begun", number)
    time.sleep(1)
"""


@pytest.fixture
def project(cluster: Any) -> Path:
    directory: Path = cluster.directory / "project"
    directory.mkdir()
    (directory / "pytest.ini").write_text("[pytest]\nmarkers = maelstrom\n")
    (directory / "test_it.py").write_text(SUITE)
    return directory


def endings(out: str) -> list[str]:
    """What the terminal says of each test, and the counts."""
    lines = [line.split(" in ")[0].strip("= ") for line in out.splitlines() if " passed" in line]
    return lines + sorted(line for line in out.splitlines() if line.startswith(("FAILED", "ERROR")))


def test_a_suite_ends_as_it_does_here(
    cluster: Any, project: Path, container_of: Callable[[Path], str]
) -> None:
    cluster.broker()
    worker = cluster.worker()
    worker.wait_for("joined the cluster", seconds=90)
    cluster.environment["WHERE"] = "there"
    (project / "maelstrom-pytest.toml").write_text(container_of(project))
    options = ("-q", "-rfE", "-p", "maelstrom")
    here = cluster.run("pytest", *options, cwd=project)
    # Else it would begin with what has failed here.
    cluster.environment["XDG_STATE_HOME"] = f"{cluster.directory}/another-state"
    there = cluster.run(
        "pytest",
        *options,
        "--maelstrom-broker",
        "auto",
        "--maelstrom-cluster-only",
        "true",
        cwd=project,
        timeout=300,
    )
    assert endings(here.stdout), here.stdout + here.stderr
    assert endings(there.stdout) == endings(here.stdout), (
        there.stdout + there.stderr + worker.said()
    )
    assert "4 failed, 16 passed, 1 skipped, 1 xfailed, 1 error" in there.stdout
    for out in (here.stdout, there.stdout):
        assert out.count("printed by the third") == 1
        assert "printed by the first" not in out
    # And whoever looks at the cluster is told why, in words.
    told = cluster.run("maelstrom_admin.cli", "story", getpass.getuser(), "test_it.py::test_fails")
    assert told.stdout.startswith("test_it.py::test_fails: failed (exited with status 1)")
    assert "s: given to one, which had" in told.stdout
    assert "| >       assert [1, 2] == [1, 3]\n" in told.stdout, told.stdout + told.stderr
    trees = [*(cluster.directory / "store-one" / "trees").glob("*/*")]
    assert len(trees) >= 6, "the worker has brought the container"


def test_a_worker_is_killed_in_the_middle_of_a_group(
    cluster: Any, project: Path, container_of: Callable[[Path], str]
) -> None:
    """What has a report keeps it; the rest goes on elsewhere, with the test that ran."""
    cluster.broker()
    first = cluster.worker("one", slots=1)
    first.wait_for("joined the cluster", seconds=90)
    (project / "test_it.py").write_text(GROUP)
    (project / "maelstrom-pytest.toml").write_text(container_of(project))
    options = ("-v", "-s", "-p", "maelstrom", "--color", "no", "-p", "no:cacheprovider")
    where = ("--maelstrom-broker", "auto", "--maelstrom-cluster-only", "true")
    client = cluster.client("pytest", *options, *where, cwd=project)
    client.wait_for("test_it[1] | begun 1", seconds=90)
    first.kill()
    # With the store of the first one: nothing has to be brought.
    second = cluster.worker("one", slots=1)
    assert client.wait() == 0, client.said() + second.said()
    said = client.said()
    assert "4 passed" in said
    for number in range(4):
        assert said.count(f"test_it[{number}] PASSED") == 1, said
    begun = [said.count(f"begun {number}") for number in range(4)]
    assert begun == [1, 2, 1, 1], said
