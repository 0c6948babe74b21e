"""The eleven holes that the Rust original has, one by one, in a cluster of ours."""

import socket
import sys
from pathlib import Path
from typing import Any

import attrs
import pytest
import zmq

sys.path.insert(0, str(Path(__file__).parent))
from attack_scene import MIB

from maelstrom_core.cluster.bodies import HERE, job_bytes
from maelstrom_core.cluster.containers import container_bytes
from maelstrom_core.model.container import Bind, Container, ContainerSpec, Network
from maelstrom_core.model.digest import Digest
from maelstrom_core.model.job import JobSpec, TerminalSize
from maelstrom_core.transport.keys import new_key_pair
from maelstrom_core.wire.administration import Stop
from maelstrom_core.wire.bulk import (
    BULK,
    MOST_BLOB_BYTES,
    Blob,
    Blobs,
    Get,
    GetPart,
    Missing,
    Need,
    Put,
    PutPart,
    Refused,
    Stored,
    Why,
)
from maelstrom_core.wire.codec import encode
from maelstrom_core.wire.messages import (
    Beat,
    Bye,
    Code,
    ContainerBytes,
    Hello,
    Results,
    Run,
    Submit,
    Taken,
    Welcome,
)
from maelstrom_core.wire.rows import Ending, SubmittedJob

SPEC = JobSpec(container=ContainerSpec(), program="/bin/sh", arguments=("-c", "true"))
JOB = HERE + job_bytes(SPEC)
HOST = Bind(source="/", target="/host")


def name_of(data: bytes) -> bytes:
    return bytes.fromhex(Digest.of(data).hex)


def welcome(scene: Any, name: str = "mallory") -> Any:
    link = scene.link("client", name)
    link.greet(scene.session())
    return link


@pytest.mark.parametrize(
    ("container", "job"),
    [
        (Container(mounts=(HOST,)), SPEC),
        (Container(network=Network.LOCAL), SPEC),
    ],
)
def test_hole_1_a_job_that_only_its_own_machine_may_run(
    attacked: Any, container: Container, job: JobSpec
) -> None:
    """A job with a bind mount or the host's network aborted the broker."""
    found = welcome(attacked).has_run(HERE + job_bytes(job), container_bytes(container))
    assert (found.ending, b"only its client's machine" in found.body) == (Ending.UNFIT, True), found


def test_hole_1_a_job_on_a_terminal(attacked: Any) -> None:
    """It aborted the broker, too. Here workers have terminals, in containers that have some."""
    job = attrs.evolve(SPEC, terminal=TerminalSize(24, 80))
    found = welcome(attacked).has_run(HERE + job_bytes(job), container_bytes(Container()))
    assert (found.ending, b"no such program" in found.body) == (Ending.RAN, True), found


def test_hole_2_the_same_job_twice(attacked: Any) -> None:
    """A job's name that was there already aborted the broker."""
    link, container = welcome(attacked), container_bytes(Container())
    digest = name_of(container)
    row = SubmittedJob(7, 0, -1, 1, JOB)
    link.say(
        ContainerBytes(digest, container), Submit(digest, (row, row)), Submit(digest, (row,) * 9)
    )
    results = [row for one in link.answers(3) if isinstance(one, Results) for row in one.jobs]
    assert {one.tag for one in results} == {7}
    link.say(Submit(digest, (row,)), Taken(link.session, (7, 7, 7)), Taken(link.session, (7,)))
    link.say(Beat(5))
    assert link.hear(Beat).sequence == 5


def test_hole_3_one_digest_for_two_kinds_of_things(attacked: Any) -> None:
    """A digest that was a tar and a manifest aborted one worker after the other: all fell."""
    bulk = attacked.bulk()
    data = b"a file, and no manifest"
    bulk.say(Put(1, (Blob(name_of(data), data),)))
    bulk.hear(Stored)
    layer = Digest.of(data)
    for layers in ((layer,), (layer, layer)):
        link = welcome(attacked)
        found = link.has_run(JOB, container_bytes(Container(layers=layers)))
        assert found.ending == Ending.UNFIT, found


def test_hole_4_an_upload_that_hangs_up(attacked: Any) -> None:
    """2^63 bytes were announced and the link closed: the broker wrote zeros until its disk was full."""
    bulk = attacked.bulk()
    for size in (MOST_BLOB_BYTES, 90 * MIB):
        bulk.say(PutPart(1, name_of(b"never"), size, 0, b"x"))
        next(bulk.answers())
    bulk.close()
    raw = attacked.bulk()
    raw.say(
        BULK.encode(PutPart(1, name_of(b"never"), 1, 0, b"x")).replace(
            b"\1\0", b"\x1b" + b"\x7f" * 8
        )
    )
    raw.close()
    cache = attacked.cluster.directory / "cache"
    files = [one.stat() for one in cache.rglob("*") if one.is_file()]
    assert sum(one.st_blocks for one in files) * 512 < 90 * MIB


def test_hole_5_blobs_that_nobody_refers_to(attacked: Any) -> None:
    """What was pushed and never used had no limit, and never went: here it is of its key's share."""
    bulk = attacked.bulk("client", "hoarder")
    full = None
    for number in range(400):
        data = number.to_bytes(8, "big") * 60_000
        bulk.say(Put(1, (Blob(name_of(data), data),)))
        answer = next(bulk.answers())
        if isinstance(answer, Refused):
            full = answer
            break
    assert full is not None
    assert full.why == Why.FULL and "one key may take" in full.text, full.text
    blobs = [one for one in (attacked.cluster.directory / "cache").rglob("*") if one.is_file()]
    assert sum(one.stat().st_size for one in blobs) < 150 * MIB
    ann = attacked.bulk("client", "ann")
    ann.say(Put(1, (Blob(name_of(b"mine"), b"mine"),)))
    ann.hear(Stored)


def test_hole_6_a_transfer_that_never_was(attacked: Any) -> None:
    """Whoever said that a blob had come made jobs of others fail that waited for it."""
    missing = name_of(b"a layer that nobody has")
    for lie in (Stored(1, 5), Missing(1, b"\0"), Blobs(1, ())):
        bulk = attacked.bulk()
        bulk.say(lie, Need(2, (missing,)))
        bulk.hears_no(Missing, seconds=0.3)
    # A job that waits for a layer which is not there is its own client's alone.
    layers = (Digest(missing.hex()),)
    found = welcome(attacked).has_run(JOB, container_bytes(Container(layers=layers)))
    assert (found.ending, b"layer" in found.body) == (Ending.UNFIT, True), found


def test_hole_7_anybody_is_a_worker(attacked: Any) -> None:
    """Whoever said so was one: he saw the jobs of others, and a worker of no slots stopped them all."""
    stranger = attrs.evolve(attacked.join("worker", "mole"), secret_key=new_key_pair().secret)
    assert not attacked.link_of(stranger).socket.poll(500, zmq.POLLOUT)
    for role, slots in (("client", 4), ("admin", 4), ("worker", 0)):
        link = attacked.link(role, "would-be")
        link.say(Hello(1, 1, "a", attacked.session(), "a", slots=slots))
        found = link.hear(Bye)
        assert found.code == Code.ROLE
        attacked.is_served()
        link.hears_no(Run, Welcome, seconds=0.1)


def test_hole_8_anybody_stops_the_cluster(attacked: Any) -> None:
    """An order to stop was obeyed from whomever it came, a page in somebody's browser included."""
    for role in ("client", "worker"):
        link = attacked.link(role)
        link.say(Stop())
        assert link.bye().code == Code.ROLE
    with attacked.connection() as plain:
        plain.sendall(encode(Stop()))
    with attacked.connection(attacked.web) as page:
        page.sendall(b"POST /stop HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n")
        assert page.recv(100).split()[1][:1] == b"4"


def test_hole_9_any_blob_for_anybody(attacked: Any) -> None:
    """Without a key, any artifact was to be had; here nothing is, and nobody is told what there is."""
    secret = b"a secret of ann's"
    ann = attacked.bulk("client", "ann")
    ann.say(Put(1, (Blob(name_of(secret), secret),)))
    ann.hear(Stored)
    stranger = attrs.evolve(attacked.join("client", "x"), secret_key=new_key_pair().secret)
    assert not attacked.link_of(stranger, attacked.bulk_port).socket.poll(500, zmq.POLLOUT)
    bulk = attacked.bulk()
    bulk.say(GetPart(1, name_of(secret)[:31] + b"\0", 0, 100))
    assert bulk.hear(Refused).why == Why.GONE
    bulk.say(Get(2, ()))
    assert bulk.hear(Blobs) == Blobs(2, ())


def test_hole_10_a_job_attacks_its_worker(attacked: Any) -> None:
    """A job had all capabilities, saw the host's memory and name, and filled disk and memory."""
    before = [one.name for one in Path("/dev/shm").iterdir()], socket.gethostname()
    attacked.runs(
        "kill -9 -1; exec 2>/tmp/errors; "
        "(echo pwned > /proc/sys/kernel/hostname); (echo b > /proc/sysrq-trigger); "
        "x=0123456789abcdef; for i in 1 2 3 4 5 6 7 8 9 10 11 12; do x=$x$x; done; "
        '(while echo "$x"; do :; done > /tmp/full); (echo > /dev/shm/x); '
        "i=0; while [ $i -lt 100 ]; do sleep 1000 & i=$((i+1)); done",
        mounts=[
            {"type": "tmp", "mount_point": "/tmp"},
            {"type": "proc", "mount_point": "/proc"},
            {"type": "devices", "devices": ["null", "shm"]},
        ],
    )
    assert before == ([one.name for one in Path("/dev/shm").iterdir()], socket.gethostname())


def test_hole_11_a_worker_that_believes_its_broker(attacked: Any) -> None:
    """A broker could have a worker show its home: ours looks itself at what only a client may ask."""
    # The broker passes containers on unread, so that is what a hostile one could say.
    for mount in (HOST, Bind(source=str(Path.home()), target="/home", read_only=False)):
        found = welcome(attacked).has_run(JOB, container_bytes(Container(mounts=(mount,))))
        assert (found.ending, b"client's machine" in found.body) == (Ending.UNFIT, True), found
