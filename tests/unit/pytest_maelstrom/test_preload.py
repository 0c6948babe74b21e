"""What a template imports before its first fork, and what it says of that."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

MODULES = {
    "fine": "",
    "package/__init__": "",
    "package/inner": "",
    "raises": "1 / 0",
    "leaves": "raise SystemExit(3)",
    "threads": "import threading, time\n"
    "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
    "listens": "import socket\nlistener = socket.socket()",
    "reads": "file = open(__file__)",
    "elsewhere/project": "",
}
SCRIPT = """
import json, os, sys
from pytest_maelstrom.inside.preload import Preload
directory, learned, refused, cases = json.loads(sys.argv[1])
sys.path[:0] = [directory, directory + "/elsewhere"]
preload = Preload(100)
preload._allowed = (directory + "/",)
os.environ.pop("NOTHING", None)
import socket, threading
told = preload.begin(learned, refused, set(cases))
print(json.dumps([told, sorted(sys.modules)]))
"""


@pytest.fixture
def begin(tmp_path: Path) -> Callable[..., tuple[dict[str, list[str]], set[str]]]:
    """What a template says that begins with some modules, and which are loaded then."""
    for name, code in MODULES.items():
        path = tmp_path / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(code)

    def run(
        learned: dict[str, list[str]], refused: Any = (), cases: str = "a"
    ) -> tuple[dict[str, list[str]], set[str]]:
        given = json.dumps([str(tmp_path), learned, list(refused), list(cases)])
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, given], capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        told, modules = json.loads(done.stdout)
        ours = {name.replace("/__init__", "").replace("/", ".") for name in MODULES} | {"project"}
        return told, ours & set(modules)

    return run


def test_it_imports_what_its_cases_have_imported(begin):
    learned = {"package.inner": ["a"], "package": ["a", "b"], "fine": ["b"], "reads": ["a"]}
    told, loaded = begin(learned)
    assert told == {"gone": [], "refused": []}
    assert loaded == {"package", "package.inner", "reads"}
    assert begin(learned, cases="b")[1] == {"package", "fine"}
    assert begin(learned, cases="c")[1] == set()


def test_what_cannot_be_imported_is_told_and_costs_nothing_else(begin):
    names = ["raises", "leaves", "no_such_module", "not a name", "elsewhere.project", "fine"]
    told, loaded = begin({name: ["a"] for name in names})
    assert told["refused"] == []
    # A part of a package that nobody has imported is neither imported nor gone.
    assert sorted(told["gone"]) == ["leaves", "no_such_module", "not a name", "raises"]
    assert loaded == {"fine"}


def test_what_makes_forks_unsafe_is_told_by_name_and_not_imported_again(begin):
    names = ["fine", "listens", "package", "reads", "threads"]
    learned = {name: ["a"] for name in names}
    told, loaded = begin(learned)
    assert told == {"gone": [], "refused": ["listens", "threads"]}
    assert loaded == set(learned)
    told, loaded = begin(learned, refused=["listens", "threads"])
    assert told == {"gone": [], "refused": []}
    assert loaded == {"fine", "package", "reads"}
