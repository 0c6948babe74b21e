"""What isolation costs the tests of a crate: ``python bench/cargo``.

Whole runs of real crates with all builds cached, under each way in turn, all in this one run:
``cargo test``, which the others are compared with; ours; cargo-nextest, which runs a process for each
test, where it is in the ``PATH``; and the original's ``cargo-maelstrom`` where ``MAELSTROM_ORIGINAL``
names the directory of its binaries. The last two know no doctests, so runs without them are measured,
and whole ones apart. Then what one more test takes that does nothing.

    python bench/cargo --suites semver --rounds 3                        one crate, three times
    cargo install --locked --root DIRECTORY cargo-nextest                a quarter of an hour; then
    PATH=DIRECTORY/bin:$PATH python bench/cargo
"""

import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parents[1] / "tests" / "real")]

from crates import PROJECTS, fetch  # noqa: E402
from ways import NO_DOCTESTS, ways_of, write_trivial  # noqa: E402
from whole_runs import FEW, MANY, Bench, chosen_of, options  # noqa: E402

SUITES = ("semver", "smallvec", "workspace")
TRIVIAL = "trivial"


def main() -> int:
    """Measure, print, and write what was asked for."""
    suites = [*SUITES, TRIVIAL]
    chosen = chosen_of(options(__doc__, suites), suites)
    bench = Bench(chosen.rounds)
    with tempfile.TemporaryDirectory(prefix="maelstrom-bench-") as scratch:
        work = Path(scratch)
        for name in chosen.suites:
            if name == TRIVIAL:
                few, many = (write_trivial(work / f"trivial-{n}", n) for n in (FEW, MANY))
                bench.trivial(ways_of(few, NO_DOCTESTS, work), ways_of(many, NO_DOCTESTS, work))
                continue
            project = PROJECTS[name]
            place = work / name
            place.mkdir()
            directory = fetch(project, place)
            without = ways_of(directory, (*project.options, *NO_DOCTESTS), work)
            bench.whole(f"{name}, without doctests", without)
            bench.whole(f"{name}, whole", ways_of(directory, project.options, work))
    print("\n".join(bench.verdicts))
    if chosen.json:
        bench.write(chosen.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
