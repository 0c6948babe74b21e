"""Layers: what goes in, what comes out, what is refused."""

import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from maelstrom_core.errors import InputError, UsageError
from maelstrom_core.layers import make_layers
from maelstrom_core.layers.patterns import compiled
from maelstrom_core.model.layers import (
    GlobLayer,
    LayerSpec,
    PathsLayer,
    StubsLayer,
    Symlink,
    SymlinksLayer,
    TarLayer,
)
from maelstrom_core.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "store") as opened:
        yield opened


@pytest.fixture
def project(tmp_path: Path) -> Path:
    directory = tmp_path / "project"
    for name in ("a.py", "sub/b.py", "sub/c.txt", "skip/d.py"):
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return directory


def tree(spec: LayerSpec, project: Path, store: Store) -> Path:
    made = make_layers([spec], project_directory=project, store=store)
    with made.lease:
        (directory,) = store.lower_directories(made.digests)
    return directory


def names(directory: Path) -> set[str]:
    return {str(path.relative_to(directory)) for path in directory.rglob("*")}


def test_a_glob_takes_what_matches_and_not_what_is_excluded(project: Path, store: Store) -> None:
    spec = GlobLayer(globs=("**/*.py",), exclude=("skip",))
    assert names(tree(spec, project, store)) == {"a.py", "sub", "sub/b.py"}


def test_gitignore_is_obeyed_when_asked(project: Path, store: Store) -> None:
    (project / ".gitignore").write_text("*.txt\nskip/\n")
    found = names(tree(GlobLayer(globs=("**",), gitignore=True), project, store))
    assert found == {".gitignore", "a.py", "sub", "sub/b.py"}


def test_files_keep_bytes_mode_and_time(project: Path, store: Store) -> None:
    source = project / "a.py"
    source.chmod(0o750)
    os.utime(source, ns=(1, 1_234_567_890_123_456_789))
    copy = tree(PathsLayer(paths=("a.py",)), project, store) / "a.py"
    assert copy.read_text() == "a.py"
    assert (copy.stat().st_mode & 0o7777, copy.stat().st_mtime_ns) == (
        0o750,
        1_234_567_890_123_456_789,
    )


def test_the_same_inputs_are_the_same_layer(project: Path, store: Store) -> None:
    spec = GlobLayer(globs=("**",))
    first = make_layers([spec], project_directory=project, store=store)
    second = make_layers([spec], project_directory=project, store=store)
    assert first.digests == second.digests
    first.lease.release()
    second.lease.release()


def test_stubs_and_links_need_not_exist(project: Path, store: Store) -> None:
    assert names(tree(StubsLayer(stubs=("/{x,y}/", "/z/f")), project, store)) == {
        "x",
        "y",
        "z",
        "z/f",
    }
    made = tree(SymlinksLayer(symlinks=(Symlink("/l", "to/nowhere"),)), project, store)
    assert os.readlink(made / "l") == "to/nowhere"


def test_names_that_are_not_utf_8_survive(project: Path, store: Store) -> None:
    odd = os.fsencode(project) + b"/\xff\xfe"
    with open(odd, "wb") as file:
        file.write(b"x")
    made = tree(GlobLayer(globs=("**",)), project, store)
    assert os.path.exists(os.fsencode(made) + b"/\xff\xfe")


def test_all_missing_paths_are_told_together(project: Path, store: Store) -> None:
    specs = [PathsLayer(paths=("gone", "a.py")), PathsLayer(paths=("gone too",))]
    with pytest.raises(InputError) as bad:
        make_layers(specs, project_directory=project, store=store)
    assert [fault.partition(":")[0] for fault in bad.value.faults] == [
        "layers[0].paths[0]",
        "layers[1].paths[0]",
    ]


def hostile(member: tarfile.TarInfo, data: bytes = b"") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        member.size = len(data)
        tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


@pytest.mark.parametrize(
    "info",
    [
        member("/etc/passwd"),
        member("../escape"),
        member("a/../../escape"),
        member("device", tarfile.CHRTYPE),
        member("link", tarfile.LNKTYPE, "../outside"),
        member("link", tarfile.LNKTYPE, "not there"),
    ],
    ids=lambda info: f"{info.name}-{info.linkname}",
)
def test_hostile_archives_are_refused_and_leave_nothing(
    info: tarfile.TarInfo, project: Path, store: Store
) -> None:
    (project / "bad.tar").write_bytes(hostile(info))
    with pytest.raises(InputError):
        tree(TarLayer(tar="bad.tar"), project, store)
    assert not list((store.directory / "trees").glob("*/*"))
    assert not list((store.directory / "manifests").glob("*/*"))


def test_an_entry_below_a_link_is_refused(project: Path, store: Store) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.addfile(member("out", tarfile.SYMTYPE, "/etc"))
        tar.addfile(member("out/passwd"), io.BytesIO())
    (project / "bad.tar").write_bytes(buffer.getvalue())
    with pytest.raises(InputError, match="no directory"):
        tree(TarLayer(tar="bad.tar"), project, store)


def test_a_truncated_archive_is_refused(project: Path, store: Store) -> None:
    (project / "bad.tar").write_bytes(hostile(member("x"), b"y" * 5000)[:2000])
    with pytest.raises(InputError):
        tree(TarLayer(tar="bad.tar"), project, store)


def test_a_newer_store_is_left_alone(tmp_path: Path) -> None:
    Store.open(tmp_path / "s").close()
    (tmp_path / "s" / "VERSION").write_text("99\n")
    with pytest.raises(UsageError, match="upgrade"):
        Store.open(tmp_path / "s")


def test_what_is_leased_is_never_evicted(project: Path, store: Store) -> None:
    made = make_layers([GlobLayer(globs=("**",))], project_directory=project, store=store)
    assert store.evict(0) == 0
    made.lease.release()
    assert store.evict(0) == 1
    assert not list((store.directory / "blobs").glob("*/*"))


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("**/*.py", "a.py", True),
        ("**/*.py", "x/y/a.py", True),
        ("*.py", "x/a.py", False),
        ("**", "x/y", True),
        ("a[!b]c", "adc", True),
        ("{a,b}/?", "b/x", True),
        (r"\*", "x", False),
    ],
)
def test_patterns_match_as_documented(pattern: str, path: str, matches: bool) -> None:
    assert bool(compiled((pattern,)).fullmatch(path)) is matches
