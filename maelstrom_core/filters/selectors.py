"""What filters of a runner may ask for: data, out of which the one parser works. Pure."""

import enum
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

import attrs

from maelstrom_core.model.cases import Case

Fact: TypeAlias = str | tuple[str, ...] | None
"""What is known of a case: a text, several names, or that there is no such thing (``None``)."""
Facts: TypeAlias = Mapping[str, Fact]
"""Facts by selector; one that is not there is not known yet."""


class Kind(enum.Flag):
    """What a selector can be used as."""

    TEXT = enum.auto()
    """``name.equals(…)``, with every matcher."""
    NAMES = enum.auto()
    """``markers.contains(…)``: membership, of whole names."""
    FLAG = enum.auto()
    """``library``, by itself."""


@attrs.frozen(kw_only=True)
class Selector:
    """One thing that a filter may ask for.

    :param name: as it is written in full
    :param shortest: its shortest abbreviation; anything between is understood as well
    :param field: where in a `Case` it is: an attribute, or a key of its details after a dot
        (``details.node id``)
    :param kind: how it can be used
    :param help: what it is, a few words
    """

    name: str
    shortest: str
    field: str
    kind: Kind = Kind.TEXT
    help: str

    def fact(self, case: Case) -> Fact:
        """What a case says; it is known, even if that is nothing."""
        attribute, _, key = self.field.partition(".")
        value = getattr(case, attribute)
        if key:
            value = value.get(key)
        return tuple(value) if isinstance(value, list) else value


class Selectors:
    """All selectors of one runner.

    :raises ValueError: if abbreviations of two of them are the same
    """

    def __init__(self, selectors: Iterable[Selector]) -> None:
        self._all = {selector.name: selector for selector in selectors}
        for one in self._all.values():
            if not one.name.startswith(one.shortest):
                raise ValueError(f"{one.shortest} is no abbreviation of {one.name}")
            for other in self._all.values():
                if other is not one and abbreviates(one.shortest, other.name, other.shortest):
                    raise ValueError(f"{one.shortest} is short for {one.name} and {other.name}")

    def __iter__(self) -> Iterator[Selector]:
        return iter(self._all.values())

    def named(self, written: str) -> Selector | None:
        """The selector of a name, which may be abbreviated."""
        if written in self._all:
            return self._all[written]
        for selector in self._all.values():
            if abbreviates(written, selector.name, selector.shortest):
                return selector
        return None

    def facts(self, case: Case) -> Facts:
        """All that filters may ask of a case."""
        return {selector.name: selector.fact(case) for selector in self}


def abbreviates(written: str, name: str, shortest: str) -> bool:
    """Whether what was written stands for a name."""
    return name.startswith(written) and written.startswith(shortest)
