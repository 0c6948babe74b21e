"""pytest's reports of a case as plain text: for whoever shows it in another way than pytest. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any


def text_of(reports: Iterable[Mapping[str, Any]]) -> str:
    """Why a case failed, or was skipped; empty if neither.

    :param reports: of its phases, as plain data
    """
    lines: list[str] = []
    for report in reports:
        longrepr = report.get("longrepr")
        if report.get("outcome") == "skipped":
            # What was expected to fail has the whole traceback, which nobody wants.
            reason = longrepr[-1] if isinstance(longrepr, list) else report.get("wasxfail", "")
            lines.append(str(reason))
        elif report.get("outcome") == "failed":
            if report.get("when") != "call":
                lines.append(f"in {report.get('when')}:")
            lines += lines_of(longrepr)
            for section in report.get("sections") or ():
                name, text = section
                lines += [f"--- {name} ---", *str(text).splitlines()]
    return "\n".join(line for line in lines if line is not None)


def lines_of(longrepr: Any) -> list[str]:
    """Lines of what went wrong: a text, or a traceback as pytest makes plain data of it."""
    if not isinstance(longrepr, Mapping):
        return str(longrepr or "").splitlines()
    lines: list[str] = []
    for traceback, crash, how in longrepr.get("chain") or [
        [longrepr.get("reprtraceback"), None, None]
    ]:
        lines += _lines_of_traceback(traceback, crash)
        lines += ["", str(how), ""] if how else []
    return lines


def _lines_of_traceback(traceback: Any, crash: Any) -> Iterator[str]:
    entries = (traceback or {}).get("reprentries") or ()
    for entry in entries:
        data = entry.get("data") or {}
        yield from map(str, data.get("lines") or ())
        for line in (data.get("reprlocals") or {}).get("lines") or ():
            yield str(line)
        where = data.get("reprfileloc")
        if where:
            yield f"{where.get('path')}:{where.get('lineno')}: {where.get('message')}"
    if not entries and crash:
        yield str(crash.get("message"))
