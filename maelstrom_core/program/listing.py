"""Lists cases, or the packages and binaries that they are of, as text or as JSON."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from maelstrom_core.model.cases import Case


def print_list(
    cases: Sequence[Case],
    *,
    what: str,
    as_json: bool,
    binary_of: Callable[[Case], str] | None = None,
) -> None:
    """Print a list on standard output.

    :param what: ``cases``, ``packages`` or ``binaries``
    :param binary_of: what the binary is called that a case is in
    """
    if what != "cases":
        of = binary_of if what == "binaries" and binary_of is not None else _package_of
        names = list(dict.fromkeys(filter(None, map(of, cases))))
        print(json.dumps(names, indent=2) if as_json else "\n".join(names))
        return
    if as_json:
        print(json.dumps([_plain(case) for case in cases], indent=2, ensure_ascii=False))
        return
    for case in cases:
        print(case.id)


def _package_of(case: Case) -> str:
    return case.package


def _plain(case: Case) -> dict[str, Any]:
    return {
        "id": case.id,
        "name": case.name,
        "package": case.package,
        "file": case.file,
        "markers": list(case.markers),
    }
