"""Filters as text, in one canonical way: words for operators, names in full. Pure.

What is printed is parsed to the same value again.
"""

from typing import assert_never

from maelstrom_core.filters.tree import All, Any, Constant, Flag, Match, Not, Tree

PAIRS = {"(": ")", "[": "]", "{": "}", "<": ">", "/": "/"}
"""What a text may stand between; the first four may be nested, if they are balanced."""
QUOTE, ESCAPE = '"', "\\"
"""For a text that none of the pairs can hold."""


def print_filter(tree: Tree) -> str:
    """A filter's canonical text."""
    match tree:
        case Constant(value):
            return "all" if value else "none"
        case Flag(selector):
            return selector
        case Match(selector, matcher, text):
            return f"{selector}.{matcher.value}{delimited(text)}"
        case Not(inner):
            return f"not {_part(inner)}"
        case All(terms):
            return " and ".join(map(_part, terms))
        case Any(terms):
            # What is in parentheses was so on purpose; ``and`` binds tighter by itself.
            parts = (print_filter(t) if isinstance(t, All) else _part(t) for t in terms)
            return " or ".join(parts)
        case _:
            assert_never(tree)


def _part(tree: Tree) -> str:
    text = print_filter(tree)
    return f"({text})" if isinstance(tree, All | Any) else text


def delimited(text: str) -> str:
    """A text between the first delimiters that can hold it."""
    for opening, closing in PAIRS.items():
        if _can_hold(text, opening, closing):
            return f"{opening}{text}{closing}"
    escaped = text.replace(ESCAPE, ESCAPE * 2).replace(QUOTE, ESCAPE + QUOTE)
    return f"{QUOTE}{escaped}{QUOTE}"


def _can_hold(text: str, opening: str, closing: str) -> bool:
    depth = 0
    for letter in text:
        if letter == closing:
            depth -= 1
        elif letter == opening:
            depth += 1
        if depth < 0:
            return False
    return depth == 0
