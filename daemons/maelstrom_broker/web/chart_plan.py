"""Lines over the last hour, or less while there is less, drawn as SVG within the page. Pure."""

from collections.abc import Sequence

from maelstrom_broker.web.history_state import KEPT_SECONDS, Points
from maelstrom_broker.web.words_plan import age, number, shown

WIDTH, HEIGHT = 360, 96
_TOP, _BOTTOM = 4, HEIGHT - 2
_STEPS = (1, 2, 5)
_SPANS = (300.0, 900.0, KEPT_SECONDS)


def span_of(pieces: Sequence[Points], now: float) -> float:
    """Over how many seconds to draw: a young broker's lines are not squeezed into a corner."""
    first = pieces[0][0][0] if pieces else now
    return next(span for span in _SPANS if now - first <= span or span == KEPT_SECONDS)


def chart(title: str, pieces: Sequence[Points], now: float, span: float, *, kind: str) -> str:
    """A chart of the last `span` seconds, with its highest value and its last.

    :param pieces: points of time and value; nothing is drawn between pieces
    :param now: the right edge
    :param kind: a class of the style sheet
    """
    values = [value for piece in pieces for _, value in piece]
    last = number(values[-1]) if values else "–"
    most = number(max(values)) if values else "–"
    top = ceiling(max(values, default=0))
    lines = "".join(_drawn(piece, now, span, top) for piece in pieces)
    about = f"{title} in the last {age(span)}: now {last}, at most {most}"
    grid = "".join(
        f'<line class="grid" x1="0" x2="{WIDTH}" y1="{y}" y2="{y}"/>'
        for y in (_TOP, (_TOP + _BOTTOM) // 2, _BOTTOM)
    )
    return (
        f'<figure class="chart {kind}"><figcaption>{shown(title)} <b>{last}</b>'
        f'<span class="most">peak {most}</span></figcaption>'
        f'<div class="plot"><svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{shown(about, 200)}">{grid}{lines}</svg>'
        f'<span class="scale">{number(top)}</span></div>'
        f'<div class="times"><span>{age(span)} ago</span><span>now</span></div></figure>'
    )


def ceiling(value: float) -> float:
    """The next of 1, 2, 5, 10, 20, 50, …: scales do not jump with each sample."""
    size = 1
    while True:
        for step in _STEPS:
            if value <= step * size:
                return step * size
        size *= 10


def _drawn(piece: Points, now: float, span: float, top: float) -> str:
    places = [_place(at, value, now, span, top) for at, value in piece]
    if len(places) == 1:
        x, y = places[0]
        places.append((min(x + 1, WIDTH), y))
    line = " ".join(f"{x:g},{y:g}" for x, y in places)
    below = f"{places[0][0]:g},{_BOTTOM} {line} {places[-1][0]:g},{_BOTTOM}"
    return f'<polygon class="area" points="{below}"/><polyline class="line" points="{line}"/>'


def _place(at: float, value: float, now: float, span: float, top: float) -> tuple[float, float]:
    x = WIDTH * (1 - (now - at) / span)
    y = _BOTTOM - (_BOTTOM - _TOP) * value / top
    return round(min(WIDTH, max(0.0, x)), 1), round(y, 1)


def bar(used: int, slots: int) -> str:
    """How much of something is taken; red beyond all there is."""
    share = 100 * min(1.0, used / slots) if slots else 0
    kind = "bar over" if used > slots else "bar"
    return (
        f'<svg class="{kind}" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="all" width="100" height="8"/><rect class="used" width="{share:.1f}" height="8"/>'
        "</svg>"
    )
