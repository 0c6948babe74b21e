"""Rows and tags in as few messages as they fit into. Pure."""

from collections.abc import Iterator

from maelstrom_core.wire.messages import MOST_TAGS
from maelstrom_core.wire.rows import MOST_ROWS, SubmittedJob

MOST_SUBMIT_BYTES = 512 << 10
"""Of the bodies of one `Submit`; a message may be twice as large."""


def rows_in_parcels(rows: list[SubmittedJob]) -> Iterator[tuple[SubmittedJob, ...]]:
    """Jobs of one container."""
    part: list[SubmittedJob] = []
    size = 0
    for row in rows:
        if part and (len(part) == MOST_ROWS or size + len(row.body) > MOST_SUBMIT_BYTES):
            yield tuple(part)
            part, size = [], 0
        part.append(row)
        size += len(row.body) + 32
    if part:
        yield tuple(part)


def tags_in_parcels(tags: list[int]) -> Iterator[tuple[int, ...]]:
    """Names of jobs."""
    for start in range(0, len(tags), MOST_TAGS):
        yield tuple(tags[start : start + MOST_TAGS])
