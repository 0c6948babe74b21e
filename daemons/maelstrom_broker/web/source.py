"""Makes what is asked for of what the broker knows, each at most once a second."""

import json
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import trio

from maelstrom_broker.book_state import Book
from maelstrom_broker.status import document, tally
from maelstrom_broker.web.answers_plan import Wanted
from maelstrom_broker.web.history_state import History, Sample
from maelstrom_broker.web.metrics_plan import BlobFacts, metrics
from maelstrom_broker.web.page_plan import Charts, live, page

_FRESH_SECONDS = 1.0
"""However many ask, the broker looks at itself no more often."""
_HERE = Path(__file__).parent


class Source:
    """What is on the page.

    :param blobs: what there is to say of blobs now
    """

    def __init__(self, book: Book, blobs: Callable[[], BlobFacts]) -> None:
        self._book = book
        self._blobs = blobs
        self._history = History()
        self._version = version("pytest-maelstrom")
        self._made: dict[Wanted, tuple[float, bytes]] = {}
        self._status = b""
        self._status_at = -_FRESH_SECONDS
        self._files = {
            wanted: (_HERE / wanted.path.removeprefix("/")).read_bytes()
            for wanted in (Wanted.STYLE, Wanted.SCRIPT, Wanted.ICON)
        }

    async def keep_history(self) -> None:
        """Take samples until cancelled."""
        while True:
            await trio.sleep_until(self._history.next_at(trio.current_time()))
            now = trio.current_time()
            running, queued, ended = tally(self._book)
            self._history.add(Sample(now, running, queued, ended))

    def body(self, wanted: Wanted) -> bytes:
        """The bytes of it, not older than a second."""
        if wanted in self._files:
            return self._files[wanted]
        now = trio.current_time()
        at, body = self._made.get(wanted, (-_FRESH_SECONDS, b""))
        if now - at >= _FRESH_SECONDS:
            body = self._make(wanted, now)
            self._made[wanted] = now, body
        return body

    def _make(self, wanted: Wanted, now: float) -> bytes:
        if now - self._status_at >= _FRESH_SECONDS:
            self._status, self._status_at = document(self._book, True, now), now
        status = json.loads(self._status)
        history = self._history
        match wanted:
            case Wanted.STATUS:
                rows = history.as_rows(now)
                return json.dumps({**status, "history": rows}).encode()
            case Wanted.METRICS:
                facts = self._blobs()
                return metrics(status, facts, version=self._version, wall=time.time()).encode()
            case _:
                charts = Charts(
                    now, history.running(), history.queued(), history.ended_per_second()
                )
                make = page if wanted is Wanted.PAGE else live
                return make(status, charts).encode()
