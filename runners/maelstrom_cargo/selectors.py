"""What filters may ask of tests of crates."""

from maelstrom_core.filters import Facts, Kind, Selector, Selectors
from maelstrom_core.model.cases import Case

_TARGET = Kind.TEXT | Kind.FLAG


def _selector(name: str, shortest: str, text: str) -> Selector:
    return Selector(name=name, shortest=shortest, field=f"details.{name}", kind=_TARGET, help=text)


SELECTORS = Selectors(
    [
        Selector(name="name", shortest="n", field="name", help="of the test"),
        Selector(name="package", shortest="p", field="package", help="name of the package"),
        _selector("binary", "bi", "of a binary, by its name or by itself"),
        _selector("benchmark", "be", "of a target in benches/, by its name or by itself"),
        _selector("example", "e", "of an example, by its name or by itself"),
        _selector("test", "te", "of a target in tests/, by its name or by itself"),
        _selector("library", "l", "of a library, by its name or by itself"),
        _selector("doctest", "d", "a doctest, by its package or by itself"),
    ]
)


def known_of_all(case: Case) -> Facts:
    """What one case of a target says of all others, before they are known."""
    return {name: fact for name, fact in SELECTORS.facts(case).items() if name != "name"}
