"""Which story is asked for, and what is told of it: JSON for people and programs. Pure.

Its form is promised, as the status's is: fields are added, none is renamed.
"""

import difflib
import json
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain, islice

from maelstrom_broker.book_state import Book
from maelstrom_broker.document_plan import as_large_as_fits
from maelstrom_broker.records import Client
from maelstrom_broker.status import jobs_of, why_they_wait
from maelstrom_broker.stories_state import Run, Story
from maelstrom_broker.told_plan import outcome, sentences, spent, title

MOST_LOOKED_AT = 2_000
"""Jobs that run or wait, of which names are read: that takes its time."""
MOST_RUNNING = 100
"""Jobs that run, shown of each run."""
_MOST_NAME = 300
_MOST_NAMED = 5
_MOST_COMPARED = 200
"""Names among which the nearest is sought: that takes its time too."""


class NoStory(Exception):
    """There is none; the text says why, and what there is."""


def story_document(book: Book, run_named: str, job_named: str, now: float) -> bytes:
    """What is told of a run, or of one of its jobs; no larger than a message may be.

    :raises NoStory: if there is none
    """
    run = find_run(book, run_named)
    book.stories.is_asked_for(run)
    if job_named:
        return json.dumps(_job(find_job(book, run, job_named), book, now)).encode()
    return as_large_as_fits(partial(run_facts, book, run, now), MOST_RUNNING)


def find_run(book: Book, named: str) -> Run:
    """A run that is there or is over: by the beginning of its session, or by its name, the last first.

    :raises NoStory: if there is none, with the nearest
    """
    runs = [*(client.run for client in book.clients.values()), *reversed(book.stories.past)]
    for run in runs:
        if len(named) >= 4 and run.session.hex().startswith(named.lower()):
            return run
    of_name = [run for run in runs if run.name == named]
    if of_name:
        return max(of_name, key=lambda run: (run.ended is None, run.began))
    names = sorted({run.name for run in runs})
    raise NoStory(f"nothing is remembered of a run {named}{_nearest(named, names)}")


def find_job(book: Book, run: Run, named: str) -> Story:
    """A job that is remembered, runs or waits: by its name, its tag, or the end of its name.

    :raises NoStory: if there is none, with the nearest
    """
    client = book.clients.get(run.session)
    client = client if client is not None and client.run is run else None
    job = client.jobs.get(int(named)) if client is not None and _is_tag(named) else None
    if job is not None and job.ending < 0:
        return Story(job, run)
    found = dict[str, Story]()
    for story in chain(_remembered(book, run), _live(book, client, run)):
        if str(story.tag) == named or story.name == named:
            return story
        found.setdefault(story.name, story)
    ends = [name for name in found if name.endswith(named)]
    if len(ends) == 1:
        return found[ends[0]]
    if ends:
        some = ", ".join(ends[:_MOST_NAMED])
        raise NoStory(f"{len(ends)} jobs end with {named}: {some}")
    raise NoStory(
        f"nothing is remembered of a job {named}{_nearest(named, filter(None, found))}. Kept are failed "
        "jobs, those that were tried again, the slowest, the last ones, and those that run or wait"
    )


def _is_tag(named: str) -> bool:
    return named.isascii() and named.isdecimal() and len(named) < 20


def _remembered(book: Book, run: Run) -> Iterator[Story]:
    yield from run.stories()
    yield from (story for story in reversed(book.stories.lately) if story.run is run)


def _live(book: Book, client: Client | None, run: Run) -> Iterator[Story]:
    if client is None:
        return
    yield from running(book, client, MOST_LOOKED_AT)
    jobs = (job for job in client.jobs.values() if job.queue is not None)
    yield from (Story(job, run) for job in islice(jobs, MOST_LOOKED_AT))


def running(book: Book, client: Client | None, most: int) -> list[Story]:
    """Jobs that workers have, as far as is seen.

    :param client: whose; of everybody if ``None``
    """
    jobs = chain.from_iterable(worker.jobs for worker in book.workers.values())
    wanted = (
        job
        for job in islice(jobs, MOST_LOOKED_AT)
        if job.ending < 0 and (client is None or job.client is client)
    )
    return [Story(job, job.client.run) for job in islice(wanted, most)]


def run_facts(book: Book, run: Run, now: float, most: int = MOST_RUNNING) -> dict[str, object]:
    """All that is told of a run.

    :param most: jobs of each kind
    """
    client = book.clients.get(run.session) if run.ended is None else None
    live = running(book, client, most) if client is not None else []
    queued, on_workers = (0, 0) if client is None else jobs_of(client)
    kept = list(islice(run.stories(), 2 * most))
    return {
        **run_summary(run, now),
        "waiting": queued,
        "running": on_workers,
        "why_they_wait": why_they_wait(book, queued),
        "stories_not_kept": run.unkept,
        "jobs": [job_facts(story, now) for story in chain(live, kept)],
    }


def run_summary(run: Run, now: float) -> dict[str, object]:
    """A run in numbers."""
    return {
        "run": run.name,
        "session": run.session.hex(),
        "began_seconds_ago": round(now - run.began, 1),
        "ended_seconds_ago": None if run.ended is None else round(now - run.ended, 1),
        "seconds": round((now if run.ended is None else run.ended) - run.began, 1),
        "counts": dict(run.counts),
        "waited_seconds": round(run.waited, 3),
        "fetched_seconds": round(run.fetched, 3),
        "ran_seconds": round(run.ran, 3),
    }


def job_facts(story: Story, now: float) -> dict[str, object]:
    """A job in few words."""
    time = spent(story, now)
    last = story.tries[-1] if story.tries else None
    return {
        "job": title(story)[:_MOST_NAME],
        "tag": story.tag,
        "outcome": outcome(story),
        "fault": (story.fault or "")[:_MOST_NAME],
        "worker": last.placed.worker if last is not None else "",
        "attempts": last.placed.attempt if last is not None else 0,
        "waited_seconds": round(time.waited, 3),
        "fetched_seconds": round(time.fetched, 3),
        "ran_seconds": round(time.ran, 3),
    }


def _job(story: Story, book: Book, now: float) -> dict[str, object]:
    return {
        "run": story.run.name,
        "session": story.run.session.hex(),
        **job_facts(story, now),
        "slots": story.slots,
        "labels": sorted(story.labels),
        "not_on": sorted(story.excluded),
        "tries": [
            {
                "worker": one.placed.worker,
                "attempt": one.placed.attempt,
                "why": one.placed.why.name.lower(),
                "free_slots": one.placed.free,
                "other_runs_waiting": one.placed.others,
                "given_seconds": _since(story, one.placed.at),
                "started_seconds": _since(story, one.started),
                "ended_seconds": _since(story, one.ended),
                "how": one.how,
            }
            for one in story.tries
        ],
        "story": sentences(story, now, why_they_wait(book, 1)),
        "output_tail": story.tail.decode(errors="replace"),
    }


def _since(story: Story, at: float | None) -> float | None:
    return None if at is None else round(at - story.arrival.at, 3)


def _nearest(named: str, names: Iterable[str]) -> str:
    there = list(islice(names, _MOST_COMPARED))
    near = difflib.get_close_matches(named, there, n=1)
    if near:
        return f"; did you mean {near[0][:_MOST_NAME]}?"
    some = ", ".join(name[:_MOST_NAME] for name in there[:_MOST_NAMED])
    return f"; there are {some}" if some else ""
