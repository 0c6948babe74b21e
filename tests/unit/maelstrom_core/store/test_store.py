"""What is put into the store comes out of it, once on disk, and whatever was damaged is noticed."""

import os
import stat
from pathlib import Path

import pytest

from maelstrom_core.errors import HostError, UsageError
from maelstrom_core.model.digest import Digest
from maelstrom_core.model.manifest import Entry, EntryKind, encode_manifest
from maelstrom_core.store import Store
from maelstrom_core.store.blobs import Changed, Damaged


def test_a_tree_holds_hard_links_to_blobs(store, put):
    layer, _ = put(store, b"data" * 100)
    content = Digest.of(b"data" * 100)
    (file,) = store.tree(layer).iterdir()
    assert file.read_bytes() == b"data" * 100
    assert file.samefile(store.blobs.path(content))


def test_one_content_in_many_layers_is_there_once(store, put):
    layers = [put(store, b"same" * 100, name=f"name-{index}")[0] for index in range(3)]
    inodes = {next(store.tree(layer).iterdir()).stat().st_ino for layer in layers}
    assert len(set(layers)) == 3
    assert len(inodes) == 1


def test_one_content_with_two_modes_and_times_keeps_both(store, put):
    plain, _ = put(store, b"same" * 100, mode=0o644, mtime_ns=1_000)
    other, _ = put(store, b"same" * 100, mode=0o755, mtime_ns=2_000)

    def seen(layer: Digest) -> tuple[int, int, bytes]:
        (file,) = store.tree(layer).iterdir()
        found = file.stat()
        return stat.S_IMODE(found.st_mode), found.st_mtime_ns, file.read_bytes()

    assert seen(plain) == (0o644, 1_000, b"same" * 100)
    assert seen(other) == (0o755, 2_000, b"same" * 100)


def test_every_kind_of_entry_comes_out_as_it_went_in(store):
    rows = [
        Entry(path=b"dir", kind=EntryKind.DIRECTORY, mode=0o555, mtime_ns=5, opaque=True),
        Entry(path=b"dir/gone", kind=EntryKind.WHITEOUT),
        Entry(path=b"dir/pipe", kind=EntryKind.FIFO, mode=0o600),
        Entry(path=b"hard", kind=EntryKind.HARDLINK, target=b"small"),
        Entry(path=b"link", kind=EntryKind.SYMLINK, mode=0o777, mtime_ns=7, target=b"no/where"),
        Entry(path=b"small", kind=EntryKind.FILE, mode=0o640, size=2, data=b"hi"),
        Entry(path=b"not \xff utf-8", kind=EntryKind.FILE, size=0, data=b""),
    ]
    with store.making() as lease:
        layer = store.add_manifest(rows)
        tree = store.tree(layer)
    with lease:
        directory = tree / "dir"
        assert stat.S_IMODE(directory.stat().st_mode) == 0o555
        assert directory.stat().st_mtime_ns == 5
        assert os.getxattr(directory, "user.overlay.opaque") == b"y"
        whiteout = (directory / "gone").lstat()
        assert stat.S_ISCHR(whiteout.st_mode)
        assert whiteout.st_rdev == 0
        assert stat.S_ISFIFO((directory / "pipe").lstat().st_mode)
        assert (tree / "hard").samefile(tree / "small")
        assert os.readlink(tree / "link") == "no/where"
        assert os.path.exists(os.fsencode(tree) + b"/not \xff utf-8")
        assert store.manifest(layer) == tuple(sorted(rows, key=lambda entry: entry.path))


def test_a_file_that_changed_since_it_was_looked_at_is_refused(store, tmp_path):
    source = tmp_path / "source"
    source.write_bytes(b"before")
    looked_at = source.lstat()
    source.write_bytes(b"after, and longer")
    with pytest.raises(Changed):
        store.blobs.add_file(os.fsencode(source), looked_at)
    assert not list(store.blobs.directory.glob("??/*"))
    assert not list((store.directory / "tmp").glob("*/blob-*"))


def test_a_link_in_the_place_of_a_file_is_not_followed(store, tmp_path):
    secret, source = tmp_path / "secret", tmp_path / "source"
    secret.write_text("secret")
    source.symlink_to(secret)
    with pytest.raises(OSError, match="symbolic links"):
        store.blobs.add_file(os.fsencode(source), source.lstat())


def test_a_damaged_manifest_is_noticed_and_removed(store, put):
    layer, _ = put(store, b"data" * 100)
    path = store.directory / "manifests" / layer.hex[:2] / layer.hex
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    with pytest.raises(HostError, match="was damaged") as caught:
        store.manifest(layer)
    assert "run again" in caught.value.remedy
    with pytest.raises(HostError, match="has no layer"):
        store.manifest(layer)


def test_a_truncated_content_is_noticed_when_a_tree_needs_it(store, put):
    put(store, b"data" * 100, name="one")
    os.truncate(store.blobs.path(Digest.of(b"data" * 100)), 7)
    with pytest.raises(HostError, match="was damaged"), store.making():
        row = Entry(
            path=b"two",
            kind=EntryKind.FILE,
            size=400,
            mtime_ns=1,
            digest=Digest.of(b"data" * 100),
        )
        store.tree(store.add_manifest([row]))
    # Nothing half-made is left, and the content can be put again.
    assert not list((store.directory / "tmp").glob("*/tree-*"))
    put(store, b"data" * 100, name="three")


def test_verify_finds_a_changed_byte(store, put):
    put(store, b"data" * 100)
    assert store.verify() == []
    blob = store.blobs.path(Digest.of(b"data" * 100))
    blob.chmod(0o644)
    with blob.open("r+b") as file:
        file.write(b"D")
    faults = store.verify()
    assert any("content" in fault and "damaged" in fault for fault in faults)
    assert any("layer" in fault for fault in faults)
    assert store.verify() == []
    assert not list((store.directory / "trees").glob("??/*"))


@pytest.mark.parametrize(
    ("text", "words"),
    [("2\n", "a newer maelstrom wrote it"), ("soup\n", "no maelstrom wrote it"), ("", "no mael")],
)
def test_a_store_of_another_version_is_refused_and_left_as_it_is(directory, put, text, words):
    with Store.open(directory) as store:
        put(store, b"data" * 100)
    (directory / "VERSION").write_text(text)
    before = sorted(str(path) for path in directory.rglob("*"))
    with pytest.raises(UsageError, match="version") as caught:
        Store.open(directory)
    assert words in caught.value.remedy
    assert "MAELSTROM_STORE" in caught.value.remedy
    assert sorted(str(path) for path in directory.rglob("*")) == before


def test_a_directory_that_is_no_store_is_refused_and_left_as_it_is(directory):
    directory.mkdir()
    (directory / "thesis.tex").write_text("years of work")
    with pytest.raises(UsageError, match="no store"):
        Store.open(directory)
    assert [path.name for path in directory.iterdir()] == ["thesis.tex"]


def test_a_file_where_the_store_should_be_is_refused(directory):
    directory.write_text("")
    with pytest.raises(HostError, match="cannot be used"):
        Store.open(directory)


def test_a_damaged_index_is_made_anew_and_nothing_is_lost(directory, put):
    with Store.open(directory) as store:
        layer, lease = put(store, b"data" * 100)
        lease.release()
    for path in directory.glob("index.sqlite*"):
        path.unlink()
    (directory / "index.sqlite").write_bytes(b"this is no database" * 100)
    with Store.open(directory) as store:
        assert store.index.layers() == {}
        assert store.tree(layer).is_dir()


def test_the_store_is_its_owners_alone(store, directory: Path):
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_bytes_of_a_peer_are_kept_only_if_they_are_those_of_the_digest(store: Store) -> None:
    digest = Digest.of(b"abcdef")
    with pytest.raises(Damaged):
        store.blobs.add_bytes(b"abcdeF", digest, 0o640, 5)
    assert not store.blobs.has(digest)
    store.blobs.add_bytes(b"abcdef", digest, 0o640, 5)
    found = store.blobs.path(digest).stat()
    assert (found.st_size, found.st_mode & 0o777, found.st_mtime_ns) == (6, 0o640, 5)


@pytest.mark.parametrize("parts", [(b"abc", b"def"), (b"", b"abcdef"), (b"abcdeF",), (b"abc",)])
def test_a_blob_that_comes_in_parts_is_there_whole_or_not_at_all(store: Store, parts) -> None:
    digest = Digest.of(b"abcdef")
    right = b"".join(parts) == b"abcdef"
    with store.blobs.arrival(digest, 0o600, 7) as arrival:
        for part in parts:
            arrival.add(part)
            assert not store.blobs.has(digest)
        if right:
            arrival.finish()
        else:
            with pytest.raises(Damaged):
                arrival.finish()
    assert store.blobs.has(digest) is right
    assert [path for path in (store.directory / "tmp").glob("*/*") if len(path.name) != 32] == []


def test_a_manifest_s_bytes_are_what_was_put_in(store: Store) -> None:
    data = encode_manifest([Entry(path=b"fifo", kind=EntryKind.FIFO)])
    with store.making() as lease:
        digest = store.add_manifest_bytes(data)
    lease.release()
    assert digest == Digest.of(data)
    assert store.manifest_bytes(digest) == data
    with pytest.raises(HostError, match="no layer"):
        store.manifest_bytes(Digest.of(b"other"))
