"""A broker's status as lines for people. Pure.

What a broker tells of workers and clients comes from these, so names are shown as they are only where
they can be printed; the broker has seen to that, and it is done here again.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_MOST_CLIENTS = 20


def lines_of(status: Mapping[str, Any]) -> Iterator[str]:
    """The status of a broker.

    :param status: as the broker's JSON has it; what is missing in it is left out
    """
    totals = a_map(status.get("totals"))
    yield (
        f"broker {a_text(status.get('boot'))}, up {span(status.get('uptime_seconds'))}: "
        f"{_count(totals.get('workers'), 'worker')} with {_count(totals.get('slots'), 'slot')}, "
        f"{_count(totals.get('clients'), 'client')}, "
        f"{a_text(totals.get('running'))} running, {a_text(totals.get('queued'))} waiting"
    )
    if waiting := a_text(status.get("waiting")):
        yield f"they wait: {waiting}"
    workers = [_worker(a_map(one)) for one in a_list(status.get("workers"))]
    if workers:
        yield ""
        yield from table(("worker", "slots", "running", "labels", "state", "seen"), workers)
    clients = [_client(a_map(one)) for one in a_list(status.get("clients"))]
    if clients:
        yield ""
        shown = clients[:_MOST_CLIENTS]
        heads = ("client", "session", "waiting", "running", "done", "share", "state")
        yield from table(heads, shown)
        if more := len(clients) - len(shown):
            yield f"and {more} more (--json shows all)"
    recent = a_list(status.get("recent"))
    if recent:
        yield ""
        yield "lately:"
        yield from (f"  {_recent(one)}" for one in recent)


def _worker(worker: Mapping[str, Any]) -> tuple[str, ...]:
    state = "draining" if worker.get("draining") else "ready"
    behind = worker.get("behind_slots")
    if worker.get("connected") is False:
        state = "connection lost"
    return (
        a_text(worker.get("name")),
        f"{a_text(worker.get('used'))}/{a_text(worker.get('slots'))}",
        a_text(worker.get("running")) + (f", {a_text(behind)} wait" if behind else ""),
        ",".join(map(a_text, a_list(worker.get("labels")))) or "-",
        state,
        f"{span(worker.get('last_seen_seconds'))} ago",
    )


def _client(client: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        a_text(client.get("name")),
        a_text(client.get("session"))[:12],
        a_text(client.get("queued")),
        a_text(client.get("running")),
        a_text(client.get("done")),
        a_text(client.get("weight")),
        "connected" if client.get("connected") else "connection lost",
    )


def _recent(one: Any) -> str:
    if isinstance(one, Mapping):
        return ", ".join(f"{a_text(name)} {a_text(value)}" for name, value in one.items())
    return a_text(one)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns as wide as they must be."""
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    for row in (heads, *rows):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def span(seconds: Any) -> str:
    """A length of time in the two units that matter."""
    if not isinstance(seconds, int | float):
        return "?"
    left = round(seconds)
    if left < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{left} s"
    for unit, size, smaller, below in (
        ("d", 86_400, "h", 3600),
        ("h", 3600, "min", 60),
        ("min", 60, "s", 1),
    ):
        if left >= size:
            rest = left % size // below
            return f"{left // size} {unit}" + (f" {rest} {smaller}" if rest else "")
    raise AssertionError(seconds)


def session_of(status: Mapping[str, Any], named: str) -> bytes:
    """The session of the client that somebody names.

    :param named: its name, or how its session begins
    :raises LookupError: if that is no client or several, with what there is
    """
    found = {}
    known = []
    for one in map(a_map, a_list(status.get("clients"))):
        session, name = a_text(one.get("session")), a_text(one.get("name"))
        known.append(f"{name} ({session[:12]})")
        if name == named or (len(named) >= 4 and session.startswith(named)):
            found[session] = name
    if len(found) == 1:
        return bytes.fromhex(next(iter(found)))
    there = ", ".join(known) or "none"
    what = (
        f"{len(found)} clients are called {named}: name a session"
        if found
        else (f"no client is called {named}")
    )
    raise LookupError(f"{what}; there are: {there}")


def _count(number: Any, what: str) -> str:
    return f"{a_text(number)} {what}{'' if number == 1 else 's'}"


def a_text(value: Any) -> str:
    """Text that can be printed."""
    text = "" if value is None else str(value)
    return "".join(c if c.isprintable() else "�" for c in text)


def a_map(value: Any) -> Mapping[str, Any]:
    """What is no map is taken for an empty one."""
    return value if isinstance(value, Mapping) else {}


def a_list(value: Any) -> Sequence[Any]:
    """What is no list is taken for an empty one."""
    return value if isinstance(value, list) else []
