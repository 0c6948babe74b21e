"""Programs on a cluster end as they do here."""

import json
from pathlib import Path
from typing import Any

SHELL = {
    "layers": [
        {"paths": ["/bin/sh"], "prefix_options": {"follow_symlinks": True}},
        {"shared_library_dependencies": ["/bin/sh"]},
        {"stubs": ["/{proc,sys,dev,tmp}/"]},
    ],
    "environment": {"PATH": "/bin"},
    "program": "/bin/sh",
}


def job(script: str, **more: Any) -> str:
    return json.dumps(SHELL | {"arguments": ["-c", script]} | more)


def test_a_job_runs_on_a_worker(cluster: Any) -> None:
    cluster.broker()
    worker = cluster.worker()
    worker.wait_for("joined the cluster")
    done = cluster.run(
        "maelstrom_run.cli",
        "--broker",
        "auto",
        "--cluster-only",
        "true",
        "--json",
        input=job("echo here; echo there >&2; exit 3"),
    )
    assert done.returncode == 1, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    print(events, done.stderr)
    assert False
