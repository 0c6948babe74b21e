"""Lines over the last hour, or less while there is less, drawn as SVG within the page. Pure."""

from collections.abc import Sequence

import attrs

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


def stack(parts: Sequence[tuple[str, float]]) -> str:
    """What something is made of, side by side.

    :param parts: a class of the style sheet, and how much of it there is
    """
    whole = sum(much for _, much in parts)
    drawn, at = [], 0.0
    for kind, much in parts:
        width = 100 * much / whole if whole else 0.0
        if much > 0:
            drawn.append(
                f'<rect class="{kind}" x="{at:.2f}" width="{max(width, 0.3):.2f}" height="8"/>'
            )
        at += width
    return (
        '<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="all" width="100" height="8"/>{"".join(drawn)}</svg>'
    )


@attrs.frozen
class Column:
    """One column of a chart: parts that stand upon one another.

    :param parts: a class of the style sheet, and how much of it there is; the lowest first
    :param about: shown to whoever points at it
    """

    parts: tuple[tuple[str, float], ...]
    about: str


def columns(
    title: str, shape: Sequence[Column], most: int, *, of: str, ends: tuple[str, str]
) -> str:
    """A chart of columns, the last at the right.

    :param most: columns for which there is room
    :param of: its highest value, for people
    :param ends: what is said below its left and its right end
    """
    tall = max((sum(much for _, much in one.parts) for one in shape), default=0.0)
    top = tall or 1.0
    wide = WIDTH / most
    drawn = []
    for index, one in enumerate(shape):
        x = WIDTH - (len(shape) - index) * wide
        y = float(_BOTTOM)
        rects = []
        for kind, much in one.parts:
            high = (_BOTTOM - _TOP) * much / top
            if much > 0:
                high = max(high, 1.0)  # however little it is, it is seen
                y -= high
                rects.append(
                    f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{0.8 * wide:.1f}" '
                    f'height="{high:.1f}"/>'
                )
        drawn.append(f"<g><title>{shown(one.about, 200)}</title>{''.join(rects)}</g>")
    about = f"{title}: {len(shape)} columns, the highest {of}"
    return (
        f'<figure class="chart columns"><figcaption>{shown(title)}'
        f'<span class="most">most {shown(of)}</span></figcaption>'
        f'<div class="plot"><svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{shown(about, 200)}">'
        f'<line class="grid" x1="0" x2="{WIDTH}" y1="{_BOTTOM}" y2="{_BOTTOM}"/>{"".join(drawn)}</svg>'
        f'</div><div class="times"><span>{shown(ends[0])}</span><span>{shown(ends[1])}</span></div>'
        "</figure>"
    )
