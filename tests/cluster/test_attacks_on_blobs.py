"""What holders of keys do to a broker's blobs, and by blobs to workers."""

import sys
from pathlib import Path
from typing import Any

import attrs
import cbor2
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from attack_scene import MIB

from maelstrom_core.cluster.bodies import HERE, THERE, job_bytes
from maelstrom_core.cluster.containers import container_bytes
from maelstrom_core.model.container import Container, ContainerSpec
from maelstrom_core.model.digest import Digest
from maelstrom_core.model.job import JobSpec
from maelstrom_core.wire.bulk import (
    BULK,
    MOST_BLOB_BYTES,
    MOST_BUNDLE,
    MOST_DIGESTS,
    Blob,
    Blobs,
    Get,
    GetPart,
    Missing,
    Need,
    Part,
    Put,
    PutPart,
    Refused,
    Stored,
    Why,
)
from maelstrom_core.wire.rows import Ending

JOB = HERE + job_bytes(JobSpec(container=ContainerSpec(), program="/bin/sh"))
PART = 512 << 10


def name_of(data: bytes) -> bytes:
    return bytes.fromhex(Digest.of(data).hex)


def put(link: Any, data: bytes) -> bytes:
    """Have the broker take a blob, in parts."""
    digest = name_of(data)
    for offset in range(0, len(data), PART):
        link.say(PutPart(1, digest, len(data), offset, data[offset : offset + PART]))
        link.hear(Stored)
    return digest


def manifest(*rows: list[Any]) -> bytes:
    return cbor2.dumps({"entries": list(rows), "version": 1}, canonical=True)


def row(path: bytes, data: bytes, size: int = -1) -> list[Any]:
    return [path, 0, 0o755, 0, len(data) if size < 0 else size, name_of(data), None, b"", False]


def refused_by_the_worker(scene: Any, layer: bytes, **fields: Any) -> str:
    """Why a job with this layer is not run."""
    link = scene.link()
    link.greet(scene.session())
    container = Container(layers=(Digest(layer.hex()),), **fields)
    found = link.has_run(JOB, container_bytes(container))
    assert found.ending == Ending.UNFIT, found
    return found.body.decode()


# Lies


@pytest.mark.parametrize("data", [b"", b"other bytes", bytes(300_000)])
def test_a_blob_that_is_not_what_its_digest_says(attacked: Any, data: bytes) -> None:
    wanted = name_of(b"something good")
    link = attacked.bulk()
    link.say(Put(1, (Blob(wanted, data),)))
    assert link.hear(Refused).why == Why.WRONG_DIGEST
    link.say(PutPart(2, wanted, len(data), 0, data))
    assert link.hear(Refused).why == Why.WRONG_DIGEST
    link.say(Get(3, (wanted,)))
    assert link.hear(Blobs).gone == (wanted,)


def test_blobs_that_lie_about_their_size(attacked: Any) -> None:
    """More than was said, less, something else than before, and what no disk has room for."""
    digest = name_of(b"x" * 1000)
    link = attacked.bulk()
    for size, offset, data, why in (
        (10, 0, bytes(11), Why.TOO_LARGE),
        (MOST_BLOB_BYTES, 0, b"x", Why.TOO_LARGE),
        (1 << 25, (1 << 25) - 1, bytes(2), Why.TOO_LARGE),
        (1000, 0, bytes(1000), Why.WRONG_DIGEST),
    ):
        link.say(PutPart(1, digest, size, offset, data))
        assert link.hear(Refused).why == why
    link.say(PutPart(2, digest, 1000, 0, b"x" * 500))
    assert link.hear(Stored).offset == 500
    link.say(PutPart(3, digest, 900, 500, b"x" * 400))
    assert link.hear(Refused).why == Why.TOO_LARGE
    link.say(GetPart(4, digest, 0, 100))
    assert link.hear(Refused).why == Why.GONE


def test_parts_in_any_order(attacked: Any) -> None:
    """Only the next one is taken; the answer says which that is."""
    data = bytes(range(256)) * 10
    digest = name_of(data)
    link = attacked.bulk()
    for offset in (500, 2000, 1 << 20, 1):
        link.say(PutPart(1, digest, 1 << 21, offset, b"later"))
        assert link.hear(Stored).offset == 0
    link.say(PutPart(1, digest, len(data), 0, data))
    link.hear(Refused)
    link.say(PutPart(1, digest, len(data), 0, data))
    assert link.hear(Stored).offset == len(data)


# Other tenants


def test_another_tenant_s_blob(attacked: Any) -> None:
    """It is got by its whole digest and by nothing else; nobody tells another's, and near is far."""
    secret = b"a secret of ann's"
    ann = attacked.bulk("client", "ann")
    ann.say(Put(1, (Blob(name_of(secret), secret),)))
    ann.hear(Stored)
    link = attacked.bulk()
    near = [name_of(secret)[:31] + bytes([number]) for number in range(256)]
    near.remove(name_of(secret))
    link.say(Get(1, tuple(near)))
    answer = link.hear(Blobs)
    assert (answer.blobs, set(answer.gone)) == ((), set(near))
    link.say(Need(2, tuple(near)))
    assert link.hear(Missing).bitmap.count(0xFF) >= len(near) // 8
    for digest in near[:20]:
        link.say(GetPart(3, digest, 0, 100))
        assert link.hear(Refused).why == Why.GONE
    short = cbor2.dumps([Get.KIND, 1, [name_of(secret)[:16]]])
    link.say(short)
    link.hears_no(Blobs)


def test_an_upload_of_another_tenant(attacked: Any) -> None:
    """What has come of it is neither shown, gone on with, nor disturbed."""
    data = bytes(range(256)) * 4000
    digest = name_of(data)
    ann, link = attacked.bulk("client", "ann"), attacked.bulk()
    ann.say(PutPart(1, digest, len(data), 0, data[:PART]))
    assert ann.hear(Stored).offset == PART
    link.say(GetPart(1, digest, 0, 100))
    assert link.hear(Refused).why == Why.GONE
    link.say(PutPart(2, digest, len(data), PART, bytes(100)))
    assert link.hear(Stored).offset == 0
    link.say(PutPart(3, digest, 100, 0, bytes(100)))
    assert link.hear(Refused).why == Why.TOO_LARGE
    ann.say(PutPart(2, digest, len(data), PART, data[PART:]))
    assert ann.hear(Stored).offset == len(data)


def test_admins_have_no_use_for_blobs(attacked: Any) -> None:
    link = attacked.bulk("admin", "chief")
    for request in (Get(1, (bytes(32),)), Need(2, (bytes(32),)), Put(3, ())):
        link.say(request)
        assert link.hear(Refused).why == Why.NOT_ALLOWED


# Too much


def test_uploads_that_never_end(attacked: Any) -> None:
    """They are counted as large as they say they will be, and none of that is written."""
    link = attacked.bulk("client", "waster")
    whys = []
    for number in range(100):
        link.say(PutPart(1, name_of(b"%d" % number), MIB // 8, 0, b"x"))
        answer = next(link.answers())
        whys += [answer.why] if isinstance(answer, Refused) else []
    assert whys and set(whys) == {Why.FULL}
    on_disk = (attacked.cluster.directory / "cache").rglob("uploads/*/*")
    assert sum(one.stat().st_blocks for one in on_disk) * 512 < 2 * MIB


def test_a_flood_of_requests(attacked: Any) -> None:
    """Beyond what may be on the way at once none is answered, and soon none is heard."""
    link = attacked.bulk("client", "flood")
    need = BULK.encode(Need(1, (bytes(32),) * MOST_DIGESTS))
    for number in range(600):
        if not link.socket.poll(1000, 2):
            break
        link.socket.send(need)
        if number == 300:
            attacked.is_served()


def test_whoever_asks_and_does_not_read(attacked: Any) -> None:
    data = bytes(PART)
    link = attacked.bulk("client", "deaf", RCVHWM=1)
    digest = put(link, data)
    get = BULK.encode(GetPart(1, digest, 0, PART))
    for _ in range(1000):
        if not link.socket.poll(200, 2):
            break
        link.socket.send(get)
    attacked.is_served()


# Malformed


@pytest.mark.parametrize(
    "payload",
    [
        b"\xff",
        b"\x81" * 50_000,
        b"\x82\x06\x9b" + b"\xff" * 8,
        b"\x83\x06\x01\x9a\x00\x0f\xff\x00" + b"\x80" * 0xFFF00,
        b"\x83\x01\x01\x5b" + b"\xff" * 8,
        cbor2.dumps([Get.KIND, 1, [bytes(32)] * (MOST_BUNDLE + 1)]),
        cbor2.dumps([Need.KIND, -1, []]),
        cbor2.dumps([Put.KIND, 1, [[bytes(32), "text"]]]),
        cbor2.dumps([PutPart.KIND, 1, bytes(32), 1 << 62, 0, b""]),
        cbor2.dumps([GetPart.KIND, 1, bytes(32), 0, 1 << 40]),
        cbor2.dumps([99, 1]),
        BULK.encode(Stored(1, 0)),
        BULK.encode(Missing(1, b"\xff")),
        BULK.encode(Part(1, 1, b"x")),
    ],
)
def test_malformed_requests(attacked: Any, payload: bytes) -> None:
    """And answers, which are the broker's to give: whoever sends one is not heard any more."""
    link = attacked.bulk()
    link.say(payload, Need(1, (bytes(32),)))
    link.hears_no(Missing, Refused, seconds=0.3)


# Against workers


def test_manifests_that_lead_out_of_their_tree(attacked: Any) -> None:
    bulk = attacked.bulk()
    good = b"good"
    bulk.say(Put(1, (Blob(name_of(good), good),)))
    bulk.hear(Stored)
    link = [b"a", 2, 0o777, 0, 0, None, None, b"/etc", False]
    for rows, what in (
        ([row(b"../../escape", good)], "unsafe path"),
        ([row(b"/etc/passwd", good)], "unsafe path"),
        ([link, row(b"a/passwd", good)], "no directory"),
        ([row(b"b", good), row(b"a", good)], "out of order"),
        ([row(b"a", good, 1 << 40)], "may have"),
        ([row(b"a", good, 3)], "promised"),
        ([row(b"a", b"never sent")], "has not all of"),
        ([[b"a", 3, 0o644, 0, 0, None, None, b"../../etc/passwd", False]], "unsafe hard link"),
    ):
        data = manifest(*rows)
        bulk.say(Put(1, (Blob(name_of(data), data),)))
        bulk.hear(Stored)
        assert what in refused_by_the_worker(attacked, name_of(data))


@pytest.mark.parametrize("filling", [b"\x80", b"\xa0", b"\x81\x80"])
def test_a_manifest_that_is_large_only_when_it_is_read(attacked: Any, filling: bytes) -> None:
    """Eight mebibytes of empty lists would take half a gibibyte."""
    head = b"\xa2\x67entries\x9a"
    count = 8 * MIB // len(filling)
    data = head + count.to_bytes(4, "big") + filling * count + b"\x67version\x01"
    layer = put(attacked.bulk("client", "bomber"), data)
    assert "layer" in refused_by_the_worker(attacked, layer)


def test_a_row_of_a_manifest_that_is_all_of_it(attacked: Any) -> None:
    count = 8 * MIB
    data = b"\xa2\x67entries\x81\x9a" + count.to_bytes(4, "big") + b"\x80" * count
    layer = put(attacked.bulk("client", "bomber"), data + b"\x67version\x01")
    assert "layer" in refused_by_the_worker(attacked, layer)


def test_a_job_that_is_large_only_when_it_is_read(attacked: Any) -> None:
    count = 8 * MIB
    body = THERE + put(
        attacked.bulk("client", "bomber"), b"\x9a" + count.to_bytes(4, "big") + b"\x80" * count
    )
    link = attacked.link()
    link.greet(attacked.session())
    found = link.has_run(body, container_bytes(Container()))
    assert (found.ending, b"cannot be read" in found.body) == (Ending.UNFIT, True), found


def test_containers_that_are_none(attacked: Any) -> None:
    link = attacked.link()
    link.greet(attacked.session())
    deep = b"\x81" * 60_000 + b"\x80"
    many = b"\x9a\x00\x03\x00\x00" + b"\x80" * 0x30000
    for data in (b"\xff", b"no container", deep, many, b"\xa1\x67no such\x01", b"\xa0\xa0"):
        found = link.has_run(JOB, data)
        assert found.ending == Ending.UNFIT, (data[:20], found)


def test_jobs_that_are_none(attacked: Any) -> None:
    link = attacked.link()
    link.greet(attacked.session())
    container = container_bytes(Container())
    good = JobSpec(container=ContainerSpec(), program="/bin/sh")
    greedy = attrs.evolve(good, output_bytes=1 << 40)
    for body in (
        b"",
        b"\2",
        HERE,
        HERE + b"\xff",
        HERE + b"\x81" * 1000,
        THERE + b"short",
        THERE + bytes(32),
        HERE + job_bytes(greedy),
        HERE + job_bytes(good)[:-3],
    ):
        assert link.has_run(body, container).ending == Ending.UNFIT, body


def test_jobs_that_want_more_slots_than_there_are(attacked: Any) -> None:
    spec = JobSpec(container=ContainerSpec(), program="/bin/sh", slots=4096)
    link = attacked.link()
    link.greet(attacked.session())
    # The row says one slot; the body says 4096, and is not believed.
    found = link.has_run(HERE + job_bytes(spec), container_bytes(Container()))
    assert found.ending in (Ending.RAN, Ending.UNFIT)
