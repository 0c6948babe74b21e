"""Trees of the host as layers without a copy: what is in them, what is left out, what is read."""

import os
import socket
from collections import Counter
from pathlib import Path

import pytest

from maelstrom_core.errors import InputError
from maelstrom_core.layers import in_place
from maelstrom_core.layers.in_place import layers_in_place
from maelstrom_core.model.digest import Digest
from maelstrom_core.model.layers import HostTreeLayer
from maelstrom_core.model.manifest import Entry, EntryKind, decode_manifest, encode_manifest

YEAR_AGO = 1_700_000_000


@pytest.fixture
def host(tmp_path: Path) -> Path:
    directory = tmp_path / "host" / "tree"
    (directory / "sub" / "deep").mkdir(parents=True)
    (directory / "a").write_bytes(b"a")
    (directory / "a.b").write_bytes(b"ab")
    (directory / "sub" / "empty").write_bytes(b"")
    (directory / "sub" / "deep" / "large").write_bytes(b"x" * 3_000_000)
    os.link(directory / "a", directory / "sub" / "hard")
    (directory / "link").symlink_to("sub/deep")
    (directory / os.fsdecode(b"not-\xff-utf8")).write_bytes(b"n")
    os.mkfifo(directory / "fifo")
    (directory / "sub").chmod(0o750)
    (directory / "a").chmod(0o755)
    for path in directory.rglob("*"):
        os.utime(path, (YEAR_AGO, YEAR_AGO), follow_symlinks=False)
    return directory


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that were written just now count as old; their change times cannot be set."""
    monkeypatch.setattr(in_place, "_SETTLED_SECONDS", 0.0)


class Told:
    def __init__(self) -> None:
        self.bytes = self.files = 0

    def __call__(self, size: int, files: int) -> None:
        self.bytes += size
        self.files += files


def one(tree: Path, store, target: str = "/there/tree", **more):
    (layer,) = layers_in_place(
        [HostTreeLayer(path=str(tree), target=target)], index=store.index, **more
    )
    assert layer.digest == Digest.of(layer.manifest)
    return layer, {entry.path: entry for entry in decode_manifest(layer.manifest)}


def test_all_that_a_layer_may_have_is_in_it(host, store) -> None:
    layer, entries = one(host, store)
    assert {path: entry.kind.name for path, entry in entries.items()} == {
        b"there": "DIRECTORY",
        b"there/tree": "DIRECTORY",
        b"there/tree/a": "FILE",
        b"there/tree/a.b": "FILE",
        b"there/tree/fifo": "FIFO",
        b"there/tree/link": "SYMLINK",
        b"there/tree/not-\xff-utf8": "FILE",
        b"there/tree/sub": "DIRECTORY",
        b"there/tree/sub/deep": "DIRECTORY",
        b"there/tree/sub/deep/large": "FILE",
        b"there/tree/sub/empty": "FILE",
        b"there/tree/sub/hard": "FILE",
    }
    assert [path for path, entry in entries.items() if entry.opaque] == [b"there/tree"]
    assert entries[b"there/tree/link"].target == b"sub/deep"
    assert entries[b"there/tree/sub"].mode == 0o750
    assert entries[b"there/tree/a"].mode == 0o755
    assert entries[b"there/tree/a"].mtime_ns == YEAR_AGO * 10**9
    assert layer.left_out == {}


def test_every_digest_says_where_its_bytes_are_and_nothing_is_copied(host, store) -> None:
    layer, entries = one(host, store)
    named = {bytes.fromhex(e.digest.hex): e.size for e in entries.values() if e.digest}
    assert {name: file.size for name, file in layer.files.items()} == named
    for name, file in layer.files.items():
        assert Digest.of(Path(os.fsdecode(file.path)).read_bytes()).hex == name.hex()
    assert not list((store.directory / "blobs").glob("??/*"))


def test_the_bytes_are_those_of_any_manifest(host, store) -> None:
    layer, entries = one(host, store)
    assert encode_manifest(entries.values()) == layer.manifest


@pytest.mark.parametrize("count", [0, 1, 23, 24, 255, 256, 65_535, 65_536])
def test_a_manifest_of_rows_is_that_of_its_entries(count) -> None:
    from maelstrom_core.model.manifest import encode_row, join_rows

    entries = [Entry(path=b"%06d" % i, kind=EntryKind.FIFO) for i in range(count)]
    assert join_rows([encode_row(entry) for entry in entries]) == encode_manifest(entries)


def test_a_second_look_reads_nothing(host, store, settled) -> None:
    first, second = Told(), Told()
    layer, _ = one(host, store, told=first)
    again, _ = one(host, store, told=second)
    assert again.digest == layer.digest
    assert again.files == layer.files
    assert (first.files, second.files) == (6, 6)
    assert first.bytes > 3_000_000
    assert second.bytes == 0


def test_what_was_written_just_now_is_read_again(host, store) -> None:
    one(host, store)
    told = Told()
    one(host, store, told=told)
    assert told.bytes > 3_000_000


def test_a_changed_file_is_read_again(host, store, settled) -> None:
    layer, _ = one(host, store)
    (host / "a.b").write_bytes(b"AB")
    told = Told()
    again, entries = one(host, store, told=told)
    assert again.digest != layer.digest
    assert entries[b"there/tree/a.b"].digest == Digest.of(b"AB")
    assert told.bytes == 2


def test_what_cannot_be_in_a_layer_is_left_out_and_counted(host, store, monkeypatch) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        monkeypatch.chdir(host)  # the path of a socket must be short
        bound.bind("socket")
        closed = host / "closed"
        closed.write_bytes(b"secret")
        closed.chmod(0)
        locked = host / "locked"
        locked.mkdir()
        (locked / "inside").write_bytes(b"x")
        locked.chmod(0)
        try:
            layer, entries = one(host, store)
        finally:
            locked.chmod(0o700)
    expected = Counter({"socket": 1})
    if os.geteuid():
        expected["unreadable"] = 2
        assert b"there/tree/closed" not in entries
        assert b"there/tree/locked/inside" not in entries
    assert b"there/tree/locked" in entries
    assert b"there/tree/socket" not in entries
    assert layer.left_out == expected


def test_a_file_is_a_layer_of_one_entry(host, store) -> None:
    layer, entries = one(host / "a", store, target="/etc/x")
    assert {path: entry.kind for path, entry in entries.items()} == {
        b"etc": EntryKind.DIRECTORY,
        b"etc/x": EntryKind.FILE,
    }
    assert len(layer.files) == 1


def test_a_link_is_followed_as_a_mount_does(host, store) -> None:
    (host.parent / "alias").symlink_to("tree")
    assert one(host.parent / "alias", store)[1] == one(host, store)[1]


def test_what_is_not_there_is_named(host, store) -> None:
    with pytest.raises(InputError, match="nowhere"):
        one(host / "nowhere", store)
    with pytest.raises(InputError, match="neither a directory nor a file"):
        one(Path("/dev/null"), store)


def test_directories_above_look_as_the_layers_below_have_them(host, store) -> None:
    below = [
        [Entry(path=b"there", kind=EntryKind.DIRECTORY, mode=0o700, mtime_ns=5)],
        [Entry(path=b"there", kind=EntryKind.DIRECTORY, mode=0o1777, mtime_ns=7)],
    ]
    _, entries = one(host, store, below=below)
    assert (entries[b"there"].mode, entries[b"there"].mtime_ns) == (0o1777, 7)


def test_a_tree_within_a_tree_comes_above_it(host, store) -> None:
    trees = [
        HostTreeLayer(path=str(host / "sub"), target="/t/sub"),
        HostTreeLayer(path=str(host), target="/t"),
    ]
    outer, inner = layers_in_place(trees, index=store.index)
    assert b"t/a" in {entry.path for entry in decode_manifest(outer.manifest)}
    entries = {entry.path: entry for entry in decode_manifest(inner.manifest)}
    assert entries[b"t"].mtime_ns == host.stat().st_mtime_ns
    assert not entries[b"t"].opaque
    assert entries[b"t/sub"].opaque


def test_attributes_of_users_are_in_it(host, store) -> None:
    try:
        os.setxattr(host / "a", "user.colour", b"red")
        os.setxattr(host / "sub", "user.shape", b"round")
    except OSError as error:
        pytest.skip(f"no attributes here: {error.strerror}")
    _, entries = one(host, store)
    assert entries[b"there/tree/a"].attributes == ((b"user.colour", b"red"),)
    assert entries[b"there/tree/sub"].attributes == ((b"user.shape", b"round"),)


def test_nobody_waits_for_what_nobody_wants(host, store) -> None:
    with pytest.raises(InputError, match="cancelled"):
        one(host, store, cancelled=lambda: True)
