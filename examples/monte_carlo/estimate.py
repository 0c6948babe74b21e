"""Estimates π by many small jobs, and draws how the estimate settles: estimate.py [JOBS] [FILE]"""

import sys
from collections.abc import Iterator
from pathlib import Path

from maelstrom_core.api import Exited, Runner

HERE = Path(__file__).parent
CONTAINER = {"added_layers": [{"paths": ["darts.awk"], "prepend_prefix": "/darts"}]}
DARTS = 1000
WIDTH, HEIGHT = 640, 240
LOWEST, HIGHEST = 3.08, 3.20


def jobs(count: int) -> Iterator[dict[str, object]]:
    """One job for each seed."""
    for seed in range(1, count + 1):
        arguments = ["-v", f"seed={seed}", "-f", "/darts/darts.awk"]
        yield {"program": "awk", "arguments": arguments, **CONTAINER}


def estimates(count: int) -> Iterator[float]:
    """The estimate after each job that has ended."""
    within = 0
    with Runner(project_directory=HERE) as runner:
        for ended, one in enumerate(runner.run_all(jobs(count)), start=1):
            if one.result.outcome != Exited(0):
                raise SystemExit(f"job {one.number}: {one.result.stderr.text()}")
            within += int(one.result.stdout.text())
            yield 4 * within / (DARTS * ended)


def picture(values: list[float]) -> str:
    """A drawing of all of them, as SVG."""

    def height(value: float) -> float:
        return HEIGHT * (HIGHEST - min(max(value, LOWEST), HIGHEST)) / (HIGHEST - LOWEST)

    step = max(1, len(values) // WIDTH)
    shown = range(0, len(values), step)
    points = " ".join(f"{WIDTH * i / len(values):.1f},{height(values[i]):.1f}" for i in shown)
    pi = height(3.14159265)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">\n'
        f'<line x1="0" x2="{WIDTH}" y1="{pi:.1f}" y2="{pi:.1f}" stroke="grey"/>\n'
        f'<polyline points="{points}" fill="none" stroke="black"/>\n'
        f'<text x="8" y="20" font-size="14">{len(values)} jobs: {values[-1]:.4f}</text>\n'
        "</svg>\n"
    )


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    path = Path(sys.argv[2] if len(sys.argv) > 2 else "pi.svg")
    values = list(estimates(count))
    path.write_text(picture(values), encoding="utf-8")
    print(f"{count} jobs: {values[-1]:.4f}; see {path}")


if __name__ == "__main__":
    main()
