"""What the broker knows of itself, as JSON for people and programs. Pure.

Its form is promised: fields are added, none is renamed.
"""

from functools import partial
from itertools import islice

from maelstrom_broker.book_state import Book
from maelstrom_broker.document_plan import as_large_as_fits
from maelstrom_broker.records import Client, Worker

ENDINGS = ("ran", "unfit", "lost", "refused", "cancelled")
"""Totals of jobs that ended, each of which counts in one of them."""
_MOST_LISTED = 1_000


def document(book: Book, details: bool, now: float) -> bytes:
    """The status, no larger than a message may be.

    :param details: name each waiting demand and all of what was lost lately
    """
    return as_large_as_fits(partial(_status, book, details, now), _MOST_LISTED)


def tally(book: Book) -> tuple[int, int, int]:
    """Jobs that run, that wait, and that have ended since the broker was started."""
    behind = sum(len(worker.behind) for worker in book.workers.values())
    running = sum(len(worker.jobs) for worker in book.workers.values()) - behind
    queued = sum(map(_queued, book.clients.values())) + behind
    return running, queued, sum(book.totals[name] for name in ENDINGS)


def _status(book: Book, details: bool, now: float, listed: int) -> dict[str, object]:
    running, queued, _ = tally(book)
    status: dict[str, object] = {
        "boot": book.boot.hex()[:12],
        "uptime_seconds": round(now - book.started, 1),
        "workers": [_worker(one, now) for one in islice(book.workers.values(), listed)],
        "clients": [_client(one, now) for one in islice(book.clients.values(), listed)],
        "totals": {
            **book.totals,
            "failed": book.stories.failed,
            "workers": len(book.workers),
            "clients": len(book.clients),
            "slots": sum(worker.slots for worker in book.workers.values()),
            "used": sum(worker.used for worker in book.workers.values()),
            "running": running,
            "queued": queued,
            "behind_slots": sum(len(worker.behind) for worker in book.workers.values()),
            "orphans": len(book.orphans),
            "containers": len(book.containers),
        },
        "waiting": why_they_wait(book, queued),
        "recent": list(book.recent)[-listed:] if details else list(book.recent)[-10:],
    }
    if details:
        status["demands"] = [
            {
                "slots": demand.slots,
                "labels": sorted(demand.wants.labels),
                "not_on": sorted(demand.excluded),
                "queued": sum(len(queue.jobs) for queue in demand.queues.values()),
                "clients": len(demand.queues),
                "reserved": demand.reserved.name if demand.reserved is not None else "",
            }
            for demand in islice(book.dispatch.demands.values(), listed)
        ]
    return status


def why_they_wait(book: Book, queued: int) -> str:
    """Why nothing that waits is given out now; empty if nothing waits."""
    if not queued:
        return ""
    if not book.workers:
        return "no worker is connected"
    if all(worker.peer is None for worker in book.workers.values()):
        return "the connections of all workers are broken; they may come again"
    if all(worker.draining for worker in book.workers.values()):
        return "all workers are being drained"
    if any(client.held_back for client in book.clients.values()):
        return "jobs that were handed in again wait for workers that may have them already"
    return "all slots are taken"


def _worker(worker: Worker, now: float) -> dict[str, object]:
    return {
        "name": worker.name,
        "session": worker.session.hex()[:12],
        "key": worker.principal,
        "software": worker.software,
        "labels": sorted(worker.labels),
        "slots": worker.slots,
        "used": worker.used,
        "running": len(worker.jobs) - len(worker.behind),
        "behind_slots": len(worker.behind),
        "turn_ms": round(worker.turn * 1e3, 1),
        "draining": worker.draining,
        "connected": worker.peer is not None,
        "last_seen_seconds": round(now - worker.heard, 1),
        "kept_results": worker.untaken,
        "reserved": worker.reserved is not None,
    }


def _client(client: Client, now: float) -> dict[str, object]:
    queued, running = jobs_of(client)
    return {
        "name": client.name,
        "session": client.session.hex(),
        "key": client.principal,
        "software": client.software,
        "weight": client.weight,
        "queued": queued,
        "running": running,
        "done": client.done,
        "failed": client.run.bad,
        "not_taken": len(client.jobs),
        "slots": client.used - client.behind,
        "behind_slots": client.behind,
        "connected": client.peer is not None,
        "last_seen_seconds": round(now - client.heard, 1),
    }


def jobs_of(client: Client) -> tuple[int, int]:
    """How many jobs of a client wait, behind slots of workers as well, and how many workers run."""
    queued, done = _queued(client) + client.behind, len(client.sent) + len(client.unsent)
    return queued, max(0, len(client.jobs) - queued - done)


def _queued(client: Client) -> int:
    return sum(len(queue.jobs) for queue in client.queues.values())
