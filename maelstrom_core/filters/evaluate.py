"""Whether a case fits a filter: yes, no, or not known yet. Pure.

Before a package is built its name is known, and of its cases nothing. A filter that says no already
then spares the building; one that cannot say keeps the package.
"""

import re
from functools import lru_cache
from typing import assert_never

from maelstrom_core.filters.selectors import Fact, Facts
from maelstrom_core.filters.tree import All, Any, Constant, Flag, Match, Matcher, Not, Tree


def evaluate(tree: Tree, facts: Facts) -> bool | None:
    """Whether what is known fits; ``None`` if that depends on what is not known."""
    match tree:
        case Constant(value):
            return value
        case Flag(selector):
            return facts[selector] is not None if selector in facts else None
        case Match(selector, matcher, text):
            return fits(matcher, text, facts[selector]) if selector in facts else None
        case Not(inner):
            known = evaluate(inner, facts)
            return None if known is None else not known
        case All(terms):
            return _until(terms, facts, decisive=False)
        case Any(terms):
            return _until(terms, facts, decisive=True)
        case _:
            assert_never(tree)


def _until(terms: tuple[Tree, ...], facts: Facts, *, decisive: bool) -> bool | None:
    """The value of terms of which one decides all, if it has the decisive value."""
    result: bool | None = not decisive
    for term in terms:
        known = evaluate(term, facts)
        if known is decisive:
            return decisive
        if known is None:
            result = None
    return result


def fits(matcher: Matcher, text: str, fact: Fact) -> bool:
    """Whether a fact fits; nothing fits what is not there."""
    if fact is None:
        return False
    if isinstance(fact, tuple):
        return text in fact
    match matcher:
        case Matcher.EQUALS:
            return fact == text
        case Matcher.CONTAINS:
            return text in fact
        case Matcher.STARTS_WITH:
            return fact.startswith(text)
        case Matcher.ENDS_WITH:
            return fact.endswith(text)
        case Matcher.MATCHES:
            return expression(text).search(fact) is not None
        case Matcher.GLOBS:
            from maelstrom_core.layers.patterns import (
                compiled,
            )  # all that makes layers comes with it

            return compiled((text,)).fullmatch(fact) is not None
        case _:
            assert_never(matcher)


@lru_cache(maxsize=256)
def expression(text: str) -> re.Pattern[str]:
    """A regular expression, compiled once."""
    return re.compile(text)
