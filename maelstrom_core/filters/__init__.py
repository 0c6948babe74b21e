"""The language in which cases are chosen: one grammar, one parser, selectors for each runner."""

from maelstrom_core.filters.evaluate import evaluate
from maelstrom_core.filters.parse import BadFilter, parse
from maelstrom_core.filters.printing import print_filter
from maelstrom_core.filters.selectors import Fact, Facts, Kind, Selector, Selectors
from maelstrom_core.filters.tree import EVERYTHING, Tree, combined

__all__ = [
    "EVERYTHING",
    "BadFilter",
    "Fact",
    "Facts",
    "Kind",
    "Selector",
    "Selectors",
    "Tree",
    "combined",
    "evaluate",
    "parse",
    "print_filter",
]
