"""Who may import whom. The table is in rules.toml; what each room is for, in ARCHITECTURE.md."""

import os
import subprocess
import sys
from collections.abc import Callable
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
Rules = dict[str, Any]
Sample = Callable[[str, str], Any]


def room_of(module: str, rooms: dict[str, list[str]]) -> str | None:
    """The room that a module is in; none for what is not ours, and for maelstrom_core itself."""
    if module.startswith("maelstrom_core."):
        return module.split(".")[1]
    inner = [room for room in rooms if f"{module}.".startswith(f"{room}.")]
    return max(inner, key=len, default=None)


def imported_rooms(source: Any, rooms: dict[str, list[str]]) -> dict[str, int]:
    """Other rooms that a file imports from, each with the line."""
    # ``from maelstrom_core import engine`` names the room after the import.
    found = {room_of(seen.whole, rooms): seen.line for seen in reversed(source.imports)}
    own = room_of(source.module, rooms)
    return {room: line for room, line in found.items() if room is not None and room != own}


def intrusions(source: Any, rooms: dict[str, list[str]]) -> list[str]:
    own = room_of(source.module, rooms)
    if own is not None and own not in rooms:
        return [f"{source.path}: the room {own} is not in rules.toml: add a line to [rooms]"]
    allowed = rooms[own] if own else []
    return [
        f"{source.path}:{line}: {own} may not import {room}: move what both need to where both may "
        f"look (model?), pass it in as an argument, or add {room} to the line of {own} in [rooms] "
        f"of rules.toml and say why in the commit"
        for room, line in imported_rooms(source, rooms).items()
        if room not in allowed
    ]


def test_a_file_imports_only_from_rooms_below_its_own(shipped_file: Any, rules: Rules) -> None:
    found = intrusions(shipped_file, rules["rooms"])
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("path", "text", "intruded"),
    [
        ("maelstrom_core/model/new.py", "import maelstrom_core.engine.state", "model engine"),
        ("maelstrom_core/story.py", "from maelstrom_core import errors", "story errors"),
        ("maelstrom_core/store/new.py", "from maelstrom_core.layers import make", "store layers"),
        ("maelstrom_core/store/new.py", "from ..layers.make import x", "store layers"),
        ("maelstrom_core/store/__init__.py", "from ..layers import x", "store layers"),
        (
            "maelstrom_core/engine/new.py",
            "def f():\n    import pytest_maelstrom",
            "engine pytest_m",
        ),
        ("maelstrom_core/hooks/new.py", "import_module('maelstrom_core.cli')", "hooks cli"),
        (
            "maelstrom_core/hooks/new.py",
            "importlib.import_module('maelstrom_core.cli')",
            "hooks cli",
        ),
        ("pytest_maelstrom/new.py", "from maelstrom_core.engine import shell", "pytest_m… engine"),
        ("pytest_maelstrom/new.py", "from pytest_maelstrom import inside", "pytest_m… inside"),
        ("pytest_maelstrom/inside/new.py", "import pytest_maelstrom", "inside pytest_m"),
        ("maelstrom_core/__init__.py", "from maelstrom_core.model import job", "None model"),
    ],
)
def test_an_import_from_a_room_above_is_found(
    sample: Sample, rules: Rules, path: str, text: str, intruded: str
) -> None:
    (found,) = intrusions(sample(path, text), rules["rooms"])
    own, other = (name.replace("pytest_m…", "pytest_maelstrom") for name in intruded.split())
    assert f"{own} may not import " in found
    assert other in found.partition("may not import ")[2].partition(":")[0]


def test_imports_within_a_room_and_from_below_are_allowed(sample: Sample, rules: Rules) -> None:
    text = "from . import blobs\nfrom maelstrom_core.model.digest import Digest\nimport os"
    assert intrusions(sample("maelstrom_core/store/new.py", text), rules["rooms"]) == []


def test_a_room_that_is_not_in_the_table_is_found(sample: Sample, rules: Rules) -> None:
    (found,) = intrusions(sample("maelstrom_core/attic/codec.py", ""), rules["rooms"])
    assert "the room attic is not in rules.toml" in found


def unused(rooms: dict[str, list[str]], sources: dict[str, Any]) -> list[str]:
    used: dict[str | None, set[str]] = {}
    for source in sources.values():
        seen = imported_rooms(source, rooms)
        used.setdefault(room_of(source.module, rooms), set()).update(seen)
    return [
        f"rules.toml: {room} imports nothing from {other} any more: take it out of [rooms]"
        for room, others in rooms.items()
        for other in others
        if other not in used.get(room, set())
    ]


def test_the_table_allows_nothing_that_nobody_does(rules: Rules, sources: Any) -> None:
    found = unused(rules["rooms"], sources)
    assert not found, "\n".join(found)


def test_a_line_of_the_table_that_nobody_needs_is_found(rules: Rules, sources: Any) -> None:
    rooms = {**rules["rooms"], "story": ["errors"]}
    (found,) = unused(rooms, sources)
    assert "story imports nothing from errors" in found


def test_rooms_import_one_another_in_no_circle(rules: Rules) -> None:
    order = list(TopologicalSorter(rules["rooms"]).static_order())
    assert set(order) == set(rules["rooms"]), "a room in [rooms] of rules.toml has no line there"


# What slot processes load


def foreign_in_slots(start: str, room: str, sources: dict[str, Any]) -> list[str]:
    """Imports, on any way from ``start``, of what a slot process cannot or must not load."""
    found, waiting, seen = [], [start], set()
    while waiting:
        module = waiting.pop()
        if module in seen or module not in sources:
            continue
        seen.add(module)
        # Python loads every package on the way first.
        waiting += [module.rpartition(".")[0]]
        for one in sources[module].imports:
            where = f"{sources[module].path}:{one.line}: "
            if one.top not in sys.stdlib_module_names and not one.module.startswith(room):
                found.append(
                    f"{where}imports {one.whole}, and slot processes load this file: they have no "
                    f"site-packages and stay small; use the standard library and {room} alone, or "
                    f"move what needs more to the engine's side (container/runtime.py)"
                )
            else:
                waiting += [one.module, one.whole]
    return found


def test_slot_processes_load_only_their_room_and_the_standard_library(
    rules: Rules, sources: Any
) -> None:
    found = foreign_in_slots(rules["slots"]["main"], rules["slots"]["room"], sources)
    assert not found, "\n".join(found)


def test_slot_processes_load_nothing_that_makes_their_start_slow(rules: Rules) -> None:
    """There are several of them, and the first result of a run waits for them."""
    slow = ("dataclasses", "inspect", "importlib.metadata", "trio", "attr")
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); __import__(sys.argv[2]); print(*sys.modules)"
    )
    command = [sys.executable, "-I", "-S", "-c", script, str(ROOT), rules["slots"]["main"]]

    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()

    assert not set(slow) & set(loaded)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("maelstrom_core/container/slot.py", "import attrs"),
        ("maelstrom_core/container/slot.py", "from maelstrom_core.errors import HostError"),
        ("maelstrom_core/container/script.py", "def late():\n    import attrs"),
        ("maelstrom_core/container/__init__.py", "import trio"),
        ("maelstrom_core/__init__.py", "from maelstrom_core.model import job"),
    ],
)
def test_what_a_slot_process_would_load_on_its_way_is_found(
    sample: Sample, rules: Rules, sources: dict[str, Any], path: str, text: str
) -> None:
    bad = sample(path, text)
    found = foreign_in_slots(
        rules["slots"]["main"], rules["slots"]["room"], {**sources, bad.module: bad}
    )
    assert len(found) == 1
    assert found[0].startswith(f"{path}:")


def test_a_slot_process_in_fact_loads_nothing_else(root: Path) -> None:
    script = (
        f"import sys; sys.path.insert(0, {str(root)!r}); before = set(sys.modules)\n"
        "import maelstrom_core.container.slot\n"
        "print(*(set(sys.modules) - before))"
    )
    command = [sys.executable, "-I", "-S", "-c", script]
    listed = subprocess.run(
        command, capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    loaded = {name for name in listed.stdout.split() if name.partition(".")[0] == "maelstrom_core"}
    foreign = {name.partition(".")[0] for name in set(listed.stdout.split()) - loaded}

    assert "maelstrom_core.container.slot" in loaded
    assert {name for name in loaded if not name.startswith("maelstrom_core.container")} == {
        "maelstrom_core"
    }
    assert foreign - sys.stdlib_module_names == set()
