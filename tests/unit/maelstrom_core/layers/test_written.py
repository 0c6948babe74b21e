"""Layers written down: archives that say the same as the layer, directories that people can look at."""

import io
import json
import os
import stat
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from maelstrom_core.errors import InputError, UsageError
from maelstrom_core.layers import tars
from maelstrom_core.layers.collector import Collector
from maelstrom_core.layers.written import write_layer
from maelstrom_core.model.manifest import Entry, EntryKind
from maelstrom_core.store import Store

LONG = b"d/" + b"n" * 200
BYTES = b"d/\xff\n\x1b[2J"


def entries(store: Store) -> tuple[Entry, ...]:
    """A bit of everything, as a manifest has it."""
    data = b"x" * 100_000
    digest, size = store.blobs.add_stream(io.BytesIO(data), 0o640, 5)
    time = 1_700_000_000_500_000_000  # as a float it is exact
    made = [
        Entry(path=b"a", kind=EntryKind.HARDLINK, target=b"d/large"),
        Entry(path=b"d", kind=EntryKind.DIRECTORY, mode=0o500, mtime_ns=time),
        Entry(path=BYTES, kind=EntryKind.FILE, data=b"small", size=5, mode=0o4711, mtime_ns=time),
        Entry(path=LONG, kind=EntryKind.FILE, data=b"", size=0, mode=0, mtime_ns=0),
        Entry(path=b"d/large", kind=EntryKind.FILE, digest=digest, size=size, mtime_ns=time),
        Entry(path=b"d/link", kind=EntryKind.SYMLINK, mode=0o777, target=b"/etc/\xfe" + b"t" * 200),
        Entry(path=b"d/pipe", kind=EntryKind.FIFO, mode=0o600, mtime_ns=1_500_000_000),
        Entry(path=b"gone", kind=EntryKind.WHITEOUT),
        Entry(path=b"o", kind=EntryKind.DIRECTORY, mode=0o1777, opaque=True),
        Entry(path=b"o/gone too", kind=EntryKind.WHITEOUT),
    ]
    return store.manifest(store.add_manifest(made))


def write(store: Store, path: Path, form: str, made: Sequence[Entry] | None = None) -> list[str]:
    with store.making() as lease, lease:
        used = entries(store) if made is None else made
        return list(write_layer(used, path, form, store=store, cancelled=lambda: False))


def read(store: Store, path: Path) -> list[Entry]:
    collector = Collector(store, b"/", "", lambda: False)
    with store.making() as lease, lease:
        tars.collect(collector, os.fsencode(path), what="it")
        assert collector.faults == []
        return sorted(collector.finish(), key=lambda entry: entry.path)


def without_places(made: Sequence[Entry]) -> list[tuple[object, ...]]:
    """Entries, whether small contents are within them or apart."""
    return [
        (one.path, one.kind, one.mode, one.mtime_ns, one.size, one.target, one.opaque)
        for one in made
    ]


def test_an_archive_read_again_is_the_same_layer(store: Store, tmp_path: Path) -> None:
    assert write(store, tmp_path / "it.tar", "tar") == []

    made = entries(store)
    again = read(store, tmp_path / "it.tar")
    # Of links and of what hides, neither has a mode or a time of its own.
    plain = (EntryKind.HARDLINK, EntryKind.WHITEOUT)
    assert without_places([one for one in again if one.kind not in plain]) == without_places(
        [one for one in made if one.kind not in plain]
    )
    assert [(one.path, one.kind, one.target) for one in again if one.kind in plain] == [
        (one.path, one.kind, one.target) for one in made if one.kind in plain
    ]
    digests = {one.path: one.digest for one in made if one.digest}
    assert digests.items() <= {one.path: one.digest for one in again}.items()


def test_times_are_exact(store: Store, tmp_path: Path) -> None:
    times = {b"a": 1_700_000_000_123_456_789, b"b": -1_000_000_001, b"c": 7_000_000_000}
    made = [
        Entry(path=path, kind=EntryKind.DIRECTORY, mtime_ns=time) for path, time in times.items()
    ]

    write(store, tmp_path / "it.tar", "tar", made)

    with tarfile.open(tmp_path / "it.tar") as tar:
        found = [member.pax_headers.get("mtime") or member.mtime for member in tar]
    assert found == ["1700000000.123456789", "-1.000000001", 7]


def test_other_tools_read_the_archive(store: Store, tmp_path: Path) -> None:
    write(store, tmp_path / "it.tar", "tar")
    (tmp_path / "out").mkdir()
    unpack = ["tar", "--extract", "--file=it.tar", "--directory=out", "--no-same-owner"]
    subprocess.run(unpack, cwd=tmp_path, check=True)

    out = os.fsencode(tmp_path / "out")
    assert (tmp_path / "out/a").samefile(tmp_path / "out/d/large")
    assert os.path.getsize(out + b"/a") == 100_000
    with open(out + b"/" + BYTES, "rb") as file:
        assert file.read() == b"small"
    assert os.path.lexists(out + b"/.wh.gone")
    assert os.path.lexists(out + b"/o/.wh..wh..opq")
    (tmp_path / "out/d").chmod(0o700)


@pytest.mark.parametrize("name", [b".wh.a", b".wh..wh..opq", b".wh.", b".wh.d/below"])
def test_no_name_of_a_job_s_hides_anything_in_an_archive(
    name: bytes, store: Store, tmp_path: Path
) -> None:
    made = [
        *[Entry(path=b".wh.d", kind=EntryKind.DIRECTORY)] * (b"/" in name),
        Entry(path=name, kind=EntryKind.FILE, data=b"", size=0),
        Entry(path=b"also", kind=EntryKind.HARDLINK, target=name),
        Entry(path=b"rest", kind=EntryKind.FILE, data=b"", size=0),
    ]

    told = write(store, tmp_path / "it.tar", "tar", made)

    with tarfile.open(tmp_path / "it.tar") as tar:
        assert tar.getnames() == ["rest"]
    why = ": in a layer's archive its name would hide another one"
    assert told[-2:] == [f"/{name.decode()}{why}", f"/also{why}"]
    assert write(store, tmp_path / "it", "directory", made) == []


def test_a_directory_has_what_was_written_and_a_list_of_the_rest(
    store: Store, tmp_path: Path
) -> None:
    told = write(store, tmp_path / "it", "directory")

    assert told == ["/d/pipe: a named pipe"]
    root = os.fsencode(tmp_path / "it/root")
    assert json.loads((tmp_path / "it/changes.json").read_text()) == {
        "removed": ["/gone", "/o/gone too"],
        "emptied": ["/o"],
        "left_out": {"/d/pipe": "a named pipe"},
    }
    found = {path: os.lstat(root + b"/" + path) for path in (b"d", BYTES, LONG, b"a", b"o")}
    modes = {path: stat.S_IMODE(one.st_mode) for path, one in found.items()}
    # Never set-user-id, and whoever has it may look at all of it and remove it.
    assert modes == {b"d": 0o700, BYTES: 0o711, LONG: 0o600, b"a": 0o644, b"o": 0o777}
    assert found[b"a"].st_nlink == 2
    assert found[BYTES].st_mtime_ns == found[b"d"].st_mtime_ns == 1_700_000_000_500_000_000
    # What it holds is its own, not the store's.
    assert found[b"a"].st_ino not in {one.stat().st_ino for one in store.directory.rglob("*")}
    assert os.readlink(root + b"/d/link") == b"/etc/\xfe" + b"t" * 200


def test_nothing_is_written_over_what_is_there_or_left_beside(store: Store, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there/file").touch()
    (tmp_path / "empty").mkdir()
    (tmp_path / "it.tar").write_text("of before")

    with pytest.raises(UsageError, match="there cannot be written: Directory not empty"):
        write(store, tmp_path / "there", "directory")
    with pytest.raises(UsageError, match="there cannot be written: Is a directory"):
        write(store, tmp_path / "there", "tar")
    with pytest.raises(UsageError, match="nowhere/it cannot be written: No such file"):
        write(store, tmp_path / "nowhere/it", "directory")
    lost = [one for one in entries(store) if one.digest]
    for blob in (store.directory / "blobs").glob("??/*"):
        blob.unlink()
    for form in ("tar", "directory"):
        with pytest.raises(UsageError, match="cannot be written: No such file"):
            write(store, tmp_path / "it.tar", form, lost)
    with pytest.raises(InputError, match="cancelled"):
        write_layer(lost, tmp_path / "it.tar", "tar", store=store, cancelled=lambda: True)

    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"store", "there", "empty", "it.tar"}
    assert (tmp_path / "it.tar").read_text() == "of before"
    write(store, tmp_path / "empty", "directory", [])
    assert (tmp_path / "empty/root").is_dir()


def test_a_written_archive_may_be_read_by_whoever_may_read_other_files(
    store: Store, tmp_path: Path
) -> None:
    before = os.umask(0o027)
    try:
        write(store, tmp_path / "it.tar", "tar", [])
        write(store, tmp_path / "it", "directory", [])
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "it.tar").stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "it").stat().st_mode) == 0o750
