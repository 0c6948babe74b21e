"""What the broker has lost of a container is sent again."""

import shutil
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from jobs import ON_CLUSTER, ended, job

RUN = "maelstrom_run.cli"


def test_layers_that_the_broker_has_lost_are_sent_again(cluster: Any) -> None:
    broker = cluster.broker()
    first = cluster.worker("one")
    first.wait_for("joined the cluster")
    client = cluster.client(RUN, *ON_CLUSTER, stdin=-1)
    client.stdin.write(job("echo first").encode() + b"\n")
    client.stdin.flush()
    client.wait_for('"first\\n"')

    first.kill()
    broker.kill()
    blobs = cluster.directory / "cache" / "pytest-maelstrom-broker"
    assert any(blobs.iterdir())
    shutil.rmtree(blobs)
    cluster.broker()
    cluster.worker("two").wait_for("joined the cluster")
    client.stdin.write(job("echo second").encode() + b"\n")
    client.stdin.close()

    assert client.wait() == 0, client.said()
    found = ended("\n".join(line for line in client.said().splitlines() if line[:1] == "{"))
    assert [one[0]["stdout"] for one in found.values()] == ["first\n", "second\n"]
    assert "cannot be brought" in (cluster.directory / "two.log").read_text()
