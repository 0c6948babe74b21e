"""Compare real suites under ``pytest -p maelstrom`` with plain pytest, case by case.

Fetches source distributions from the package index, makes an environment for each, runs the suite
twice there, and prints every case that ended otherwise. Exit status 0 if none did but those of which
``suites.toml`` says why.

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
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

# A program of files side by side, not a package.
from environments import fetch, make_suite_environment  # noqa: E402
from suites import SUITES, Suite  # noqa: E402
from verdicts import Verdict, judge  # noqa: E402

MOST_SECONDS = 1800
"""After which a run is ended: one that hangs must not hide what the others show."""
MOST_LINES = 40
"""Of what differs in a suite: if nothing works, so many lines say it."""


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
    known = {suite.name: suite for suite in SUITES if chosen.whole or suite.part}
    if unknown := set(chosen.suites) - set(known):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    suites = [known[name] for name in chosen.suites] or list(known.values())
    with tempfile.TemporaryDirectory(prefix="maelstrom-real-") as scratch:
        work = (chosen.work or Path(scratch)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(2) as pool:
            # Waiting for the package index and for the disk takes longer than most suites.
            made = [pool.submit(make_suite_environment, suite, work) for suite in suites]
            # Not short-circuited: one differing suite must not hide what the others show.
            equal = [
                compare(suite, python.result(), work, whole=chosen.whole)
                for suite, python in zip(suites, made, strict=True)
            ]
    print(f"{equal.count(True)} passed, {equal.count(False)} failed")
    return 0 if all(equal) else 1


def compare(suite: Suite, python: Path, work: Path, *, whole: bool) -> bool:
    """Run one suite both ways; print what differs."""
    part = suite.whole if whole else suite.part
    plain, ours = (
        run(suite, python, work / f"{suite.name}-{way}", ["-p", plugin, *suite.options, *part])
        for way, plugin in (("plain", "no:maelstrom"), ("ours", "maelstrom"))
    )
    verdict = judge(suite.differences, plain.cases, ours.cases, whole=whole)
    counts = Counter(category for found in plain.cases.values() for category in found)
    summary = ", ".join(f"{number} {category}" for category, number in sorted(counts.items()))
    print(
        f"{suite.requirement}: {len(plain.cases)} cases ({summary}); plain {plain.seconds:.1f} s, "
        f"maelstrom {ours.seconds:.1f} s; {verdict.summary}; exit {plain.exit} and {ours.exit}"
    )
    for line in verdict.lines[:MOST_LINES]:
        print(f"  {line}")
    if len(verdict.lines) > MOST_LINES:
        print(f"  and {len(verdict.lines) - MOST_LINES} more")
    sys.stdout.flush()
    return verdict.equal and _ended_alike(plain, ours, verdict)


def _ended_alike(plain: Recording, ours: Recording, verdict: Verdict) -> bool:
    """Whether both runs ended as whole runs, and alike but for what is known to differ."""
    if verdict.known:
        return {plain.exit, ours.exit} <= {0, 1}
    return plain.exit == ours.exit


def run(suite: Suite, python: Path, out: Path, arguments: Sequence[str]) -> Recording:
    """Run the suite in its source directory and read what was recorded.

    :param out: name of files, without a suffix, for the recording and for what pytest printed
    """
    recording, printed = out.with_suffix(".json"), out.with_suffix(".txt")
    recording.unlink(missing_ok=True)
    # Some suites look at these; both runs must see the same.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "80"}
    environment.update(suite.environment)
    # Suites run programs of their environment by name.
    environment["PATH"] = f"{python.parent}:{environment['PATH']}"
    command = [python, HERE / "record.py", recording, "-q", "-p", "no:cacheprovider", *arguments]
    began = time.monotonic()
    with printed.open("wb") as file:
        try:
            code = subprocess.run(
                command,
                cwd=fetch(suite, out.parent),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                timeout=MOST_SECONDS,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            code = -1
    seconds = time.monotonic() - began
    recorded = {"exit": code, "cases": {}}
    if recording.exists():
        recorded = json.loads(recording.read_text())
    if recorded["exit"] not in (0, 1):
        print(printed.read_text(errors="replace")[-4000:])
    return Recording(recorded["exit"], recorded["cases"], seconds)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
