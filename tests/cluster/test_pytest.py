"""A suite of pytest ends on a cluster as it does here: forks of templates that workers have warmed."""

import getpass
import os
import sys
import sysconfig
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
"""


def container() -> str:
    """An interpreter and pytest, without all of /usr: a hundredth of the bytes."""
    program = sys.executable
    links = [os.path.join(sys.prefix, "pyvenv.cfg")]
    while os.path.islink(program):
        links.append(program)
        program = os.path.normpath(os.path.join(os.path.dirname(program), os.readlink(program)))
    standard = sysconfig.get_path("stdlib")
    site = sysconfig.get_path("purelib")
    binaries = [program, *map(str, Path(standard, "lib-dynload").glob("*.so"))]
    names = "_pytest,pytest,pluggy,iniconfig,packaging,pygments"
    wanted = [f"{{{names}}}/**", "py.py", "{pytest,pluggy}-[0-9]*.dist-info/**"]
    unused = ["{test,site-packages,idlelib,ensurepip,lib2to3}", "config-*", "**/__pycache__"]
    return f"""
[containers.small]
parent = "default"
layers = [
    {{ paths = {[program, *links]!r}, optional = true }},
    {{ glob = "**", root = {standard!r}, exclude = {unused!r} }},
    {{ glob = {wanted!r}, root = {site!r}, exclude = "**/__pycache__" }},
    {{ shared_library_dependencies = {binaries!r} }},
    {{ stubs = ["/{{proc,sys,dev,run,root,home,bin,etc,tmp}}/"] }},
    {{ glob = "**", root = ".", prepend_prefix = "PROJECT" }},
]

[[directives]]
parent = "small"
"""


@pytest.fixture
def project(cluster: Any) -> Path:
    directory: Path = cluster.directory / "project"
    directory.mkdir()
    (directory / "pytest.ini").write_text("[pytest]\n")
    (directory / "test_it.py").write_text(SUITE)
    return directory


def endings(out: str) -> list[str]:
    """What the terminal says of each test, and the counts."""
    lines = [line.split(" in ")[0].strip("= ") for line in out.splitlines() if " passed" in line]
    return lines + sorted(line for line in out.splitlines() if line.startswith(("FAILED", "ERROR")))


def test_a_suite_ends_as_it_does_here(cluster: Any, project: Path) -> None:
    cluster.broker()
    worker = cluster.worker()
    worker.wait_for("joined the cluster")
    cluster.environment["WHERE"] = "there"
    (project / "maelstrom-pytest.toml").write_text(container().replace("PROJECT", str(project)))
    options = ("-q", "-rfE", "-p", "maelstrom")
    here = cluster.run("pytest", *options, cwd=project)
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
    assert "2 failed, 13 passed, 1 skipped, 1 xfailed, 1 error" in there.stdout
    # And whoever looks at the cluster is told why, in words.
    told = cluster.run("maelstrom_admin.cli", "story", getpass.getuser(), "test_it.py::test_fails")
    assert told.stdout.startswith("test_it.py::test_fails: failed (exited with status 1)")
    assert "s: given to one, which had" in told.stdout
    assert "| >       assert [1, 2] == [1, 3]\n" in told.stdout, told.stdout + told.stderr
    trees = [*(cluster.directory / "store-one" / "trees").glob("*/*")]
    assert len(trees) >= 6, "the worker has brought the container"
