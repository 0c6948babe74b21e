"""Layers: what goes in, what comes out, what is refused."""

import os
from pathlib import Path

import pytest

from maelstrom_core.errors import InputError
from maelstrom_core.layers import make_layers
from maelstrom_core.layers.patterns import compiled
from maelstrom_core.model.layers import (
    GlobLayer,
    PathsLayer,
    Prefix,
    StubsLayer,
    Symlink,
    SymlinksLayer,
)
from maelstrom_core.store import Store


def test_a_glob_takes_what_matches_and_not_what_is_excluded(names):
    spec = GlobLayer(globs=("**/*.py",), exclude=("skip",))
    assert names(spec) == {"a.py", "sub", "sub/b.py"}


def test_gitignore_is_obeyed_when_asked(project, names):
    (project / ".gitignore").write_text("*.txt\nskip/\n")
    found = names(GlobLayer(globs=("**",), gitignore=True))
    assert found == {".gitignore", "a.py", "sub", "sub/b.py"}


def test_files_keep_bytes_mode_and_time(project, tree):
    source = project / "a.py"
    source.chmod(0o750)
    os.utime(source, ns=(1, 1_234_567_890_123_456_789))
    copy = tree(PathsLayer(paths=("a.py",))) / "a.py"
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


def test_a_store_in_the_project_is_no_part_of_a_layer(project: Path) -> None:
    # Else each run would pack what the last one has made of the project.
    with Store.open(project / "caches/store") as store:
        for links in (False, True):
            for _ in range(2):
                spec = GlobLayer(globs=("**",), prefix=Prefix(follow_symlinks=links))
                made = make_layers([spec], project_directory=project, store=store)
                with made.lease:
                    (tree,) = store.lower_directories(made.digests)
                assert (tree / "a.py").exists()
                assert list((tree / "caches").iterdir()) == []


def test_of_equal_layers_the_uppermost_is_the_layer(project: Path, store: Store) -> None:
    """An overlay refuses a directory that it has already."""
    one, other = StubsLayer(stubs=("/one/",)), StubsLayer(stubs=("/other/",))
    twice = make_layers([one, other, one], project_directory=project, store=store)
    once = make_layers([other, one], project_directory=project, store=store)
    assert twice.digests == once.digests
    twice.lease.release()
    once.lease.release()


def test_stubs_and_links_need_not_exist(names, tree):
    assert names(StubsLayer(stubs=("/{x,y}/", "/z/f"))) == {
        "x",
        "y",
        "z",
        "z/f",
    }
    made = tree(SymlinksLayer(symlinks=(Symlink("/l", "to/nowhere"),)))
    assert os.readlink(made / "l") == "to/nowhere"


def test_names_that_are_not_utf_8_survive(project, tree):
    odd = os.fsencode(project) + b"/\xff\xfe"
    with open(odd, "wb") as file:
        file.write(b"x")
    made = tree(GlobLayer(globs=("**",)))
    assert os.path.exists(os.fsencode(made) + b"/\xff\xfe")


def test_all_missing_paths_are_told_together(project: Path, store: Store) -> None:
    specs = [PathsLayer(paths=("gone", "a.py")), PathsLayer(paths=("gone too",))]
    with pytest.raises(InputError) as bad:
        make_layers(specs, project_directory=project, store=store)
    assert [fault.partition(":")[0] for fault in bad.value.faults] == [
        "layers[0].paths[0]",
        "layers[1].paths[0]",
    ]


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


def test_one_file_under_two_names_is_there_twice(project, tree):
    (project / "again.py").symlink_to("a.py")
    spec = PathsLayer(paths=("a.py", "again.py"), prefix=Prefix(follow_symlinks=True))
    made = tree(spec)
    assert [(made / name).read_text() for name in ("a.py", "again.py")] == ["a.py"] * 2
