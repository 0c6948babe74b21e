"""Which files a change may affect."""

import pytest

from pytest_maelstrom.imports_plan import Imports, affected, imports_of, is_touched

FILES = {
    "conftest.py": "",
    "src/shop/__init__.py": "from .cart import Cart\n",
    "src/shop/cart.py": "from . import prices\nfrom .store.base import (  # why\n    Base,\n)\n",
    "src/shop/prices.py": "import json, os as system\n",
    "src/shop/store/__init__.py": "",
    "src/shop/store/base.py": "def late():\n    from ..prices import of\n",
    "src/other.py": "",
    "tests/unit/conftest.py": "from helper import x\n",
    "tests/unit/helper.py": "",
    "tests/unit/test_cart.py": "from shop import cart\n",
    "tests/unit/test_other.py": "import other\n",
    "tests/test_all.py": "import shop.store\n",
}
TESTS = ("tests/unit/test_cart.py", "tests/unit/test_other.py", "tests/test_all.py")


def read(files: dict[str, str]) -> dict[str, Imports]:
    return {path: imports_of(path, source) for path, source in files.items()}


@pytest.mark.parametrize(
    ("changed", "touched"),
    [
        ("tests/unit/test_other.py", {"tests/unit/test_other.py"}),
        ("src/other.py", {"tests/unit/test_other.py"}),
        # By a relative import, by one within a function, by the package's own.
        ("src/shop/prices.py", {"tests/unit/test_cart.py", "tests/test_all.py"}),
        ("src/shop/store/base.py", {"tests/unit/test_cart.py", "tests/test_all.py"}),
        ("src/shop/__init__.py", {"tests/unit/test_cart.py", "tests/test_all.py"}),
        ("tests/unit/conftest.py", {"tests/unit/test_cart.py", "tests/unit/test_other.py"}),
        ("tests/unit/helper.py", {"tests/unit/test_cart.py", "tests/unit/test_other.py"}),
        ("conftest.py", set(TESTS)),
        ("data/prices.json", set()),
        ("src/gone.py", set()),
    ],
)
def test_which_tests_a_change_touches(changed: str, touched: set[str]) -> None:
    reached = affected(read(FILES), [changed])
    assert {test for test in TESTS if is_touched(test, reached)} == touched


@pytest.mark.parametrize(
    ("source", "modules", "stems"),
    [
        ("import a.b as c, d\n", {"a.b", "d"}, set()),
        ("from a import b as c, d  # e\n", {"a", "a.b", "a.d"}, set()),
        ("from a import *\n", {"a"}, set()),
        ("  from a import (\n  b, # x\n  c,\n)\n", {"a", "a.b", "a.c"}, set()),
        ("from . import b\n", set(), {"p/q", "p/q/b"}),
        ("from ..x.y import b\n", set(), {"p/x/y", "p/x/y/b"}),
        ("from ..... import b\n", set(), {"", "b"}),
        ("important = 1\nx = 'from'\nimport \nfrom import\n", set(), set()),
    ],
)
def test_statements(source: str, modules: set[str], stems: set[str]) -> None:
    assert imports_of("p/q/test_x.py", source) == Imports(frozenset(modules), frozenset(stems))


def test_files_that_import_each_other_come_to_an_end() -> None:
    imports = read({"a.py": "import b\n", "b.py": "import a\n"})
    assert affected(imports, ["a.py"]) == {"a.py", "b.py"}
