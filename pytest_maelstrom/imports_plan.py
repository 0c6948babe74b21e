"""Which files of a project a change of others may affect: by what they import. Pure.

Statements are found by regular expressions, for there may be thousands of files, and somebody waits.
What is found in a docstring, and what is imported in other ways, leads to another order of tests and
to nothing worse.
"""

import os
import re
from collections.abc import Collection, Iterator, Mapping

import attrs

CONFTEST = "conftest.py"
_STATEMENT = re.compile(
    r"^[ \t]*(?:from[ \t]+(?P<base>\.*[\w.]*)[ \t]+import[ \t]*(?:\((?P<many>[^)]*)\)|(?P<few>[^\n#]*))"
    r"|import[ \t]+(?P<modules>[^\n#;]*))",
    re.MULTILINE,
)
_COMMENT = re.compile(r"#[^\n]*")


@attrs.frozen
class Imports:
    """What one file imports.

    :param modules: dotted names, absolute
    :param stems: paths of modules that it names by its own place, without ``.py``
    """

    modules: frozenset[str] = frozenset()
    stems: frozenset[str] = frozenset()


def imports_of(path: str, source: str) -> Imports:
    """What a file imports.

    :param path: of the file, relative to the project
    """
    modules: set[str] = set()
    stems: set[str] = set()
    for found in _STATEMENT.finditer(source):
        if found["modules"] is not None:
            modules.update(_names(found["modules"]))
            continue
        base = found["base"]
        names = _names(found["many"] or found["few"] or "")
        own = base.lstrip(".")
        if own == base:
            # What is imported from a package may be a module of it.
            modules.update([base, *(f"{base}.{name}" for name in names)])
            continue
        directory = os.path.dirname(path)
        for _ in range(len(base) - len(own) - 1):
            directory = os.path.dirname(directory)
        stem = os.path.join(directory, *own.split(".")) if own else directory
        stems.update([stem, *(os.path.join(stem, name) for name in names)])
    return Imports(frozenset(modules), frozenset(stems))


def _names(text: str) -> Iterator[str]:
    for one in _COMMENT.sub("", text).replace("\\", " ").split(","):
        words = one.split()
        if words and re.fullmatch(r"[\w.]+", words[0]):
            yield words[0]


def affected(imports: Mapping[str, Imports], changed: Collection[str]) -> frozenset[str]:
    """The files that have changed, and those that import them, themselves or by others.

    :param imports: of all Python files of the project, by their paths
    :param changed: paths, relative to the project
    """
    by_name = _by_name(imports)
    importers: dict[str, set[str]] = {}
    for path, one in imports.items():
        for needed in _needed(one, by_name, imports):
            importers.setdefault(needed, set()).add(path)
    reached, ahead = set(changed), list(changed)
    while ahead:
        new = importers.get(ahead.pop(), set()) - reached
        reached |= new
        ahead += new
    return frozenset(reached)


def is_touched(file: str, reached: Collection[str]) -> bool:
    """Whether a test's file is among those that are affected, or a ``conftest.py`` above it is.

    :param file: relative to the project
    :param reached: what `affected` has found
    """
    if file in reached:
        return True
    directory = os.path.dirname(file)
    while os.path.join(directory, CONFTEST) not in reached:
        if not directory:
            return False
        directory = os.path.dirname(directory)
    return True


def _by_name(paths: Collection[str]) -> dict[str, list[str]]:
    """Files by names under which they may be imported, from below what is no package."""
    packages = {os.path.dirname(path) for path in paths if path.endswith("__init__.py")}
    found: dict[str, list[str]] = {}
    for path in paths:
        parts = path.removesuffix(".py").split("/")
        if parts[-1] == "__init__":
            parts.pop()
        for depth in range(len(parts)):
            if "/".join(parts[:depth]) not in packages:
                found.setdefault(".".join(parts[depth:]), []).append(path)
    return found


def _needed(
    one: Imports, by_name: Mapping[str, list[str]], paths: Collection[str]
) -> Iterator[str]:
    for module in one.modules:
        parts = module.split(".")
        # With a module its packages are imported.
        for length in range(1, len(parts) + 1):
            yield from by_name.get(".".join(parts[:length]), ())
    for stem in one.stems:
        for path in (f"{stem}.py", os.path.join(stem, "__init__.py")):
            if path in paths:
                yield path
