"""What several clients have told of the same cases, as one answer. Pure."""

from collections.abc import Iterable, Sequence

from maelstrom_core.wire.histories import MOST_OF_PROJECT, Row


def merged(told: Sequence[Iterable[Row]]) -> list[Row]:
    """One row for each case.

    Of durations the middle one, or the shorter of two in the middle: so one who tells nonsense changes
    little. A case has failed if whoever told of it last says so.

    :param told: of each that has told, whoever did last first; a case once in each
    :return: no more than may be told of a project; those of whoever told last come first
    """
    if len(told) == 1:
        return list(told[0])[:MOST_OF_PROJECT]
    found: dict[bytes, list[int]] = {}
    failed: dict[bytes, bool] = {}
    for rows in told:
        for name, milliseconds, bad in rows:
            found.setdefault(name, []).append(milliseconds)
            failed.setdefault(name, bad)
    names = list(found)[:MOST_OF_PROJECT]
    return [(name, _middle(found[name]), failed[name]) for name in names]


def _middle(numbers: list[int]) -> int:
    return sorted(numbers)[(len(numbers) - 1) // 2]
