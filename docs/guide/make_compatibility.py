"""Write compatibility.md out of the table of tests: ``python docs/guide/make_compatibility.py``."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
TARGET = HERE / "compatibility.md"
TABLE = HERE.parents[1] / "tests" / "runners" / "pytest" / "table"
PARTS = ("options", "features", "plugins")
HEAD = """\
# What is the same as in plain pytest

<!-- Made by make_compatibility.py out of tests/runners/pytest/table: change that, not this. -->

Each row is shown by a test that runs a project both ways, or by one that is named in
`tests/runners/pytest/table`. *Same* is: the same cases, the same outcomes, the same exit status, and,
but for times, the same words; what follows it is worth knowing even so. What *differs* does so in the
way that is said. What cannot work is *refused* before a test is run, with what to do instead.

Debugging, `-s` and the settings of Maelstrom are in [Run a pytest suite](pytest.md).
"""
TAIL = """\
## Plugins that are not here

- What a plugin does in the process of a test, it does in containers: fixtures, marks, items, assertions,
  hooks around the phases of a test.
- What it does with reports, it does in the starting process: reporters, the terminal. What it adds to
  reports in containers arrives there as JSON would have it: tuples are lists, and what JSON cannot have
  is text.
- Hooks of the session are called in each container too, as in workers of pytest-xdist:
  `pytest_sessionfinish` sees its one test there, and all of them in the starting process.
- Inside, `config.workerinput` is there as in a worker of pytest-xdist, with a `workerid` of `gw0`; so a
  plugin that gets along with pytest-xdist gets along with containers. A key that is missing there has
  the value of the option of that name. Hooks of xdist's controller, such as
  `pytest_configure_node`, are not called.
- What it keeps in memory from one test to the next is not there: each test is alone.
- What is done as an interpreter ends, such as `__del__` of what a module holds, is not seen: a container
  ends first.
- What it writes to files ends with the container, but for `$MAELSTROM_OUTPUT`.
- Of hooks of a `conftest.py` below the directory where pytest starts, those that are about reports or
  the session are not called in the starting process, which does not import it.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *(part for name in PARTS for part in _part(name)), TAIL])


def tables() -> dict[str, dict[str, Any]]:
    """What is in the files of the table, by their names."""
    return {name: tomllib.loads((TABLE / f"{name}.toml").read_text()) for name in PARTS}


def rows(part: str) -> Iterator[dict[str, str]]:
    """Rows of a part of the page, in the order of the files."""
    for name, table in tables().items():
        for entry in (*table.get("run", []), *table.get("shown", [])):
            yield from (row for row in entry["row"] if row.get("part", name) == part)


def _part(name: str) -> Iterator[str]:
    yield f"## {tables()[name]['title'][0].upper()}{tables()[name]['title'][1:]}\n"
    yield "| | | |\n|---|---|---|"
    yield from sorted(
        (f"| {r['what']} | {r.get('verdict', 'same')} | {r.get('how', '')} |" for r in rows(name)),
        key=lambda line: line.lower().lstrip("| `-"),
    )
    yield ""


if __name__ == "__main__":
    TARGET.write_text(page())
