"""Manifests that a tenant has made up: a worker refuses the layer by name, and keeps nothing of it."""

import os

import cbor2
import pytest
import trio

from maelstrom_core.errors import InputError
from maelstrom_core.model.digest import Digest
from maelstrom_core.model.manifest import Entry, EntryKind, encode_manifest
from maelstrom_core.transfer.asking import BlobGone
from maelstrom_core.transfer.fetch import Fetcher
from maelstrom_core.transfer.upload import put_blob

SMALL, LARGE = b"small", os.urandom(700_000)


def row(path, data=b"small", size=None):
    digest = bytes.fromhex(Digest.of(data).hex)
    return [path, 0, 0o644, 0, len(data) if size is None else size, digest, None, b"", False]


def raw(*rows, version=1):
    return cbor2.dumps({"entries": list(rows), "version": version}, canonical=True)


def fetched(open_world, store, manifest) -> str:
    """What the worker says of a layer with this manifest."""
    said = []

    async def main() -> None:
        async with open_world() as world, world.asker() as ours, world.asker("worker") as theirs:
            with trio.fail_after(60):
                for data in (SMALL, LARGE, manifest):
                    digest = await put_blob(ours, data)
                with pytest.raises((InputError, BlobGone)) as caught:
                    await Fetcher(theirs, store).layers([Digest(digest.hex())])
                said.append(str(caught.value))

    trio.run(main)
    for part in ("trees", "manifests"):
        assert not list((store.directory / part).glob("??/*"))
    assert not list((store.directory / "leases").iterdir())
    scratch = [path for path in (store.directory / "tmp").glob("*/*") if len(path.name) != 32]
    assert scratch == []
    assert Digest.of(manifest).short in said[0]
    return said[0]


@pytest.mark.parametrize(
    ("manifest", "what"),
    [
        (b"\xff no CBOR", "CBOR"),
        (raw(row(b"../escape")), "unsafe path"),
        (raw(row(b"/absolute")), "unsafe path"),
        (raw(row(b"b"), row(b"a")), "out of order"),
        (raw(row(b"a"), row(b"a/b")), "no directory"),
        (raw([b"a", 2, 0o777, 0, 0, None, None, b"/etc", False], row(b"a/b")), "no directory"),
        (raw(version=9), "version"),
        (raw([[[[[[[[]]]]]]]]), "CBOR"),
        (cbor2.dumps({"entries": [cbor2.CBORTag(35, "(a+)+$")], "version": 1}), "CBOR"),
        (b"\xa2\x67entries\x9f\xff\x67version\x01", "CBOR"),
        (raw([b"a", 0, 0o644, 0, 0, None, None, b"", False]), "either a digest or data"),
    ],
)
def test_a_manifest_that_is_none_is_refused(
    open_memory_world, worker_store, manifest, what
) -> None:
    assert what in fetched(open_memory_world, worker_store, manifest)


@pytest.mark.parametrize(
    ("data", "size", "what"),
    [
        (SMALL, 4, "4 bytes are promised, and there are 5"),
        (SMALL, 6, "6 bytes are promised, and there are 5"),
        (SMALL, 10_000_000, "10000000 bytes are promised, and there are 5"),
        (LARGE, 5, "5 bytes are promised, and there are more"),
        (LARGE, 699_999, "699999 bytes are promised, and there are 700000"),
        (LARGE, 1 << 50, "the store here may have"),
        (b"nowhere", None, "the broker has not all of"),
        (b"nowhere" * 50_000, None, "the broker has not all of"),
    ],
)
def test_lies_about_sizes_are_told_with_the_file(
    open_world, worker_store, data, size, what
) -> None:
    said = fetched(open_world, worker_store, raw(row(b"dir/file", data, size)))
    assert what in said
    assert "dir/file" in said or size == 1 << 50


def test_a_manifest_may_not_be_endless(open_memory_world, worker_store, monkeypatch) -> None:
    monkeypatch.setattr("maelstrom_core.transfer.fetch.MOST_MANIFEST_BYTES", 10_000)
    names = [Entry(path=b"%06d" % i, kind=EntryKind.FIFO) for i in range(1000)]
    said = fetched(open_memory_world, worker_store, encode_manifest(names))
    assert "too many" in said
