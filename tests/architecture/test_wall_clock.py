"""Nothing is decided by the wall clock, which people and NTP set back and forth at any moment.

How long something takes, who is silent and what is too late is measured with a clock that only goes
on: ``time.monotonic``, ``trio.current_time``. Where the wall clock is read all the same, rules.toml
says what for, and what a step of it costs: never a job, nor its outcome.
"""

import ast
from collections.abc import Callable, Iterator
from typing import Any

import pytest

Rules = dict[str, Any]
READS = {
    "time.time", "time.time_ns", "time.localtime", "time.gmtime", "time.ctime", "time.asctime",
    "time.strftime", "time.clock_gettime", "time.clock_gettime_ns",
    "datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today",
    "datetime.date.today",
}  # fmt: skip
MEND = (
    "{path}:{line}: reads the wall clock ({what}): take time.monotonic(), or trio.current_time(), "
    "or name the file under [[wall_clock]] in rules.toml, with what a step of the clock costs"
)


def reads(source: Any) -> Iterator[tuple[int, str]]:
    """Where a file reads the wall clock, under whatever names it has brought it in."""
    known: dict[str, str] = {}
    for node in ast.walk(source.tree):
        match node:
            case ast.Import(names=names):
                known |= {one.asname or one.name: one.name for one in names}
            case ast.ImportFrom(module=str(module), names=names):
                known |= {one.asname or one.name: f"{module}.{one.name}" for one in names}
    known = {name: what for name, what in known.items() if what.startswith(("time", "datetime"))}
    if not known:
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute | ast.Name):
            first, _, rest = ast.unparse(node).partition(".")
            whole = f"{known.get(first, '')}.{rest}".strip(".")
            if first in known and whole in READS:
                yield node.lineno, whole


def test_the_wall_clock_is_read_only_where_a_step_of_it_does_no_harm(
    shipped_file: Any, rules: Rules
) -> None:
    if shipped_file.path in {one["file"] for one in rules["wall_clock"]}:
        return
    found = [
        MEND.format(path=shipped_file.path, line=n, what=what) for n, what in reads(shipped_file)
    ]
    assert not found, "\n".join(found)


def test_whoever_may_read_it_does_and_says_what_a_step_costs(rules: Rules, sources: Any) -> None:
    by_path = {source.path: source for source in sources.values()}
    files = [one["file"] for one in rules["wall_clock"]]
    assert files == sorted(set(files)), "in order, each once"
    for one in rules["wall_clock"]:
        assert list(reads(by_path[one["file"]])), f"{one['file']} does not read it: strike it out"
        assert one["why"]
        assert one["step"]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("import time\ntime.time()", "time.time"),
        ("import time as t\nx = t.time_ns", "time.time_ns"),
        ("from time import time\ntime()", "time.time"),
        ("from time import time as now\nf(clock=now)", "time.time"),
        ("import time\ntime.clock_gettime_ns(5)", "time.clock_gettime_ns"),
        ("from datetime import datetime\ndatetime.now(UTC)", "datetime.datetime.now"),
        ("import datetime\ndatetime.date.today()", "datetime.date.today"),
        ("import time\ntime.monotonic(); time.perf_counter(); time.sleep(1)", ""),
        ("def time(): ...\ntime()", ""),
    ],
)
def test_a_look_at_the_wall_clock_is_found(
    sample: Callable[[str, str], Any], text: str, what: str
) -> None:
    found = {name for _, name in reads(sample("maelstrom_core/engine/shell.py", text))}
    assert found == ({what} if what else set())
