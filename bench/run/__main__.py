"""What many jobs cost, client included: ``python bench/run``.

``maelstrom-run`` over a file of jobs, standalone: a static program that does nothing, and ``sh -c`` with
a megabyte of output. Ours, and the original's where ``MAELSTROM_ORIGINAL`` names the directory of its
binaries; in turn, all in this one run. Throughput, CPU time per job, and memory of the whole tree of
processes. A peer that is missing has a line that says so.

    python bench/run --jobs 1000 --rounds 1      quick
    python bench/run --jobs 1000,20000           as the budgets have it
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "containers")]

from side_by_side import compare, table  # noqa: E402
from static_true import write_static_true  # noqa: E402
from watched import Cost, watched  # noqa: E402

LINE = b"x" * 99 + b"\n"
OURS, ORIGINAL = "maelstrom-run", "the original's maelstrom-run"
BUDGET = 3.0
"""Jobs a second, times those of the original: must be reached for 1,000 static ones."""


def kinds() -> dict[str, dict[str, object]]:
    """A job of each kind, in words that both understand."""
    dash, cat = (os.path.realpath(f"/bin/{name}") for name in ("sh", "cat"))
    shell = [
        {"paths": [dash, cat]},
        {"shared_library_dependencies": [dash, cat]},
        {"paths": ["megabyte"]},
    ]
    return {
        "static true": {"layers": [{"paths": ["true"]}], "program": "/true"},
        "sh -c with 1 MB of output": {
            "layers": shell,
            "program": dash,
            "arguments": ["-c", f"{cat} /megabyte"],
        },
    }


def ways(work: Path) -> dict[str, list[str]]:
    """Commands that read jobs from standard input."""
    ours = [sys.executable, "-m", "maelstrom_run.start", "--store", str(work / "store")]
    found = {OURS: ours}
    binaries = os.environ.get("MAELSTROM_ORIGINAL")
    if not binaries:
        print(f"{ORIGINAL}: not compared: no MAELSTROM_ORIGINAL")
        return found
    program = Path(binaries, "maelstrom-run")
    if not program.exists():
        print(f"{ORIGINAL}: not compared: {program} is not there")
        return found
    return {ORIGINAL: [str(program), "--cache-root", str(work / "cache")], **found}


def measure(work: Path, kind: str, count: int, rounds: int) -> list[str]:
    """Measure one kind of job, print tables; what is said of budgets."""
    given = work / "jobs.json"
    given.write_text(f"{json.dumps(kinds()[kind])}\n" * count)
    costs: dict[str, list[Cost]] = {}

    def way(name: str, command: list[str]) -> Callable[[], float]:
        def once() -> float:
            cost = watched(command, given, work)
            costs.setdefault(name, []).append(cost)
            return cost.wall_seconds / count

        return once

    rows = compare(
        {name: way(name, command) for name, command in ways(work).items()},
        rounds=rounds,
        failed=lambda name, error: print(f"{name}: left out: {error}"),
    )
    print(table(f"{count:,} × {kind}", "ms a job", rows, scale=1e3))
    for name, all_of_it in costs.items():
        counted = all_of_it[1:]  # the first one warmed it up
        cpu = min(cost.cpu_seconds for cost in counted) / count
        peak = max(cost.peak_bytes for cost in counted)
        print(f"{name}: {cpu * 1e3:.2f} ms of CPU a job, {peak / 1e6:.0f} MB at most")
    print()
    if rows[0].name != ORIGINAL or len(rows) < 2:
        return []
    ratio = rows[0].median / rows[1].median
    return [f"{count:,} × {kind}: {ratio:.2f} × the original's throughput (must: {BUDGET} ×)"]


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each way (default: 3)")
    parser.add_argument(
        "--jobs",
        type=lambda text: [int(one) for one in text.split(",")],
        default=[1000],
        metavar="N,…",
        help="how many jobs (default: 1000)",
    )
    parser.add_argument("--kinds", help="part of the names of kinds (default: all)", default="")
    chosen = parser.parse_args()
    verdicts = []
    with tempfile.TemporaryDirectory(prefix="maelstrom-bench-") as scratch:
        work = Path(scratch)
        write_static_true(work)
        (work / "megabyte").write_bytes(LINE * 10_000)
        for kind in kinds():
            if chosen.kinds in kind:
                for count in chosen.jobs:
                    verdicts += measure(work, kind, count, chosen.rounds)
    print(*verdicts, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
