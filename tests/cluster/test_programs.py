"""Programs on a cluster end as they do on this machine alone."""

import socket
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from jobs import EVERYWHERE, ON_CLUSTER, ended, job

RUN = "maelstrom_run.cli"
SCRIPTS = [
    ("echo here; echo there >&2", {}),
    ("exit 3", {}),
    ("kill -9 $$", {}),
    ("echo $0 $1; pwd; exit 0", {"working_directory": "/tmp"}),
    ("sleep 60", {"timeout": 1}),
    ("echo $A", {"environment": {"A": "caf\udce9"}}),
    ("i=0; while [ $i -lt 20000 ]; do echo 0123456789012345678901234567890; i=$((i+1)); done", {}),
    (
        "echo x > /tmp/left; sleep 0.5; exit 4",
        {"enable_writable_file_system": True, "outputs": ["/tmp/left"]},
    ),
    ("true", {"program": "/not/there"}),
]


def comparable(events: dict[int, list[dict[str, Any]]]) -> dict[int, Any]:
    for of_one in events.values():
        assert len(of_one) == 1, "one ending"
        of_one[0].pop("usage", None)
    return events


def test_jobs_end_as_they_do_here(cluster: Any) -> None:
    cluster.broker()
    worker = cluster.worker()
    worker.wait_for("joined the cluster")
    jobs = "\n".join(job(script, **more) for script, more in SCRIPTS)

    here = cluster.run(RUN, "--json", input=jobs)
    there = cluster.run(RUN, *ON_CLUSTER, input=jobs)

    assert there.returncode == here.returncode == 1, there.stderr
    there_ended, here_ended = comparable(ended(there.stdout)), comparable(ended(here.stdout))
    assert len(there_ended) == len(here_ended) == len(SCRIPTS)
    for number, of_one in here_ended.items():
        assert there_ended[number] == of_one
    assert there.stderr == here.stderr


def test_what_only_this_machine_can_run_runs_here(cluster: Any) -> None:
    cluster.broker()  # and no worker
    (cluster.directory / "file").write_text("of this machine\n")
    mount = {"type": "bind", "mount_point": "/tmp", "local_path": str(cluster.directory)}
    jobs = [
        job("read line < /tmp/file; echo $line", mounts=[mount]),
        job("echo $A", network="local", environment={"A": "b", "PATH": "/bin"}),
    ]
    done = cluster.run(RUN, *ON_CLUSTER, input="\n".join(jobs))
    assert done.returncode == 0, done.stderr
    assert [one[0]["stdout"] for one in ended(done.stdout).values()] == ["of this machine\n", "b\n"]


def test_without_workers_this_machine_runs_all(cluster: Any) -> None:
    cluster.broker()
    jobs = "\n".join(job(f"echo {number}") for number in range(30))
    done = cluster.run(RUN, *EVERYWHERE, input=jobs)
    assert done.returncode == 0, done.stderr
    found = ended(done.stdout)
    assert {number: one[0]["stdout"] for number, one in found.items()} == {
        number + 1: f"{number}\n" for number in range(30)
    }


def test_both_run_jobs(cluster: Any) -> None:
    cluster.broker()
    cluster.worker("far", slots=1).wait_for("joined the cluster")
    scripts = ("echo $HOSTNAME; sleep 0.2; echo ended" for _ in range(12))
    done = cluster.run(RUN, *EVERYWHERE, "--slots", "1", input="\n".join(map(job, scripts)))
    assert done.returncode == 0, done.stderr
    assert len(ended(done.stdout)) == 12
    log = (cluster.directory / "far.log").read_text()
    assert "Traceback" not in log


@pytest.mark.parametrize(
    ("broker", "code", "words"),
    [
        ("maelstrom-join-1/nonsense", 4, "the join string: it is cut short"),
        ("no/such/file", 4, "the join string in no/such/file cannot be read: No such file"),
        ("nonsense", 4, "broker: 'nonsense' is no join string, no file, no HOST:PORT"),
        ("127.0.0.1:1", 4, "there are no keys for the broker at 127.0.0.1:1"),
    ],
)
def test_a_broker_that_is_named_wrongly(cluster: Any, broker: str, code: int, words: str) -> None:
    done = cluster.run(RUN, "--broker", broker, input=job("true"))
    assert done.returncode == code
    assert words.replace(":", "") in done.stderr.replace(":", "").replace("\n ", "")
    assert "Traceback" not in done.stderr


def test_nobody_answers_where_the_broker_should_be(cluster: Any) -> None:
    broker = cluster.broker()
    address = f"127.0.0.1:{cluster.port}"
    broker.kill()
    done = cluster.run(RUN, "--broker", address, input=job("true"))
    assert done.returncode == 76
    assert f"cannot reach the broker at {address}" in done.stderr
    assert "Connection refused" in done.stderr
    assert "check that it runs" in done.stderr
    assert "Traceback" not in done.stderr


def test_auto_needs_no_cluster(cluster: Any) -> None:
    done = cluster.run(RUN, *EVERYWHERE, input=job("echo alone"))
    assert done.returncode == 0, done.stderr
    assert ended(done.stdout)[1][0]["stdout"] == "alone\n"


def test_output_comes_as_it_is_written(cluster: Any) -> None:
    cluster.broker()
    cluster.worker().wait_for("joined the cluster")
    script = "echo first; sleep 30 & wait"
    client = cluster.client(
        RUN, "--broker", "auto", "--cluster-only", "true", "--live", "-f", "-", stdin=-1
    )
    stdin = client.stdin
    stdin.write(job(script).encode())
    stdin.close()
    client.wait_for("first", seconds=25)
    assert client.end() == -15


def test_a_worker_says_what_its_settings_are(cluster: Any) -> None:
    done = cluster.run("maelstrom_worker.cli", "--print-config", "--labels", "gpu, large")
    assert done.returncode == 0
    assert 'labels            = "gpu, large"  # command line' in done.stdout
    done = cluster.run("maelstrom_worker.cli", "--slots", "0", "--labels", "a\x1b")
    assert done.returncode == 4
    assert "slots: '0' must be from 1 to 4096" in done.stderr
    assert "labels: 'a\\x1b' must be 1 to 255 printable characters" in done.stderr


def test_a_worker_is_told_to_stop(cluster: Any) -> None:
    broker = cluster.broker()
    worker = cluster.worker()
    worker.wait_for("joined the cluster")
    assert worker.end() == 0, worker.said()
    assert "told to stop by SIGTERM" in worker.said()
    broker.wait_for("it said goodbye")


def test_a_join_string_of_another_role(cluster: Any, tmp_path: Path) -> None:
    from maelstrom_core.transport.join_plan import print_join
    from maelstrom_core.transport.keyring import Keyring

    cluster.broker()
    join = Keyring(cluster.directory / "cluster").local_join("client")
    file = tmp_path / "joined"
    file.touch(mode=0o600)
    file.write_text(print_join(join))
    done = cluster.run("maelstrom_worker.cli", "--broker", str(file))
    assert done.returncode == 4
    assert "the join string is client's, and this is a worker" in done.stderr
    done = cluster.run(RUN, "--broker", str(file), "--json", input=job("echo in"))
    assert done.returncode == 0, done.stderr
    file.chmod(0o644)
    done = cluster.run(RUN, "--broker", str(file), input=job("true"))
    assert done.returncode == 4
    assert "chmod 600" in done.stderr


def test_what_is_wrong_with_a_container_is_told_as_it_is_here(cluster: Any) -> None:
    cluster.broker()
    cluster.worker().wait_for("joined the cluster")
    wrong = job("true", layers=[{"paths": ["not/there"]}])
    here = cluster.run(RUN, "--json", input=wrong)
    there = cluster.run(RUN, *ON_CLUSTER, input=wrong)
    assert ended(there.stdout) == ended(here.stdout)
    assert ended(there.stdout)[1][0]["outcome"]["kind"] == "input failed"


def test_a_broker_that_has_no_room_costs_no_job(cluster: Any) -> None:
    cluster.environment["MAELSTROM_BROKER_BLOBS_SIZE"] = "64KiB"
    cluster.broker()
    cluster.worker().wait_for("joined the cluster")
    done = cluster.run(RUN, *EVERYWHERE, input=job("echo well"))
    assert done.returncode == 0, done.stderr
    assert ended(done.stdout)[1][0]["stdout"] == "well\n"


def test_a_service_manager_is_told_how_far_they_are(cluster: Any, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"{tmp_path}/notify")
        manager.settimeout(60)
        cluster.environment["NOTIFY_SOCKET"] = f"{tmp_path}/notify"
        cluster.broker()
        told = manager.recv(1000).decode()
        assert told == f"READY=1\nSTATUS=listening at 127.0.0.1:{cluster.port}"
        worker = cluster.worker()
        assert manager.recv(1000).decode() == "READY=1"
        while manager.recv(1000).decode() != "STATUS=joined the cluster":
            pass  # a slow machine may have tried in vain before
        assert worker.end() == 0
        while manager.recv(1000).decode() != "STOPPING=1":
            pass
