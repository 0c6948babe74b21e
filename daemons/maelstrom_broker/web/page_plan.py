"""The page as HTML, made of the broker's status. Pure.

The page is whole without its script, which only puts newer sections in the place of older ones.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from maelstrom_broker.web.chart_plan import bar, chart, span_of
from maelstrom_broker.web.history_state import Points
from maelstrom_broker.web.words_plan import age, number, shown

Facts = Mapping[str, Any]
MOST_ROWS = 200
"""Of a table; the rest is counted."""
_MOST_WHY = 1_000
_MOST_LABELS = 12

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Maelstrom broker</title>
<link rel="icon" href="/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/page.css">
<noscript><meta http-equiv="refresh" content="5"></noscript>
<script src="/page.js" defer></script>
</head>
<body>
<p id="stale" role="status" hidden></p>
<main id="live">
{live}</main>
<footer>Read-only. For programs: <a href="/api/status">status as JSON</a>,
<a href="/metrics">metrics for Prometheus</a>.</footer>
</body>
</html>
"""


@attrs.frozen
class Charts:
    """What is drawn.

    :param now: the right edge, on the clock of the points
    """

    now: float
    running: Sequence[Points] = ()
    queued: Sequence[Points] = ()
    ended: Sequence[Points] = ()


def page(status: Facts, charts: Charts) -> str:
    """All of it."""
    return _PAGE.format(live=live(status, charts))


def live(status: Facts, charts: Charts) -> str:
    """What changes: sections, each with a name that stays."""
    made = {
        "head": _head(status),
        "now": _tiles(status),
        "waits": _waits(status),
        "charts": _charts(charts),
        "workers": _workers(status),
        "clients": _clients(status),
        "demands": _demands(status),
        "losses": _losses(status),
    }
    return "".join(f'<section id="{name}">{text}</section>\n' for name, text in made.items())


def notice(title: str, text: str) -> str:
    """A page that says why there is no other."""
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Maelstrom broker</title><h1>{shown(title)}</h1><p>{shown(text, 1_000)}</p></html>\n"
    )


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
    jobs = _count(status["totals"]["queued"], "job waits", "jobs wait")
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
            _name(one["name"], f"key {one['key']}, {one['software']}"),
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
    return f"<h2>Workers</h2>{_table(columns, rows, all_of_them, empty)}"


def _clients(status: Facts) -> str:
    clients, all_of_them = status["clients"], status["totals"]["clients"]
    used = sum(one["slots"] for one in clients)
    rows = [
        (
            _name(one["name"], f"session {one['session'][:12]}, key {one['key']}"),
            number(one["running"]),
            number(one["queued"]),
            number(one["done"]),
            f'{bar(one["slots"], used)}<span class="of">{_percent(one["slots"], used)}'
            f"{_weight(one)}</span>",
            _state(one),
            _seen(one),
        )
        for one in clients[:MOST_ROWS]
    ]
    columns = ("run", "#running", "#waiting", "#ended", "share of slots", "state", "#last heard")
    return f"<h2>Runs</h2>{_table(columns, rows, all_of_them, 'There is none.')}"


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
    return f"<h2>What waits</h2>{_table(columns, rows, len(demands), '')}"


def _losses(status: Facts) -> str:
    recent, uptime = status["recent"], status["uptime_seconds"]
    if not recent:
        return ""
    rows = [
        (
            f'<span class="once">{age(uptime - one["at_seconds"])} ago</span>',
            _name(one["client"], f"session {one['session']}"),
            f"{one['tag']}",
            f'<span class="once">{shown(one["ending"])}</span>',
            f'<div class="why">{shown(one["why"], _MOST_WHY)}</div>',
        )
        for one in reversed(recent)
    ]
    columns = ("when", "run", "#job", "ending", "why")
    return f"<h2>Lost and refused lately</h2>{_table(columns, rows, len(rows), '')}"


def _table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], all_of_them: int, empty: str
) -> str:
    """A table whose rows are cards on a narrow screen. Columns that begin with # hold numbers."""
    if not rows:
        return f'<p class="dim">{empty}</p>'
    kinds = [' class="number"' if name.startswith("#") else "" for name in columns]
    names = [name.removeprefix("#") for name in columns]
    head = "".join(
        f'<th scope="col"{kind}>{name}</th>' for name, kind in zip(names, kinds, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f'<td data-of="{name}"{kind}><div>{cell}</div></td>'
            for name, kind, cell in zip(names, kinds, row, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    left = all_of_them - len(rows)
    more = f'<p class="dim">and {number(left)} more</p>' if left > 0 else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"


def _name(name: str, about: str) -> str:
    return f'<bdi title="{shown(about, 400)}">{shown(name) or "–"}</bdi>'


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
        said.append(f'<span class="of">{_count(kept, "result", "results")} not taken</span>')
    return " ".join(said)


def _seen(one: Facts) -> str:
    seconds = one["last_seen_seconds"]
    return "now" if seconds < 2 else f"{age(seconds)} ago"


def _percent(part: int, whole: int) -> str:
    return f"{round(100 * part / whole)} %" if whole else "0 %"


def _weight(one: Facts) -> str:
    return "" if one["weight"] == 1 else f", weight {number(one['weight'])}"


def _count(count: int, one: str, many: str) -> str:
    return f"{number(count)} {one if count == 1 else many}"
