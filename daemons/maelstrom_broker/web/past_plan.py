"""Runs that are over, and the last day, as charts. Pure."""

from collections.abc import Sequence

from maelstrom_broker.stories_state import Run
from maelstrom_broker.web.chart_plan import Column, columns
from maelstrom_broker.web.frame_plan import name, run_link, table
from maelstrom_broker.web.history_state import PIECE_SECONDS, PIECES, Piece
from maelstrom_broker.web.words_plan import age, number, took

MOST_COLUMNS = 60
"""Runs that are drawn, the last ones."""
MOST_LISTED = 10


def past(runs: Sequence[Run], pieces: Sequence[Piece], now: float, *, sees_cases: bool) -> str:
    """What was, as far as it is remembered.

    :param runs: that are over, the last at the end
    :param sees_cases: whether their names lead to what is told of them
    """
    if not runs and not any(piece.ended for piece in pieces):
        return ""
    drawn = runs[-MOST_COLUMNS:]
    charts = "".join((_lengths(drawn), _outcomes(drawn), _day(pieces, now)))
    listed = [_row(run, now, sees_cases) for run in reversed(runs[-MOST_LISTED:])]
    heads = ("run", "#lasted", "#ok", "#failed", "#cancelled", "#tried again", "#over since")
    return (
        f'<h2>History</h2><div class="charts">{charts}</div>{table(heads, listed, len(runs), "")}'
    )


def _lasted(run: Run) -> float:
    assert run.ended is not None
    return run.ended - run.began


def _about(run: Run) -> str:
    ended = f"{number(run.counts['ok'])} ok, {number(run.bad)} failed"
    return f"{run.name}: {took(_lasted(run))}, {ended}"


def _lengths(runs: Sequence[Run]) -> str:
    shape = [Column((("failed" if run.bad else "ok", _lasted(run)),), _about(run)) for run in runs]
    longest = max(map(_lasted, runs), default=0.0)
    ends = ("older runs", "last run")
    return columns("How long runs took", shape, MOST_COLUMNS, of=took(longest), ends=ends)


def _outcomes(runs: Sequence[Run]) -> str:
    shape = [Column((("ok", run.counts["ok"]), ("failed", run.bad)), _about(run)) for run in runs]
    most = max((run.counts["ok"] + run.bad for run in runs), default=0)
    ends = ("older runs", "last run")
    return columns("Passed and failed by run", shape, MOST_COLUMNS, of=number(most), ends=ends)


def _day(pieces: Sequence[Piece], now: float) -> str:
    shape = [
        Column(
            (("ok", one.ended - one.failed), ("failed", one.failed)),
            f"{age(now - one.began)} ago: {number(one.ended)} ended, {number(one.failed)} failed",
        )
        for one in pieces
    ]
    most = max((one.ended for one in pieces), default=0)
    ends = (f"{age(PIECES * PIECE_SECONDS)} ago", "now")
    title = "Ended and failed by half hour"
    return columns(title, shape, PIECES, of=number(most), ends=ends)


def _row(run: Run, now: float, sees_cases: bool) -> Sequence[str]:
    assert run.ended is not None
    session, failed = run.session.hex(), run.bad
    named = name(run.name, f"session {session[:12]}")
    return (
        run_link(session, named) if sees_cases else named,
        took(_lasted(run)),
        number(run.counts["ok"]),
        f'<span class="failed">{number(failed)}</span>' if failed else "0",
        number(run.counts["cancelled"]),
        number(run.counts["retried"]),
        f"{age(now - run.ended)} ago",
    )
