"""Reads tables strictly: every fault with its path, unknown keys with the nearest name. Pure.

A reader takes a place and a value. It answers with what was read, or raises `BadValue`, which the
place takes down; reading goes on, so that all faults of a file are told together. Each says of itself
what it takes, in the words of JSON Schema (`shaped`): editors are told the same that readers do.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, TypeAlias, TypeVar

import attrs

from maelstrom_core.settings.schema import BadValue, one_of

Reader: TypeAlias = Callable[["Place", object], Any]
Shape: TypeAlias = Mapping[str, Any] | bool
"""What a reader takes, as JSON Schema; ``False`` for nothing at all, ``True`` for anything."""
_AnyReader = TypeVar("_AnyReader", bound=Reader)
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")


def shaped(shape: Shape) -> Callable[[_AnyReader], _AnyReader]:
    """Say of a reader what it takes."""

    def mark(reader: _AnyReader) -> _AnyReader:
        reader.__dict__["shape"] = shape
        return reader

    return mark


def shape_of(reader: Reader) -> Shape:
    """What a reader takes; anything, if it does not say so, which a test of the schemas finds."""
    shape: Shape = getattr(reader, "shape", True)
    return shape


def table_shape(readers: Mapping[str, Reader], *, needed: Iterable[str] = ()) -> Mapping[str, Any]:
    """A table with these keys and no others."""
    shape: dict[str, Any] = {
        "type": "object",
        "properties": {name: shape_of(reader) for name, reader in readers.items()},
        "additionalProperties": False,
    }
    return {**shape, "required": list(needed)} if needed else shape


@attrs.frozen
class Place:
    """Somewhere in a file.

    :param path: ``directives[2].mounts[0]``; empty for the file itself
    :param faults: those of the whole file, one line each
    :param templates: what ``<name>`` stands for in it; see `maelstrom_core.spec.templates`
    """

    path: str
    faults: list[str]
    templates: Mapping[str, str] = attrs.field(factory=dict, repr=False)

    def key(self, name: str) -> "Place":
        """The place of a key of this table."""
        shown = name if _PLAIN_KEY.fullmatch(name) else repr(name)
        path = f"{self.path}.{shown}" if self.path else shown
        return Place(path, self.faults, self.templates)

    def item(self, index: int) -> "Place":
        """The place of an item of this list."""
        return Place(f"{self.path}[{index}]", self.faults, self.templates)

    def fault(self, what: str) -> None:
        """Take down what is wrong here."""
        self.faults.append(f"{self.path}: {what}" if self.path else what)

    def read(self, reader: Reader, value: object) -> Any:
        """What a reader makes of a value; ``None`` if it is no such thing."""
        try:
            return reader(self, value)
        except BadValue as bad:
            shown = repr(value)
            self.fault(f"expected {bad}, not {shown if len(shown) < 60 else shown[:56] + '…'}")
            return None

    def fields(
        self, value: object, readers: Mapping[str, Reader], *, needed: Iterable[str] = ()
    ) -> dict[str, Any]:
        """What a table's keys say; those at fault are missing.

        :param readers: for every key that there may be
        :param needed: keys that must be there
        """
        if not isinstance(value, Mapping):
            raise BadValue("a table")
        read = {}
        for name in value:
            if name not in readers:
                self.key(str(name)).fault(f"unknown{nearest(str(name), readers)}")
        for name in needed:
            if name not in value:
                self.fault(f"{name} is missing")
        # As they are written: there are many more readers than keys.
        for name, written in value.items():
            if name not in readers:
                continue
            found = self.key(name).read(readers[name], written)
            if found is not None:
                read[name] = found
        return read

    def items(self, value: object, reader: Reader) -> tuple[Any, ...]:
        """What a list's items say; those at fault are missing."""
        if not isinstance(value, list | tuple):
            raise BadValue("a list")
        found = (self.item(index).read(reader, item) for index, item in enumerate(value))
        return tuple(item for item in found if item is not None)


def nearest(name: str, names: Collection[str]) -> str:
    """The name that was probably meant, or all there are; the rest of a sentence."""
    import difflib  # needed for wrong names only

    near = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean {near[0]}?" if near else f"; known: {', '.join(names) or 'none'}"


def scalar(read: Callable[[object], Any], shape: Shape = True) -> Reader:
    """A reader of a value that has no parts."""
    return shaped(shape)(lambda _, value: read(value))


SIZE: Shape = {
    "type": ["integer", "string"],
    "minimum": 0,
    "pattern": r"^\s*\d+(\.\d+)?\s*([kKmMgGtT]?[iI]?[bB]?)\s*$",
    "description": "bytes, or a number with a unit: 64MiB, 1GB",
}
SECONDS: Shape = {
    "type": ["number", "string"],
    "minimum": 0,
    "pattern": r"^\s*\d+(\.\d+)?\s*(s|m|h|)\s*$",
    "description": "seconds, or a number with s, m or h; 0: no limit",
}


def choice(*choices: str) -> Reader:
    """A reader of one of some words."""
    return scalar(one_of(*choices), {"enum": list(choices)})


def table_of(readers: Mapping[str, Reader], *, needed: Iterable[str] = ()) -> Reader:
    """A reader of tables; see `Place.fields`."""
    wanted = tuple(needed)

    @shaped(table_shape(readers, needed=wanted))
    def read(place: Place, value: object) -> dict[str, Any]:
        return place.fields(value, readers, needed=wanted)

    return read


def list_of(reader: Reader) -> Reader:
    """A reader of lists."""
    return shaped({"type": "array", "items": shape_of(reader)})(
        lambda place, value: place.items(value, reader)
    )


@shaped({"type": "string", "minLength": 1})
def text_of(_: Place, value: object) -> str:
    """Any text but the empty one, without NUL."""
    if not isinstance(value, str) or not value or "\0" in value:
        raise BadValue("a text")
    return value


@shaped({"type": "string", "pattern": "^/"})
def absolute(_: Place, value: object) -> str:
    """An absolute path of the container."""
    if not isinstance(value, str) or not value.startswith("/") or "\0" in value:
        raise BadValue("an absolute path")
    return value


@shaped({"type": "boolean"})
def flag(_: Place, value: object) -> bool:
    """``true`` or ``false``."""
    if not isinstance(value, bool):
        raise BadValue("true or false")
    return value


def number_from(least: int) -> Reader:
    """A reader of whole numbers."""

    @shaped({"type": "integer", "minimum": least})
    def read(_: Place, value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise BadValue(f"a whole number of at least {least}")
        return value

    return read


def one_or_more(reader: Reader) -> Reader:
    """A reader of a list, or of one item that stands for a list of itself."""
    shape = shape_of(reader)

    @shaped({"anyOf": [shape, {"type": "array", "items": shape}]})
    def read(place: Place, value: object) -> tuple[Any, ...]:
        if isinstance(value, list):
            return place.items(value, reader)
        return (reader(place, value),)

    return read
