"""Stories of runs and jobs, as a broker tells them, as lines for people. Pure.

Names and output come from whoever has run there: they are shown as they are only where they can be
printed.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from maelstrom_admin.status_plan import a_list, a_map, a_text, span, table

_ENDED = ("ok", "failed", "unfit", "lost", "refused", "cancelled")


def story_lines(story: Mapping[str, Any]) -> Iterator[str]:
    """The story of a run or of a job.

    :param story: as the broker's JSON has it; what is missing in it is left out
    """
    if "story" in story:
        yield from _of_job(story)
    else:
        yield from _of_run(story)


def _of_job(story: Mapping[str, Any]) -> Iterator[str]:
    yield f"{a_text(story.get('job'))}: {_came_to(story)}"
    yield from (f"  {a_text(line)}" for line in a_list(story.get("story")))
    tail = story.get("output_tail")
    if isinstance(tail, str) and tail:
        yield "the end of what it wrote:"
        yield from (f"  | {a_text(line)}" for line in tail.splitlines())


def _of_run(story: Mapping[str, Any]) -> Iterator[str]:
    counts = a_map(story.get("counts"))
    ended = story.get("ended_seconds_ago")
    when = f"began {span(story.get('began_seconds_ago'))} ago"
    when += "" if ended is None else f", over since {span(ended)}"
    yield f"run of {a_text(story.get('run'))} ({a_text(story.get('session'))[:12]}): {when}"
    said = [f"{a_text(counts[name])} {name}" for name in _ENDED if counts.get(name)]
    if counts.get("retried"):
        said.append(f"{a_text(counts['retried'])} tried again")
    live = [
        f"{a_text(story.get(name))} {name}" for name in ("running", "waiting") if story.get(name)
    ]
    yield f"jobs: {', '.join([*said, *live]) or 'none'}"
    spent = [
        f"{span(story.get(f'{name}_seconds'))} {what}"
        for name, what in (("waited", "waiting"), ("fetched", "fetching"), ("ran", "running"))
    ]
    yield f"their time, all together: {', '.join(spent)}"
    if why := a_text(story.get("why_they_wait")):
        yield f"they wait: {why}"
    jobs = [_row(a_map(one)) for one in a_list(story.get("jobs"))]
    if jobs:
        yield ""
        yield from table(("job", "came to", "worker", "attempt", "waited", "fetched", "ran"), jobs)
    if left := story.get("stories_not_kept"):
        yield f"and {a_text(left)} that failed, of which nothing is kept"


def _row(job: Mapping[str, Any]) -> Sequence[str]:
    return (
        a_text(job.get("job")),
        _came_to(job),
        a_text(job.get("worker")) or "-",
        a_text(job.get("attempts")),
        span(job.get("waited_seconds")),
        span(job.get("fetched_seconds")),
        span(job.get("ran_seconds")),
    )


def _came_to(job: Mapping[str, Any]) -> str:
    fault, _, more = str(job.get("fault") or "").partition("\n")
    why = f" ({a_text(fault)}{'…' if more else ''})" if fault else ""
    return f"{a_text(job.get('outcome'))}{why}"
