"""Each run of the table, both ways: the same, or different in what is said; README.md explains."""

import re
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path
from pprint import pformat
from typing import Any

HERE = Path(__file__).parent


def test_a_run_is_what_its_rows_say(table_run, do, compared):
    verdicts = {row.get("verdict", "same") for row in table_run["row"]}
    differs = table_run.get("differs", [])
    assert verdicts <= {"same", "differs", "refused"}
    assert table_run["compare"] or "same" not in verdicts
    assert bool(differs) == ("differs" in verdicts), "a difference is shown where one is claimed"
    ours = do(table_run, ours=True)
    if "refused" in verdicts:
        (row,) = table_run["row"]
        assert [code for code, _, _ in ours.steps] == [4], ours.steps[0][2]
        assert row["how"] in ours.steps[0][2]
        assert "without -p maelstrom" in ours.steps[0][2]
        return
    plain = do(table_run, ours=False)
    for name in table_run["compare"]:
        told = "\n".join(difference(compared[name](plain), compared[name](ours)))
        assert not told, f"{name} of {table_run['project']}:\n{told}"
    story = f"=== plain\n{plain.steps[-1][2]}\n=== ours\n{ours.steps[-1][2]}"
    for who, pattern in differs:
        own, other = (plain, ours) if who.startswith("plain") else (ours, plain)
        file = who.partition(" ")[2]
        said, elsewhere = (
            done.files.get(file, "") if file else done.steps[-1][2] for done in (own, other)
        )
        assert re.search(pattern, said), f"{pattern!r} is not there: {story}"
        assert not re.search(pattern, elsewhere), f"{pattern!r} is in both: {story}"


def difference(plain: Any, ours: Any) -> Iterator[str]:
    """Lines that are in one alone."""
    lines = ([*pformat(one, width=200).splitlines()] for one in (plain, ours))
    return unified_diff(*lines, "plain", "ours", n=0, lineterm="")


def test_what_is_shown_elsewhere_is_shown_there(shown):
    file, _, name = shown["by"].partition("::")
    assert f"def {name}(" in (HERE.parent / file).read_text()
    assert {row.get("verdict", "same") for row in shown["row"]} <= {"same", "differs", "refused"}
