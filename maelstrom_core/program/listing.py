"""Lists cases, or the packages or binaries that they are of, as text or as JSON."""

import json
from collections.abc import Sequence
from typing import Any

from maelstrom_core.model.cases import Case


def print_list(cases: Sequence[Case], *, what: str, as_json: bool) -> None:
    """Print a list on standard output.

    :param what: ``cases``, ``packages`` or ``binaries``
    """
    if what != "cases":
        are_binaries = what == "binaries"
        found = ((case.binary if are_binaries else "") or case.package for case in cases)
        names = list(dict.fromkeys(found))
        print(json.dumps(names, indent=2) if as_json else "\n".join(names))
        return
    if as_json:
        print(json.dumps([_plain(case) for case in cases], indent=2, ensure_ascii=False))
        return
    for case in cases:
        print(case.id)


def _plain(case: Case) -> dict[str, Any]:
    return {
        "id": case.id,
        "name": case.name,
        "package": case.package,
        "binary": case.binary or case.package,
        "file": case.file,
        "markers": list(case.markers),
    }
