"""Printing and parsing of filters agree; whatever is parsed, the fault is told in the one way."""

import itertools
import warnings

from hypothesis import given
from hypothesis import strategies as st

from maelstrom_core.filters import BadFilter, Kind, Tree, evaluate, parse, print_filter
from maelstrom_core.filters.parse import MATCHERS, WORDS
from maelstrom_core.filters.tree import All, Any, Constant, Flag, Match, Matcher, Not, selectors_in
from pytest_maelstrom.selectors import SELECTORS

TEXTS = st.text(st.sampled_from('ab()[]{}<>/"\\ .é\n')) | st.text()
PLAIN = [matcher for matcher in Matcher if matcher not in (Matcher.MATCHES, Matcher.GLOBS)]
MATCHES = st.builds(Match, st.sampled_from(["name", "file"]), st.sampled_from(PLAIN), TEXTS)
NAMES = st.builds(
    Match, st.sampled_from(["markers", "own_markers"]), st.just(Matcher.CONTAINS), TEXTS
)
LEAVES = st.builds(Constant, st.booleans()) | MATCHES | NAMES


def larger(inner: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    several = st.lists(inner, min_size=2, max_size=4).map(tuple)
    return st.builds(Not, inner) | st.builds(All, several) | st.builds(Any, several)


TREES: st.SearchStrategy[Tree] = st.recursive(LEAVES, larger, max_leaves=12)
PIECES = st.sampled_from(
    [
        *WORDS,
        *(matcher.value for matcher in MATCHERS),
        *(one.name for one in SELECTORS),
        *"()[]{}<>/|&!~+-\\.\"' \n",
        "and",
        "or",
        "not",
        "minus",
        "(?P<a>",
        "a{9999999999}",
        "{1..99999}",
    ]
)
FACTS = st.fixed_dictionaries(
    {},
    optional={
        "name": st.none() | TEXTS,
        "file": st.none() | TEXTS,
        "node_id": TEXTS,
        "package": TEXTS,
        "markers": st.lists(TEXTS).map(tuple),
        "own_markers": st.lists(TEXTS).map(tuple),
    },
)


@given(TREES)
def test_what_is_printed_is_parsed_to_the_same(tree: Tree) -> None:
    assert parse(print_filter(tree), SELECTORS) == tree


@given(st.text() | st.lists(PIECES).map("".join), FACTS)
def test_any_text_is_a_filter_or_a_fault_with_its_place(
    text: str, facts: dict[str, object]
) -> None:
    with warnings.catch_warnings():
        # Regular expressions that Python finds doubtful.
        warnings.simplefilter("ignore")
        try:
            tree = parse(text, SELECTORS)
        except BadFilter as bad:
            assert 0 <= bad.position <= len(text)
            assert bad.reason
            assert str(bad).splitlines()[-1].strip() == "^"
        else:
            printed = print_filter(tree)
            assert print_filter(parse(printed, SELECTORS)) == printed
            assert evaluate(tree, facts) in (True, False, None)  # type: ignore[arg-type]


@given(TREES, FACTS)
def test_an_answer_stands_whatever_is_learned_later(tree: Tree, facts: dict[str, object]) -> None:
    early = evaluate(tree, facts)  # type: ignore[arg-type]
    asked = set(selectors_in(tree))
    missing = sorted(asked - set(facts))

    if not missing:
        assert early is not None
    for learned in itertools.product([None, "a", ""], repeat=min(len(missing), 3)):
        values = {name: _as(name, value) for name, value in zip(missing, learned, strict=False)}
        late = evaluate(tree, {**facts, **values})  # type: ignore[dict-item]
        assert early is None or late is early


def _as(name: str, value: str | None) -> object:
    if SELECTORS.named(name).kind is Kind.NAMES:  # type: ignore[union-attr]
        return () if value is None else (value,)
    return value


def test_a_flag_is_printed_as_it_is_written() -> None:
    assert print_filter(Not(Flag("library"))) == "not library"
