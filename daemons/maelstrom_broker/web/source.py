"""Makes what is asked for of what the broker knows, each at most once a second."""

import json
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import trio

from maelstrom_broker.book_state import Book
from maelstrom_broker.status import document, tally, why_they_wait
from maelstrom_broker.stories_state import Run
from maelstrom_broker.story_plan import NoStory, find_job, find_run, run_facts, running
from maelstrom_broker.told_plan import title
from maelstrom_broker.web import cases_plan
from maelstrom_broker.web.answers_plan import View, Wanted
from maelstrom_broker.web.drawings import Drawings
from maelstrom_broker.web.frame_plan import frame
from maelstrom_broker.web.metrics_plan import BlobFacts, metrics
from maelstrom_broker.web.page_plan import Charts, live, page
from maelstrom_broker.web.past_plan import past
from maelstrom_broker.web.words_plan import shown

_FRESH_SECONDS = 1.0
"""However many ask, the broker looks at itself no more often."""
_MOST_MADE = 64
"""Answers that are kept for a second; there are as many as there are cases."""
_HERE = Path(__file__).parent


class Source:
    """What is on the page.

    :param blobs: what there is to say of blobs now
    :param drawings: what was, for its charts
    """

    def __init__(self, book: Book, blobs: Callable[[], BlobFacts], drawings: Drawings) -> None:
        self._book = book
        self._blobs = blobs
        self.drawings = drawings
        self._version = version("pytest-maelstrom")
        self._made: dict[View, tuple[float, bytes]] = {}
        self._status = b""
        self._status_at = -_FRESH_SECONDS
        self._files = {
            wanted: (_HERE / wanted.path.removeprefix("/")).read_bytes()
            for wanted in (Wanted.STYLE, Wanted.SCRIPT, Wanted.ICON)
        }

    def body(self, view: View) -> bytes:
        """The bytes of it, not older than a second.

        :raises LookupError: if nothing is remembered of what is asked for
        """
        if view.wanted in self._files:
            return self._files[view.wanted]
        now = trio.current_time()
        at, body = self._made.get(view, (-_FRESH_SECONDS, b""))
        if now - at >= _FRESH_SECONDS:
            if len(self._made) >= _MOST_MADE:
                self._made.clear()
            body = self._make(view, now)
            self._made[view] = now, body
        return body

    def _make(self, view: View, now: float) -> bytes:
        try:
            match view.wanted:
                case Wanted.RUN | Wanted.RUN_LIVE:
                    return self._run(view, now).encode()
                case Wanted.CASE | Wanted.CASE_LIVE:
                    return self._case(view, now).encode()
        except NoStory as none:
            raise LookupError(str(none)) from None
        if now - self._status_at >= _FRESH_SECONDS:
            self._status, self._status_at = document(self._book, True, now), now
        status = json.loads(self._status)
        history = self.drawings.history
        match view.wanted:
            case Wanted.STATUS:
                rows = history.as_rows(now)
                return json.dumps({**status, "history": rows}).encode()
            case Wanted.METRICS:
                facts = self._blobs()
                return metrics(status, facts, version=self._version, wall=time.time()).encode()
            case _:
                past_runs = list(self._book.stories.past)
                charts = Charts(
                    now,
                    history.running(),
                    history.queued(),
                    history.ended_per_second(),
                    past(past_runs, self.drawings.day.pieces, now, sees_cases=view.sees_cases),
                )
                make = page if view.wanted is Wanted.PAGE else live
                return make(status, charts, self._cases(view, now)).encode()

    def _cases(self, view: View, now: float) -> str | None:
        if not view.sees_cases:
            return None
        book = self._book
        on_workers = running(book, None, cases_plan.MOST_RUNNING)
        return cases_plan.overview(on_workers, list(book.stories.lately), tally(book)[0], now)

    def _run(self, view: View, now: float) -> str:
        run = self._run_of(view)
        client = self._book.clients.get(run.session) if run.ended is None else None
        on_workers = [] if client is None else running(self._book, client, cases_plan.MOST_OF_A_RUN)
        made = cases_plan.run_sections(run, run_facts(self._book, run, now, 0), on_workers, now)
        if view.wanted is Wanted.RUN_LIVE:
            return made
        path = f"{Wanted.RUN_LIVE.path}?session={view.session}"
        return frame(f"{shown(run.name)} – Maelstrom", path, made)

    def _case(self, view: View, now: float) -> str:
        story = find_job(self._book, self._run_of(view), str(view.tag))
        made = cases_plan.case_sections(story, why_they_wait(self._book, 1), now)
        if view.wanted is Wanted.CASE_LIVE:
            return made
        path = f"{Wanted.CASE_LIVE.path}?session={view.session}&amp;job={view.tag}"
        return frame(f"{shown(title(story))} – Maelstrom", path, made)

    def _run_of(self, view: View) -> Run:
        if not view.session:
            raise NoStory("no run is named")
        run = find_run(self._book, view.session)
        self._book.stories.is_asked_for(run)
        return run
