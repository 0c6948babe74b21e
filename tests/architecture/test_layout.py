"""The tree is what ARCHITECTURE.md promises: what stands at the top, on the shelves, in each room."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

Rules = dict[str, Any]


def misplaced(tracked: Iterable[str], rules: Rules) -> list[str]:
    there, promised = {name.partition("/")[0] for name in tracked}, set(rules["layout"]["top"])
    return [
        *(
            f"{name} stands at the top of the tree: put it where it belongs (docs, tests, bench, "
            f"examples), or promise it in [layout] of rules.toml"
            for name in sorted(there - promised)
        ),
        *(
            f"{name} is promised by [layout] of rules.toml and not there"
            for name in sorted(promised - there)
        ),
    ]


def test_the_top_of_the_tree_is_as_promised(tracked_files: tuple[str, ...], rules: Rules) -> None:
    found = misplaced(tracked_files, rules)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("stray", ["setup.py", "notes.txt", "src/x.py", "maelstrom_broker/cli.py"])
def test_what_strays_at_the_top_is_found(
    tracked_files: tuple[str, ...], rules: Rules, stray: str
) -> None:
    (found,) = misplaced((*tracked_files, stray), rules)
    assert found.startswith(f"{stray.partition('/')[0]} stands at the top")


def test_what_is_missing_at_the_top_is_found(tracked_files: tuple[str, ...], rules: Rules) -> None:
    without = [name for name in tracked_files if not name.startswith("docs/")]
    assert misplaced(without, rules) == ["docs is promised by [layout] of rules.toml and not there"]


def importable_shelves(tracked: Iterable[str], rules: Rules) -> list[str]:
    """Shelves are no packages: ``import runners`` must name nothing of ours."""
    shelves = rules["layout"]["shelves"]
    found = []
    for name in tracked:
        shelf, *rest = Path(name).parts
        if shelf in shelves and len(rest) == 1 and name.endswith((".py", ".pyi", "py.typed")):
            found.append(f"{name}: {shelf} is a shelf, no package: put it into a package on it")
        elif shelf in shelves and len(rest) > 1 and not rest[0].startswith("maelstrom_"):
            found.append(
                f"{name}: packages on {shelf} are called maelstrom_…, or are not installed"
            )
        elif shelf in rules["layout"]["packages"] and set(shelves) & set(rest[:-1]):
            found.append(f"{name}: is in a package called as a shelf is: name it otherwise")
    return found


def test_shelves_are_no_packages(tracked_files: tuple[str, ...], rules: Rules) -> None:
    found = importable_shelves(tracked_files, rules)
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "path",
    [
        "runners/__init__.py",
        "daemons/cli.py",
        "daemons/broker/state.py",
        "maelstrom_core/runners/__init__.py",
    ],
)
def test_an_importable_shelf_is_found(rules: Rules, path: str) -> None:
    (found,) = importable_shelves([path], rules)
    assert found.startswith(path)


def test_packages_on_shelves_are_allowed(rules: Rules) -> None:
    paths = ["runners/README.md", "runners/maelstrom_go/cli.py", "tests/runners/pytest/test_x.py"]
    assert importable_shelves(paths, rules) == []


def untyped(tracked: Iterable[str], rules: Rules) -> list[str]:
    names, shelves = set(tracked), rules["layout"]["shelves"]
    on_shelves = {
        "/".join(Path(name).parts[:2])
        for name in names
        if Path(name).parts[0] in shelves and len(Path(name).parts) > 2
    }
    return [
        f"{package}/py.typed is missing, and types are part of what is promised: add it, empty"
        for package in sorted({*rules["layout"]["packages"], *on_shelves})
        if f"{package}/py.typed" not in names
    ]


def test_every_package_says_that_it_is_typed(tracked_files: tuple[str, ...], rules: Rules) -> None:
    found = untyped(tracked_files, rules)
    assert not found, "\n".join(found)


def test_a_package_without_its_types_is_found(tracked_files: tuple[str, ...], rules: Rules) -> None:
    names = [name for name in tracked_files if name != "maelstrom_core/py.typed"]
    (one, other) = untyped([*names, "runners/maelstrom_typeless/cli.py"], rules)
    assert one.startswith("maelstrom_core/py.typed is missing")
    assert other.startswith("runners/maelstrom_typeless/py.typed is missing")


def unmapped(rooms: Iterable[str], architecture: str) -> list[str]:
    """Rooms of which the map says nothing."""
    found = []
    for room in rooms:
        package = room.replace("pytest_maelstrom.", "")
        names = {f"`{room}`", f"`{package}/`", f"`maelstrom_core/{room}`"}
        if not any(name in architecture for name in {*names, f"`maelstrom_core/{room}.py`"}):
            found.append(f"ARCHITECTURE.md says nothing of {room}: give it a line in the table")
    return found


def test_the_map_shows_every_room(root: Path, rules: Rules) -> None:
    found = unmapped(rules["rooms"], (root / "ARCHITECTURE.md").read_text())
    assert not found, "\n".join(found)


def test_a_room_that_is_not_on_the_map_is_found(root: Path) -> None:
    (found,) = unmapped(["model", "attic"], (root / "ARCHITECTURE.md").read_text())
    assert "says nothing of attic" in found


def test_the_table_of_rooms_has_no_room_that_is_gone(rules: Rules, sources: dict[str, Any]) -> None:
    gone = [
        room
        for room in rules["rooms"]
        if room not in sources and f"maelstrom_core.{room}" not in sources
    ]
    assert gone == [], "take it out of [rooms] in rules.toml"


Sample = Callable[[str, str], Any]


@pytest.mark.parametrize(
    ("path", "module"),
    [
        ("maelstrom_core/story.py", "maelstrom_core.story"),
        ("maelstrom_core/store/__init__.py", "maelstrom_core.store"),
        ("runners/maelstrom_go/cli.py", "maelstrom_go.cli"),
    ],
)
def test_modules_are_known_by_the_name_they_are_imported_by(
    sample: Sample, path: str, module: str
) -> None:
    assert sample(path, "").module == module
