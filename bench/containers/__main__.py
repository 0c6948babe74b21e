"""How much a container costs: ``python bench/containers``.

Three tables, each measured side by side in this one run: start to exit of a static ``true`` in one
container after the other; many of them, two at a time; a cold interpreter. Bubblewrap is compared
where it is installed (Debian's ``bubblewrap``), the original where ``MAELSTROM_ORIGINAL`` names the
directory of its binaries. Nothing is skipped silently: a peer that is missing has a line that says so.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import trio  # noqa: E402
from ours import OurWays, cold_python_way  # noqa: E402
from peers import bubblewrap_way, interpreter_way, original_way, spawn_way  # noqa: E402
from side_by_side import Row, compare, table  # noqa: E402
from static_true import write_static_true  # noqa: E402

BUDGETS = {"start to exit": 2.5, "cold interpreter": 1.25}
"""What our default container may cost, as a multiple of a bare posix_spawn."""
ORIGINAL = "the original, client included"
FASTER = 3.0
"""How many times the jobs of the original we must run in the same time, two at a time."""
Way = Callable[[], float]


def main() -> int:
    """Measure, print, and write what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7, help="rounds of each way (default: 7)")
    parser.add_argument("--jobs", type=int, default=200, help="jobs in a round (default: 200)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to a file")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="maelstrom-bench-") as scratch:
        tables = trio.run(measure, Path(scratch), chosen.jobs, chosen.rounds)
    for title, rows in tables.items():
        print(table(title, "ms per job", rows, scale=1000))
    for title, limit in BUDGETS.items():
        ratio = next(row.ratio for row in tables[title] if row.name.startswith("maelstrom"))
        print(f"{title}: {ratio:.2f} ×, budget {limit} ×: {'met' if ratio <= limit else 'MISSED'}")
    medians = {row.name: row.median for row in tables["two at a time"]}
    if ORIGINAL in medians:
        ratio = medians[ORIGINAL] / medians["maelstrom"]
        verdict = "met" if ratio >= FASTER else "MISSED"
        print(f"two at a time: {ratio:.2f} × the original's, budget {FASTER} ×: {verdict}")
    if chosen.json:
        plain = {title: [asdict(row) for row in rows] for title, rows in tables.items()}
        chosen.json.write_text(json.dumps(plain, indent=2))
    return 0


async def measure(scratch: Path, jobs: int, rounds: int) -> dict[str, list[Row]]:
    """All tables; the first way of each is bare ``posix_spawn``."""
    root = scratch / "root"
    for name in ("proc", "dev", "tmp"):
        (root / name).mkdir(parents=True)  # bubblewrap cannot make them in a read-only root
    program = write_static_true(root)
    bwrap, original = shutil.which("bwrap"), os.environ.get("MAELSTROM_ORIGINAL")
    for name, peer in (("bubblewrap", bwrap), ("the original (MAELSTROM_ORIGINAL)", original)):
        if peer is None:
            print(f"not compared: {name} is not there", file=sys.stderr)
    async with OurWays.open(scratch, root) as ours:

        def ways(parallel: int) -> dict[str, Way]:
            found: dict[str, Way] = {
                "posix_spawn, no container": spawn_way(program, jobs, parallel),
                **ours.ways(jobs, parallel),
            }
            if bwrap:
                found["bubblewrap"] = bubblewrap_way(bwrap, root, jobs, parallel)
            if original:
                found[ORIGINAL] = original_way(Path(original), root, jobs, parallel)
            return found

        few = max(jobs // 20, 2)
        interpreters = {
            "posix_spawn, no container": interpreter_way(few),
            "maelstrom, writable root": cold_python_way(ours, few),
        }

        def all_tables() -> dict[str, list[Row]]:
            return {
                "start to exit": compare(ways(1), rounds=rounds),
                "two at a time": compare(ways(2), rounds=rounds),
                "cold interpreter": compare(interpreters, rounds=rounds),
            }

        return await trio.to_thread.run_sync(all_tables)


if __name__ == "__main__":
    sys.exit(main())
