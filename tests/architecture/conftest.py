"""The sources as the rules see them: parsed, not imported. A test that asks for ``shipped_file``,
``python_file``, ``text_file``, ``pure_file`` or ``inside_file`` runs once for each of them.
"""

import ast
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
RULES: dict[str, Any] = tomllib.loads((Path(__file__).parent / "rules.toml").read_text())
_MADE = {"build", "dist", "__pycache__"}


@dataclass(frozen=True)
class Import:
    """One name that a file imports: a module (``name`` is empty), or something out of one."""

    line: int
    module: str
    name: str

    @property
    def top(self) -> str:
        return self.module.partition(".")[0]

    @property
    def whole(self) -> str:
        return f"{self.module}.{self.name}" if self.name else self.module


@dataclass(frozen=True)
class Source:
    """A file of Python: where it lies below the root of the tree, and what it says."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    @cached_property
    def module(self) -> str:
        parts = Path(self.path).with_suffix("").parts
        on_shelf = parts[0] in RULES["layout"]["shelves"]
        return ".".join(parts[on_shelf:]).removesuffix(".__init__")

    @cached_property
    def docstring(self) -> str:
        return ast.get_docstring(self.tree) or ""

    @property
    def is_pure(self) -> bool:
        """Whether its name, its room or the first line that says so makes it a pure file."""
        rules, name = RULES["pure"], Path(self.path).name
        return (
            name in rules["names"]
            or name.endswith(tuple(rules["suffixes"]))
            or self.path.startswith(tuple(rules["rooms"]))
            or any(sentence in self.docstring for sentence in ("Pure.", "Pure;", "Pure:"))
        )

    @cached_property
    def imports(self) -> list[Import]:
        """Wherever in the file they stand, and however they are written."""
        return sorted(self._imports(), key=lambda found: found.line)

    def _imports(self) -> Iterator[Import]:
        package = self.module.split(".")
        if not self.path.endswith("__init__.py"):
            package.pop()
        for node in ast.walk(self.tree):
            match node:
                case ast.Import(names=names):
                    yield from (Import(node.lineno, name.name, "") for name in names)
                case ast.ImportFrom(module=module, names=names, level=level):
                    above = package[: len(package) - level + 1] if level else []
                    start = ".".join([*above, *([module] if module else [])])
                    yield from (Import(node.lineno, start, name.name) for name in names)
                case ast.Call(
                    func=ast.Name(id="__import__" | "import_module")
                    | ast.Attribute(attr="import_module"),
                    args=[ast.Constant(value=str(module)), *_],
                ):
                    yield Import(node.lineno, module, "")


def _is_made(path: Path) -> bool:
    return any(part in _MADE or part.startswith(".") or ".egg" in part for part in path.parts)


@cache
def tracked() -> tuple[str, ...]:
    """Every file of the tree; in what is no checkout of git, every file that is not made."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode == 0 and (ROOT / ".git").exists():
        names = listed.stdout.split("\0")
    else:
        found = (path.relative_to(ROOT) for path in ROOT.rglob("*"))
        hidden = [*ROOT.glob(".ci/*"), *ROOT.glob(".gitignore")]
        names = [str(path) for path in found if not _is_made(path)]
        names += [str(path.relative_to(ROOT)) for path in hidden]
    return tuple(sorted(name for name in names if name and (ROOT / name).is_file()))


@cache
def shipped() -> tuple[Source, ...]:
    """What is installed, whether git knows of it already or not."""
    shelves = [path for name in RULES["layout"]["shelves"] for path in (ROOT / name).glob("*/")]
    packages = [*(ROOT / name for name in RULES["layout"]["packages"]), *shelves]
    paths = sorted(path for package in packages for path in package.rglob("*.py"))
    return tuple(Source(str(path.relative_to(ROOT)), path.read_text()) for path in paths)


@cache
def python() -> tuple[Source, ...]:
    """Everything written in Python: tests, examples and benches too."""
    known = {source.path for source in shipped()}
    others = [name for name in tracked() if name.endswith(".py") and name not in known]
    return (*shipped(), *(Source(name, (ROOT / name).read_text()) for name in others))


@cache
def texts() -> tuple[Source, ...]:
    """Every file that people read."""
    found = []
    for name in tracked():
        data = (ROOT / name).read_bytes()
        if b"\0" not in data and not name.endswith(".bin"):
            found.append(Source(name, data.decode()))
    return tuple(found)


FILES: dict[str, Callable[[], tuple[Source, ...]]] = {
    "shipped_file": shipped,
    "python_file": python,
    "text_file": texts,
    "pure_file": lambda: tuple(source for source in shipped() if source.is_pure),
    "inside_file": lambda: tuple(
        source for source in shipped() if source.path.startswith(RULES["inside"]["directory"])
    ),
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for name in FILES.keys() & set(metafunc.fixturenames):
        metafunc.parametrize(name, FILES[name](), ids=lambda source: source.path)


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def rules() -> dict[str, Any]:
    return RULES


@pytest.fixture(scope="session")
def sources() -> dict[str, Source]:
    """What is installed, by the name under which it is imported."""
    return {source.module: source for source in shipped()}


@pytest.fixture(scope="session")
def tracked_files() -> tuple[str, ...]:
    return tracked()


@pytest.fixture(scope="session")
def all_texts() -> tuple[Source, ...]:
    return texts()


@pytest.fixture(scope="session")
def sample() -> Callable[[str, str], Source]:
    """A source as it might be written: where it would lie, and its text."""
    return Source
