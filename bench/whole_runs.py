"""Whole runs of programs that run tests, each in turn: wall and CPU time, and what one more test takes.

Every way is run once before anything is counted, so that all has been built and every store is warm.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import attrs
from side_by_side import Row, compare, table
from watched import Cost, watched

OURS = "ours"
SLOTS = 2
"""How many tests run at once, under all ways that can be told."""
FEW, MANY = 100, 400
"""Tests of the two suites whose difference is what one more test takes."""
SPECIFICATION = """\
[[directives]]
layers = [
    { glob = "**" },
    { stubs = ["/{proc,sys,tmp}/", "/dev/{full,null,random,urandom,zero}"] },
]
mounts = [
    { type = "tmp", mount_point = "/tmp" },
    { type = "proc", mount_point = "/proc" },
    { type = "sys", mount_point = "/sys" },
    { type = "devices", devices = ["full", "null", "random", "urandom", "zero"] },
]
"""
"""Of the original, whose tests run in ``/``: those that look for files of their package fail."""
BUDGET = 1.5
"""Whole run of ours, times that of the native tool."""


@attrs.frozen(kw_only=True)
class Way:
    """A program that runs a suite.

    :param command: what runs it
    :param directory: where
    :param variables: of the environment, over those of this process
    :param statuses: with which it may end: of peers whose containers lack what some tests want, others
        than 0, too
    :param passed: reads the number of tests that passed out of what it has printed; ``None`` if that is
        not to be seen
    """

    command: Sequence[str | Path]
    directory: Path
    variables: Mapping[str, str] = attrs.field(factory=dict)
    statuses: Collection[int] = (0,)
    passed: Callable[[str], int] | None = None

    def run(self) -> Cost:
        """Run it once.

        :raises RuntimeError: if it ends with another status
        """
        return watched(
            [os.fspath(word) for word in self.command],
            None,
            self.directory,
            # Programs that compile all that they import would be compared by how much that is.
            variables={**self.variables, "PYTHONDONTWRITEBYTECODE": ""},
            statuses=self.statuses,
            has_output=True,
        )


class Bench:
    """Measures, prints, and keeps what it has found.

    :param rounds: how often each way is run
    """

    def __init__(self, rounds: int) -> None:
        self._rounds = rounds
        self.tables: dict[str, list[Row]] = {}
        self.cpu: dict[str, dict[str, float]] = {}
        self.verdicts: list[str] = []

    def whole(self, title: str, ways: Mapping[str, Way]) -> None:
        """Whole runs of a suite; of ours, the budget is judged."""
        costs: dict[str, list[Cost]] = {name: [] for name in ways}

        def once(name: str) -> Callable[[], float]:
            def measure() -> float:
                costs[name].append(ways[name].run())
                return costs[name][-1].wall_seconds

            return measure

        rows = self._compare(title, {name: once(name) for name in ways})
        self._show(title, "s", rows, {name: _cpu(all_of_it) for name, all_of_it in costs.items()})
        for name, way in ways.items():
            if way.passed is not None and costs[name]:
                self.verdicts.append(
                    f"{title}: {name}: {way.passed(costs[name][-1].output)} passed"
                )
        ratio = next((row.ratio for row in rows if row.name == OURS), None)
        if ratio is not None:
            word = "met" if ratio <= BUDGET else "MISSED"
            self.verdicts.append(
                f"{title}: {OURS}: {ratio:.2f} × of {rows[0].name}, budget {BUDGET} ×: {word}"
            )

    def trivial(self, few: Mapping[str, Way], many: Mapping[str, Way]) -> None:
        """Suites of `FEW` and `MANY` tests that do nothing."""
        self.whole(f"{MANY} trivial tests", many)
        self._one_more("one more trivial test, per slot", few, many)

    def _one_more(self, title: str, few: Mapping[str, Way], many: Mapping[str, Way]) -> None:
        """What one more test takes of a slot: what runs cost once is in both, and drops out."""
        costs: dict[str, list[float]] = {name: [] for name in few}

        def once(name: str) -> Callable[[], float]:
            def measure() -> float:
                less, more = few[name].run(), many[name].run()
                costs[name].append((more.cpu_seconds - less.cpu_seconds) / (MANY - FEW))
                return (more.wall_seconds - less.wall_seconds) * SLOTS / (MANY - FEW)

            return measure

        rows = self._compare(title, {name: once(name) for name in few})
        cpu = {
            name: statistics.median(found[1:] or found or [0.0]) for name, found in costs.items()
        }
        self._show(title, "ms", rows, cpu, scale=1e3)

    def _compare(self, title: str, ways: Mapping[str, Callable[[], float]]) -> list[Row]:
        print(f"measuring: {title}", file=sys.stderr, flush=True)

        def failed(name: str, error: RuntimeError) -> None:
            self.verdicts.append(f"{title}: {name} not compared: it did not run: {error}")

        return compare(ways, rounds=self._rounds, failed=failed)

    def _show(
        self,
        title: str,
        unit: str,
        rows: list[Row],
        cpu: dict[str, float],
        *,
        scale: float = 1.0,
    ) -> None:
        self.tables[title], self.cpu[title] = rows, cpu
        print(table(title, unit, rows, scale=scale, cpu=cpu), flush=True)

    def write(self, path: Path) -> None:
        """Write all figures, as JSON."""
        plain = {title: [asdict(row) for row in rows] for title, rows in self.tables.items()}
        found = {"tables": plain, "cpu seconds": self.cpu, "verdicts": self.verdicts}
        path.write_text(json.dumps(found, indent=2, ensure_ascii=False))


def _cpu(costs: Sequence[Cost]) -> float:
    # The first one has warmed it up.
    return statistics.median(cost.cpu_seconds for cost in costs[1:] or costs) if costs else 0.0


def original(program: str) -> Path | None:
    """One of the original's programs, where ``MAELSTROM_ORIGINAL`` names their directory."""
    directory = os.environ.get("MAELSTROM_ORIGINAL")
    if not directory:
        print("the original: not compared: no MAELSTROM_ORIGINAL")
        return None
    path = Path(directory, program)
    if not path.exists():
        print(f"the original: not compared: {path} is not there")
        return None
    return path


def unprivileged() -> list[str]:
    """What a command begins with so that tests find writes refused, as in containers."""
    if os.geteuid() == 0 and shutil.which("setpriv"):
        return ["setpriv", "--inh-caps=-all", "--bounding-set=-all"]
    return []


def last_number(pattern: str, text: str) -> int:
    """The last number that a pattern finds, line by line; 0 if there is none."""
    found = re.findall(pattern, text, re.M)
    return int(found[-1]) if found else 0


def options(description: str | None, suites: Sequence[str]) -> argparse.ArgumentParser:
    """The command line that these benches share."""
    parser = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each way (default: 5)")
    parser.add_argument(
        "--suites",
        type=lambda text: text.split(","),
        default=list(suites),
        metavar="NAME,…",
        help=f"which (default: all of {','.join(suites)})",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to a file")
    return parser


def chosen_of(parser: argparse.ArgumentParser, suites: Collection[str]) -> argparse.Namespace:
    """What the command line says, suites checked."""
    chosen = parser.parse_args()
    if unknown := set(chosen.suites) - set(suites):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(suites)}")
    return chosen
