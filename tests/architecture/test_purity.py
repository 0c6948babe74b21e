"""Pure files reach no file, clock, randomness, process, socket or environment of their own accord.

Their names say so (``state.py``, ``*_plan.py``, …), their room does (``model/``), or the first
words of their docstring. What they may use is listed in rules.toml; anything else is refused, so
that a module that nobody thought of is refused too.
"""

import ast
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from typing import Any

import pytest

Rules = dict[str, Any]
Sample = Callable[[str, str], Any]
MEND = (
    "{path}:{line}: {what}, and this file is pure: let the shell do it and pass in the result "
    "(now=, rng=, facts), or, if it is pure after all, name it under [pure] in rules.toml"
)


def impurities(source: Any, rules: Rules, sources: dict[str, Any]) -> list[str]:
    pure = rules["pure"]
    parts = {module: f"{module}." for module in pure["parts"]}
    seen = [*_imported(source, pure, parts, sources), *_called(source, pure, parts)]
    return [MEND.format(path=source.path, line=line, what=what) for line, what in seen]


def _imported(
    source: Any, pure: Rules, parts: dict[str, str], sources: dict[str, Any]
) -> Iterator[tuple[int, str]]:
    for one in source.imports:
        if one.top.startswith("maelstrom_") or one.top == "pytest_maelstrom":
            there = sources.get(one.whole) or sources.get(one.module)
            # The values of an impure file are as good as any; its functions are what is impure.
            is_value = one.name.lstrip("_")[:1].isupper()
            if there is not None and not there.is_pure and not is_value:
                yield one.line, f"imports {one.whole} from {there.path}, which is not"
        elif one.top in parts:
            rest = one.whole.removeprefix(parts[one.top])
            # All that is used of an imported module as such is looked at by name, below.
            if one.whole != one.top and not _listed(rest, pure["parts"][one.top], partly=True):
                yield one.line, f"imports {one.whole}"
        elif one.top not in pure["modules"]:
            yield one.line, f"imports {one.whole}"


def _listed(name: str, allowed: list[str], *, partly: bool = False) -> bool:
    whole = any(fnmatchcase(name, one) for one in allowed)
    return whole or (partly and any(one.startswith(f"{name}.") for one in allowed))


def _called(source: Any, pure: Rules, parts: dict[str, str]) -> Iterator[tuple[int, str]]:
    inner = {id(node.value) for node in ast.walk(source.tree) if isinstance(node, ast.Attribute)}
    names = _names_of_modules(source.tree, parts)
    for node in ast.walk(source.tree):
        match node:
            case ast.Attribute() if id(node) not in inner and (dotted := _dotted(node)):
                first, _, rest = dotted.partition(".")
                module, _, before = names.get(first, "").partition(".")
                used = f"{before}.{rest}" if before else rest
                if module in parts and not _listed(used, pure["parts"][module]):
                    yield node.lineno, f"uses {module}.{used}"
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in pure["calls"]["builtins"]:
                yield node.lineno, f"calls {name}()"
            case ast.Call(func=ast.Attribute(attr=name)) if name in pure["calls"]["methods"]:
                yield node.lineno, f"calls .{name}()"


def _names_of_modules(tree: ast.Module, parts: dict[str, str]) -> dict[str, str]:
    """What stands for a partly allowed module, or for a module in one: ``os``, ``path``, …"""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {(one.asname or one.name.partition(".")[0]): one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            names |= {one.asname or one.name: "os.path" for one in node.names if one.name == "path"}
    # ``import os.path`` binds ``os``; ``import os.path as p`` binds what it says.
    return {
        name: name if module.startswith(f"{name}.") else module for name, module in names.items()
    }


def _dotted(node: ast.expr) -> str | None:
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=name):
            before = _dotted(value)
            return f"{before}.{name}" if before else None
    return None


def test_a_pure_file_reaches_nothing_of_the_world(
    pure_file: Any, rules: Rules, sources: Any
) -> None:
    found = impurities(pure_file, rules, sources)
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("import time", "imports time"),
        ("import random", "imports random"),
        ("from random import random", "imports random.random"),
        ("import socket", "imports socket"),
        ("import subprocess", "imports subprocess"),
        ("import trio", "imports trio"),
        ("import uuid, secrets", "imports uuid"),
        ("def f():\n    import datetime", "imports datetime"),
        ("import os\nx = os.environ", "uses os.environ"),
        ("import os\nx = os.environ['A'].upper()", "uses os.environ"),
        ("import os\nos.path.exists('x')", "uses os.path.exists"),
        ("import os as o\no.listdir('x')", "uses os.listdir"),
        ("import os.path as p\np.realpath('x')", "uses os.path.realpath"),
        ("from os import path\npath.abspath('x')", "uses os.path.abspath"),
        ("from os import getenv", "imports os.getenv"),
        ("from os.path import exists", "imports os.path.exists"),
        ("import signal\nsignal.signal(2, print)", "uses signal.signal"),
        ("from pathlib import Path\nPath('x').read_text()", "calls .read_text()"),
        ("from pathlib import *", "imports pathlib.*"),
        ("open('x')", "calls open()"),
        ("print('x')", "calls print()"),
        ("__import__('time')", "imports time"),
        ("from maelstrom_core.store import Store, blobs", "imports maelstrom_core.store.blobs"),
        ("from maelstrom_core.container.facts import slot_facts", "which is not"),
        ("import maelstrom_core.store.store", "which is not"),
    ],
)
def test_what_reaches_the_world_is_found(
    sample: Sample, rules: Rules, sources: Any, text: str, what: str
) -> None:
    found = impurities(sample("maelstrom_core/engine/state.py", text), rules, sources)
    assert what in "\n".join(found)


@pytest.mark.parametrize(
    "text",
    [
        "import os\nx = os.fsencode('x'), os.path.normpath('y'), os.strerror(1)",
        "from os import fsencode, path\nx = path.normpath('y')",
        "import os.path as p\np.join('x', 'y')",
        "import signal\nx = signal.SIGKILL, signal.Signals(9)",
        "from pathlib import PurePosixPath\nPurePosixPath('x').parent",
        "from maelstrom_core.container.facts import SlotFacts",
        "from maelstrom_core.model.ids import JobId",
        "def f(job): job.open = 1; return job.open",
    ],
)
def test_what_is_pure_is_allowed(sample: Sample, rules: Rules, sources: Any, text: str) -> None:
    assert impurities(sample("maelstrom_core/engine/state.py", text), rules, sources) == []


@pytest.mark.parametrize(
    ("path", "docstring", "pure"),
    [
        ("maelstrom_core/engine/state.py", "Decides.", True),
        ("maelstrom_core/container/tree_plan.py", "Plans.", True),
        ("maelstrom_core/store/cache_state.py", "Decides.", True),
        ("maelstrom_core/testrun/events.py", "What happens.", True),
        ("maelstrom_core/model/digest.py", "Digests.", True),
        ("maelstrom_core/container/flags.py", "Numbers. Pure; standard library only.", True),
        ("maelstrom_core/story.py", "A ring. Pure.", True),
        ("maelstrom_core/hooks/specs.py", "Hooks are quick and pure.", False),
        ("maelstrom_core/engine/shell.py", "Performs.", False),
        ("maelstrom_core/store/explanation.py", "Explains.", False),
    ],
)
def test_a_file_is_pure_by_its_name_its_room_or_its_own_word(
    sample: Sample, path: str, docstring: str, pure: bool
) -> None:
    assert sample(path, f'"""{docstring}"""').is_pure is pure


def test_every_machine_is_under_the_rule(sources: dict[str, Any]) -> None:
    """So that a change of the rule's own words cannot empty it."""
    for name in ("engine.state", "testrun.state", "store.cache_state", "container.job_plan"):
        assert sources[f"maelstrom_core.{name}"].is_pure
