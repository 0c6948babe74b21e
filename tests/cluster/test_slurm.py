"""Workers as jobs of Slurm, by the script that we offer: a node of Slurm on this machine.

Its processes are found by their parents (``proctrack/linuxproc``), for control groups want root.
"""

import getpass
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from jobs import ON_CLUSTER, ended, job, sleeping

SCRIPT = Path(__file__).parents[2] / "examples" / "deploy" / "slurm" / "workers.sh"
LACKING = [name for name in ("munged", "slurmctld", "slurmd") if not shutil.which(name)]

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.skipif(bool(LACKING), reason=f"{', '.join(LACKING)} not installed"),
]
CONFIGURATION = """\
ClusterName=here
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmdPort={next_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={directory}/munge.socket
CredType=cred/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
StateSaveLocation={directory}/state
SlurmdSpoolDir={directory}/spool
SlurmctldPidFile={directory}/slurmctld.pid
SlurmdPidFile={directory}/slurmd.pid
MailProg=/bin/true
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus}
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


class Slurm:
    def __init__(self, cluster: Any, directory: Path, port: int) -> None:
        self._cluster = cluster
        directory.chmod(0o711)  # munged wants that of where its socket is
        for name in ("state", "spool"):
            (directory / name).mkdir()
        key = directory / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o600)
        configuration = directory / "slurm.conf"
        configuration.write_text(
            CONFIGURATION.format(
                host=socket.gethostname().partition(".")[0],
                port=port,
                next_port=port + 1,
                user=getpass.getuser(),
                directory=directory,
                cpus=os.cpu_count(),
            )
        )
        cluster.environment |= {
            "SLURM_CONF": str(configuration),
            "TMPDIR": str(directory),
            "USER": getpass.getuser(),
            "PATH": os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]]),
        }
        files = [
            f"--{name}-file={directory}/munge.{name}" for name in ("key", "pid", "log", "seed")
        ]
        files.append(f"--socket={directory}/munge.socket")
        munged = cluster.start("munged", ["munged", "--foreground", *files])
        munged.wait_until((directory / "munge.socket").exists)
        self.controller = cluster.start("slurmctld", ["slurmctld", "-D"])
        self.controller.wait_until(lambda: "UP" in self("scontrol", "ping"))
        self.node = cluster.start("slurmd", ["slurmd", "-D", "-f", str(configuration)])
        self.node.wait_until(lambda: "idle" in self("sinfo", "--noheader", "--format=%t"))

    def __call__(self, *command: str) -> str:
        done = subprocess.run(
            command,
            env=self._cluster.environment,
            cwd=self._cluster.directory,
            capture_output=True,
            text=True,
        )
        return done.stdout + done.stderr

    def workers(self) -> list[str]:
        done = self._cluster.run("maelstrom_admin.cli", "status", "--json")
        return [one["name"] for one in json.loads(done.stdout)["workers"]]

    def wait_for_another_worker(self, than: str = "") -> str:
        self.node.wait_until(lambda: self.workers() not in ([], [than]))
        (name,) = self.workers()
        return name

    def run(self, said: str, seconds: str) -> Any:
        """A client with one job that takes so long, and has begun."""
        options = (*ON_CLUSTER, "-f", "-")
        client = self._cluster.client("maelstrom_run.cli", *options, stdin=subprocess.PIPE)
        client.stdin.write(job(f"echo {said}; sleep {seconds}").encode())
        client.stdin.close()
        client.wait_until(lambda: sleeping(seconds) == 1)
        return client


@pytest.fixture
def slurm(cluster: Any, free_port: int) -> Iterator[Slurm]:
    # A socket's name is a short one.
    with TemporaryDirectory(prefix="maelstrom-slurm-") as directory:
        made = Slurm(cluster, Path(directory), free_port)
        try:
            yield made
        finally:
            # What a node has begun outlives it.
            made("scancel", "--full", "--signal=KILL", f"--user={getpass.getuser()}")
            made("scancel", f"--user={getpass.getuser()}")
            made.node.wait_until(lambda: not made("squeue", "--noheader").strip())
            cluster.close()


def output_of(client: Any) -> str:
    assert client.wait() == 0, client.said()
    return str(ended(client.said())[1][0]["stdout"])


def test_workers_are_jobs_of_slurm(cluster: Any, slurm: Slurm) -> None:
    cluster.broker()
    invite = ("keys", "invite", "worker", "slurm", "--address", f"127.0.0.1:{cluster.port}")
    join = cluster.directory / "join"
    join.touch(mode=0o600)
    join.write_text(cluster.run("maelstrom_admin.cli", *invite).stdout)
    # One node: each comes when the one before it has ended.
    options = ("--parsable", "--array=1-3", "--time=1:00:00")
    array = slurm("sbatch", *options, str(SCRIPT), str(join)).strip()
    first = slurm.wait_for_another_worker()

    client = slurm.run("one", "10.0625")
    slurm("scancel", "--batch", "--signal=USR1", f"{array}_1")
    assert output_of(client) == "one\n"
    second = slurm.wait_for_another_worker(first)

    # Longer than the grace: the third worker begins it anew, and that costs it nothing.
    client = slurm.run("two", "40.0625")
    slurm("scancel", "--batch", "--signal=TERM", f"{array}_2")
    slurm.wait_for_another_worker(second)
    assert output_of(client) == "two\n"
    told = cluster.run("maelstrom_admin.cli", "story", getpass.getuser(), "1").stdout
    assert "it was given back" in told
    assert "(attempt 1)" in told
