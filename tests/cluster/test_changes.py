"""What a job changes in its root comes back from wherever it ran."""

import json
import sys
import tarfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from jobs import ended, job

RUN = "maelstrom_run.cli"
PROGRAMS = ["/bin/sh", "/bin/rm"]
CHANGED = {
    "layers": [
        {"paths": PROGRAMS, "follow_symlinks": True},
        {"shared_library_dependencies": PROGRAMS},
        {"stubs": ["/{proc,sys,dev,tmp}/", "/etc/{old,older}"]},
    ],
    "enable_writable_file_system": True,
}
SCRIPT = "echo of job {0} > /tmp/new; rm /etc/old; i=0; "
SCRIPT += "while [ $i -lt 20000 ]; do echo 0123456789012345678; i=$((i+1)); done > /etc/large"


def archives(directory: Path) -> dict[str, dict[str, bytes]]:
    """Of each job its changes: names and contents."""
    found = {}
    for path in directory.glob("*.changes.tar"):
        with tarfile.open(path) as archive:
            files = {one: archive.extractfile(one) for one in archive.getmembers()}
            found[path.name] = {
                one.name: b"" if file is None else file.read() for one, file in files.items()
            }
    return found


def test_changes_come_back_from_workers(cluster: Any) -> None:
    cluster.broker()
    worker = cluster.worker()
    worker.wait_for("joined the cluster", seconds=90)
    jobs = "\n".join(job(SCRIPT.format(number), **CHANGED) for number in range(3))
    options = ("--changes", "tar", "--json", "--output-directory")
    here = cluster.run(RUN, *options, "here", input=jobs)
    where = ("--broker", "auto", "--cluster-only", "true")
    there = cluster.run(RUN, *where, *options, "there", input=jobs)
    assert there.returncode == here.returncode == 0, there.stderr + here.stdout + here.stderr
    for done in (here, there):
        assert [one[0]["outcome"]["kind"] for one in ended(done.stdout).values()] == ["exited"] * 3
    from_here, from_there = (archives(cluster.directory / name) for name in ("here", "there"))
    assert len(from_here) == 3
    assert from_there == from_here
    for number, name in enumerate(sorted(from_there)):
        assert from_there[name]["tmp/new"] == b"of job %d\n" % number
        assert "etc/.wh.old" in from_there[name]
        assert len(from_there[name]["etc/large"]) == 400_000
    status = json.loads(cluster.run("maelstrom_admin.cli", "status", "--json").stdout)
    assert status["totals"]["given"] == 3
    leases = [path.read_text() for path in (cluster.directory / "store-one/leases").iterdir()]
    brought = {line for lease in leases for line in lease.splitlines()}
    assert len(brought) == len(CHANGED["layers"]), "what was changed need not be kept there"
    # A backend that has a cluster keeps what jobs change here, too.
    alone = cluster.run(RUN, "--broker", "auto", *options, "alone", "--slots", "1", input=jobs)
    assert alone.returncode == 0, alone.stderr
    assert archives(cluster.directory / "alone") == from_here
