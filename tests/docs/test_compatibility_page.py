"""The page that says what is the same as in plain pytest is made of the table that is tested."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

GUIDE = Path(__file__).parents[2] / "docs" / "guide"


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("maker", GUIDE / "make_compatibility.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_is_what_the_table_says(maker: ModuleType) -> None:
    assert maker.TARGET.read_text() == maker.page(), "run python docs/guide/make_compatibility.py"


def test_every_row_of_the_table_is_on_it(maker: ModuleType) -> None:
    page = maker.TARGET.read_text()
    for table in maker.tables().values():
        for entry in (*table.get("run", []), *table.get("shown", [])):
            for row in entry["row"]:
                assert f"| {row['what']} | {row.get('verdict', 'same')} |" in page


def test_no_row_is_there_twice(maker: ModuleType) -> None:
    names = [row["what"] for part in maker.PARTS for row in maker.rows(part)]
    assert len(names) == len(set(names))
    assert len(names) > 60
