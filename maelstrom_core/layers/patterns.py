"""Glob patterns as regular expressions. Pure.

``*`` and ``?`` stay within a name, ``**`` crosses directories, ``[a-z]`` and ``[!a-z]`` are
classes, ``{a,b}`` and ``{1..9}`` expand, a backslash takes the next character as it is. A pattern
must match the whole path, which is relative to the root that is walked.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from maelstrom_core.errors import InputError


@lru_cache(maxsize=256)
def compiled(patterns: Sequence[str]) -> re.Pattern[str]:
    """One expression that matches what any of the patterns matches.

    :raises InputError: for a pattern that cannot be read
    """
    import bracex  # most runs have no globs

    expanded: list[str] = []
    for pattern in patterns:
        try:
            expanded += bracex.expand(pattern, keep_escapes=True, limit=10_000)
        except bracex.ExpansionLimitException:
            raise InputError("bad glob", [f"{pattern!r}: expands to too many patterns"]) from None
    return re.compile("|".join(f"(?:{translated(one)})" for one in expanded) or r"(?!)", re.DOTALL)


def translated(pattern: str) -> str:
    """Expression for one pattern without braces.

    :raises InputError: for a pattern that cannot be read
    """
    pattern = pattern.removeprefix("./")
    out, at, end = "", 0, len(pattern)
    while at < end:
        if pattern.startswith("**/", at) and (at == 0 or pattern[at - 1] == "/"):
            out, at = out + r"(?:[^/]+/)*", at + 3
        elif pattern.startswith("**", at):
            out, at = out + r".*", at + 2
        elif pattern[at] == "*":
            out, at = out + r"[^/]*", at + 1
        elif pattern[at] == "?":
            out, at = out + r"[^/]", at + 1
        elif pattern[at] == "[":
            close = pattern.find("]", at + 2 + pattern.startswith("[!", at))
            if close < 0:
                raise InputError("bad glob", [f"{pattern!r}: '[' without its ']'"])
            inside = pattern[at + 1 : close].replace("\\", r"\\").replace("[", r"\[")
            inside = "^/" + inside[1:] if inside.startswith("!") else inside
            out, at = f"{out}[{inside}]", close + 1
        elif pattern[at] == "\\" and at + 1 < end:
            out, at = out + re.escape(pattern[at + 1]), at + 2
        else:
            out, at = out + re.escape(pattern[at]), at + 1
    return out


def expand_braces(text: str) -> list[str]:
    """``/{proc,sys}/`` → ``/proc/``, ``/sys/``.

    :raises InputError: if it expands to too many
    """
    import bracex

    try:
        return list(bracex.expand(text, limit=10_000))
    except bracex.ExpansionLimitException:
        raise InputError("bad stub", [f"{text!r}: expands to too many names"]) from None
