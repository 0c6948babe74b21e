"""What a filter means, as a value. Pure."""

import enum
from collections.abc import Iterator
from typing import TypeAlias

import attrs


class Matcher(enum.Enum):
    """How a text is compared."""

    EQUALS = "equals"
    CONTAINS = "contains"
    STARTS_WITH = "starts_with"
    ENDS_WITH = "ends_with"
    MATCHES = "matches"
    """A regular expression is found anywhere in it."""
    GLOBS = "globs"
    """A pattern of file names fits the whole of it."""


@attrs.frozen
class Constant:
    """``all`` or ``none``."""

    value: bool


@attrs.frozen
class Flag:
    """A selector by itself: whether the case has what it names (``library``)."""

    selector: str


@attrs.frozen
class Match:
    """A selector's text, compared (``name.equals(test_it)``)."""

    selector: str
    matcher: Matcher
    text: str


@attrs.frozen
class Not:
    """All but those."""

    inner: "Tree"


@attrs.frozen
class All:
    """What fits every one of several; ``a - b`` is ``a and not b``."""

    terms: tuple["Tree", ...] = attrs.field(validator=attrs.validators.min_len(2))


@attrs.frozen
class Any:
    """What fits at least one of several."""

    terms: tuple["Tree", ...] = attrs.field(validator=attrs.validators.min_len(2))


Tree: TypeAlias = Constant | Flag | Match | Not | All | Any
"""Any filter."""

EVERYTHING = Constant(True)


def combined(include: tuple[Tree, ...], exclude: tuple[Tree, ...]) -> Tree:
    """What any of ``include`` wants (everything, if there are none) and none of ``exclude``."""
    wanted = _any_of(include) if include else EVERYTHING
    return All((wanted, Not(_any_of(exclude)))) if exclude else wanted


def _any_of(trees: tuple[Tree, ...]) -> Tree:
    return trees[0] if len(trees) == 1 else Any(trees)


def selectors_in(tree: Tree) -> Iterator[str]:
    """Names of the selectors that a filter asks for."""
    match tree:
        case Flag(selector) | Match(selector, _, _):
            yield selector
        case Not(inner):
            yield from selectors_in(inner)
        case All(terms) | Any(terms):
            for term in terms:
                yield from selectors_in(term)
