"""What isolation costs a suite of Go: ``python bench/go``.

Whole runs of real modules with all builds cached, under each way in turn, all in this one run:
``go test``, which the others are compared with; ours; and the original's ``maelstrom-go-test`` where
``MAELSTROM_ORIGINAL`` names the directory of its binaries. A process for each test, without containers,
shows what of that is Go's own start. Then what one more test takes that does nothing.

    python bench/go --suites cobra --rounds 3      one module, three times
"""

import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parents[1] / "tests" / "real")]

from go_modules import fetch  # noqa: E402
from ways import ways_of, write_trivial  # noqa: E402
from whole_runs import FEW, MANY, Bench, chosen_of, options  # noqa: E402

# testify's own suite calls `go test`, whose builds would be most of what is measured.
MODULES = {
    "cobra": ("github.com/spf13/cobra@v1.8.1", "./..."),
    "mux": ("github.com/gorilla/mux@v1.8.1", "./..."),
    "testify": ("github.com/stretchr/testify@v1.9.0", "./assert ./require ./mock"),
}
TRIVIAL = "trivial"


def main() -> int:
    """Measure, print, and write what was asked for."""
    suites = [*MODULES, TRIVIAL]
    chosen = chosen_of(options(__doc__, suites), suites)
    bench = Bench(chosen.rounds)
    with tempfile.TemporaryDirectory(prefix="maelstrom-bench-") as scratch:
        work = Path(scratch)
        for name in chosen.suites:
            if name == TRIVIAL:
                few, many = (write_trivial(work / f"trivial-{n}", n) for n in (FEW, MANY))
                bench.trivial(ways_of(few, ["./..."], work), ways_of(many, ["./..."], work))
                continue
            module, packages = MODULES[name]
            bench.whole(f"{module}, whole", ways_of(fetch(module, work), packages.split(), work))
    print("\n".join(bench.verdicts))
    if chosen.json:
        bench.write(chosen.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
