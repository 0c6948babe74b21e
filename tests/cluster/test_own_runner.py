"""A runner that is no part of ours runs its tests on a cluster, by options that all runners share."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

EXAMPLE = Path(__file__).parents[2] / "examples" / "own_runner"
SMALL = """
# A shell with its libraries instead of all of this machine, so that it travels in a moment.
[containers.small]
parent = "default"
layers = [
    { paths = ["/bin/sh"], follow_symlinks = true },
    { shared_library_dependencies = ["/bin/sh"] },
    { stubs = ["/{proc,sys,dev,tmp}/"] },
    { glob = "checks/**" },
]
environment = { PATH = "/bin" }

[[directives]]
parent = "small"
"""


def statuses(printed: str) -> dict[str, str]:
    events = [json.loads(line) for line in printed.splitlines()]
    return {one["id"]: one["status"] for one in events if one["event"] == "case reported"}


def test_its_checks_end_as_they_do_here(
    cluster: Any, distribution: Callable[[Path, Path], Path]
) -> None:
    example = shutil.copytree(EXAMPLE, cluster.directory / "own_runner")
    site = distribution(example, cluster.directory / "site")
    cluster.environment["PYTHONPATH"] = os.pathsep.join([str(site), str(example)])
    demo = example / "demo"
    (demo / "checks" / "fails.sh").write_text("echo not here >&2\nexit 3\n")
    (demo / "shell-checks.toml").write_text(SMALL)
    cluster.broker()
    worker = cluster.worker()
    worker.wait_for("joined the cluster")

    here = cluster.run("shell_checks.cli", "--ui", "json", str(demo))
    arguments = ("--broker", "auto", "--cluster-only", "true", "--retries", "1", "--ui", "json")
    there = cluster.run("shell_checks.cli", *arguments, str(demo))

    assert there.returncode == here.returncode == 1, there.stdout + there.stderr
    assert statuses(there.stdout) == statuses(here.stdout)
    assert statuses(there.stdout) == {
        "fails.sh": "failed",
        "is_skipped.sh": "skipped",
        "passes.sh": "passed",
        "passes_too.sh": "passed",
    }
    made = [*(cluster.directory / "store-one" / "trees").glob("*/*")]
    assert made, "the worker has brought the container: " + worker.said()
