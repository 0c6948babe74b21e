"""The broker's blobs on a real disk: restarts, crashes, damage, eviction, many threads."""

import os
import threading
from pathlib import Path

import pytest

from maelstrom_core.errors import HostError
from maelstrom_core.model.digest import Digest
from maelstrom_core.model.manifest import Entry, EntryKind, encode_manifest
from maelstrom_core.transfer.blob_directory import BlobDirectory
from maelstrom_core.transfer.disk_room import Refusal
from maelstrom_core.transfer.server_state import Limits, cost_of
from maelstrom_core.wire.bulk import Blob, Why

ANN, BOB = "a" * 32, "b" * 32
PART = 512 << 10


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def name_of(data: bytes) -> bytes:
    return bytes.fromhex(Digest.of(data).hex)


def blob(data: bytes) -> Blob:
    return Blob(name_of(data), data)


def manifest_of(*contents: bytes) -> bytes:
    return encode_manifest(
        Entry(path=b"f%d" % i, kind=EntryKind.FILE, size=len(data), digest=Digest.of(data))
        for i, data in enumerate(contents)
    )


def put_large(directory: BlobDirectory, owner: str, data: bytes, upto: int | None = None) -> int:
    offset = 0
    while offset < (len(data) if upto is None else upto):
        part = data[offset : offset + PART]
        offset = directory.put_part(owner, name_of(data), len(data), offset, part)
    return offset


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def open_directory(tmp_path: Path, clock: Clock):
    opened = []

    def reopen(limits: Limits | None = None, boot_id: str = "1") -> BlobDirectory:
        for one in opened:
            one.close()
        opened[:] = [BlobDirectory(tmp_path / "blobs", limits, boot_id=boot_id, clock=clock)]
        opened[0].holdings.check()
        return opened[0]

    yield reopen
    for one in opened:
        one.holdings.check()
        one.close()


def has(directory: BlobDirectory, data: bytes) -> bool:
    return directory.need([name_of(data)]) == b"\x00"


def test_the_bitmap_says_which_are_missing(open_directory) -> None:
    directory = open_directory()
    there = [blob(b"%d" % index) for index in range(20)]
    directory.put(ANN, there[::3])
    bitmap = directory.need([one.digest for one in there])
    assert len(bitmap) == 3
    missing = [bitmap[i // 8] >> (i % 8) & 1 for i in range(20)]
    assert missing == [0 if i % 3 == 0 else 1 for i in range(20)]


def test_one_broker_at_a_time_uses_a_directory(open_directory, tmp_path) -> None:
    open_directory()
    with pytest.raises(HostError, match="another broker"):
        BlobDirectory(tmp_path / "blobs")


def test_blobs_and_uploads_are_there_after_a_restart(open_directory) -> None:
    directory, large = open_directory(), os.urandom(3 * PART + 5)
    directory.put(ANN, [blob(b"small")])
    assert put_large(directory, ANN, large, upto=2 * PART) == 2 * PART
    directory = open_directory()
    assert has(directory, b"small")
    assert directory.put_part(ANN, name_of(large), len(large), 0, b"") == 2 * PART
    assert directory.put_part(BOB, name_of(large), len(large), 0, b"") == 0
    rest = large[2 * PART : 3 * PART]
    assert directory.put_part(ANN, name_of(large), len(large), 2 * PART, rest) == 3 * PART
    tail = large[3 * PART :]
    assert directory.put_part(ANN, name_of(large), len(large), 3 * PART, tail) == len(large)
    assert directory.get_part(name_of(large), 0, PART) == (len(large), large[:PART])


def test_whose_a_blob_is_is_known_after_a_restart(open_directory) -> None:
    """Else whoever has filled his share would have another one with each life of the broker."""
    limits = Limits(share_bytes=4 * cost_of(PART + 1))
    large = [os.urandom(PART + 1) for _ in range(5)]
    directory = open_directory(limits)
    for data in large[:3]:
        directory.put(ANN, [blob(data)])
    put_large(directory, ANN, large[3])
    for _ in range(2):
        directory = open_directory(limits)
        with pytest.raises(Refusal, match="one key may fill"):
            put_large(directory, ANN, large[4])
        assert all(has(directory, data) for data in large[:4])
    put_large(directory, BOB, large[4])
    assert has(open_directory(limits), large[4])


def test_a_share_that_has_become_smaller(open_directory, tmp_path) -> None:
    directory = open_directory()
    for number in range(5):
        directory.put(ANN, [blob(b"%d" % number * 5000)])
        directory.put(BOB, [blob(b"%d of bob's" % number)])
    directory = open_directory(Limits(share_bytes=2 * cost_of(5000)))
    left = [has(directory, b"%d" % number * 5000) for number in range(5)]
    assert sum(left) == 2
    assert len(list((tmp_path / "blobs").glob("blobs/??/*"))) == 2 + 3


def test_blobs_of_a_broker_that_did_not_keep_whose_they_are(open_directory, tmp_path) -> None:
    directory = open_directory()
    directory.put(ANN, [blob(b"old")])
    (path,) = (tmp_path / "blobs").glob("blobs/??/*")
    path.rename(path.with_name(name_of(b"old").hex()))
    directory = open_directory(Limits(share_bytes=1))
    assert has(directory, b"old")
    # Twice there, it is one blob.
    (path.with_name(f"{name_of(b'old').hex()}.{BOB}")).write_bytes(b"old")
    assert has(open_directory(), b"old")
    assert len(list((tmp_path / "blobs").glob("blobs/??/*"))) == 1


def test_a_part_that_was_half_written_is_gone_on_with(open_directory, tmp_path) -> None:
    directory, large = open_directory(), os.urandom(2 * PART)
    put_large(directory, ANN, large, upto=PART)
    (path,) = (tmp_path / "blobs" / "uploads" / ANN).iterdir()
    with path.open("ab") as file:
        file.write(large[PART : PART + 1000])  # killed in the middle of it
    directory = open_directory()
    offset = directory.put_part(ANN, name_of(large), len(large), PART, large[PART:])
    assert offset == PART + 1000
    assert directory.put_part(ANN, name_of(large), len(large), offset, large[offset:]) == 2 * PART
    assert has(directory, large)


def test_after_a_crash_of_the_machine_nothing_is_believed(open_directory, tmp_path) -> None:
    directory, large = open_directory(), os.urandom(2 * PART)
    files = [b"good", b"torn", b"empty"]
    directory.put(ANN, [blob(one) for one in files])
    directory.put(ANN, [blob(manifest_of(*files))])
    put_large(directory, ANN, large, upto=PART)
    for data, left in ((b"torn", b"to"), (b"empty", b"")):
        path = next((tmp_path / "blobs").glob(f"blobs/??/{name_of(data).hex()}*"))
        path.write_bytes(left)
    directory = open_directory(boot_id="2")
    assert not has(directory, manifest_of(*files))
    assert [has(directory, one) for one in files] == [True, False, False]
    assert directory.put_part(ANN, name_of(large), len(large), 0, b"") == 0
    directory.put(ANN, [blob(one) for one in files])
    assert all(has(directory, one) for one in files)


def test_what_is_neither_blob_nor_upload_is_removed_at_the_start(open_directory, tmp_path) -> None:
    open_directory()
    strays = ["blobs/00/stray", "manifests/ff/x", f"uploads/{ANN}/x.1", "tmp/half"]
    for name in strays:
        path = tmp_path / "blobs" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    open_directory()
    assert not any((tmp_path / "blobs" / name).exists() for name in strays)


@pytest.mark.parametrize("how", ["changed", "removed"])
def test_a_damaged_blob_is_not_given_and_no_manifest_promises_it(
    open_directory, tmp_path, how
) -> None:
    directory = open_directory()
    directory.put(ANN, [blob(b"one"), blob(b"two"), blob(manifest_of(b"one", b"two"))])
    path = next((tmp_path / "blobs").glob(f"blobs/??/{name_of(b'one').hex()}*"))
    path.unlink() if how == "removed" else path.write_bytes(b"eno")
    assert directory.get([name_of(b"two"), name_of(b"one")]) == (
        [blob(b"two")],
        [name_of(b"one")],
        [],
    )
    assert not has(directory, manifest_of(b"one", b"two"))
    directory.put(ANN, [blob(b"one"), blob(manifest_of(b"one", b"two"))])
    assert has(directory, manifest_of(b"one", b"two"))


def test_as_many_blobs_as_fit_are_given_in_the_order_asked(open_directory) -> None:
    directory = open_directory()
    data = [os.urandom(200_000) for _ in range(4)]
    large = os.urandom(PART + 1)
    directory.put(ANN, [blob(one) for one in data])
    put_large(directory, ANN, large)
    wanted = [name_of(one) for one in (data[0], large, b"?", *data[1:])]
    assert directory.get(wanted) == (
        [blob(one) for one in data[:2]],
        [name_of(b"?")],
        [name_of(large)],
    )


def test_what_was_not_touched_for_a_while_makes_room_and_nothing_else(
    open_directory, clock
) -> None:
    limits = Limits(most_bytes=4 * cost_of(PART))
    directory = open_directory(limits)
    data = [os.urandom(PART) for _ in range(6)]
    directory.put(ANN, [blob(one) for one in data[:4]])
    with pytest.raises(Refusal) as caught:
        directory.put(BOB, [blob(data[4])])
    assert caught.value.why is Why.FULL
    clock.now += 400
    assert has(directory, data[0])
    clock.now += 250
    directory.put(BOB, [blob(data[4])])
    assert [has(directory, one) for one in data] == [True, False, True, True, True, False]
    with pytest.raises(Refusal):
        put_large(directory, BOB, data[5] * 2)


def test_two_keys_together_leave_room_for_a_third(open_directory) -> None:
    most = 16 * cost_of(1000)
    limits = Limits(most_bytes=most, share_bytes=most // 2, rest_share=0.5)
    directory = open_directory(limits)
    took = {}
    for owner in (ANN, BOB, "client.cleo", "client.dan"):
        took[owner] = 0
        with pytest.raises(Refusal, match="one key may") as caught:
            while True:
                directory.put(owner, [blob(os.urandom(1000))])
                took[owner] += 1
        assert caught.value.why is Why.FULL
    assert list(took.values()) == [8, 4, 2, 1]
    assert "one key may take 50% of what others leave" in caught.value.text


def test_some_of_the_disk_is_left_free_and_what_nobody_uses_goes_for_that(tmp_path, clock) -> None:
    free = 6_500 + cost_of(1000)
    directory = BlobDirectory(
        tmp_path / "blobs",
        Limits(free_bytes=6_000),
        clock=lambda: clock.now,
        free=lambda: free - directory.holdings.bytes,
    )
    data = [os.urandom(1000) for _ in range(3)]
    directory.put(ANN, [blob(data[0])])
    with pytest.raises(Refusal, match="full but for 6000 bytes") as caught:
        directory.put(BOB, [blob(data[1])])
    assert caught.value.why is Why.FULL and has(directory, data[0]), "it is in use"
    clock.now += 700
    directory.put(BOB, [blob(data[1])])
    assert [has(directory, one) for one in data[:2]] == [False, True]
    with pytest.raises(Refusal, match="full but for"):
        put_large(directory, BOB, data[2] * 9)
    directory.close()


def test_a_manifest_goes_before_what_it_names(open_directory, clock) -> None:
    limits = Limits(most_bytes=4 * cost_of(1000))
    directory = open_directory(limits)
    one, two, manifest = b"1" * 1000, b"2" * 1000, manifest_of(b"1" * 1000, b"2" * 1000)
    directory.put(ANN, [blob(one), blob(two), blob(manifest)])
    directory = open_directory(limits)  # and after a restart too
    clock.now += 700
    directory.put(ANN, [blob(b"3" * 1000), blob(b"4" * 1000)])
    assert (has(directory, manifest), has(directory, one), has(directory, two)) == (
        False,
        True,
        True,
    )


def test_whoever_asks_for_a_manifest_keeps_what_it_names(open_directory, clock) -> None:
    limits = Limits(most_bytes=5 * cost_of(1000))
    directory = open_directory(limits)
    one, two, manifest = b"1" * 1000, b"2" * 1000, manifest_of(b"1" * 1000, b"2" * 1000)
    directory.put(ANN, [blob(one), blob(two), blob(manifest), blob(b"3" * 1000)])
    clock.now += 700
    assert has(directory, manifest)
    directory.put(ANN, [blob(b"4" * 1000), blob(b"5" * 1000)])
    assert all(has(directory, data) for data in (one, two, manifest))
    assert not has(directory, b"3" * 1000)


def test_an_upload_of_one_does_not_disturb_that_of_another(open_directory) -> None:
    directory, large = open_directory(), os.urandom(3 * PART)
    wrong = b"x" * len(large)
    digest, size = name_of(large), len(large)
    assert directory.put_part(BOB, digest, size, 0, wrong[:PART]) == PART
    assert put_large(directory, ANN, large) == size
    assert directory.put_part(BOB, digest, size, PART, wrong[PART : 2 * PART]) == size
    assert directory.get_part(digest, 0, PART)[1] == large[:PART]
    assert not directory._uploads


def test_many_threads_that_send_the_same_make_one_blob(open_directory) -> None:
    directory = open_directory()
    large, small = os.urandom(20 * PART + 1), [blob(b"%d" % index) for index in range(300)]
    faults: list[BaseException] = []

    def send(owner: str) -> None:
        try:
            directory.put(owner, small)
            assert put_large(directory, owner, large) == len(large)
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=send, args=(owner,)) for owner in (ANN, ANN, BOB, "c") * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    got = b"".join(
        directory.get_part(name_of(large), offset, PART)[1] for offset in range(0, len(large), PART)
    )
    assert got == large
    assert len(directory.holdings) == 301
    assert not directory._uploads


def test_what_is_used_stays_recent_over_a_restart(open_directory, clock, tmp_path) -> None:
    limits = Limits(most_bytes=2 * cost_of(1000))
    directory = open_directory(limits)
    old, new = b"1" * 1000, b"2" * 1000
    directory.put(ANN, [blob(old), blob(new)])
    made_older(tmp_path / "blobs", {old: 20_000, new: 10_000})
    directory = open_directory(limits)
    clock.now += 5000
    assert has(directory, old)
    directory = open_directory(limits)
    clock.now += 5000
    directory.put(ANN, [blob(b"3" * 1000)])
    assert (has(directory, old), has(directory, new)) == (True, False)


def made_older(directory: Path, ages: dict[bytes, float]) -> None:
    """Have files of blobs look as if they were last used so many seconds ago."""
    for data, age in ages.items():
        path = next(directory.glob(f"blobs/??/{name_of(data).hex()}*"))
        now = path.stat().st_mtime
        os.utime(path, (now - age, now - age))


@pytest.mark.parametrize("asked", ["blob", "manifest"])
def test_what_is_used_all_the_time_is_recent_after_a_restart(
    open_directory, clock, tmp_path, asked
) -> None:
    limits = Limits(most_bytes=3 * cost_of(1000))
    directory = open_directory(limits)
    used, unused = b"1" * 1000, b"2" * 1000
    manifest = manifest_of(used)
    directory.put(ANN, [blob(used), blob(unused), blob(manifest)])
    made_older(tmp_path / "blobs", {used: 20_000, unused: 10_000})
    for _ in range(8):
        clock.now += 1000
        assert has(directory, used if asked == "blob" else manifest)
    directory = open_directory(limits)
    clock.now += 5000
    directory.put(ANN, [blob(b"3" * 1000), blob(b"4" * 1000)])
    assert (has(directory, used), has(directory, unused)) == (True, False)


def test_what_was_said_to_be_there_stays_over_a_restart(open_directory, clock, tmp_path) -> None:
    """Whoever was told so sends a manifest next, which promises it, and knows of no restart."""
    limits = Limits(most_bytes=2 * cost_of(1000))
    directory = open_directory(limits)
    one, two = b"1" * 1000, b"2" * 1000
    directory.put(ANN, [blob(one), blob(two)])
    made_older(tmp_path / "blobs", {one: 3000, two: 5000})
    directory = open_directory(limits)  # one may have been used just now, two has not
    directory.put(ANN, [blob(b"3" * 1000)])
    with pytest.raises(Refusal, match="in use"):
        directory.put(ANN, [blob(b"4" * 1000)])
    assert (has(directory, one), has(directory, two)) == (True, False)
