"""Entry points of what is installed, without `importlib.metadata` where that can be done.

It brings the whole of the standard library's e-mail along, and to import it takes as long as a dozen
jobs do. What is asked of it here is little: lines of some text files. Whatever is unusual about the
path, it is asked after all; and so it is where others have imported it already, as pytest has.
"""

import os
import re
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import PathFinder
from typing import Any, NamedTuple

_SUFFIXES = (".dist-info", ".egg-info")


class Entry(NamedTuple):
    """An entry point.

    :param value: where its object is: ``module``, or ``module:attribute``
    """

    name: str
    value: str

    def load(self) -> Any:
        """The object; raises what importing it does."""
        module, _, attributes = self.value.partition("[")[0].replace(" ", "").partition(":")
        found: Any = import_module(module)
        for attribute in filter(None, attributes.split(".")):
            found = getattr(found, attribute)
        return found


def entries(group: str) -> list[Entry]:
    """All entry points of a group, in the order of the path."""
    if "importlib.metadata" not in sys.modules and not any(map(_brings_its_own, sys.meta_path)):
        found = entries_below(sys.path, group)
        if found is not None:
            return found
    from importlib.metadata import entry_points

    return [Entry(one.name, one.value) for one in entry_points(group=group)]


def _brings_its_own(finder: object) -> bool:
    """Whether a finder of modules says by itself what it has installed."""
    return finder is not PathFinder and hasattr(finder, "find_distributions")


def entries_below(path: Sequence[str], group: str) -> list[Entry] | None:
    """Entry points of a group.

    :param path: directories in which packages are, as in `sys.path`
    :return: ``None`` if there is anything else on it, an archive perhaps
    """
    found: list[Entry] = []
    seen: set[str] = set()
    for directory in path:
        if directory.endswith(".egg"):
            return None
        try:
            names = os.listdir(directory or ".")
        except NotADirectoryError:
            return None
        except OSError:
            continue  # it need not be there
        for name in names:
            if not name.lower().endswith(_SUFFIXES):
                continue
            # Of two versions on the path, the first is the one that is imported.
            project = re.sub(r"[-_.]+", "_", name.rpartition(".")[0].partition("-")[0].lower())
            if project in seen:
                continue
            seen.add(project)
            found += _entries_of(os.path.join(directory, name, "entry_points.txt"), group)
    return found


def _entries_of(path: str, group: str) -> list[Entry]:
    try:
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines()
    except OSError:
        return []  # most have none
    found, section = [], ""
    for line in map(str.strip, lines):
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
        elif section == group and line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found.append(Entry(name.strip(), value.strip()))
    return found
