"""What filters may ask of tests of Go."""

from maelstrom_core.filters import Facts, Kind, Selector, Selectors
from maelstrom_core.model.cases import Case

SELECTORS = Selectors(
    [
        Selector(name="name", shortest="n", field="name", help="of the test's function"),
        Selector(
            name="package",
            shortest="p",
            field="package",
            help="import path of the package",
        ),
        Selector(
            name="package_import_path",
            shortest="package_i",
            field="package",
            help="the same, as the Rust Maelstrom calls it",
        ),
        Selector(
            name="package_path",
            shortest="package_p",
            field="details.package path",
            help="directory of the package",
        ),
        Selector(
            name="package_name",
            shortest="package_n",
            field="details.package name",
            help="name of the package, as its files declare it",
        ),
        Selector(
            name="kinds",
            shortest="k",
            field="markers",
            kind=Kind.NAMES,
            help="test, example, fuzz or benchmark",
        ),
    ]
)


def known_of_all(case: Case) -> Facts:
    """What one case of a package says of all others, before they are known."""
    of_cases = ("name", "kinds")
    return {name: fact for name, fact in SELECTORS.facts(case).items() if name not in of_cases}
