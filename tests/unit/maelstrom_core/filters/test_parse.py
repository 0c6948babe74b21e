"""Filters as people write them: what they mean, and what is said of those that mean nothing."""

import pytest

from maelstrom_core.filters import BadFilter, Kind, Selector, Selectors, parse, print_filter
from maelstrom_core.filters.tree import All, Any, Constant, Flag, Match, Matcher, Not
from pytest_maelstrom.selectors import SELECTORS

CARGO = Selectors(
    [
        Selector(name="name", shortest="n", field="name", help=""),
        Selector(name="package", shortest="p", field="package", help=""),
        *(
            Selector(
                name=name,
                shortest=shortest,
                field=f"details.{name}",
                kind=Kind.TEXT | Kind.FLAG,
                help="",
            )
            for name, shortest in (
                ("binary", "bi"),
                ("benchmark", "be"),
                ("example", "e"),
                ("test", "te"),
            )
        ),
        Selector(name="library", shortest="l", field="details.library", kind=Kind.FLAG, help=""),
    ]
)
GO = Selectors(
    Selector(name=name, shortest=shortest, field="name", help="")
    for name, shortest in (
        ("name", "n"),
        ("package_import_path", "package_i"),
        ("package_path", "package_p"),
        ("package_name", "package_n"),
    )
)


def canonical(text: str, selectors: Selectors = SELECTORS) -> str:
    return print_filter(parse(text, selectors))


@pytest.mark.parametrize("text", ["all", "any", "true", "all()", "al", "an", "tr", " all "])
def test_words_for_everything(text: str) -> None:
    assert parse(text, SELECTORS) == Constant(True)


@pytest.mark.parametrize("text", ["none", "false", "n", "no", "f", "fal", "none()"])
def test_words_for_nothing(text: str) -> None:
    assert parse(text, SELECTORS) == Constant(False)


@pytest.mark.parametrize(
    ("text", "matcher"),
    [
        ("name.equals(x)", Matcher.EQUALS),
        ("na.eq(x)", Matcher.EQUALS),
        ("nam.c(x)", Matcher.CONTAINS),
        ("name.starts_w(x)", Matcher.STARTS_WITH),
        ("name.en(x)", Matcher.ENDS_WITH),
        ("name.m(x)", Matcher.MATCHES),
        ("name.globs(x)", Matcher.GLOBS),
    ],
)
def test_names_may_be_abbreviated(text: str, matcher: Matcher) -> None:
    assert parse(text, SELECTORS) == Match("name", matcher, "x")


@pytest.mark.parametrize(
    ("text", "inner"),
    [
        ("(a(b)c)", "a(b)c"),
        ("[a[0]]", "a[0]"),
        ("{a{b}}", "a{b}"),
        ("<a<b>>", "a<b>"),
        ("/a(b/", "a(b"),
        ("()", ""),
        ("( a )", " a "),
        (r'"say \"a\\b\""', r'say "a\b"'),
    ],
)
def test_texts_stand_between_delimiters_that_may_be_nested(text: str, inner: str) -> None:
    assert parse(f"name.equals{text}", SELECTORS) == Match("name", Matcher.EQUALS, inner)


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("al - n - f", "all and not none and not none"),
        ("all-none-all", "all and not none and not all"),
        ("all - (none - all)", "all and not (none and not all)"),
        ("all & none | all", "all and none or all"),
        ("all | none & all", "all or none and all"),
        ("(all | none) & all", "(all or none) and all"),
        ("!all && ~none + not all", "not all and not none and not all"),
        (r"all \ none minus all", "all and not none and not all"),
        ("all || none or all", "all or none or all"),
        ("not(all or none)", "not (all or none)"),
        ("!!all", "not not all"),
    ],
)
def test_operators_group_from_the_left_and_and_binds_tighter(text: str, printed: str) -> None:
    assert canonical(text) == printed
    assert canonical(printed) == printed


def test_minus_takes_away_from_all_that_stands_before_it() -> None:
    a, b, c = Flag("library"), Flag("binary"), Flag("test")

    assert parse("library - bi - te", CARGO) == All((a, Not(b), Not(c)))
    assert parse("library | bi - te", CARGO) == Any((a, All((b, Not(c)))))


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("library and binary.equals(x)", "library and binary.equals(x)"),
        ("be()|e.s/x/", "benchmark or example.starts_with(x)"),
    ],
)
def test_a_selector_may_stand_alone_and_with_a_text(text: str, printed: str) -> None:
    assert canonical(text, CARGO) == printed


def test_selectors_with_a_common_beginning_are_told_apart() -> None:
    assert canonical("package_i.eq(x) | package_name.eq(y)", GO) == (
        "package_import_path.equals(x) or package_name.equals(y)"
    )
    with pytest.raises(BadFilter, match="unknown selector package"):
        parse("package.equals(x)", GO)


@pytest.mark.parametrize(
    ("text", "position", "reason"),
    [
        ("", 0, "a filter is expected; `all` means everything"),
        ("name.equals(x) and", 18, "a filter is expected here: one of name"),
        ("nome.equals(x)", 0, "unknown selector nome; did you mean name?"),
        ("all or name.equal_to(x)", 12, "unknown matcher of name equal_to; did you mean equals?"),
        ("markers.equals(slow)", 8, "unknown matcher of markers equals; known: contains"),
        ("markers.contain(slow", 15, "this `(` has no `)`"),
        ("all all", 4, "`and`, `or` or `minus` is expected here"),
        ("all)", 3, "this `)` has no `(`"),
        ("(all", 0, "this `(` has no `)`"),
        ("name", 0, "name needs a text: name.equals(…)"),
        ("name.", 5, "one of equals, contains"),
        ("name.equals", 11, "a text is expected here: equals(…)"),
        ("name.equals(", 11, "this `(` has no `)`"),
        ("name.matches(a[)", 14, "bad pattern"),
        ("name.globs([a)", 11, "'[' without its ']'"),
        ('name.equals"a', 11, "this quote is not closed"),
        (r'name.equals"\n"', 13, "in quotes,"),
        ("slow", 0, "unknown name slow; known: name, node_id"),
        ("or", 0, "a filter is expected here"),
    ],
)
def test_a_fault_is_pointed_at_and_the_nearest_name_told(
    text: str, position: int, reason: str
) -> None:
    with pytest.raises(BadFilter) as raised:
        parse(text, SELECTORS)

    assert reason in raised.value.reason
    told = str(raised.value).splitlines()
    assert raised.value.position == position
    assert told[-2] == f"    {text}"
    assert told[-1] == f"    {' ' * position}^"


def test_of_several_lines_the_one_with_the_fault_is_shown() -> None:
    with pytest.raises(BadFilter) as raised:
        parse("name.equals(x)\n  or nome.equals(y)\n  or all", SELECTORS)

    assert str(raised.value).splitlines()[1:] == ["      or nome.equals(y)", "         ^"]


def test_what_is_nested_too_deeply_is_refused_in_words() -> None:
    for text in ("(" * 100_000, "!" * 100_000, "name.matches[" + "(" * 5000 + ")" * 5000 + "]"):
        with pytest.raises(BadFilter):
            parse(text, SELECTORS)


def test_abbreviations_that_mean_two_things_are_a_fault_of_the_runner() -> None:
    with pytest.raises(ValueError, match="n is short for name and node"):
        Selectors(
            [
                Selector(name="name", shortest="n", field="name", help=""),
                Selector(name="node", shortest="n", field="id", help=""),
            ]
        )
