"""Variables as people write them: ``$env{NAME}``, ``$prev{NAME}``, defaults. Pure.

``$env{X}`` is the client's own variable, ``$prev{X}`` what the container has so far. ``:-`` and a
text may follow the name: that is taken where the variable is not set, or empty. ``$$`` is a ``$``.
"""

import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import attrs

from maelstrom_core.errors import InputError
from maelstrom_core.settings.schema import BadValue
from maelstrom_core.spec.reading import Place, flag, shape_of, shaped, table_of

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SOURCES = ("env", "prev")


@attrs.frozen
class Reference:
    """A variable that a value asks for.

    :param source: ``env`` or ``prev``
    :param default: ``None`` if there is none
    """

    source: str
    name: str
    default: str | None = None

    def __str__(self) -> str:
        default = "" if self.default is None else f":-{self.default}"
        return f"${self.source}{{{self.name}{default}}}"


Template: TypeAlias = tuple[str | Reference, ...]
"""A value: texts, and what is to be filled in between them."""


@attrs.frozen
class Element:
    """Some variables.

    :param extend: they are added to those before; otherwise they replace them
    :param origin: their place in the file
    """

    variables: tuple[tuple[str, Template], ...]
    extend: bool = True
    origin: str = attrs.field(default="environment", eq=False)


def template(text: str) -> Template:
    """What a value is made of.

    :raises BadValue: if it cannot be read
    """
    parts: list[str | Reference] = []
    at, plain = 0, ""
    while at < len(text):
        if text[at] != "$":
            plain, at = plain + text[at], at + 1
        elif text.startswith("$$", at):
            plain, at = plain + "$", at + 2
        else:
            reference, at = _reference(text, at)
            parts += [plain, reference] if plain else [reference]
            plain = ""
    return (*parts, plain) if plain or not parts else tuple(parts)


def _reference(text: str, at: int) -> tuple[Reference, int]:
    source = next((s for s in _SOURCES if text.startswith(f"${s}{{", at)), None)
    if source is None:
        raise BadValue("$env{NAME}, $prev{NAME} or $$ after every $")
    start = at + len(source) + 2
    end = text.find("}", start)
    if end < 0:
        raise BadValue(f"a }} for the {{ of ${source}{{")
    name, has_default, default = text[start:end].partition(":-")
    if _NAME.fullmatch(name) is None:
        raise BadValue(f"the name of a variable in ${source}{{…}}")
    return Reference(source, name, default if has_default else None), end + 1


_VARIABLES = {
    "type": "object",
    "propertyNames": {"pattern": "^[^=]+$"},
    "additionalProperties": {"type": "string"},
    "description": "$env{NAME}, $prev{NAME}, $env{NAME:-default}; $$ is a $",
}


@shaped(_VARIABLES)
def _variables(place: Place, value: object) -> tuple[tuple[str, Template], ...]:
    if not isinstance(value, Mapping):
        raise BadValue("a table of variables")
    found = []
    for name, text in value.items():
        if not name or "=" in name or "\0" in name:
            place.key(name).fault("expected the name of a variable")
            continue
        read = place.key(name).read(_template, text)
        if read is not None:
            found.append((name, read))
    return tuple(found)


_ELEMENT = table_of({"vars": _variables, "extend": flag}, needed=("vars", "extend"))


@shaped({"anyOf": [_VARIABLES, {"type": "array", "items": shape_of(_ELEMENT)}]})
def elements(place: Place, value: object) -> tuple[Element, ...]:
    """A table of variables, which are added, or a list of tables with ``vars`` and ``extend``."""
    if isinstance(value, Mapping):
        return (Element(_variables(place, value), origin=place.path),)
    if isinstance(value, list):
        return place.items(value, _element)
    raise BadValue("a table of variables, or a list of tables with vars and extend")


def _element(place: Place, value: object) -> Element:
    fields = _ELEMENT(place, value)
    return Element(fields.get("vars", ()), fields.get("extend", True), place.key("vars").path)


def _template(_: Place, value: object) -> Template:
    if not isinstance(value, str) or "\0" in value:
        raise BadValue("a text")
    return template(value)


def evaluated(
    elements: Sequence[Element], before: Mapping[str, str], client: Mapping[str, str]
) -> dict[str, str]:
    """Variables after all elements.

    :param before: what there is without them
    :param client: this process's own
    :raises InputError: all variables that are asked for and not set, without a default
    """
    faults = []
    current = dict(before)
    for element in elements:
        new = {}
        for name, parts in element.variables:
            value = ""
            for part in parts:
                if isinstance(part, str):
                    value += part
                    continue
                known = (client if part.source == "env" else current).get(part.name)
                found = part.default if not known and part.default is not None else known
                if found is None:
                    hint = f"${part.source}{{{part.name}:-…}} gives a default"
                    faults.append(f"{element.origin}.{name}: {part} is not set; {hint}")
                value += found or ""
            new[name] = value
        current = {**current, **new} if element.extend else new
    if faults:
        raise InputError("bad environment", faults)
    return current
