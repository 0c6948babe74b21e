"""The page on clusters says of workers what their settings are."""

from pathlib import Path

from maelstrom_broker.history_file import BYTES_OF_A_CASE, KEPT_DAYS, PLAN_SECONDS
from maelstrom_broker.limits import CLIENT_SECONDS, SILENT_SECONDS
from maelstrom_broker.settings import away
from maelstrom_broker.settings import schema as broker_schema
from maelstrom_worker.settings import OPTIONS, schema

from maelstrom_core.cluster.joining import AUTO
from maelstrom_core.cluster.place import LOOK_SECONDS
from maelstrom_core.cluster.remote import WAIT_SECONDS
from maelstrom_core.testrun.project_name import AUTO as AUTO_NAME
from maelstrom_core.testrun.project_name import OFF

PAGE = (Path(__file__).parents[2] / "docs" / "guide" / "cluster.md").read_text()


def test_the_table_of_a_worker_s_settings_is_the_schema() -> None:
    table = PAGE.partition("| name | option |")[2].partition("\n\n")[0]
    rows = [[cell.strip(" `") for cell in line.split("|")[1:4]] for line in table.splitlines()[2:]]
    assert sorted(name for name, *_ in rows) == sorted(schema().names())
    for name, option, default in rows:
        assert option == (f"--{name}" if name in OPTIONS else "")
        field = next(one for one in schema() if one.name == name)
        if name in ("grace", "log-level", "cache-size", "template-memory", "interpreter", "broker"):
            assert default == str(field.default)


def test_what_it_says_in_words_is_so() -> None:
    assert AUTO == "auto"
    assert WAIT_SECONDS == 0.5
    assert "What waits\nthere for half a second comes back" in PAGE
    assert LOOK_SECONDS == 2 and "are read again every two seconds" in PAGE


def test_what_it_says_of_clients_that_are_gone_is_so() -> None:
    words = " ".join(PAGE.split())
    assert (
        CLIENT_SECONDS == 30 and "`MAELSTROM_BROKER_CLIENT_AWAY`; 30 s, from 1 s to 24 h" in words
    )
    assert (away("1s"), away("24h")) == (1, 24 * 3600)
    assert SILENT_SECONDS == 5 and "is missed after 5 s of silence" in words


def test_what_it_says_of_histories_is_so() -> None:
    section = PAGE.partition("## What others have seen\n")[2].partition("\n## ")[0]
    (field,) = [one for one in broker_schema() if one.name == "history-size"]
    most_bytes = field.read(field.default)
    assert str(field.default) == "64MiB" and "64 MiB, about a million tests" in section
    assert 1_000_000 <= most_bytes // BYTES_OF_A_CASE < 1_100_000
    assert f"for {KEPT_DAYS} days" in section.replace("\n", " ")
    assert PLAN_SECONDS == 24 * 3600 and "an answer holds for a day" in section
    assert {f"`{AUTO_NAME}`", f"`{OFF}`"} <= set(section.split())
