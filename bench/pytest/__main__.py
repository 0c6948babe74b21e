"""What isolation costs a pytest suite: ``python bench/pytest``.

Whole runs of real suites and of made ones, each under every way in turn, all in this one run:
``pytest -n 2`` (pytest-xdist), which the others are compared with; plain pytest; ``pytest --forked``
(pytest-forked); and ours. Slices of the real suites with a fresh interpreter for every case; there
the original's ``maelstrom-pytest`` too, where ``MAELSTROM_ORIGINAL`` names the directory of its
binaries. Nothing is skipped silently: a peer that is missing has a line that says so.

    python bench/pytest --suites jinja2 --rounds 1      one suite, once
    python bench/pytest --whole                         62,000 cases, and the original on whole suites
"""

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parents[1] / "tests" / "real")]

from measures import MADE, REAL, Bench  # noqa: E402


def main() -> int:
    """Measure, print, and write what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each way (default: 5)")
    parser.add_argument(
        "--suites",
        type=lambda text: text.split(","),
        default=[*REAL, *MADE],
        metavar="NAME,…",
        help=f"which (default: all of {','.join([*REAL, *MADE])})",
    )
    parser.add_argument(
        "--whole", action="store_true", help="all of packaging, and the original on whole suites"
    )
    parser.add_argument(
        "--work", type=Path, help="where sources and environments are kept: a directory of its own"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to a file")
    chosen = parser.parse_args()
    if unknown := set(chosen.suites) - {*REAL, *MADE}:
        parser.error(
            f"unknown: {', '.join(sorted(unknown))}; there are {', '.join([*REAL, *MADE])}"
        )
    with tempfile.TemporaryDirectory(prefix="maelstrom-bench-") as scratch:
        work = (chosen.work or Path(scratch)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        bench = Bench(work, rounds=chosen.rounds, whole=chosen.whole)
        measured = [bench.measure(name) for name in chosen.suites]
    print("\n".join(bench.verdicts))
    if chosen.json:
        plain = {title: [asdict(row) for row in rows] for title, rows in bench.tables.items()}
        chosen.json.write_text(
            json.dumps({"tables": plain, "budgets": bench.verdicts}, indent=2, ensure_ascii=False)
        )
    return 0 if all(measured) else 1


if __name__ == "__main__":
    sys.exit(main())
