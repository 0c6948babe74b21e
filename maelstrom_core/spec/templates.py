"""``<name>`` in the paths of layers: what a runner knows and a file cannot. Pure.

A name is letters, digits and ``-``, and begins with no digit; what looks otherwise is text. Of the
``<`` in front of such a name two stand for one that is text, so ``<<name>`` is ``<name>``. What is
filled in is not looked at again.
"""

import re
from collections.abc import Callable, Mapping

from maelstrom_core.model.layers import braced, escaped
from maelstrom_core.spec.reading import Place, Reader, nearest, shape_of, shaped

PROJECT = "project-dir"
"""The name of the project directory, which every runner has."""
_TEMPLATE = re.compile(r"(<+)([a-zA-Z-][a-zA-Z0-9-]*)>")


def templates(project: str, more: Mapping[str, str] | None = None) -> Mapping[str, str]:
    """What each name stands for.

    :param project: the project directory, absolute
    :param more: what the runner knows besides
    """
    return {PROJECT: project, **(more or {})}


def filled(reader: Reader, written_as: Callable[[str], str] = str) -> Reader:
    """A reader of texts with templates.

    :param reader: reads the text in which they are filled in
    :param written_as: what stands for a value in such a text: of patterns, one that matches it alone
    """

    def read(place: Place, value: object) -> object:
        if not isinstance(value, str) or "<" not in value:
            return reader(place, value)
        unknown = [name for name in _names(value) if name not in place.templates]
        for name in dict.fromkeys(unknown):
            hint = nearest(name, place.templates)
            place.fault(f"<{name}>: unknown{hint}; <<{name}> is the text itself")
        if unknown:
            return None
        known = {name: written_as(text) for name, text in place.templates.items()}
        return reader(place, _TEMPLATE.sub(lambda match: _filled_in(match, known), value))

    shape = shape_of(reader)
    if isinstance(shape, dict) and shape.get("pattern") == "^/":
        # What is filled in may be absolute.
        shape = {**shape, "pattern": "^[/<]"}
    return shaped(shape)(read)


def path(reader: Reader) -> Reader:
    """A reader of paths with templates."""
    return filled(reader)


def pattern(reader: Reader) -> Reader:
    """A reader of patterns with templates: what is filled in matches itself alone."""
    return filled(reader, escaped)


def braces(reader: Reader) -> Reader:
    """A reader of paths with alternatives in braces, and templates."""
    return filled(reader, braced)


def _names(text: str) -> list[str]:
    return [name for angles, name in _TEMPLATE.findall(text) if len(angles) % 2]


def _filled_in(match: re.Match[str], known: Mapping[str, str]) -> str:
    angles, name = match.groups()
    text = known[name] if len(angles) % 2 else f"{name}>"
    return "<" * (len(angles) // 2) + text
