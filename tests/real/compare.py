"""Compare real suites under ``pytest -p maelstrom`` with plain pytest, case by case.

Fetches source distributions from the package index, makes an environment for each, runs the suite
twice there, and prints every case that ended otherwise. Exit status 0 if none did.

    python tests/real/compare.py                    slices, a few minutes
    python tests/real/compare.py --whole            all of it, for the night
    python tests/real/compare.py --whole jinja2     one suite
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

# A program of files side by side, not a package.
from environments import fetch, make_suite_environment  # noqa: E402
from suites import SUITES, Suite  # noqa: E402


@dataclass(frozen=True)
class Recording:
    """How one run went.

    :param exit: pytest's exit status
    :param cases: node id → categories, in the order in which they were reported
    :param seconds: wall time of the run
    """

    exit: int
    cases: dict[str, list[str]]
    seconds: float


def main(arguments: Sequence[str]) -> int:
    """Compare the chosen suites."""
    parser = argparse.ArgumentParser(
        description="Compare pytest -p maelstrom with plain pytest on real suites, case by case."
    )
    parser.add_argument("suites", nargs="*", help="names; all by default", metavar="SUITE")
    parser.add_argument("--whole", action="store_true", help="whole suites instead of slices")
    parser.add_argument("--work", type=Path, help="where sources and environments are kept")
    chosen = parser.parse_args(arguments)
    known = {suite.name: suite for suite in SUITES}
    if unknown := set(chosen.suites) - set(known):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    suites = [known[name] for name in chosen.suites] or list(SUITES)
    with tempfile.TemporaryDirectory(prefix="maelstrom-real-") as scratch:
        work = (chosen.work or Path(scratch)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        # Not short-circuited: one differing suite must not hide what the others show.
        equal = [compare(suite, work, whole=chosen.whole) for suite in suites]
    print(f"{equal.count(True)} passed, {equal.count(False)} failed")
    return 0 if all(equal) else 1


def compare(suite: Suite, work: Path, *, whole: bool) -> bool:
    """Run one suite both ways; print what differs."""
    python = make_suite_environment(suite, work)
    source = fetch(suite, work)
    part = suite.whole if whole else suite.part
    plain = run(python, source, work / f"{suite.name}-plain.json", ["-p", "no:maelstrom", *part])
    ours = run(python, source, work / f"{suite.name}-ours.json", ["-p", "maelstrom", *part])
    differing = sorted(
        case
        for case in plain.cases.keys() | ours.cases.keys()
        if plain.cases.get(case) != ours.cases.get(case)
    )
    counts = Counter(category for found in plain.cases.values() for category in found)
    summary = ", ".join(f"{number} {category}" for category, number in sorted(counts.items()))
    print(
        f"{suite.requirement}: {len(plain.cases)} cases ({summary}); plain {plain.seconds:.1f} s, "
        f"maelstrom {ours.seconds:.1f} s; {len(differing)} differ; "
        f"exit {plain.exit} and {ours.exit}",
        flush=True,
    )
    for case in differing:
        print(f"  {case}: plain {plain.cases.get(case)}, maelstrom {ours.cases.get(case)}")
    return bool(plain.cases) and not differing and plain.exit == ours.exit


def run(python: Path, source: Path, out: Path, arguments: Sequence[str]) -> Recording:
    """Run the suite in its source directory and read what was recorded."""
    out.unlink(missing_ok=True)
    # Some suites look at these; both runs must see the same.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "80"}
    command = [python, HERE / "record.py", out, "-q", "-p", "no:cacheprovider", *arguments]
    began = time.monotonic()
    finished = subprocess.run(
        command, cwd=source, env=environment, text=True, stdout=subprocess.PIPE, check=False
    )
    seconds = time.monotonic() - began
    if not out.exists():
        print(finished.stdout[-4000:])
        return Recording(finished.returncode, {}, seconds)
    recorded = json.loads(out.read_text())
    if recorded["exit"] not in (0, 1):
        print(finished.stdout[-4000:])
    return Recording(recorded["exit"], recorded["cases"], seconds)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
