"""Each foreign thing has one door, and what runs inside containers takes nothing along."""

import ast
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Rules = dict[str, Any]
Sample = Callable[[str, str], Any]


def back_doors(source: Any, doors: dict[str, list[str]]) -> list[str]:
    return [
        f"{source.path}:{one.line}: imports {one.top}, whose door is {' or '.join(doors[one.top])}: "
        f"call that, give it the function that is missing, or move the door in [doors] of rules.toml"
        for one in source.imports
        if one.top in doors
        if not any(
            source.path == door or (door.endswith("/") and source.path.startswith(door))
            for door in doors[one.top]
        )
    ]


def test_foreign_things_come_in_through_their_door(shipped_file: Any, rules: Rules) -> None:
    found = back_doors(shipped_file, rules["doors"])
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("path", "text", "thing"),
    [
        ("maelstrom_core/container/child.py", "import ctypes.util", "ctypes"),
        ("maelstrom_core/container/slot.py", "def f():\n    import mmap", "mmap"),
        ("maelstrom_core/model/job.py", "from cbor2 import dumps", "cbor2"),
        ("maelstrom_core/settings/schema.py", "from cattrs.preconf.json import x", "cattrs"),
        ("maelstrom_core/store/blobs.py", "from blake3 import blake3", "blake3"),
        ("pytest_maelstrom/hookimpls.py", "import pluggy", "pluggy"),
        ("maelstrom_core/cluster/choose.py", "import tomllib", "tomllib"),
        ("maelstrom_core/testrun/shell.py", "import pytest", "pytest"),
        ("maelstrom_core/testrun/shell.py", "from _pytest.nodes import Item", "_pytest"),
        ("maelstrom_core/hooks/manager.py", "import trio", "trio"),
        ("maelstrom_core/hooks/manager.py", "importlib.import_module('trio')", "trio"),
    ],
)
def test_a_back_door_is_found(
    sample: Sample, rules: Rules, path: str, text: str, thing: str
) -> None:
    (found,) = back_doors(sample(path, text), rules["doors"])
    assert f"{path}:" in found
    assert f"imports {thing}, whose door is {rules['doors'][thing][0]}" in found


def shut(doors: dict[str, list[str]], sources: dict[str, Any]) -> list[str]:
    """Doors through which nothing comes."""
    used = {(one.top, source.path) for source in sources.values() for one in source.imports}
    return [
        f"rules.toml: nobody imports {thing} in {door} any more: take it out of [doors]"
        for thing, places in doors.items()
        for door in places
        if not any(top == thing and path.startswith(door) for top, path in used)
    ]


def test_every_door_is_used(rules: Rules, sources: Any) -> None:
    found = shut(rules["doors"], sources)
    assert not found, "\n".join(found)


def test_a_door_that_nobody_uses_is_found(sources: Any) -> None:
    (found,) = shut({"ctypes": ["maelstrom_core/cli.py"]}, sources)
    assert "nobody imports ctypes in maelstrom_core/cli.py" in found


# What is installed with us

INSTALLED_AS = {"attr": "attrs", "elftools": "pyelftools", "_pytest": "pytest", "zmq": "pyzmq"}
"""Where a package is not called as it is imported."""


def undeclared(source: Any, dependencies: set[str]) -> list[str]:
    ours = {"pytest_maelstrom", "__future__"}
    return [
        f"{source.path}:{one.line}: imports {one.top}, which nothing installs: name it in "
        f"[project] dependencies of pyproject.toml"
        for one in source.imports
        if one.top not in sys.stdlib_module_names | ours and not one.top.startswith("maelstrom_")
        if INSTALLED_AS.get(one.top, one.top) not in dependencies
    ]


@pytest.fixture(scope="module")
def dependencies(root: Path) -> set[str]:
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    # What an extra brings is imported late, by its door alone, which says what to install.
    extras = project["optional-dependencies"]
    brought = ("cluster", "images", "watch", "web")
    lines = [*project["dependencies"], *(line for one in brought for line in extras[one])]
    return {re.split(r"[^\w-]", line)[0] for line in lines}


def test_what_is_imported_is_a_declared_dependency(
    shipped_file: Any, dependencies: set[str]
) -> None:
    found = undeclared(shipped_file, dependencies)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("text", ["import requests", "from dask import x", "import elftools"])
def test_an_undeclared_dependency_is_found(sample: Sample, text: str) -> None:
    (found,) = undeclared(sample("maelstrom_core/new.py", text), {"attrs", "elftools"})
    assert "which nothing installs" in found


# What runs inside containers


def strange_inside(source: Any, rules: Rules) -> list[str]:
    return [
        f"{source.path}:{line}: {what}, but this file runs in any container that has pytest on "
        f"Python {'.'.join(map(str, rules['inside']['python']))}+: do without, or do it in the "
        f"controlling process and send the result"
        for line, what in _strange(source, rules["inside"])
    ]


def _strange(source: Any, inside: Rules) -> Iterator[tuple[int, str]]:
    try:
        tree = ast.parse(source.text, feature_version=tuple(inside["python"]))
    except SyntaxError as error:
        yield error.lineno or 0, error.msg
        return
    allowed = sys.stdlib_module_names - set(inside["newer"]) | {"__future__"}
    for one in source.imports:
        own = any(f"{one.whole}.".startswith(f"{name}.") for name in inside["packages"])
        if not own and one.top not in allowed:
            yield one.line, f"imports {one.whole}"
    late = any(one.whole == "__future__.annotations" for one in source.imports)
    for node in ast.walk(tree):
        for annotation in [] if late else _annotations(node):
            # ``int | None`` is an error there as soon as the function is made.
            if any(isinstance(part, ast.BitOr) for part in ast.walk(annotation)):
                yield annotation.lineno, f"has {ast.unparse(annotation)} as an annotation"


def _annotations(node: ast.AST) -> Iterator[ast.expr]:
    match node:
        case ast.FunctionDef(returns=found) | ast.AsyncFunctionDef(returns=found):
            pass
        case ast.arg(annotation=found) | ast.AnnAssign(annotation=found):
            pass
        case _:
            return
    if found is not None:
        yield found


def test_what_runs_inside_containers_needs_only_pytest_and_an_old_python(
    inside_file: Any, rules: Rules
) -> None:
    found = strange_inside(inside_file, rules)
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("import attrs", "imports attrs"),
        ("import pluggy", "imports pluggy"),
        ("from maelstrom_core.model.cases import Case", "imports maelstrom_core.model.cases.Case"),
        ("from pytest_maelstrom import session", "imports pytest_maelstrom.session"),
        ("import tomllib", "imports tomllib"),
        ("match 1:\n    case 1:\n        pass", "Pattern matching"),
        ("try:\n    pass\nexcept* OSError:\n    pass", "Exception groups"),
        ("def f(x: int | None): pass", "has int | None as an annotation"),
        ("async def f() -> list[int | None]: pass", "as an annotation"),
        ("x: int | None = None", "as an annotation"),
    ],
)
def test_what_would_not_run_inside_is_found(
    sample: Sample, rules: Rules, text: str, what: str
) -> None:
    found = strange_inside(sample("pytest_maelstrom/inside/new.py", text), rules)
    assert found
    assert what in found[0]


def test_what_runs_inside_may_look_new_where_it_is_not(sample: Sample, rules: Rules) -> None:
    text = (
        "from __future__ import annotations\nimport pytest\nfrom pytest_maelstrom.inside import wire"
        "\ndef f(x: int | None) -> list[int]:\n    return 1 | 2"
    )
    assert strange_inside(sample("pytest_maelstrom/inside/new.py", text), rules) == []
