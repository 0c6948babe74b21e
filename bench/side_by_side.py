"""Compare ways of doing the same work, side by side in one run, as ratios of medians.

Rounds are interleaved (A B C, A B C, …), so that a machine which slows down for a while slows down
all of them; each way is warmed up once before anything is counted.
"""

import math
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One way's figures.

    :param name: what people call it
    :param median: of its rounds, in the unit that it was measured in
    :param lowest: smallest of its rounds
    :param highest: largest of its rounds
    :param ratio: median over the median of the first way
    """

    name: str
    median: float
    lowest: float
    highest: float
    ratio: float


def compare(
    ways: Mapping[str, Callable[[], float]],
    *,
    rounds: int,
    failed: Callable[[str, RuntimeError], None] | None = None,
) -> list[Row]:
    """Measure each way ``rounds`` times, in turn; the first is what the others are compared with.

    :param ways: name → function that does the work once and returns what was measured
    :param failed: told of a way that raised when it was warmed up, which is then left out; without
        it, and for the first way, that ends the comparison
    """
    figures: dict[str, list[float]] = {}
    for name, measure in ways.items():
        try:
            measure()
        except RuntimeError as error:
            if failed is None or not figures:
                raise
            failed(name, error)
        else:
            figures[name] = []
    for _ in range(rounds):
        for name, values in figures.items():
            values.append(ways[name]())
    medians = {name: statistics.median(values) for name, values in figures.items()}
    reference = next(iter(medians.values()))
    return [
        Row(name, medians[name], min(values), max(values), medians[name] / reference)
        for name, values in figures.items()
    ]


def table(
    title: str,
    unit: str,
    rows: list[Row],
    *,
    scale: float = 1.0,
    cpu: Mapping[str, float] | None = None,
) -> str:
    """Markdown, for a terminal and for the docs alike.

    :param cpu: name → median of the CPU time, in the unit that the rows were measured in
    """
    heading = f"| way | median {unit} | lowest | highest | of the first |"
    rule = "|---|---:|---:|---:|---:|"
    if cpu is not None:
        heading, rule = f"{heading} CPU {unit} | of the first |", f"{rule}---:|---:|"
    lines = [f"### {title}", "", heading, rule]
    for row in rows:
        figures = (row.median * scale, row.lowest * scale, row.highest * scale)
        cells = " | ".join(f"{figure:,.2f}" for figure in figures)
        # What costs next to nothing may seem to cost less than nothing.
        ratio = f"{row.ratio:.2f} ×" if rows[0].median > 0 else "–"
        line = f"| {row.name} | {cells} | {ratio} |"
        if cpu is not None:
            first, own = cpu[rows[0].name], cpu[row.name]
            line += f" {own * scale:,.2f} | {own / first if first > 0 else math.nan:.2f} × |"
        lines.append(line)
    return "\n".join([*lines, ""])
