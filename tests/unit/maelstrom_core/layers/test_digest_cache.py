"""What was hashed once is not read again while it stays as it was, and is read when it does not."""

import os
from pathlib import Path

import pytest

from maelstrom_core.layers import collector
from maelstrom_core.model.layers import GlobLayer
from maelstrom_core.store.blobs import Blobs

EVERYTHING = GlobLayer(globs=("**",))


@pytest.fixture
def read(monkeypatch) -> list[str]:
    """Names of the files that are read, by the real thing."""
    names = []
    real = Blobs.add_file

    def noted(self, source, expected):
        names.append(os.fsdecode(os.path.basename(source)))
        return real(self, source, expected)

    monkeypatch.setattr(Blobs, "add_file", noted)
    return names


@pytest.fixture
def settled(monkeypatch, project, tree, read) -> Path:
    """The project, of which a layer was made when all its files had been as they are for long."""
    monkeypatch.setattr(collector, "_SETTLED_SECONDS", 0.0)
    tree(EVERYTHING)
    assert sorted(read) == ["a.py", "b.py", "c.txt", "d.py"]
    read.clear()
    return project


def test_what_stayed_as_it_was_is_not_read_again(settled, tree, read):
    assert (tree(EVERYTHING) / "a.py").read_text() == "a.py"
    assert read == []


def test_a_change_that_hides_its_time_and_size_is_seen(settled, tree, read):
    file = settled / "a.py"
    before = file.stat()
    file.write_text("A.PY")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (tree(EVERYTHING) / "a.py").read_text() == "A.PY"
    assert read == ["a.py"]


def test_another_file_in_its_place_is_seen(settled, tree, read):
    file, other = settled / "a.py", settled.parent / "other"
    before = file.stat()
    other.write_text("A.PY")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.rename(file)
    assert (tree(EVERYTHING) / "a.py").read_text() == "A.PY"
    assert read == ["a.py"]


def test_content_that_the_store_lost_is_read_again(settled, tree, store, read):
    store.evict(0)
    assert (tree(EVERYTHING) / "a.py").read_text() == "a.py"
    assert sorted(read) == ["a.py", "b.py", "c.txt", "d.py"]


def test_what_has_just_changed_is_not_trusted_to_stay(project, tree, read):
    tree(EVERYTHING)
    read.clear()
    tree(EVERYTHING)
    assert sorted(read) == ["a.py", "b.py", "c.txt", "d.py"]
