"""The overview as HTML, made of the broker's status. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from maelstrom_broker.web.chart_plan import bar, chart, span_of
from maelstrom_broker.web.frame_plan import count, frame, name, run_link, sections, table
from maelstrom_broker.web.history_state import Points
from maelstrom_broker.web.words_plan import age, number, shown

Facts = Mapping[str, Any]
MOST_ROWS = 200
"""Of a table; the rest is counted."""
_MOST_WHY = 1_000
_MOST_LABELS = 12
_NOT_FOR_ALL = (
    '<h2>Cases</h2><p class="dim">What jobs are called, where they ran and what they wrote is shown to '
    "whoever has the token: open the link with <code>?token=…</code> that the broker showed when it was "
    "started.</p>"
)


@attrs.frozen
class Charts:
    """What is drawn.

    :param now: the right edge, on the clock of the points
    :param past: of runs that are over, as HTML
    """

    now: float
    running: Sequence[Points] = ()
    queued: Sequence[Points] = ()
    ended: Sequence[Points] = ()
    past: str = ""


def page(status: Facts, charts: Charts, cases: str | None = None) -> str:
    """All of it."""
    return frame("Maelstrom broker", "/live", live(status, charts, cases))


def live(status: Facts, charts: Charts, cases: str | None = None) -> str:
    """What changes: sections, each with a name that stays.

    :param cases: what jobs do, as HTML; ``None`` for those who may not see it
    """
    sees_cases = cases is not None
    made = {
        "head": _head(status),
        "now": _tiles(status),
        "waits": _waits(status),
        "charts": _charts(charts),
        "workers": _workers(status),
        "clients": _clients(status, sees_cases),
        "cases": _NOT_FOR_ALL if cases is None else cases,
        "demands": _demands(status),
        "losses": _losses(status),
        "past": charts.past,
    }
    return sections(made)


def _head(status: Facts) -> str:
    return (
        f'<h1>Maelstrom broker</h1><p class="dim">up for {age(status["uptime_seconds"])}, '
        f"boot <code>{shown(status['boot'])}</code></p>"
    )


def _tiles(status: Facts) -> str:
    totals = status["totals"]
    bad = totals["lost"] + totals["refused"]
    ended = totals["ran"] + totals["unfit"] + totals["cancelled"] + bad
    slots = f"{number(totals['used'])}<small> of {number(totals['slots'])}</small>"
    tiles = [
        ("workers", number(totals["workers"]), ""),
        ("slots used", f"{slots}{bar(totals['used'], totals['slots'])}", ""),
        ("running", number(totals["running"]), ""),
        ("waiting", number(totals["queued"]), ""),
        ("ended", number(ended), ""),
        ("lost or refused", number(bad), " bad" if bad else ""),
    ]
    shapes = (
        f'<div class="tile{kind}"><dt>{name}</dt><dd>{value}</dd></div>'
        for name, value, kind in tiles
    )
    return f"<dl>{''.join(shapes)}</dl>"


def _waits(status: Facts) -> str:
    why = status["waiting"]
    if not why:
        return ""
    jobs = count(status["totals"]["queued"], "job waits", "jobs wait")
    return f'<p class="banner"><b>{jobs}:</b> {shown(why, 300)}</p>'


def _charts(charts: Charts) -> str:
    now = charts.now
    span = span_of(charts.running, now)
    drawn = (
        chart("Running", charts.running, now, span, kind="running"),
        chart("Waiting", charts.queued, now, span, kind="queued"),
        chart("Ended per second", charts.ended, now, span, kind="ended"),
    )
    return f'<h2>Last {age(span)}</h2><div class="charts">{"".join(drawn)}</div>'


def _workers(status: Facts) -> str:
    workers, all_of_them = status["workers"], status["totals"]["workers"]
    rows = [
        (
            name(one["name"], f"key {one['key']}, {one['software']}"),
            f'{bar(one["used"], one["slots"])}<span class="of">{number(one["used"])} of '
            f"{number(one['slots'])}</span>",
            number(one["running"]),
            _labels(one["labels"]),
            _state(one),
            _seen(one),
        )
        for one in workers[:MOST_ROWS]
    ]
    columns = ("worker", "slots used", "#jobs", "labels", "state", "#last heard")
    empty = "None is connected. On this machine, as this user: <code>maelstrom-worker</code>"
    return f"<h2>Workers</h2>{table(columns, rows, all_of_them, empty)}"


def _clients(status: Facts, sees_cases: bool) -> str:
    clients, all_of_them = status["clients"], status["totals"]["clients"]
    used = sum(one["slots"] for one in clients)
    rows = [
        (
            _run(one, sees_cases),
            number(one["running"]),
            number(one["queued"]),
            number(one["done"]),
            _failed(one),
            f'{bar(one["slots"], used)}<span class="of">{_percent(one["slots"], used)}'
            f"{_weight(one)}</span>",
            _state(one),
            _seen(one),
        )
        for one in clients[:MOST_ROWS]
    ]
    columns = (
        "run",
        "#running",
        "#waiting",
        "#ended",
        "#failed",
        "share of slots",
        "state",
        "#last heard",
    )
    return f"<h2>Runs</h2>{table(columns, rows, all_of_them, 'There is none.')}"


def _failed(one: Facts) -> str:
    failed = one.get("failed", 0)
    return f'<span class="failed">{number(failed)}</span>' if failed else "0"


def _run(one: Facts, sees_cases: bool) -> str:
    named = name(one["name"], f"session {one['session'][:12]}, key {one['key']}")
    return run_link(one["session"], named) if sees_cases else named


def _demands(status: Facts) -> str:
    demands = status.get("demands", ())
    if not demands:
        return ""
    rows = [
        (
            number(one["queued"]),
            number(one["slots"]),
            _labels(one["labels"]) or "any worker",
            _labels(one["not_on"]),
            number(one["clients"]),
            shown(one["reserved"]),
        )
        for one in demands[:MOST_ROWS]
    ]
    columns = ("#jobs", "#slots each", "labels", "failed on", "#runs", "reserved for them")
    return f"<h2>What waits</h2>{table(columns, rows, len(demands), '')}"


def _losses(status: Facts) -> str:
    recent, uptime = status["recent"], status["uptime_seconds"]
    if not recent:
        return ""
    rows = [
        (
            f'<span class="once">{age(uptime - one["at_seconds"])} ago</span>',
            name(one["client"], f"session {one['session']}"),
            f"{one['tag']}",
            f'<span class="once">{shown(one["ending"])}</span>',
            f'<div class="why">{shown(one["why"], _MOST_WHY)}</div>',
        )
        for one in reversed(recent)
    ]
    columns = ("when", "run", "#job", "ending", "why")
    return f"<h2>Lost and refused lately</h2>{table(columns, rows, len(rows), '')}"


def _labels(labels: Sequence[str]) -> str:
    cells = [f'<bdi class="label">{shown(one, 40)}</bdi>' for one in labels[:_MOST_LABELS]]
    left = len(labels) - len(cells)
    return " ".join([*cells, f"and {left} more"] if left else cells)


def _state(one: Facts) -> str:
    states: Iterable[tuple[str, object]] = (
        ("away", not one["connected"]),
        ("draining", one.get("draining")),
        ("reserved", one.get("reserved")),
    )
    said = [f'<span class="state">{name}</span>' for name, holds in states if holds]
    if not said:
        said = ['<span class="fine">connected</span>']
    if kept := one.get("kept_results"):
        said.append(f'<span class="of">{count(kept, "result", "results")} not taken</span>')
    return " ".join(said)


def _seen(one: Facts) -> str:
    seconds = one["last_seen_seconds"]
    return "now" if seconds < 2 else f"{age(seconds)} ago"


def _percent(part: int, whole: int) -> str:
    return f"{round(100 * part / whole)} %" if whole else "0 %"


def _weight(one: Facts) -> str:
    return "" if one["weight"] == 1 else f", weight {number(one['weight'])}"
