"""The guide to the broker's page: its tables are the schema's and the metrics'."""

import re
from pathlib import Path

from maelstrom_broker.book_state import Book
from maelstrom_broker.settings import OPTIONS, schema
from maelstrom_broker.status import ENDINGS
from maelstrom_broker.web import page_plan, server
from maelstrom_broker.web.history_state import EVERY_SECONDS
from maelstrom_broker.web.metrics_plan import METRICS, MOST_WORKERS

PAGE = (Path(__file__).parents[2] / "docs" / "guide" / "broker-page.md").read_text()


def section(title: str) -> str:
    return PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]


def test_the_table_of_settings_is_the_schema() -> None:
    found = re.findall(r"^\| `([\w-]+)` \|(.*?)\|(.*?)\|", section("Settings"), re.M)
    fields = {field.name: field for field in schema() if field.name.startswith("web")}
    assert [name for name, _, _ in found] == list(fields)
    for name, option, default in found:
        assert option.strip() == (f"`--{name}`" if name in OPTIONS else "")
        assert default.strip(" `") == fields[name].default


def test_the_table_of_metrics_is_the_code() -> None:
    found = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*?) ?\| (.*) \|$", section("Metrics"), re.M)
    assert found == [
        (one.name, one.kind, ", ".join(f"`{label}`" for label in one.labels), one.help)
        for one in METRICS.values()
    ]


def test_every_ending_is_told_of() -> None:
    told = section("Metrics").partition("An `ending` is ")[2]
    assert set(re.findall(r"`(\w+)`", told)) == set(ENDINGS)
    assert set(ENDINGS) <= set(Book(b"", 0.0).totals)


def test_numbers_are_those_of_the_code() -> None:
    assert f"every {EVERY_SECONDS:g} seconds, and" in PAGE
    assert f"the first {MOST_WORKERS} workers" in PAGE
    assert f"Tables show {page_plan.MOST_ROWS} rows" in PAGE
    assert f"are {server.MOST_CONNECTIONS} connections at most" in PAGE.replace("\n", " ")
    assert f"{server.HEAD_SECONDS:g} seconds for a request and {server.ANSWER_SECONDS:g} to" in PAGE
