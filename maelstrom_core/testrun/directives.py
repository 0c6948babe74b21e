"""The file of containers and directives (``maelstrom-pytest.toml``), read strictly. Pure."""

from collections.abc import Collection, Mapping
from typing import Any

import attrs

from maelstrom_core.errors import InputError
from maelstrom_core.filters import EVERYTHING, BadFilter, Selectors, Tree, parse
from maelstrom_core.settings.schema import BadValue, seconds
from maelstrom_core.spec.container import (
    Said,
    check_parent,
    check_parents,
    container_readers,
    containers,
    said,
)
from maelstrom_core.spec.reading import (
    SECONDS,
    Place,
    Reader,
    Shape,
    choice,
    flag,
    list_of,
    nearest,
    number_from,
    one_or_more,
    shape_of,
    shaped,
    table_of,
    table_shape,
    text_of,
)

DEFAULT = "default"
"""The container that there is without a file; directives change it, and it may be a parent."""


@attrs.frozen(kw_only=True)
class Directive:
    """What is done with the cases that fit a filter.

    :param origin: its place in the file
    :param container: what is said of their container
    :param settings: what else is said: ``timeout`` (``None`` for no limit), ``ignore``,
        ``isolation``, ``group_by``, ``turns``, ``slots``, …; only what was written
    """

    filter: Tree
    origin: str
    container: Said
    settings: Mapping[str, Any]


@attrs.frozen(kw_only=True)
class Directives:
    """All of a file; the default one says nothing.

    :param turns: how many cases run at once of those that take turns, by what they take turns at
    """

    containers: Mapping[str, Said] = attrs.field(factory=dict)
    turns: Mapping[str, int] = attrs.field(factory=dict)
    directives: tuple[Directive, ...] = ()


@shaped(SECONDS)
def _seconds(_: Place, value: object) -> tuple[float | None]:
    # Wrapped, since no limit is something that was said.
    return (seconds(value),)


SETTINGS: Mapping[str, Reader] = {
    "timeout": _seconds,
    "ignore": flag,
    "isolation": choice("fresh", "template"),
    "group_by": text_of,
    "turns": one_or_more(text_of),
    "slots": number_from(1),
    "include_shared_libraries": flag,
}
"""What a directive may say besides ``filter`` and what containers have."""


_TURNS = table_of({"at_once": number_from(1)})


@shaped({"type": "object", "additionalProperties": shape_of(_TURNS)})
def _turns(place: Place, value: object) -> Mapping[str, int]:
    """How many at once, by name."""
    if not isinstance(value, Mapping):
        raise BadValue("a table of turns")
    # What is said of one has faults of its own; its name is known all the same.
    read = {name: place.key(name).read(_TURNS, table) or {} for name, table in value.items()}
    return {name: fields.get("at_once", 1) for name, fields in read.items()}


def no_turns(name: str, turns: Collection[str]) -> str:
    """Why a name is none of the turns that there are."""
    return f"no turns {name}{nearest(name, turns)}"


def read_directives(
    data: Mapping[str, Any],
    selectors: Selectors,
    *,
    file: str,
    cannot: Mapping[str, str],
    groups: Collection[str] = (),
    templates: Mapping[str, str] | None = None,
) -> Directives:
    """Make sense of a file.

    :param data: as TOML or JSON has it
    :param selectors: what its filters may ask for
    :param cannot: why a runner cannot do what the language has, by key (``group_by``), or by key and
        value (``isolation = template``)
    :param groups: what a runner's cases can be grouped by (``group_by``)
    :param templates: what ``<name>`` stands for in layers (`maelstrom_core.spec.templates`)
    :raises InputError: all its faults, each with its path
    """
    place = Place("", [], templates or {})

    @shaped(_directive_shape())
    def directive(here: Place, value: object) -> Directive:
        return _directive(here, value, selectors, cannot, groups)

    readers = {"containers": containers, "turns": _turns, "directives": list_of(directive)}
    fields = place.fields(data, readers)
    found = Directives(
        containers=fields.get("containers", {}),
        turns=fields.get("turns", {}),
        directives=fields.get("directives", ()),
    )
    check_parents(place.key("containers"), found.containers, [DEFAULT])
    for one in found.directives:
        here = attrs.evolve(place, path=one.origin)
        check_parent(here, one.container, found.containers, [DEFAULT])
        for name in one.settings.get("turns", ()):
            if name not in found.turns:
                here.key("turns").fault(no_turns(name, found.turns))
    if place.faults:
        raise InputError(f"{file} cannot be used", place.faults)
    return found


def _directive(
    place: Place,
    value: object,
    selectors: Selectors,
    cannot: Mapping[str, str],
    groups: Collection[str],
) -> Directive:
    def a_filter(_: Place, written: object) -> Tree:
        if not isinstance(written, str):
            raise BadValue("a filter, as a text")
        return parse(written, selectors)

    grouping = choice(*groups) if groups else text_of
    readers = {
        "filter": _told(a_filter),
        **SETTINGS,
        "group_by": grouping,
        **container_readers(),
    }
    fields = place.fields(value, readers)
    settings = {name: fields[name] for name in SETTINGS if name in fields}
    _refuse(place, settings, cannot)
    if "timeout" in settings:
        (settings["timeout"],) = settings["timeout"]
    return Directive(
        filter=fields.get("filter", EVERYTHING),
        origin=place.path,
        container=said(place, fields, is_directive=not {"parent", "image"} & set(fields)),
        settings=settings,
    )


def _told(reader: Reader) -> Reader:
    """A reader whose filters are told with the caret below the fault."""

    def read(place: Place, value: object) -> Any:
        try:
            return reader(place, value)
        except BadFilter as bad:
            place.fault(bad.told.replace("\n", "\n  "))
            return None

    return read


def _refuse(place: Place, settings: Mapping[str, Any], cannot: Mapping[str, str]) -> None:
    for name, value in settings.items():
        why = cannot.get(name, cannot.get(f"{name} = {value}"))
        if why is not None:
            place.key(name).fault(why)


def _directive_shape() -> Shape:
    keys: Mapping[str, Reader] = {"filter": text_of, **SETTINGS, **container_readers()}
    return table_shape(keys)


def shape() -> Mapping[str, Any]:
    """What such a file may be, as JSON Schema."""
    directive = shaped(_directive_shape())(lambda _, value: value)
    return table_shape(
        {"containers": containers, "turns": _turns, "directives": list_of(directive)}
    )


def known_keys() -> Collection[str]:
    """Every key that a directive may have."""
    return ["filter", *SETTINGS, *container_readers()]
