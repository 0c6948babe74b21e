"""Values as lists by position, and back; what comes from a peer is checked. Pure.

A record is a list of its fields, without those at the end that have their defaults. Fields are only
ever appended; those that a reader does not know are ignored. So programs a version apart understand one
another, and a value costs no more bytes than what it says.
"""

import math
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import attrs

from maelstrom_core.model.digest import Digest
from maelstrom_core.wire.shapes import DIGEST_BYTES, MOST_WHOLE, BadMessage, shown

V = TypeVar("V")
MOST_ITEMS = 100_000
MOST_SECONDS = 1e9


@attrs.frozen
class Shape(Generic[V]):
    """How values of one type are written and read."""

    out: Callable[[V], Any]
    back: Callable[[Any], V]


@attrs.frozen
class Part(Generic[V]):
    """How some fields of a class are written, and read by name."""

    out: Callable[[V], list[Any]]
    back: Callable[[Any], dict[str, Any]]


def _text_out(value: str) -> Any:
    try:
        value.encode()
    except UnicodeEncodeError:
        # Names of files and values of variables need not be UTF-8.
        return value.encode("utf-8", "surrogatepass")
    return value


def _text_back(plain: Any) -> str:
    if type(plain) is str:
        return plain
    if type(plain) is bytes:
        try:
            return plain.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            pass
    raise BadMessage(f"not a text: {shown(plain)}")


def _bytes_back(plain: Any) -> bytes:
    if type(plain) is not bytes:
        raise BadMessage(f"not bytes: {shown(plain)}")
    return plain


def _truth_back(plain: Any) -> bool:
    if type(plain) is not bool:
        raise BadMessage(f"neither true nor false: {shown(plain)}")
    return plain


def _same(value: V) -> V:
    return value


def number(least: int = 0, most: int = MOST_WHOLE) -> Shape[int]:
    """A whole number within bounds."""

    def back(plain: Any) -> int:
        if type(plain) is not int or not least <= plain <= most:
            raise BadMessage(f"not a whole number from {least} to {most}: {shown(plain)}")
        return plain

    return Shape(_same, back)


def real(most: float = MOST_SECONDS) -> Shape[float]:
    """A number from 0 on; none with which nothing can be counted."""

    def back(plain: Any) -> float:
        # A whole number may be written where a real one is meant.
        if type(plain) not in (float, int) or not math.isfinite(plain) or not 0 <= plain <= most:
            raise BadMessage(f"not a number from 0 to {most:g}: {shown(plain)}")
        found: float = plain
        return found

    return Shape(_same, back)


def maybe(shape: Shape[V]) -> Shape[V | None]:
    """Something, or nothing."""

    return Shape(
        lambda value: None if value is None else shape.out(value),
        lambda plain: None if plain is None else shape.back(plain),
    )


def many(shape: Shape[V]) -> Shape[tuple[V, ...]]:
    """A list of any length that is bearable."""

    def back(plain: Any) -> tuple[V, ...]:
        if type(plain) is not list or len(plain) > MOST_ITEMS:
            raise BadMessage(f"not a list of {MOST_ITEMS} items at most: {shown(plain)}")
        return tuple(map(shape.back, plain))

    return Shape(lambda values: [shape.out(value) for value in values], back)


def word(of: Any) -> Shape[Any]:
    """A member of an enumeration, by its position: members are only ever appended."""
    members = list(of)

    def back(plain: Any) -> Any:
        if type(plain) is not int or not 0 <= plain < len(members):
            raise BadMessage(f"no {of.__name__}: {shown(plain)}")
        return members[plain]

    return Shape(members.index, back)


def record(cls: type[V], **shapes: Shape[Any]) -> Shape[V]:
    """An attrs class.

    :param shapes: of all its fields, in the order in which they travel
    """
    part = fields_of(cls, **shapes)
    return Shape(part.out, lambda plain: cls(**part.back(plain)))


def fields_of(cls: type[V], *without: str, **shapes: Shape[Any]) -> "Part[V]":
    """An attrs class of which some fields come by another way.

    :param without: those
    """
    fields = attrs.fields_dict(cls)  # type: ignore[arg-type]
    assert set(fields) - set(without) == set(shapes), cls
    defaults = [fields[name].default for name in shapes]
    needed = sum(default is attrs.NOTHING for default in defaults)
    assert attrs.NOTHING not in defaults[needed:], f"{cls}: what is needed comes first"
    names, each = list(shapes), list(shapes.values())

    def out(value: V) -> list[Any]:
        values = [getattr(value, name) for name in names]
        while len(values) > needed and values[-1] == defaults[len(values) - 1]:
            values.pop()
        return [shape.out(one) for shape, one in zip(each, values, strict=False)]

    def back(plain: Any) -> dict[str, Any]:
        if type(plain) is not list or len(plain) < needed:
            raise BadMessage(f"not a {cls.__name__}: {shown(plain)}")
        found = {}
        for name, shape, one in zip(names, each, plain, strict=False):
            try:
                found[name] = shape.back(one)
            except BadMessage as fault:
                raise BadMessage(f"{name}: {fault}") from None
        return found

    return Part(out, back)


def one_of(*records: tuple[type, Shape[Any]]) -> Shape[Any]:
    """A member of a union: its number, and what it has."""
    numbers = {cls: number for number, (cls, _) in enumerate(records)}

    def out(value: Any) -> list[Any]:
        number = numbers[type(value)]
        return [number, records[number][1].out(value)]

    def back(plain: Any) -> Any:
        if type(plain) is not list or len(plain) < 2 or type(plain[0]) is not int:
            raise BadMessage(f"not a kind and a value: {shown(plain)}")
        if not 0 <= plain[0] < len(records):
            raise BadMessage(f"there is no kind {plain[0]}")
        return records[plain[0]][1].back(plain[1])

    return Shape(out, back)


def _pair_back(plain: Any) -> tuple[str, str]:
    if type(plain) is not list or len(plain) != 2:
        raise BadMessage(f"not a name and a value: {shown(plain)}")
    return _text_back(plain[0]), _text_back(plain[1])


def digest_back(plain: Any) -> Digest:
    """A digest out of its 32 bytes.

    :raises BadMessage: if it is none
    """
    if type(plain) is not bytes or len(plain) != DIGEST_BYTES:
        raise BadMessage(f"not a digest: {shown(plain)}")
    return Digest(plain.hex())


pairs = many(Shape(lambda pair: [_text_out(pair[0]), _text_out(pair[1])], _pair_back))


text = Shape(_text_out, _text_back)
"""Any text, be it that UTF-8 cannot say it."""
texts = many(text)
octets: Shape[bytes] = Shape(_same, _bytes_back)
truth: Shape[bool] = Shape(_same, _truth_back)
seconds = real()
digest: Shape[Digest] = Shape(lambda value: bytes.fromhex(value.hex), digest_back)
signal = number(0, 64)
