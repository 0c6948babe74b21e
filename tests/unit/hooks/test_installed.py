"""Entry points are found as importlib.metadata finds them, without it."""

import subprocess
import sys
from importlib.metadata import EntryPoints, MetadataPathFinder, entry_points
from pathlib import Path

import pytest

from maelstrom_core.hooks.installed import Entry, entries, entries_below

POINTS = """
# a comment
[console_scripts]
other = other:main

[ maelstrom ]
no = no

[maelstrom]
one = package.one
two=package:two.three [extra]

[later]
four = four
"""


def as_found_by_python(path: list[str]) -> list[Entry]:
    seen: set[str] = set()
    found = []
    for distribution in MetadataPathFinder.find_distributions(_context(path)):
        name = distribution._normalized_name  # type: ignore[attr-defined]
        if name not in seen:
            seen.add(name)
            points: EntryPoints = distribution.entry_points
            found += [Entry(one.name, one.value) for one in points.select(group="maelstrom")]
    return found


def _context(path: list[str]) -> "MetadataPathFinder.Context":  # type: ignore[name-defined]
    from importlib.metadata import DistributionFinder

    return DistributionFinder.Context(path=path)


@pytest.mark.parametrize("suffix", [".dist-info", ".egg-info"])
def test_what_is_installed_is_found_once(tmp_path: Path, suffix: str) -> None:
    places = [tmp_path / "first", tmp_path / "second", tmp_path / "missing"]
    for place, name in ((places[0], "My.Plugin-2.0"), (places[1], "my_plugin-1.0")):
        (place / f"{name}{suffix}").mkdir(parents=True)
        (place / f"{name}{suffix}" / "entry_points.txt").write_text(POINTS)
    (places[0] / f"nothing-1.0{suffix}").mkdir()
    path = [str(place) for place in places]

    found = entries_below(path, "maelstrom")

    assert found == [Entry("one", "package.one"), Entry("two", "package:two.three [extra]")]
    assert found == as_found_by_python(path)


def test_the_same_is_found_here_as_python_finds() -> None:
    installed = [Entry(one.name, one.value) for one in entry_points(group="maelstrom")]

    assert installed
    assert entries("maelstrom") == entries_below(sys.path, "maelstrom") == installed


def test_an_archive_on_the_path_is_left_to_python(tmp_path: Path) -> None:
    archive = tmp_path / "archive.zip"
    archive.write_bytes(b"")

    assert entries_below([str(archive)], "maelstrom") is None
    assert entries_below([str(tmp_path / "some.egg")], "maelstrom") is None


def test_an_entry_is_loaded() -> None:
    assert Entry("path", "os.path").load() is sys.modules["os.path"]
    assert Entry("join", "os : path.join [extra]").load() is sys.modules["os.path"].join


def test_the_standard_librarys_reader_is_not_loaded_for_it() -> None:
    program = (
        "import sys; from maelstrom_core.hooks.manager import Plugins; "
        "Plugins(block=['pytest']); print('importlib.metadata' in sys.modules)"
    )

    assert subprocess.check_output([sys.executable, "-c", program], timeout=60) == b"False\n"
