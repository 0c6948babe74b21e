"""Words of peers made fit for a page, and numbers for people. Pure.

Names, labels and reasons are what some peer has said. Nothing of it gets to a page but through `shown`.
"""

import re
from html import escape

MOST_SHOWN = 80
_COLOURS = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")
"""Sequences by which terminals are told to do something."""
_NOT_SHOWN = "\N{REPLACEMENT CHARACTER}"


def clean(text: object, most: int = MOST_SHOWN) -> str:
    """Printable, and not long. Marks that turn the direction of writing are not printable either.

    :param most: characters
    """
    found = str(text)
    cut = found[:most]
    fit = "".join(one if one.isprintable() or one == "\n" else _NOT_SHOWN for one in cut)
    return fit if len(found) <= most else f"{fit}…"


def shown(text: object, most: int = MOST_SHOWN) -> str:
    """The same as HTML, fit for elements and for attributes in quotation marks."""
    return escape(clean(text, most), quote=True)


def written(data: bytes) -> str:
    """What a program has written, as HTML: without colours, with its lines."""
    text = _COLOURS.sub("", data.decode(errors="replace"))
    return shown(text.replace("\r\n", "\n").expandtabs(8), len(data) * 8)


def took(seconds: float) -> str:
    """How long something has taken, as exactly as is of use."""
    if seconds < 0.995:
        return f"{round(1000 * seconds)} ms"
    return f"{seconds:.1f} s" if seconds < 120 else age(seconds)


def number(value: float) -> str:
    """With spaces between thousands, and no more digits than are of use."""
    if value == int(value):
        return f"{int(value):,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    return f"{value:.1f}" if value < 100 else number(round(value))


def age(seconds: float) -> str:
    """How long something takes or took, in one unit."""
    for unit, size in (("days", 86_400), ("hours", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(0, int(seconds))} s"
