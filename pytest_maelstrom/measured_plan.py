"""What a container says that it has measured, checked and put together. Pure.

A test can say anything. What it says is numbers, which are checked to be such that coverage's
database takes them, and no more of them than it can have measured.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

LAST_LINE = 1_000_000
"""coverage keeps the lines of a file as bits, as many as its last line's number."""
MOST_BITS = 8 * 16 << 20
"""Of all files and contexts of one case."""
LONGEST_NAME = 10_000


class Refused(ValueError):
    """What is not believed; the message says why."""


@attrs.frozen
class Measure:
    """What was measured.

    :param contexts: for each of coverage's contexts, for each file, numbers of lines, or pairs
    :param tracers: files measured by plugins of coverage, and which
    :param touched: files that could have been measured, with the plugin if there is one
    """

    contexts: Mapping[str, Mapping[str, set[Any]]]
    tracers: Mapping[str, str]
    touched: Mapping[str, str]


def checked(message: Mapping[str, Any], *, branch: bool) -> Measure:
    """A container's message.

    :param branch: whether pairs of lines are measured
    :raises Refused: if it is not what our own part in containers would say
    """
    if message.get("branch") is not branch:
        raise Refused("branches are measured there and not here, or the other way round")
    contexts: dict[str, dict[str, set[Any]]] = {}
    bits = 0
    for context, files in _names(message.get("contexts")):
        for file, numbers in _names(files):
            bits += _check_numbers(numbers, branch)
            if bits > MOST_BITS:
                raise Refused("it is more than a test can have measured")
            pairs = zip(numbers[::2], numbers[1::2], strict=True) if branch else None
            found = set(numbers if pairs is None else pairs)
            contexts.setdefault(context, {})[file] = found
    plugins = [dict(_names(message.get(key))) for key in ("tracers", "touched")]
    if not all(isinstance(name, str) for one in plugins for name in one.values()):
        raise Refused("the name of a plugin is no text")
    return Measure(contexts, *plugins)


def _names(value: object) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, dict):
        raise Refused("it is no table")
    for name, inner in value.items():
        if len(name) > LONGEST_NAME or "\0" in name or not _can_be_written(name):
            raise Refused("a name in it cannot be written down")
        yield name, inner


def _can_be_written(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _check_numbers(numbers: object, branch: bool) -> int:
    """How many bits some numbers take."""
    if not isinstance(numbers, list) or set(map(type, numbers)) - {int}:
        raise Refused("lines are no numbers")
    if not numbers:
        return 0
    if branch and len(numbers) % 2:
        raise Refused("a pair of lines is not whole")
    # What is entered or left is a negative number.
    first = -LAST_LINE if branch else 1
    if min(numbers) < first or max(numbers) > LAST_LINE:
        raise Refused(f"there is a line beyond the {LAST_LINE}th")
    return 64 * len(numbers) if branch else max(numbers)


@attrs.define
class Gathered:
    """What many containers have measured, as one."""

    contexts: dict[str, dict[str, set[Any]]] = attrs.field(factory=dict)
    tracers: dict[str, str] = attrs.field(factory=dict)
    touched: dict[str, str] = attrs.field(factory=dict)

    def add(self, measure: Measure) -> None:
        """Take one more."""
        for context, files in measure.contexts.items():
            known = self.contexts.setdefault(context, {})
            for file, numbers in files.items():
                if file in known:
                    known[file] |= numbers
                else:
                    known[file] = numbers
        # Of two plugins that claim a file the first one has it: coverage takes no second.
        self.tracers = {**measure.tracers, **self.tracers}
        self.touched = {**measure.touched, **self.touched}

    def take_contexts(self) -> dict[str, dict[str, set[Any]]]:
        """All numbers, which are then forgotten."""
        taken, self.contexts = self.contexts, {}
        return taken
