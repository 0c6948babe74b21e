"""What a cluster runs takes turns and is marked as what runs here; and it is told how it got there."""

import itertools
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

SUITE = """
import os, time
import pytest

@pytest.mark.parametrize("number", range(5))
@pytest.mark.maelstrom(turns="directory")
def test_takes_turns(number):
    began = time.monotonic()
    time.sleep(0.1)
    print("span", began, time.monotonic())

def test_leaks():
    if not os.fork():
        os.closerange(0, 4)
        time.sleep(600)

@pytest.mark.maelstrom(slots=2)
def test_takes_two_slots(): pass
"""
DIRECTIVES = """
[turns.directory]

"""


def test_a_cluster_runs_no_more_at_once_than_may(
    cluster: Any, container_of: Callable[[Path], str]
) -> None:
    cluster.broker()
    cluster.worker("one", slots=3).wait_for("joined the cluster", seconds=90)
    project = cluster.directory / "project"
    project.mkdir()
    (project / "pytest.ini").write_text("[pytest]\nmarkers = maelstrom\n")
    (project / "test_it.py").write_text(SUITE)
    (project / "maelstrom-pytest.toml").write_text(DIRECTIVES + container_of(project))
    ran = cluster.run(
        "pytest",
        *("-q", "-s", "-p", "maelstrom", "--maelstrom-broker", "auto"),
        *("--maelstrom-cluster-only", "true", "--maelstrom-events", "events"),
        cwd=project,
        timeout=300,
    )
    told = ran.stdout + ran.stderr
    assert "7 passed" in told, told
    spans = sorted(
        (float(began), float(ended)) for began, ended in re.findall(r"span (\S+) (\S+)", told)
    )
    assert len(spans) == 5
    for (_, ended), (began, _) in itertools.pairwise(spans):
        assert ended <= began, "two of them ran at once"
    assert re.search(r"LEAKY test_it.py::test_leaks - left 1 process running: python\S* ", told)
    events = [json.loads(line) for line in (project / "events").read_text().splitlines()]
    begun = [event["id"] for event in events if event["event"] == "case started"]
    ended = [event["id"] for event in events if event["event"] == "case ended"]
    assert sorted(begun) == sorted(ended)
    assert len(begun) == 7
    sent = [event for event in events if event["event"] == "uploading"]
    assert sent and sent[-1]["sent_bytes"] == sent[-1]["total_bytes"] > 10_000
