"""What is measured: tables, and what they say of the budgets."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from environments import fetch, make_environment, make_suite_environment
from original import NAME as ORIGINAL
from original import Original
from runs import FRESH, FRESH_ARGUMENTS, OURS, SLOTS, WAYS, Project
from side_by_side import Row, compare, table
from suites import SUITES, Suite
from synthetic import imports_suite, trivial_suite

REAL = {suite.name: suite for suite in SUITES if suite.measured}
PLUGINS = ("pytest-xdist", "pytest-forked")
FEW, MANY = 500, 1500
"""Sizes of the trivial suites: their difference is free of what a run costs once."""
WHOLE_RUN = 1.5
"""What a whole run of a suite may cost, as a multiple of ``pytest -n 2``."""
FASTER = 30.0
"""How many times as long the original must take for the same."""
TRIVIAL_CASE = 0.010
"""Seconds of wall time that one more trivial case may take of a slot."""
FIRST_RESULT = 0.250
"""Seconds that the first result of a run of one test may come later than under plain pytest."""
MEMORY = 1 << 30
"""Bytes that the controlling process may have resident at its peak, with 62,000 cases."""
LARGE, LARGE_CASES = "packaging", 60_000
"""The suite whose memory has a budget, and how many cases it must have for that to be told."""


class Bench:
    """Measures suites one by one; keeps tables and verdicts.

    :param work: where sources, environments and our store are kept
    :param rounds: of each way
    :param whole: whole suites where slices are the default
    """

    def __init__(self, work: Path, *, rounds: int, whole: bool) -> None:
        self._work, self._rounds, self._whole = work, rounds, whole
        # A store and a state of its own: warm after each way's first run, which is not counted.
        self._variables = {
            "XDG_CACHE_HOME": str(work / "cache"),
            "XDG_STATE_HOME": str(work / "state"),
        }
        self.tables: dict[str, list[Row]] = {}
        self.verdicts: list[str] = []

    def measure(self, name: str) -> bool:
        """Measure a suite; if that cannot be done, say why, and let others be measured.

        :param name: of a real suite or of one that is made here
        :return: whether it was measured
        """
        try:
            if name in REAL:
                self.real(REAL[name])
            else:
                MADE[name](self)
        except (OSError, RuntimeError, subprocess.CalledProcessError) as error:
            self.verdicts.append(f"{name}: not measured to the end: {error}")
            return False
        return True

    def real(self, suite: Suite) -> None:
        """A project's own suite, and a slice of it with every case started afresh."""
        source = fetch(suite, self._work)
        python = make_suite_environment(suite, self._work, *PLUGINS)
        project = Project(python, source, self._variables)
        # Of packaging, what is compared in a nightly run, without --whole.
        part = () if self._whole else suite.whole
        title = f"{suite.requirement}, {'a large part' if part else 'whole'}"
        rows = self._whole_runs(title, project, part)
        if suite.name == LARGE:
            self._judge_memory(project)
        else:
            self._judge(f"{title}: {{}} of pytest -n 2", ratio(rows, OURS), WHOLE_RUN, "×")
        self._afresh(suite, project)

    def imports(self) -> None:
        """A second of imports, in every file of the suite."""
        project = self._made("imports")
        imports_suite(project.source)
        self._whole_runs("40 cases that import for a second", project, ())

    def trivial(self) -> None:
        """What one more case takes."""
        project = self._made("trivial")
        few = trivial_suite(project.source / "few", FEW)
        many = trivial_suite(project.source / "many", MANY)
        ways: dict[str, Callable[[], float]] = {}
        for name, arguments in WAYS.items():
            pair = [project.way(name, arguments, (str(suite),)) for suite in (few, many)]
            ways[name] = marginal(*pair, slots=SLOTS.get(name, 2))
        title = "one more trivial case, per slot"
        rows = self._compare(title, ways, unit="ms", scale=1000)
        self._check_counts(project, title)
        figure = median(rows, OURS) * 1000
        self._judge(f"{title}: {{}}", figure, TRIVIAL_CASE * 1000, "ms")
        whole = {name: project.way(name, way, (str(many),)) for name, way in WAYS.items()}
        self._compare(f"{MANY} trivial cases", whole)

    def first(self) -> None:
        """When the first result of a run of one test is seen, with a warm store."""
        project = self._made("first")
        trivial_suite(project.source, 1)
        ways = {**WAYS, FRESH: FRESH_ARGUMENTS}
        ways = {"pytest": ways.pop("pytest"), **ways}  # compared with plain pytest
        rows = self._compare(
            "first result of one test",
            {name: project.first_result(arguments) for name, arguments in ways.items()},
            unit="ms",
            scale=1000,
        )
        later = (median(rows, OURS) - median(rows, "pytest")) * 1000
        self._judge("first result: {} after plain pytest's", later, FIRST_RESULT * 1000, "ms")

    def _made(self, name: str) -> Project:
        python = make_environment("made", self._work, PLUGINS)
        source = self._work / name
        source.mkdir(exist_ok=True)
        (source / "pytest.ini").write_text("[pytest]\n")
        return Project(python, source, self._variables)

    def _whole_runs(self, title: str, project: Project, part: tuple[str, ...]) -> list[Row]:
        ways = {name: project.way(name, arguments, part) for name, arguments in WAYS.items()}
        rows = self._compare(title, ways)
        self._check_counts(project, title)
        return rows

    def _afresh(self, suite: Suite, project: Project) -> None:
        """Ways that start every case from nothing: minutes for whole suites, so slices."""
        names = ("pytest -n 2", OURS)
        ways = {name: project.way(name, WAYS[name], suite.part) for name in names}
        ways[FRESH] = project.way(FRESH, FRESH_ARGUMENTS, suite.part)
        binaries = os.environ.get("MAELSTROM_ORIGINAL")
        if binaries is None:
            self.verdicts.append(f"{suite.name}: {ORIGINAL} not compared: no MAELSTROM_ORIGINAL")
            self._slice(suite, project, ways)
            return
        original = Original(Path(binaries), project, self._work)
        # The whole of packaging would keep the original busy for hours.
        if self._whole and suite.name != LARGE:
            self._slice(suite, project, ways)
            ways = {OURS: project.way(OURS, WAYS[OURS], ()), ORIGINAL: original.way(())}
            # Minutes a round, and far from the budget's edge: one is enough.
            rows = self._compare(f"{suite.requirement}, whole, beside the original", ways, rounds=1)
            what = "whole"
        else:
            ways[ORIGINAL] = original.way(suite.part)
            rows = self._slice(suite, project, ways)
            what = "a slice, in which what a run costs once weighs more"
        if ORIGINAL not in {row.name for row in rows}:
            return
        if original.passed < (ours := project.finished[OURS].counts.get("passed", 0)):
            self.verdicts.append(f"{suite.name}: {ORIGINAL}: {original.passed} passed, not {ours}")
        faster = median(rows, ORIGINAL) / median(rows, OURS)
        self.verdicts.append(
            f"{suite.name}, {what}: the original takes {faster:.1f} × as long, "
            f"budget {FASTER:g} ×: {'met' if faster >= FASTER else 'MISSED'}"
        )

    def _slice(
        self, suite: Suite, project: Project, ways: Mapping[str, Callable[[], float]]
    ) -> list[Row]:
        title = f"{suite.requirement}, a slice"
        rows = self._compare(title, ways)
        self._check_counts(project, title)
        return rows

    def _compare(
        self,
        title: str,
        ways: Mapping[str, Callable[[], float]],
        *,
        rounds: int | None = None,
        unit: str = "s",
        scale: float = 1.0,
    ) -> list[Row]:
        print(f"measuring: {title}", file=sys.stderr, flush=True)

        def failed(name: str, error: RuntimeError) -> None:
            self.verdicts.append(f"{title}: {name} not compared: it did not run: {error}")

        rows = compare(ways, rounds=rounds or self._rounds, failed=failed)
        # At once: it may take hours until all are measured.
        print(table(title, unit, rows, scale=scale), flush=True)
        self.tables[title] = rows
        return rows

    def _check_counts(self, project: Project, title: str) -> None:
        """A way that runs fewer cases, or fails some, is no faster for that: it is told."""
        names = [row.name for row in self.tables[title]]
        found = {
            name: finished.counts.get("passed", 0)
            for name, finished in project.finished.items()
            if name in names
        }
        self.verdicts += [
            f"{title}: {name}: {number} passed, not {found[names[0]]}"
            for name, number in found.items()
            if number != found[names[0]]
        ]

    def _judge_memory(self, project: Project) -> None:
        finished = project.finished[OURS]
        cases, peak = sum(finished.counts.values()), finished.peak
        if cases >= LARGE_CASES:
            line = f"{LARGE}, {cases:,} cases: controller had {{}} at its peak"
            self._judge(line, peak / (1 << 20), MEMORY / (1 << 20), "MiB")
            return
        self.verdicts.append(
            f"{LARGE}, {cases:,} cases: controller had {peak / (1 << 20):.2f} MiB at its peak; "
            f"the budget is for all cases (--whole)"
        )

    def _judge(self, line: str, figure: float, limit: float, unit: str) -> None:
        verdict = "met" if figure <= limit else "MISSED"
        text = line.format(f"{figure:.2f} {unit}")
        self.verdicts.append(f"{text}, budget {limit:g} {unit}: {verdict}")


MADE = {"imports": Bench.imports, "trivial": Bench.trivial, "first": Bench.first}
"""Suites that are made here."""


def marginal(
    few: Callable[[], float], many: Callable[[], float], *, slots: int
) -> Callable[[], float]:
    """Wall time of a slot that one more case takes: what runs cost once is in both, and drops out."""
    return lambda: (-few() + many()) * slots / (MANY - FEW)


def median(rows: list[Row], name: str) -> float:
    """Of one way."""
    return next(row.median for row in rows if row.name == name)


def ratio(rows: list[Row], name: str) -> float:
    """Of one way to the first."""
    return next(row.ratio for row in rows if row.name == name)
