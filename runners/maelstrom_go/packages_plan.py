"""What ``go list`` says of packages. Pure.

Source: ``go help list``.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs

FIELDS = (
    "ImportPath",
    "Dir",
    "Name",
    "TestGoFiles",
    "XTestGoFiles",
    "Imports",
    "TestImports",
    "XTestImports",
    "Error",
    "DepsErrors",
)
"""Those of ``go list -json=…`` that are wanted: it takes long to find out all of them."""


@attrs.frozen(kw_only=True)
class Package:
    """One package.

    :param path: its import path
    :param directory: absolute
    :param name: as its files declare it
    :param has_tests: whether it has any file of tests
    :param imports: import paths of what its files import, those of tests too
    :param faults: why it cannot be built, as ``go list`` says it; empty if it may be
    """

    path: str
    directory: str
    name: str
    has_tests: bool
    imports: frozenset[str] = frozenset()
    faults: tuple[str, ...] = ()

    @property
    def is_to_be_built(self) -> bool:
        """Whether there may be tests in it."""
        return self.has_tests and not self.faults


def packages(listed: str) -> Iterator[Package]:
    """Packages out of what ``go list -e -json`` has printed: objects, one after the other.

    :raises ValueError: if it is something else
    """
    decoder = json.JSONDecoder()
    at = 0
    while True:
        while at < len(listed) and listed[at].isspace():
            at += 1
        if at == len(listed):
            return
        found, at = decoder.raw_decode(listed, at)
        yield _package(found)


def directories_needed(found: Iterable[Package]) -> dict[str, frozenset[str]]:
    """By import path: directories of all packages among these that one is made of, its own too."""
    known = {package.path: package for package in found}
    needed: dict[str, frozenset[str]] = {}
    for path in known:
        seen, waiting = {path}, [path]
        while waiting:
            more = known[waiting.pop()].imports & known.keys() - seen
            seen |= more
            waiting += more
        needed[path] = frozenset(known[one].directory for one in seen)
    return needed


def _package(found: Mapping[str, Any]) -> Package:
    errors = [found["Error"]] if found.get("Error") else []
    errors += found.get("DepsErrors") or ()
    return Package(
        path=found["ImportPath"],
        directory=found.get("Dir", ""),
        name=found.get("Name", ""),
        has_tests=bool(found.get("TestGoFiles") or found.get("XTestGoFiles")),
        imports=frozenset(
            path
            for field in ("Imports", "TestImports", "XTestImports")
            for path in found.get(field) or ()
        ),
        faults=tuple(dict.fromkeys(_told(error) for error in errors)),
    )


def _told(error: Mapping[str, Any]) -> str:
    where, text = error.get("Pos", ""), str(error.get("Err", "")).strip()
    return f"{where}: {text}" if where else text
