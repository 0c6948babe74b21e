"""Cases, runs and output as HTML, for those who may see them. Pure.

Everything here is what some peer or some test has said: nothing of it gets to a page but through
`words_plan`.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from maelstrom_broker.stories_state import Run, Story
from maelstrom_broker.told_plan import Spent, outcome, sentences, spent, title
from maelstrom_broker.web.chart_plan import stack
from maelstrom_broker.web.frame_plan import case_link, name, run_link, sections, table
from maelstrom_broker.web.words_plan import age, number, shown, took, written

MOST_NAME = 160
MOST_RUNNING = 10
MOST_ENDED = 15
"""Of all runs, on the overview."""
MOST_OF_A_RUN = 100
"""Of those that run, on the page of their run."""
MOST_WHY = 60
"""Characters of what went wrong, in a table."""
_MOST_WHY = 1_000
_GOOD = frozenset({"ok", "ended"})
_LIVE = frozenset({"waits", "fetches", "runs"})


def overview(live: Sequence[Story], lately: Sequence[Story], all_running: int, now: float) -> str:
    """What runs now, and what has ended lately.

    :param live: jobs that workers have
    :param lately: jobs that have ended, the last at the end
    :param all_running: how many run in all
    """
    running = _table(live, now, all_running, "Nothing runs now.", run=True)
    ended = list(reversed(lately))[:MOST_ENDED]
    return (
        f"<h2>Cases that run</h2>{running}"
        f"<h2>Cases that ended last</h2>{_table(ended, now, len(ended), 'None has ended.', run=True)}"
    )


def run_sections(run: Run, facts: dict[str, Any], live: Sequence[Story], now: float) -> str:
    """All that is told of a run.

    :param facts: as `story_plan.run_facts` tells them
    :param live: its jobs that workers have
    """
    made = {
        "head": _run_head(run, now),
        "now": _tiles(run, facts),
        "waits": _waits(facts),
        "time": _time(Spent(run.waited, run.fetched, run.ran)),
        "failed": _kept("Failed", run.failed, len(run.failed) + run.unkept, now),
        "live": _kept("Running", live, facts["running"], now),
        "retried": _kept("Tried again, and held", run.retried, len(run.retried), now),
        "slowest": _kept("Slowest", run.slowest, 0, now),
    }
    return sections(made)


def case_sections(story: Story, waits: str, now: float) -> str:
    """All that is told of a job.

    :param waits: why nothing that waits is given out now
    """
    run = story.run
    made = {
        "head": (
            f'<p class="dim">{_to_overview()} › {run_link(run.session.hex(), name(run.name, ""))}</p>'
            f"<h1><bdi>{shown(title(story), 400)}</bdi></h1>"
            f'<p>{_came_to(story)} <span class="why">{shown(story.fault or "", _MOST_WHY)}</span></p>'
        ),
        "time": _time(spent(story, now)),
        "story": _story(story, waits, now),
        "output": _output(story),
    }
    return sections(made)


def _to_overview() -> str:
    return '<a href="/">overview</a>'


def _run_head(run: Run, now: float) -> str:
    over = "" if run.ended is None else f", over since {age(now - run.ended)}"
    return (
        f'<p class="dim">{_to_overview()}</p><h1>Run of {name(run.name, "")}</h1>'
        f'<p class="dim">began {age(now - run.began)} ago{over}, session '
        f"<code>{run.session.hex()[:12]}</code></p>"
    )


def _tiles(run: Run, facts: dict[str, Any]) -> str:
    counts, failed = run.counts, run.bad
    tiles = (
        ("ok", counts["ok"], ""),
        ("failed", failed, " bad" if failed else ""),
        ("tried again", counts["retried"], ""),
        ("cancelled", counts["cancelled"], ""),
        ("running", facts["running"], ""),
        ("waiting", facts["waiting"], ""),
    )
    shapes = (
        f'<div class="tile{kind}"><dt>{what}</dt><dd>{number(value)}</dd></div>'
        for what, value, kind in tiles
    )
    return f"<dl>{''.join(shapes)}</dl>"


def _waits(facts: dict[str, Any]) -> str:
    why = facts["why_they_wait"]
    return f'<p class="banner">They wait: {shown(why, 300)}</p>' if why else ""


def _time(found: Spent) -> str:
    if not found.total:
        return ""
    legend = "".join(
        f'<span class="key {kind}">{what} <b>{took(seconds)}</b></span> '
        for kind, what, seconds in _parts(found)
    )
    return f'<h2>Where time went</h2><div class="wide">{_stack(found)}</div><p>{legend}</p>'


def _parts(found: Spent) -> Iterable[tuple[str, str, float]]:
    return (
        ("waited", "waiting", found.waited),
        ("fetched", "fetching", found.fetched),
        ("ran", "running", found.ran),
    )


def _stack(found: Spent) -> str:
    return stack([(kind, seconds) for kind, _, seconds in _parts(found)])


def _kept(head: str, stories: Sequence[Story], all_of_them: int, now: float) -> str:
    return f"<h2>{head}</h2>{_table(stories, now, all_of_them, '')}" if stories else ""


def _table(
    stories: Sequence[Story], now: float, all_of_them: int, empty: str, *, run: bool = False
) -> str:
    rows = [_row(story, now, run=run) for story in stories]
    heads = ["case", "came to", "run", "worker", "#attempt", "#took", "where time went", "#ended"]
    if not run:
        heads.remove("run")
    return table(heads, rows, all_of_them, empty, kind="cases")


def _row(story: Story, now: float, *, run: bool) -> Sequence[str]:
    found, last = spent(story, now), story.tries[-1] if story.tries else None
    session = story.run.session.hex()
    cells = [
        case_link(session, story.tag, f"<bdi>{shown(title(story), MOST_NAME)}</bdi>"),
        _came_to(story) + _why(story),
        "–" if last is None else name(last.placed.worker, ""),
        "–" if last is None else str(last.placed.attempt),
        took(found.total - found.waited),
        _stack(found),
        "" if story.ended is None else f"{age(now - story.ended)} ago",
    ]
    if run:
        cells.insert(2, run_link(session, name(story.run.name, f"session {session[:12]}")))
    return cells


def _came_to(story: Story) -> str:
    said = outcome(story)
    kind = "fine" if said in _GOOD else "live" if said in _LIVE else "failed"
    return f'<span class="came {kind}" title="{shown(story.fault or "", 300)}">{shown(said)}</span>'


def _why(story: Story) -> str:
    return f' <span class="dim">{shown(story.fault, MOST_WHY)}</span>' if story.fault else ""


def _story(story: Story, waits: str, now: float) -> str:
    lines = "".join(f"<li>{shown(line, _MOST_WHY)}</li>" for line in sentences(story, now, waits))
    return f'<h2>Story</h2><ol class="story">{lines}</ol>'


def _output(story: Story) -> str:
    if not story.tail:
        return ""
    text = written(story.tail)
    return f'<h2>The end of what it wrote</h2><pre class="output" tabindex="0">{text}</pre>'
