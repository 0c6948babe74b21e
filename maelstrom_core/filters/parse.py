"""The one parser of filters. Pure.

.. code-block:: text

    any    := all  ( ("|" "||" "or") all )*
    all    := not  ( ("&" "&&" "+" "and") not  |  ("\\" "-" "minus") not )*
    not    := ("!" "~" "not") not  |  simple
    simple := "(" any ")"  |  WORD ["()"]  |  SELECTOR ["()"]  |  SELECTOR "." MATCHER text
    text   := between ( ), [ ], { }, < > (which may be nested), / /, or " " with \\ before " and \\

Operators of one level group from the left: ``a - b - c`` is ``(a - b) - c``.
"""

import re
from collections.abc import Iterable

from maelstrom_core.errors import InputError, UsageError
from maelstrom_core.filters.evaluate import expression
from maelstrom_core.filters.printing import ESCAPE, PAIRS, QUOTE
from maelstrom_core.filters.selectors import Kind, Selector, Selectors, abbreviates
from maelstrom_core.filters.tree import All, Any, Constant, Flag, Match, Matcher, Not, Tree

WORDS = {"all": "al", "any": "an", "true": "tr", "none": "n", "false": "f"}
"""Words for everything and for nothing, each with its shortest abbreviation."""
_TRUE = ("all", "any", "true")
MATCHERS = {
    Matcher.EQUALS: "eq",
    Matcher.CONTAINS: "c",
    Matcher.STARTS_WITH: "s",
    Matcher.ENDS_WITH: "en",
    Matcher.MATCHES: "m",
    Matcher.GLOBS: "g",
}
"""How texts are compared, each with its shortest abbreviation."""
_OR = ("||", "|", "or")
_AND = ("&&", "&", "+", "and")
_MINUS = ("\\", "-", "minus")
_NOT = ("!", "~", "not")
_OPERATORS = (*_OR, *_AND, *_MINUS, *_NOT)
_DEEPEST = 50
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class BadFilter(UsageError):
    """A filter that cannot be read.

    :param text: the filter
    :param position: index of the fault in it
    :param reason: what is wrong there, one line
    """

    def __init__(self, text: str, position: int, reason: str) -> None:
        self.text = text
        self.position = position
        self.reason = reason
        super().__init__(f"bad filter: {self.told}")

    @property
    def told(self) -> str:
        """The reason, the line of the filter, and a caret under the fault."""
        start = self.text.rfind("\n", 0, self.position) + 1
        line = self.text[start:].partition("\n")[0]
        shown = "".join(letter if letter.isprintable() else " " for letter in line)
        return f"{self.reason}\n    {shown}\n    {' ' * (self.position - start)}^"


def parse(text: str, selectors: Selectors) -> Tree:
    """Read a filter.

    :param selectors: what it may ask for
    :raises BadFilter: and nothing else, whatever the text is
    """
    return _Parser(text, selectors).whole()


class _Parser:
    def __init__(self, text: str, selectors: Selectors) -> None:
        self._text = text
        self._selectors = selectors
        self._at = 0
        self._depth = 0

    def whole(self) -> Tree:
        self._skip_space()
        if self._at == len(self._text):
            raise self._fault("a filter is expected; `all` means everything")
        tree = self._any()
        if self._at < len(self._text):
            if self._text[self._at] == ")":
                raise self._fault("this `)` has no `(`")
            raise self._fault("`and`, `or` or `minus` is expected here")
        return tree

    def _any(self) -> Tree:
        terms = [self._all()]
        while self._take(_OR):
            terms.append(self._all())
        return terms[0] if len(terms) == 1 else Any(tuple(terms))

    def _all(self) -> Tree:
        terms = [self._not()]
        while True:
            if self._take(_AND):
                terms.append(self._not())
            elif self._take(_MINUS):
                terms.append(Not(self._not()))
            else:
                return terms[0] if len(terms) == 1 else All(tuple(terms))

    def _not(self) -> Tree:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._fault(f"nested more than {_DEEPEST} deep")
        tree = Not(self._not()) if self._take(_NOT) else self._simple()
        self._depth -= 1
        return tree

    def _simple(self) -> Tree:
        start = self._at
        if self._text.startswith("(", start):
            self._at += 1
            self._skip_space()
            tree = self._any()
            if not self._text.startswith(")", self._at):
                raise self._fault("this `(` has no `)`", at=start)
            self._at += 1
            self._skip_space()
            return tree
        name = _NAME.match(self._text, start)
        if name is None or name[0] in _OPERATORS:
            raise self._fault(f"a filter is expected here: one of {', '.join(self._names())}")
        self._at = name.end()
        if self._text.startswith(".", self._at):
            return self._match(name[0], start)
        if self._text.startswith("()", self._at):
            self._at += 2
        self._skip_space()
        return self._word(name[0], start)

    def _word(self, written: str, start: int) -> Tree:
        selector = self._selectors.named(written)
        if selector is not None and Kind.FLAG in selector.kind:
            return Flag(selector.name)
        for word, shortest in WORDS.items():
            if abbreviates(written, word, shortest):
                return Constant(word in _TRUE)
        if selector is not None:
            how = self._matchers(selector)
            raise self._fault(
                f"{selector.name} needs a text: {selector.name}.{how[0]}(…)", at=start
            )
        raise self._unknown("name", written, self._names(), start)

    def _match(self, written: str, start: int) -> Tree:
        selector = self._selectors.named(written)
        if selector is None:
            names = [one.name for one in self._selectors if one.kind & (Kind.TEXT | Kind.NAMES)]
            raise self._unknown("selector", written, names, start)
        self._at += 1
        known = self._matchers(selector)
        if not known:
            raise self._fault(f"{selector.name} stands by itself, without a text", at=self._at - 1)
        name = _NAME.match(self._text, self._at)
        if name is None:
            raise self._fault(f"one of {', '.join(known)} is expected here")
        matcher = next((m for m, s in MATCHERS.items() if abbreviates(name[0], m.value, s)), None)
        if matcher is None or matcher.value not in known:
            raise self._unknown(f"matcher of {selector.name}", name[0], known, name.start())
        self._at = name.end()
        return Match(selector.name, matcher, self._delimited(matcher))

    def _delimited(self, matcher: Matcher) -> str:
        start = self._at
        opening = self._text[start : start + 1]
        if opening == QUOTE:
            text = self._quoted(start)
        elif opening in PAIRS and opening:
            text = self._between(start, opening, PAIRS[opening])
        else:
            raise self._fault(f"a text is expected here: {matcher.value}(…)")
        self._check(matcher, text, start + 1)
        self._skip_space()
        return text

    def _between(self, start: int, opening: str, closing: str) -> str:
        depth = 1
        for at in range(start + 1, len(self._text)):
            letter = self._text[at]
            if letter == closing:
                depth -= 1
            elif letter == opening:
                depth += 1
            if depth == 0:
                self._at = at + 1
                return self._text[start + 1 : at]
        raise self._fault(f"this `{opening}` has no `{closing}`", at=start)

    def _quoted(self, start: int) -> str:
        found, at = "", start + 1
        while at < len(self._text):
            letter = self._text[at]
            if letter == QUOTE:
                self._at = at + 1
                return found
            if letter == ESCAPE:
                at += 1
                letter = self._text[at : at + 1]
                if letter not in (QUOTE, ESCAPE):
                    raise self._fault(
                        f"in quotes, {ESCAPE} stands before {ESCAPE} or {QUOTE} only", at=at
                    )
            found += letter
            at += 1
        raise self._fault("this quote is not closed", at=start)

    def _check(self, matcher: Matcher, text: str, at: int) -> None:
        """Find out now, not at the first case, what cannot be compiled."""
        try:
            if matcher is Matcher.MATCHES:
                expression(text)
            elif matcher is Matcher.GLOBS:
                from maelstrom_core.layers.patterns import compiled  # few filters have any

                compiled((text,))
        except re.error as error:
            where = (error.pos or 0) if matcher is Matcher.MATCHES else 0
            raise self._fault(f"bad pattern: {error.msg}", at=at + where) from None
        except InputError as error:
            raise self._fault("; ".join(error.faults), at=at) from None
        except (OverflowError, RecursionError, ValueError, Warning) as error:
            # ``-W error`` makes an error of what the compiler finds doubtful.
            raise self._fault(f"this cannot be compiled: {error}", at=at) from None

    def _take(self, operators: Iterable[str]) -> bool:
        """Step over one of some operators; whether there was one."""
        name = _NAME.match(self._text, self._at)
        for operator in operators:
            if operator.isalpha():
                found = name is not None and name[0] == operator
            else:
                found = self._text.startswith(operator, self._at)
            if found:
                self._at += len(operator)
                self._skip_space()
                return True
        return False

    def _skip_space(self) -> None:
        while self._at < len(self._text) and self._text[self._at].isspace():
            self._at += 1

    def _names(self) -> list[str]:
        selectors = [one.name + ("" if Kind.FLAG in one.kind else ".…") for one in self._selectors]
        return [*selectors, "all", "none"]

    @staticmethod
    def _matchers(selector: Selector) -> list[str]:
        if Kind.TEXT in selector.kind:
            return [matcher.value for matcher in MATCHERS]
        return [Matcher.CONTAINS.value] if Kind.NAMES in selector.kind else []

    def _unknown(self, what: str, written: str, known: list[str], at: int) -> BadFilter:
        plain = [name.removesuffix(".…") for name in known]
        import difflib  # needed for wrong names only

        near = difflib.get_close_matches(written, plain, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(plain)}"
        return self._fault(f"unknown {what} {written}; {hint}", at=at)

    def _fault(self, reason: str, at: int | None = None) -> BadFilter:
        return BadFilter(self._text, self._at if at is None else at, reason)
