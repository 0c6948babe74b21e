"""How soon it is noticed, and made up for, that a part of a cluster has ended."""

import json
import os
import selectors
import signal
import subprocess
import time
from pathlib import Path

from clusters import Cluster, Ours

MISSED_SECONDS = 30.0
"""How long it is waited for that a worker is missed."""
BACK_SECONDS = 60.0
ENDINGS = 50
"""Jobs that have ended when the broker is killed."""
BEFORE_SECONDS = 0.1
"""What comes so soon after the broker was killed had left it before."""


def worker_is_missed(kind: type[Cluster], work: Path, number: int) -> float | None:
    """Seconds from a signal to an idle worker until the broker says that it is gone, if it does."""
    with kind(work) as cluster:
        worker = cluster.add_worker()
        time.sleep(0.5)
        began = time.monotonic()
        os.kill(worker.pid, number)
        seen = cluster.broker.says(cluster.gone, seconds=MISSED_SECONDS)
    return None if seen is None else seen - began


def broker_comes_back(work: Path, job: dict[str, object]) -> float:
    """Seconds from the death of the broker, amid many jobs, until the next of them ends.

    :raises RuntimeError: if none does
    """
    with Ours(work) as cluster:
        cluster.add_worker()
        jobs = work / "jobs.json"
        jobs.write_text(f"{json.dumps(job)}\n" * 100_000)
        with (
            jobs.open("rb") as given,
            subprocess.Popen(
                [*cluster.client(), "--json"],
                stdin=given,
                stdout=subprocess.PIPE,
                cwd=work.parent,
                env=cluster.environment,
            ) as client,
        ):
            try:
                endings = _Endings(client)
                while endings.seen < ENDINGS:
                    endings.look(BACK_SECONDS)
                began = time.monotonic()
                os.kill(cluster.serving(), signal.SIGKILL)
                while time.monotonic() < began + BEFORE_SECONDS:
                    endings.look(0.01)
                before = endings.seen
                while endings.seen == before:
                    endings.look(BACK_SECONDS)
                return time.monotonic() - began
            finally:
                client.kill()


class _Endings:
    """Of jobs, as a client tells them."""

    def __init__(self, client: "subprocess.Popen[bytes]") -> None:
        assert client.stdout is not None
        self.seen = 0
        self._descriptor = client.stdout.fileno()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._descriptor, selectors.EVENT_READ)

    def look(self, seconds: float) -> None:
        """Count what comes; wait so long for it."""
        if not self._selector.select(seconds):
            if seconds == BACK_SECONDS:
                raise RuntimeError(f"no job has ended for {seconds:g} s")
            return
        data = os.read(self._descriptor, 1 << 20)
        if not data:
            raise RuntimeError("the client has ended")
        self.seen += data.count(b'"ended"')
