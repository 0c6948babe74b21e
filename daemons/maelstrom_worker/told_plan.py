"""How endings are told: in as few messages as they fit into. Pure."""

from collections.abc import Iterable, Iterator

from maelstrom_core.wire.messages import Done
from maelstrom_core.wire.rows import MOST_ROWS, DoneJob

_MESSAGE_BYTES = 512 << 10
_WHY_BYTES = 4000


def size_of(done: DoneJob) -> int:
    """Bytes of it that are kept until it is taken."""
    return len(done.body) + sum(map(len, done.told))


def said(why: str) -> bytes:
    """Why a job could not be run, as its ending has it."""
    return why.encode("utf-8", "replace")[:_WHY_BYTES]


def done_messages(found: Iterable[tuple[bytes, DoneJob]]) -> Iterator[Done]:
    """Endings, each with its client's session, as messages."""
    by_session: dict[bytes, list[DoneJob]] = {}
    for session, row in found:
        by_session.setdefault(session, []).append(row)
    for session, rows in by_session.items():
        part: list[DoneJob] = []
        size = 0
        for row in rows:
            if part and (len(part) == MOST_ROWS or size + size_of(row) > _MESSAGE_BYTES):
                yield Done(session, tuple(part))
                part, size = [], 0
            part.append(row)
            size += size_of(row) + 32
        yield Done(session, tuple(part))


def timed(done: DoneJob, ran_seconds: float, here_seconds: float) -> DoneJob:
    """An ending with how long the job ran, and how long it was here besides.

    :param ran_seconds: negative if it has not run
    :param here_seconds: since it came
    """
    if ran_seconds < 0:
        return done
    ran = round(ran_seconds * 1e6)
    return done._replace(stayed_us=max(0, round(here_seconds * 1e6) - ran), ran_us=ran)
