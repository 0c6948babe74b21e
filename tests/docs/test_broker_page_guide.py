"""The guide to the broker's page: its tables are the schema's and the metrics'."""

import re
from pathlib import Path

from maelstrom_broker import stories_state as stories
from maelstrom_broker.book_state import Book
from maelstrom_broker.settings import OPTIONS, schema
from maelstrom_broker.status import ENDINGS
from maelstrom_broker.web import cases_plan, page_plan, past_plan, server
from maelstrom_broker.web.history_state import EVERY_SECONDS, PIECE_SECONDS, PIECES
from maelstrom_broker.web.metrics_plan import METRICS, MOST_WORKERS

from maelstrom_core.wire.rows import MOST_TAIL_BYTES

DOCS = Path(__file__).parents[2] / "docs" / "guide"
PAGE = (DOCS / "broker-page.md").read_text()


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
    assert (cases_plan.MOST_RUNNING, cases_plan.MOST_ENDED) == (10, 15)
    assert "ten that run, and the fifteen that ended last" in PAGE
    assert f"of the last {past_plan.MOST_COLUMNS} runs how long they took" in PAGE
    assert PIECES * PIECE_SECONDS == 24 * 3600
    assert f"{server.HEAD_SECONDS:g} seconds for a request and {server.ANSWER_SECONDS:g} to" in PAGE


def test_what_is_kept_of_runs_is_what_the_code_keeps() -> None:
    told = (DOCS / "cluster.md").read_text().partition("### Where time went")[2].replace("\n", " ")
    assert f"first {stories.MOST_FAILED} jobs that failed, {stories.MOST_RETRIED} that were" in told
    assert f"the {stories.MOST_SLOWEST} that ran longest" in told
    assert f"the last {stories.MOST_LATELY} jobs of all runs" in told
    assert f"of the last {stories.MOST_PAST} runs, {stories.MOST_KEPT:,} jobs at most" in told
    assert f"and counts of the last {stories.MOST_BARS}." in told
    assert f"the last {MOST_TAIL_BYTES >> 10} KiB of what it wrote" in told
    assert f"{stories.MOST_TAIL_BYTES >> 10} KiB of a run" in told
    assert f"{stories.MOST_TAIL_BYTES_OF_ALL >> 20} MiB in all" in told
