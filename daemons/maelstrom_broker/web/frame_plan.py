"""What all pages are made of: their frame, tables, names. Pure.

A page is whole without its script, which only puts newer sections in the place of older ones.
"""

from collections.abc import Mapping, Sequence

from maelstrom_broker.web.words_plan import number, shown

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="icon" href="/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/page.css">
<noscript><meta http-equiv="refresh" content="5"></noscript>
<script src="/page.js" defer></script>
</head>
<body>
<p id="stale" role="status" hidden></p>
<main id="live" data-live="{path}">
{live}</main>
<footer>Read-only. For programs: <a href="/api/status">status as JSON</a>,
<a href="/metrics">metrics for Prometheus</a>.</footer>
</body>
</html>
"""


def frame(title: str, path: str, live: str) -> str:
    """A page.

    :param title: for people, as HTML
    :param path: where newer sections of it are, as HTML
    :param live: its sections
    """
    return _PAGE.format(title=title, path=path, live=live)


def sections(made: Mapping[str, str]) -> str:
    """What changes, each with a name that stays."""
    return "".join(f'<section id="{name}">{text}</section>\n' for name, text in made.items())


def notice(title: str, text: str) -> str:
    """A page that says why there is no other."""
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Maelstrom broker</title><h1>{shown(title)}</h1><p>{shown(text, 1_000)}</p></html>\n"
    )


def table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    all_of_them: int,
    empty: str,
    *,
    kind: str = "",
) -> str:
    """A table whose rows are cards on a narrow screen. Columns that begin with # hold numbers.

    :param all_of_them: how many rows there would be
    :param empty: what is said if there is none, as HTML
    :param kind: a class of the style sheet
    """
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
    kind = f' class="{kind}"' if kind else ""
    return f"<table{kind}><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"


def name(called: str, about: str) -> str:
    """A name that a peer has said.

    :param about: shown to whoever points at it
    """
    return f'<bdi title="{shown(about, 400)}">{shown(called) or "–"}</bdi>'


def count(number_of: int, one: str, many: str) -> str:
    """So many of something."""
    return f"{number(number_of)} {one if number_of == 1 else many}"


def run_link(session: str, text: str) -> str:
    """Leads to what is told of a run.

    :param session: in hexadecimal
    :param text: as HTML
    """
    return f'<a href="/run?session={shown(session)}">{text}</a>'


def case_link(session: str, tag: int, text: str) -> str:
    """Leads to what is told of a job."""
    return f'<a href="/case?session={shown(session)}&amp;job={tag}">{text}</a>'
